"""Repeats what the journal says of Message Data, after the database was restored from a backup.

With the backup the rows of a destroyed day are back in its leaf, unreadable, for the keystore knows that the day's secret
was destroyed. While a replay runs nothing can be written to the journal, and without that nothing is destroyed. So here
the day is hidden and its work row made again; the ordinary sweep destroys it anew as soon as the replay is over, with all
its checks: the key, which is gone already, the rows, and a certificate of its own beside the one that was lost. Rows aside
and hosted archives that the backup still holds get their work row again in the same way.

It must never bring a cohort into a state that its services would not.
"""

from dataclasses import replace
from datetime import date, datetime

from apps.audit.journal_file import Line
from apps.audit.services import heartbeat, ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import KeyDestroyed, keystore
from apps.foundation.refusals import Refusal
from apps.retention import envelope
from apps.retention.models import Archive, AsideBundle, Cohort, Destruction, EarlyDeletion, Message
from apps.retention.services import arrivals, aside, clock_guard, grounds, sealing
from apps.retention.states import DestructionScope


class NotHidden(Refusal):
    """A cohort of a destroyed day could not be hidden."""

    code = "not_hidden"
    mend = "Stop workers that still run on this database, and run `manage.py replay` again."


def destruction_intended(line: Line, *, at: datetime) -> None:
    """What was to be destroyed is hidden and due again, under the reference that it had; what the backup lacks is gone already."""
    scope, day = line.body.get("scope", DestructionScope.DAY), date.fromisoformat(line.body["day"])
    if scope == DestructionScope.DAY:
        _hide(day, at)
    ends = _what_ends(scope, line.body.get("secret", ""), day)
    if ends is not None:
        secret, fields = ends
        Destruction.objects.get_or_create(
            secret=secret, defaults={"reference": line.about, "scope": scope, "day": day, "opened_at": at, **fields}
        )


def destruction_done(line: Line, *, at: datetime) -> None:
    """Its intent was repeated before. The certificates that the backup does not hold are named, for their holders will ask."""
    if line.body["certificates"]:
        ledger.record(
            "destruction.to_be_repeated", by=SYSTEM, about=line.about, at=at,
            facts={"day": line.body["day"], "certificates_lost": line.body["certificates"]},
        )  # fmt: skip


def message_deleted_early(line: Line, *, at: datetime) -> None:
    """The message leaves the active service again; what a hold covers is kept apart, as it was.

    A row that the backup does not hold needs nothing, and one whose key is gone goes with its day.
    """
    cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").filter(reference=line.body["cohort"]).first()
    if cohort is None or EarlyDeletion.objects.filter(reference=line.about).exists():
        return
    found = (
        Message.objects.on_days([cohort.expiry_on])
        .filter(id=line.body["message"], source_tag=bytes.fromhex(line.body["tag"]))
        .values_list("id", "segment", "policy_version_id", "proof", "ciphertext")
        .first()
    )
    if found is None:
        return
    row = aside.Row(*found[:3], *(bytes(part) for part in found[3:]))
    kept = _put_aside_for_a_hold(cohort, row, at)
    if not kept:
        arrivals.take_out(cohort.expiry_on, [row.id])
    EarlyDeletion.objects.create(
        reference=line.about, cohort=cohort, segment=row.segment, bytes=len(row.ciphertext), proof=row.proof,
        source_tag=bytes.fromhex(line.body["tag"]), kept_for_hold=kept, reason=line.body["reason"], by=str(SYSTEM), at=line.at,
    )  # fmt: skip


def time_went_on(*, at: datetime) -> None:
    """The last heartbeat is as old as the backup, which would look like a clock that jumped and stop every destruction.

    Who runs the replay answers for the time, where nothing else contradicts it; else the doubt is raised as always.
    """
    if {name for name, _said in clock_guard.compare(at=at)} <= {"heartbeat"}:
        heartbeat.beat(clock_guard.HEART, at=at)


def _hide(day: date, at: datetime) -> None:
    for cohort in Cohort.objects.readable().filter(expiry_on=day):
        sealing.seal_cohort(cohort_id=cohort.pk, at=at)
        sealing.expire_cohort(cohort_id=cohort.pk, at=at)
    left = Cohort.objects.readable().filter(expiry_on=day).first()
    if left is not None:
        raise NotHidden(f"{left.reference} of {day.isoformat()} is still {left.state}.")


def _put_aside_for_a_hold(cohort: Cohort, row: aside.Row, at: datetime) -> bool:
    only_holds = replace(grounds.grounds_of(cohort, at=at), unarchived=frozenset(), review=False)
    if not only_holds.scopes:
        return False
    try:
        opener = envelope.for_cohort(keystore(), organization=cohort.organization.reference, expiry=cohort.expiry_on)
    except KeyDestroyed:
        return False
    return bool(aside.put_aside(cohort, only_holds, opener, [row], at))


def _what_ends(scope: str, secret: str, day: date) -> tuple[str, dict] | None:
    """The secret and what the work row needs besides; None where the backup holds nothing of it."""
    if scope == DestructionScope.DAY:
        return (envelope.day_secret(day), {}) if Cohort.objects.filter(expiry_on=day).exists() else None
    if scope == DestructionScope.ASIDE:
        bundle = AsideBundle.objects.filter(secret=secret).first()
        return bundle and (secret, {"cohort_id": bundle.cohort_id})
    archive = Archive.objects.filter(reference=secret.partition("/")[2]).first()
    return archive and (secret, {"cohort_id": archive.cohort_id, "archive": archive})
