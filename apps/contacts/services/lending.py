"""People lend us address books and calendars, as files or as addresses, and take them back one by one.

| act | consent asked | under which lock |
|---|---|---|
| a file is uploaded | before it is read, and again when it is stored | the standing, shared, and the source |
| an address is added, its password renewed, read again | when it is written | the same |
| a source is taken away | never: it always may be | the source |

A file is read outside any transaction, by a process of its own. A file of the same name takes the place of the one before. It must never
say whether anything in it is known here: who is matched is computed later, by others.
"""

from datetime import datetime

from django.db import transaction

from apps.accounts import details, keeping
from apps.accounts.models import Person
from apps.audit.journal_file import Line
from apps.audit.services import journal, ledger
from apps.consents.purposes import CALENDAR, CONTACTS
from apps.consents.services import asking
from apps.contacts.hashing import NAME, inner
from apps.contacts.models import Source
from apps.contacts.reading import files
from apps.contacts.reading.refused import FileRefused
from apps.contacts.services import keeping_apart, lent, refusing, storing, windows
from apps.contacts.services.lent import Lent
from apps.contacts.states import SOURCE_MOVES, SourceHow, SourceState
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.policies.services.force import version_in_force
from apps.staff.models import StaffMember
from apps.staff.services import presence

RETRY = "contacts.retry_source"
MOST_SOURCES = 20
LONGEST_ADDRESS, LONGEST_LOGIN = 500, 200
KINDS = (CONTACTS, CALENDAR)


class NotAllowedYet(Refusal):
    """You have not allowed this, so we take nothing."""

    code = "lending_not_allowed"
    mend = "Allow it above first, then try again."


class TooManySources(Refusal):
    """You have lent us as many address books and calendars as one person may."""

    code = "too_many_sources"
    mend = f"Take one away first; {MOST_SOURCES} are the most."


class SourceUnknown(Refusal):
    """There is no such address book or calendar of yours."""

    code = "source_unknown"
    mend = "Reload the page: it may have been taken away already."


class KindUnknown(Refusal):
    """It is neither an address book nor a calendar."""

    code = "lent_kind_unknown"
    mend = "Choose one of the two."


def upload(*, person: Person, purpose: str, name: str, data: bytes, by: Actor, at: datetime) -> Source:
    """Take a file in, in place of one of the same name. Raises NotAllowedYet, TooManySources or FileRefused, and keeps nothing then."""
    _require_kind(purpose)
    _require(person, purpose, at)
    try:
        found = _read(person, purpose, data, at)
    except FileRefused as refused:
        refusing.note(person=person, purpose=purpose, how=SourceHow.FILE, code=refused.code, size=len(data), by=by, at=at)
        raise
    return _take_in(person, purpose, inner(NAME, name.casefold().strip()), storing.by_item(found), by=by, at=at)


def _require_kind(purpose: str) -> None:
    if purpose not in KINDS:
        raise KindUnknown


def _require(person: Person, purpose: str, at: datetime) -> None:
    if not asking.may(person_id=person.pk, purpose=purpose, at=at):
        raise NotAllowedYet


def _read(person: Person, purpose: str, data: bytes, at: datetime) -> list:
    if purpose == CONTACTS:
        return files.read_cards(data, region=region_of(person))
    since, until = windows.collected(at)
    return files.read_calendar(data, since=since, until=until)


def region_of(person: Person) -> str:
    """The country whose national form of numbers is understood in a person's books."""
    return person.country or (person.organization.country if person.organization_id else "")


@transaction.atomic
def _take_in(person: Person, purpose: str, name_hash: bytes, found: dict, *, by: Actor, at: datetime) -> Source:
    _hold(person, purpose, at)
    source = Source.objects.select_for_update(no_key=True).filter(person=person, purpose_id=purpose, name_hash=name_hash).first()
    is_new = source is None
    if is_new:
        _require_room(person)
        source = Source.objects.create(
            person=person, purpose_id=purpose, how=SourceHow.FILE, name_hash=name_hash, added_at=at, policy_version=version_in_force(at)
        )
    storing.store(source, found, gone=None, at=at)
    source.entries, source.last_success_at, source.read_fully_at, source.last_error = len(found), at, at, ""
    if source.state == SourceState.PARKED:
        _move(source, SourceState.ACTIVE)
    source.save(update_fields=["entries", "last_success_at", "read_fully_at", "last_error", "state"])
    facts = {"person": person.reference, "kind": purpose, "entries": source.entries, "how": SourceHow.FILE.value}
    ledger.record("contact_source.lent" if is_new else "contact_source.replaced", by=by, about=source.reference, at=at, facts=facts)
    doorbell.ring("contacts.changed")
    return source


def _hold(person: Person, purpose: str, at: datetime) -> None:
    """The consent stands until this transaction ends."""
    try:
        asking.lock(person_id=person.pk, purpose=purpose, at=at)
    except asking.ConsentMissing:
        raise NotAllowedYet from None


def _require_room(person: Person) -> None:
    if Source.objects.of(person).count() >= MOST_SOURCES:
        raise TooManySources


def _move(source: Source, state: SourceState) -> None:
    require_move(SOURCE_MOVES, source.state, state)
    source.state = state


@transaction.atomic
def add_address(*, person: Person, purpose: str, given: Lent, by: Actor, at: datetime) -> Source:
    """Note an address that is read from now on. Whether it can be reached shows at the first reading, right after."""
    _require_kind(purpose)
    _hold(person, purpose, at)
    _require_room(person)
    source = Source(person=person, purpose_id=purpose, how=SourceHow.DAV, added_at=at, policy_version=version_in_force(at), next_at=at)
    source.sealed = lent.close_lent(_cleaned(given), reference=source.reference)
    source.save(force_insert=True)
    facts = {"person": person.reference, "kind": purpose, "how": SourceHow.DAV.value}
    ledger.record("contact_source.lent", by=by, about=source.reference, at=at, facts=facts)
    doorbell.ring("contacts.due")
    return source


def _cleaned(given: Lent) -> Lent:
    return Lent(
        address=details.line(given.address, field="address", longest=LONGEST_ADDRESS),
        user=details.line(given.user, field="name", longest=LONGEST_LOGIN, optional=True),
        password=given.password[:LONGEST_LOGIN],  # as it is: a space may be part of it
    )


def of_person(person: Person, reference: str) -> Source:
    """A source of that person. Raises SourceUnknown, also for one of somebody else."""
    source = Source.objects.of(person).filter(reference=reference).first()
    if source is None:
        raise SourceUnknown
    return source


@transaction.atomic
def renew(*, source: Source, user: str, password: str, by: Actor, at: datetime) -> Source:
    """Another name and password for an address, which is read again at once."""
    _hold(source.person, source.purpose_id, at)
    row = _locked(source)
    if row.how != SourceHow.DAV:
        raise SourceUnknown
    before = lent.open_lent(row)
    row.sealed = lent.close_lent(_cleaned(Lent(before.address, user, password)), reference=row.reference)
    _again(row, at)
    row.save(update_fields=["sealed", "state", "failures", "next_at", "leased_until", "last_error"])
    ledger.record("contact_source.renewed", by=by, about=row.reference, at=at, facts={"person": row.person.reference})
    return row


@transaction.atomic
def retry(*, source: Source, by: Actor | StaffMember, at: datetime) -> Source:
    """Read an address again now, also one that was parked. Staff need the right to."""
    if isinstance(by, StaffMember):
        member = presence.lock(by)[by.pk]
        presence.require_right(member, RETRY)
    row = _locked(source)
    if row.how != SourceHow.DAV:
        raise SourceUnknown
    _again(row, at)
    row.save(update_fields=["state", "failures", "next_at", "leased_until", "last_error"])
    ledger.record("contact_source.retried", by=by, about=row.reference, at=at, facts={"person": row.person.reference})
    return row


def _again(row: Source, at: datetime) -> None:
    if row.state == SourceState.PARKED:
        _move(row, SourceState.ACTIVE)
    row.failures, row.next_at, row.leased_until, row.last_error = 0, at, None, ""
    doorbell.ring("contacts.due")


def _locked(source: Source) -> Source:
    row = Source.objects.select_for_update(of=("self",)).select_related("person").filter(pk=source.pk).first()
    if row is None:
        raise SourceUnknown
    return row


@transaction.atomic
def remove(*, source: Source, by: Actor, at: datetime) -> None:
    """Take a source away, with all that was read from it; what a hold keeps is set apart, unused."""
    row = _locked(source)
    is_kept = keeping.is_kept(person=row.person, at=at)
    counts = keeping_apart.end(row, event="removed", is_kept=is_kept, at=at)
    journal.owe("contact_source.removed", about=row.reference, body={"person": row.person.reference}, at=at)
    facts = {"person": row.person.reference, "kind": row.purpose_id, "rows": counts, "kept_for_hold": is_kept}
    ledger.record("contact_source.removed", by=by, about=row.reference, at=at, facts=facts)
    for kind in ("contacts.changed", "contacts.left", "journal.owed"):
        doorbell.ring(kind)


def source_removed(line: Line, *, at: datetime) -> None:
    """After a restore: the source that was taken away is taken away again."""
    row = Source.objects.select_for_update(of=("self",)).select_related("person").filter(reference=line.about).first()
    if row is None:
        return
    is_kept = keeping.is_kept(person=row.person, at=at)
    counts = keeping_apart.end(row, event="removed", is_kept=is_kept, at=at)
    facts = {"person": row.person.reference, "rows": counts, "kept_for_hold": is_kept}
    ledger.record("contact_source.removed_again", by=SYSTEM, about=row.reference, at=at, facts=facts)
