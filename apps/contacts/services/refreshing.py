"""Addresses are read again when their time has come: what changed since, under the consent that stands at that moment.

| step | transaction | what a withdrawal in between does |
|---|---|---|
| claimed, with the failure counted before the work | its own | the row is gone: nothing is claimed |
| read over the network, parsed by a process of its own | none | the reading goes on, and its result is thrown away |
| stored: the consent locked, then the source, then the rows | its own | it came before, and then nothing is stored; or it waits for this, and then erases it |

A failure is tried again after 15 minutes, 1 hour, 6 hours, and then daily; after `CONTACTS_PARK_AFTER` in a row, or at once where trying
again can't help, the source is parked until the person or staff have it read again. It must never write anything for a lease that it
lost, and never put a word of the other side into a log.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from apps.audit.services import ledger
from apps.consents.purposes import CALENDAR, CONTACTS
from apps.consents.services import asking
from apps.contacts.dav import syncing
from apps.contacts.dav.changes import Changes, SyncState
from apps.contacts.dav.troubles import SourceTrouble
from apps.contacts.models import Source
from apps.contacts.reading import files
from apps.contacts.reading.refused import FileRefused
from apps.contacts.services import keeping_apart, lending, lent, refusing, storing, windows
from apps.contacts.states import SOURCE_MOVES, SourceHow, SourceState
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.moves import require_move
from apps.gate.client.passage import NOT_LET_OUT

log = structlog.get_logger(__name__)

BACK_OFF = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
LEASE = timedelta(minutes=30)
#: a calendar that recurs reaches further with every week, though its server says that nothing changed
READ_FULLY_AFTER = timedelta(days=7)
AT_A_TIME = 50
LOST_CREDENTIALS = "credentials_lost"


def refresh_due(*, at: datetime) -> int:
    """Read what is due, one after the other; returns how many were read. A sweep, and safe beside others."""
    began, read = time.monotonic(), 0
    for _number in range(AT_A_TIME):
        now = at + timedelta(seconds=time.monotonic() - began)
        source = _claim(now)
        if source is None:
            break
        read += refresh(source, at=now)
    return read


@transaction.atomic
def _claim(at: datetime) -> Source | None:
    source = Source.objects.due(at).select_for_update(of=("self",), skip_locked=True).select_related("person__organization").first()
    if source is not None:
        source.attempt += 1
        source.failures += 1
        source.leased_until, source.next_at = at + LEASE, at + pause(source.failures)
        source.save(update_fields=["attempt", "failures", "leased_until", "next_at"])
    return source


def pause(failures: int) -> timedelta:
    """How long after so many failures in a row."""
    return BACK_OFF[min(failures, len(BACK_OFF)) - 1]


def refresh(source: Source, *, at: datetime) -> bool:
    """Read a claimed source. Whatever happens, it comes to an end here: read, tried again later, or parked."""
    began = time.monotonic()
    try:
        state = _state(source, at)
        given = lent.open_lent(source)
        asking.require(person_id=source.person_id, purpose=source.purpose_id, at=at)
        changes = syncing.sync(
            address=given.address, user=given.user, password=given.password, kind=source.purpose_id, state=state,
            person_reference=source.person.reference, at=at,
        )  # fmt: skip
        found = _read(source, changes, at)
        return _store(source, changes, found, is_full=not state.collections, at=at + timedelta(seconds=time.monotonic() - began))
    except (asking.ConsentMissing, *NOT_LET_OUT):  # withdrawn, suspended or closed meanwhile: not the source's fault
        _set_down(source)
    except SourceTrouble as trouble:
        _failed(source, trouble.code, can_help=trouble.retryable, at=at + timedelta(seconds=time.monotonic() - began))
    except keeping_apart.WORTHLESS:
        _failed(source, LOST_CREDENTIALS, can_help=False, at=at)
    return False


def _state(source: Source, at: datetime) -> SyncState:
    """How far it was read; nothing where all of it is to be read."""
    is_old = source.read_fully_at is None or source.read_fully_at + READ_FULLY_AFTER <= at
    if source.sync_state is None or (source.purpose_id == CALENDAR and is_old):
        return SyncState()
    return SyncState.of(lent.open_(source.sync_state, reference=source.reference, about="state"))


def _read(source: Source, changes: Changes, at: datetime) -> Mapping[bytes, list | FileRefused]:
    """What is in the changed entries, by item; the refusal of one spoils no other."""
    data = [item.data for item in changes.changed]
    if source.purpose_id == CONTACTS:
        found = files.read_cards_of(data, region=lending.region_of(source.person))
    else:
        since, until = windows.collected(at)
        found = files.read_calendars_of(data, since=since, until=until)
    return {storing.item_of(item.href): entry for item, entry in zip(changes.changed, found, strict=True)}


@transaction.atomic
def _store(source: Source, changes: Changes, found: Mapping[bytes, list | FileRefused], *, is_full: bool, at: datetime) -> bool:
    asking.lock(person_id=source.person_id, purpose=source.purpose_id, at=at)
    row = _leased(source)
    if row is None:
        return False
    refused = {item: entry for item, entry in found.items() if isinstance(entry, FileRefused)}
    entries = {item: entry for item, entry in found.items() if item not in refused}
    gone = None if is_full else [*(storing.item_of(path) for path in changes.removed), *refused]
    count = storing.store(row, entries, gone=gone, at=at)
    if refused:
        size = sum(len(item.data) for item in changes.changed if storing.item_of(item.href) in refused)
        code = next(iter(refused.values())).code
        refusing.note(
            person=row.person, purpose=row.purpose_id, how=SourceHow.DAV, code=code, size=size, source_reference=row.reference, by=SYSTEM, at=at
        )
    row.sync_state = lent.close(changes.state.as_dict(), reference=row.reference, about="state")
    row.entries, row.last_success_at, row.failures, row.last_error, row.leased_until = changes.state.entries, at, 0, "", None
    row.read_fully_at = at if is_full else row.read_fully_at
    row.next_at = at + timedelta(hours=settings.CONTACTS_REFRESH_HOURS)
    row.save()
    if count:
        facts = {"person": row.person.reference, "kind": row.purpose_id, "rows": count, "refused": len(refused)}
        ledger.record("contact_source.refreshed", by=SYSTEM, about=row.reference, at=at, facts=facts)
        doorbell.ring("contacts.changed")
    return True


def _leased(source: Source) -> Source | None:
    """The source, locked, where this reading still holds its lease."""
    rows = Source.objects.select_for_update(of=("self",)).select_related("person")
    return rows.filter(pk=source.pk, attempt=source.attempt, state=SourceState.ACTIVE).first()


@transaction.atomic
def _set_down(source: Source) -> None:
    """Let go of it without a mark; where its person comes back, it goes on."""
    row = _leased(source)
    if row is not None:
        row.failures, row.leased_until = source.failures - 1, None
        row.save(update_fields=["failures", "leased_until"])


@transaction.atomic
def _failed(source: Source, code: str, *, can_help: bool, at: datetime) -> None:
    row = _leased(source)
    if row is None:
        return
    row.last_error, row.leased_until, row.next_at = code, None, at + pause(row.failures)
    if not can_help or row.failures >= settings.CONTACTS_PARK_AFTER:
        require_move(SOURCE_MOVES, row.state, SourceState.PARKED)
        row.state, row.next_at = SourceState.PARKED, None
        facts = {"person": row.person.reference, "why": code, "failures": row.failures}
        ledger.record("contact_source.parked", by=SYSTEM, about=row.reference, at=at, facts=facts)
    row.save(update_fields=["last_error", "leased_until", "next_at", "state"])
    log.warning("source_not_read", source=row.reference, code=code, failures=row.failures)
