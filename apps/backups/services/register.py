"""The register of backups: each copy outside the live system, where it lies, and the day on which it is gone at the latest.

Both acts stand in the journal: a restored database knows of no backup that was made after its own, so the replay tells it.
It must never let a backup without an end be registered, nor one outside the United States without its reason.
"""

import re
from collections.abc import Collection
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.audit.plain import CODE
from apps.audit.services import journal, ledger
from apps.backups.models import HOME_COUNTRY, Backup
from apps.backups.states import Method
from apps.foundation.actors import Actor
from apps.foundation.clock import day_of
from apps.foundation.digests import sha256 as digest_of
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember

REGISTERED, DESTROYED = "backup.registered", "backup.destroyed"
PARTS = ("database", "files", "keystore")
COUNTRY = re.compile(r"[A-Z]{2}\Z")
#: clocks of two machines may differ by so much
TOLERANCE = timedelta(minutes=15)


class HoldsNothing(Refusal):
    """A backup holds at least one of database, files and keystore."""

    code = "backup_holds_nothing"
    mend = "Say what it holds."


class PlaceNotPlain(Refusal):
    """The place of a backup is written without spaces, in 80 letters, digits and ._:/+- at most."""

    code = "backup_place_not_plain"
    mend = "Write it like an address, for example s3://backups.example/nightly or tape:vault-3/0117."


class CountryNotKnown(Refusal):
    """A country is two capital letters (ISO 3166)."""

    code = "backup_country_not_known"
    mend = "Write for example US or DE."


class AnotherCountry(Refusal):
    """A backup outside the United States needs the reason for it (P19)."""

    code = "backup_in_another_country"
    mend = "Keep it in the United States, or give the reason why it may lie elsewhere."


class LifeNotPossible(Refusal):
    """A backup ends after it was made, and within the longest life that backups have."""

    code = "backup_life_not_possible"
    mend = "Correct when it was made, or the day until which it is kept."


class MethodNotKnown(Refusal):
    """How a backup will be destroyed is settled when it is made."""

    code = "backup_method_not_known"
    mend = f"Name one of: {', '.join(Method.values)}."


class DigestNotSha256(Refusal):
    """A digest is the SHA-256 of the dump file: 64 hexadecimal digits."""

    code = "backup_digest_not_sha256"
    mend = "Give the 64 digits that sha256sum prints, or leave it out."


class BackupUnknown(Refusal):
    """No backup has that reference."""

    code = "backup_unknown"
    mend = "Look it up in the admin under Backups."


class NotYetDestroyed(Refusal):
    """A backup can't have been destroyed before it was made, or in the future."""

    code = "backup_not_yet_destroyed"
    mend = "Give the moment at which it was destroyed, or leave it out for now."


@transaction.atomic
def register(
    *,
    holds: Collection[str],
    made_at: datetime,
    place: str,
    kept_until: date,
    method: str,
    by: StaffMember | Actor,
    at: datetime,
    country: str = HOME_COUNTRY,
    country_reason: str = "",
    sha256: bytes | None = None,
) -> Backup:
    """Enter a backup. The same dump at the same place is entered once, however often the job says so."""
    place, country_reason = place.strip(), country_reason.strip()
    _require_sound(holds, made_at, place, kept_until, method, country, country_reason, sha256, at)
    if sha256 is not None and (known := Backup.objects.select_for_update().filter(sha256=sha256, place=place).first()):
        return known
    backup = Backup(
        holds_database="database" in holds, holds_files="files" in holds, holds_keystore="keystore" in holds, made_at=made_at,
        place=place, country=country, country_reason=country_reason if country != HOME_COUNTRY else "", kept_until=kept_until,
        method=method, sha256=sha256, registered_at=at, registered_by=str(_actor(by)),
    )  # fmt: skip
    backup.save(force_insert=True)
    facts = {"holds": backup.holds, "country": country, "kept_until": kept_until, "method": method}
    ledger.record(REGISTERED, by=by, about=backup.reference, at=at, facts=facts)
    journal.owe(
        REGISTERED, about=backup.reference, at=at,
        body=facts | {
            "made_at": made_at, "place": place, "sha256": sha256 or "", "by": backup.registered_by,
            "reason_digest": digest_of(backup.country_reason.encode()) if backup.country_reason else "",
        },
    )  # fmt: skip
    return backup


@transaction.atomic
def destroyed(*, backup: Backup, by: StaffMember | Actor, at: datetime, when: datetime | None = None) -> Backup:
    """Note that a backup was destroyed, now or at `when`. Twice is once: the first word stands."""
    row = Backup.objects.select_for_update().get(pk=backup.pk)
    if row.destroyed_at is not None:
        return row
    when = when or at
    if when > at + TOLERANCE or when < row.made_at:
        raise NotYetDestroyed
    row.destroyed_at, row.destroyed_by = when, str(_actor(by))
    row.save(update_fields=["destroyed_at", "destroyed_by"])
    facts = {"when": when, "method": row.method, "late": day_of(when) > row.kept_until}
    ledger.record(DESTROYED, by=by, about=row.reference, at=at, facts=facts)
    journal.owe(DESTROYED, about=row.reference, body={"when": when, "by": row.destroyed_by}, at=at)
    return row


def by_reference(reference: str) -> Backup:
    backup = Backup.objects.filter(reference=reference.strip().upper()).first()
    if backup is None:
        raise BackupUnknown
    return backup


def as_digest(text: str) -> bytes | None:
    """The 32 bytes of a written SHA-256; None where none is written."""
    text = text.strip()
    if not text:
        return None
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise DigestNotSha256
    return bytes.fromhex(text)


def _actor(by: StaffMember | Actor) -> Actor:
    return by if isinstance(by, Actor) else by.actor


def _require_sound(
    holds: Collection[str], made_at: datetime, place: str, kept_until: date, method: str, country: str, country_reason: str,
    sha256: bytes | None, at: datetime,
) -> None:  # fmt: skip
    if not holds or not set(holds) <= set(PARTS):
        raise HoldsNothing(mend=f"Say what it holds: {', '.join(PARTS)}.")
    if not CODE.match(place):
        raise PlaceNotPlain
    if not COUNTRY.match(country):
        raise CountryNotKnown
    if country != HOME_COUNTRY and not country_reason:
        raise AnotherCountry
    if method not in Method.values:
        raise MethodNotKnown
    if sha256 is not None and len(sha256) != 32:
        raise DigestNotSha256
    if made_at > at + TOLERANCE:
        raise LifeNotPossible("A backup can't have been made in the future.", mend="Correct the moment at which it was made.")
    if kept_until < day_of(made_at):
        raise LifeNotPossible("A backup can't end before it was made.", mend="Correct the day until which it is kept.")
    longest = settings.BACKUP_LONGEST_LIFE_DAYS
    if (kept_until - day_of(made_at)).days > longest:
        raise LifeNotPossible(
            f"A backup lives {longest} days at most.", mend="Choose an earlier day, or have BACKUP_LONGEST_LIFE_DAYS changed for all."
        )
