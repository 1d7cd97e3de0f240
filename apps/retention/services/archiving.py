"""What is owed leaves: each minute, for every target in use, whatever is due there, one target at a time and in its own pace.

A target that fails is left alone for a while (a minute, then twice as long, six hours at most), its failures are counted and
told to staff once a day, and nobody else waits for it: what it is owed steps aside on its day and is archived from there.
An archive that fails by itself is left alone in the same way, and the others at its place do not wait for it.

| killed | what happens |
|---|---|
| anywhere | the target's lock ends with the connection; the next ring takes it up from the last commit |

It must never deliver to one target twice at a time, nor let one target's trouble reach another.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from apps.accounts.states import ArchiveEntitlement
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.refusals import Refusal
from apps.gate.client.passage import NOT_LET_OUT
from apps.gate.client.troubles import PeerTrouble
from apps.mail.services import outbox
from apps.retention.archives.places.troubles import NameTaken, NameUnfit, NotThere, SourceDiffers, TooLarge
from apps.retention.models import Archive, ArchiveTarget, AsideMessage, BatchShare, Cohort, Segment
from apps.retention.services.archives import closing, parts, spool
from apps.retention.services.archives.places import CredentialsUnreadable
from apps.retention.states import ArchiveState, CohortState, PartState, TargetState
from apps.staff.models import StaffMember

log = structlog.get_logger(__name__)

#: of advisory locks: which of this application's things is locked
LOCK = 0x41524348
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
#: failures in a row before staff is written to: a place may be restarted
PATIENCE = 3
#: a run takes up no further archive then, so that a worker is not held; the next ring goes on
SECONDS_A_RUN = 600
#: troubles that say nothing of the place: what was to be sent is wrong, or what lies under its name
OF_ONE_ARCHIVE = (SourceDiffers, NameTaken, NameUnfit, NotThere, TooLarge)
#: what an ingest that has begun may still commit under an earlier moment
STILL_COMMITTING = timedelta(hours=1)
GONE = (CohortState.SHREDDED, CohortState.DESTROYED)

#: the steps in their order; faults are tested before and after each of this very list
STEPS: tuple[Callable[[int, datetime], None], ...] = (
    parts.write_part,
    parts.deliver_part,
    parts.prove_part,
    parts.prove_again,
    closing.sign_manifest,
    closing.deliver_manifest,
    closing.close,
)


def archive_due(*, at: datetime) -> list[str]:
    """Bring every target in use what is due there. Returns the references of the archives that were closed."""
    began, closed = time.monotonic(), []
    for target in ArchiveTarget.objects.filter(state=TargetState.ACTIVE).order_by(F("next_try_at").asc(nulls_first=True), "id"):
        if time.monotonic() - began > SECONDS_A_RUN:
            break
        if target.next_try_at and target.next_try_at > at:
            continue
        with _alone(target) as is_ours:
            if is_ours:
                closed += _serve(target, at, began)
    _mark_what_is_satisfied(at)
    _empty_spool()
    return closed


@contextmanager
def _alone(target: ArchiveTarget) -> Iterator[bool]:
    """Whether nobody else is serving this target; it is ours until the end, or until this process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, target.pk])
        is_ours = cursor.fetchone()[0]
    try:
        yield is_ours
    finally:
        if is_ours and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, target.pk])


def _serve(target: ArchiveTarget, at: datetime, began: float) -> list[str]:
    """Everything that is due at one target. What is wrong with the place ends it, what is wrong with one archive only that one."""
    closed = []
    for archive in list(due(target, at)):
        try:
            while time.monotonic() - began < SECONDS_A_RUN and _go_on(archive, at):
                if archive.state == ArchiveState.CLOSED:
                    closed.append(archive.reference)
                    break
        except OF_ONE_ARCHIVE as refusal:
            _held_up(archive, f"{refusal.code}: {refusal.what}"[:200], at)
        except (PeerTrouble, CredentialsUnreadable, *NOT_LET_OUT) as refusal:
            _failed(target, f"{refusal.code}: {refusal.what}"[:200], at)
            return closed
        except Refusal as refusal:
            _held_up(archive, f"{refusal.code}: {refusal.what}"[:200], at)
        except Exception as error:
            _held_up(archive, type(error).__name__, at)
            log.exception("archiving_failed", archive=archive.reference)
    return closed


def _go_on(archive: Archive, at: datetime) -> bool:
    """All steps once; whether anything moved. What did not waits for something, for rows that have not stepped aside, say."""
    before = _standing(archive)
    run(archive_id=archive.pk, at=at)
    archive.refresh_from_db()
    if _standing(archive) == before:
        return False
    _succeeded(archive, at)
    return True


def run(*, archive_id: int, at: datetime) -> None:
    """Do all steps of one archive that can be done now."""
    for step in STEPS:
        step(archive_id, at)


def _standing(archive: Archive) -> tuple:
    return archive.reference, archive.state, archive.through_id, archive.through_amendment, archive.last_part_at, archive.manifest is None


def due(target: ArchiveTarget, at: datetime) -> Iterator[Archive]:
    """The archives at this target that have something to do, the nearest end first; rows are made for those that begin."""
    if target.kind not in closing.demanded(target.organization):
        return
    waiting = unarchived().filter(cohort__organization=target.organization_id)
    if target.organization.archive_entitlement == ArchiveEntitlement.NONE:
        waiting = waiting.filter(cohort__archive_owed=True)
    there = {(a.cohort_id, a.segment): a for a in Archive.objects.filter(target=target, cohort__segments__in=waiting).distinct()}
    for segment in waiting:
        archive = there.get((segment.cohort_id, segment.number))
        if archive is not None and (archive.state != ArchiveState.OPEN or _rests(archive, at)):
            continue
        if _has_something(segment, archive, at):
            yield archive or open_archive(segment, target, at)


def _rests(archive: Archive, at: datetime) -> bool:
    return archive.next_try_at is not None and archive.next_try_at > at


def unarchived():
    """Segments that are in no archive and of which something is left: in a leaf, or aside where the day itself is over."""
    aside = AsideMessage.objects.filter(cohort=OuterRef("cohort"), segment=OuterRef("number"))
    return (
        Segment.objects.filter(archived_at=None)
        .filter(~Q(cohort__state__in=GONE) | Exists(aside))
        .select_related("cohort")
        .order_by("cohort__expiry_on", "number", "id")
    )


def _has_something(segment: Segment, archive: Archive | None, at: datetime) -> bool:
    if segment.sealed_at is not None:
        return True
    since = (archive and archive.last_part_at) or segment.opened_at
    if archive is not None and archive.parts.exclude(state=PartState.VERIFIED).exists():
        return True
    if since > at - timedelta(hours=settings.ARCHIVE_PART_EVERY_HOURS):
        return False
    shares = BatchShare.objects.filter(cohort_id=segment.cohort_id, segment=segment.number)
    if archive is None or archive.last_part_at is None:
        return shares.exists()
    came = shares.filter(at__gt=since - STILL_COMMITTING).exists()
    return came or segment.cohort.amendments.filter(pk__gt=archive.through_amendment).exists()


@transaction.atomic
def open_archive(segment: Segment, target: ArchiveTarget, at: datetime) -> Archive:
    """The row of a new archive."""
    archive, is_new = Archive.objects.get_or_create(
        cohort_id=segment.cohort_id, segment=segment.number, target=target, defaults={"opened_at": at}
    )
    if is_new:
        ledger.record(
            "archive.opened", by=SYSTEM, about=archive.reference, at=at,
            facts={"cohort": segment.cohort.reference, "segment": segment.number, "target": target.reference},
        )  # fmt: skip
    return archive


def _mark_what_is_satisfied(at: datetime) -> None:
    """Segments whose archives were closed before it was decided that they are all that is owed."""
    closed = Archive.objects.exclude(state=ArchiveState.OPEN).filter(
        cohort__segments__number=F("segment"), cohort__segments__archived_at=None
    )
    for cohort_id, number in sorted(set(closed.values_list("cohort_id", "segment"))):
        with transaction.atomic():
            cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").get(pk=cohort_id)
            closing.mark_archived(cohort, number, at)


def _empty_spool() -> None:
    """Parts of archives that took another name, or were closed by a worker that was killed right then."""
    found = spool.archives()
    waiting = Archive.objects.filter(reference__in=found, state=ArchiveState.OPEN)
    for reference in found - set(waiting.values_list("reference", flat=True)):
        spool.clear(reference)


@transaction.atomic
def _succeeded(archive: Archive, at: datetime) -> None:
    row = ArchiveTarget.objects.select_for_update().get(pk=archive.target_id)
    if row.failures:
        ledger.record("target.recovered", by=SYSTEM, about=row.reference, at=at, facts={"failures": row.failures})
    row.failures, row.next_try_at, row.last_error, row.last_success_at = 0, None, "", at
    row.save(update_fields=["failures", "next_try_at", "last_error", "last_success_at"])
    if archive.failures:
        ledger.record("archive.recovered", by=SYSTEM, about=archive.reference, at=at, facts={"failures": archive.failures})
        archive.failures, archive.next_try_at, archive.last_error = 0, None, ""
        archive.save(update_fields=["failures", "next_try_at", "last_error"])


@transaction.atomic
def _failed(target: ArchiveTarget, what: str, at: datetime) -> None:
    """Leave the target alone for a while; staff learns of it once a day while it lasts."""
    row = ArchiveTarget.objects.select_for_update(of=("self",)).select_related("organization").get(pk=target.pk)
    _count_failure(row, "target.failed", what, at)
    if row.failures >= PATIENCE:
        _tell(row, row.last_error, row.failures, at)


@transaction.atomic
def _held_up(archive: Archive, what: str, at: datetime) -> None:
    """Leave one archive alone for a while: what is wrong is with it, and its target serves the others."""
    row = Archive.objects.select_for_update(of=("self",)).select_related("target__organization").get(pk=archive.pk)
    _count_failure(row, "archive.failed", what, at)
    if row.failures >= PATIENCE:
        _tell(row.target, row.last_error, row.failures, at)


def _count_failure(row: ArchiveTarget | Archive, verb: str, what: str, at: datetime) -> None:
    row.failures += 1
    row.next_try_at = at + min(FIRST_PAUSE * 2 ** min(row.failures - 1, 20), LONGEST_PAUSE)
    row.last_error = what
    row.save(update_fields=["failures", "next_try_at", "last_error"])
    ledger.record(verb, by=SYSTEM, about=row.reference, at=at, facts={"failures": row.failures, "kind": what.partition(":")[0]})


def _tell(target: ArchiveTarget, what: str, failures: int, at: datetime) -> None:
    for member in StaffMember.objects.active().order_by("pk"):
        if member.has_perm("retention.add_archivetarget") or member.has_perm("retention.approve_archivetarget"):
            outbox.queue(
                template="retention/target_fails", to=member.email, about=target.reference,
                context={"target": target.reference, "organization": target.organization.reference, "failures": failures,
                         "kind": what.partition(":")[0], "since": target.last_success_at},
                once_key=f"target-fails-{target.reference}-{at:%Y-%m-%d}-{member.pk}", at=at,
            )  # fmt: skip
