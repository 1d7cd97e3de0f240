"""How far the archive of each client lags behind: since when something waits that no part carries, and why. Changes nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from apps.accounts.models import Organization
from apps.accounts.states import ArchiveEntitlement
from apps.retention.models import Archive, ArchiveTarget, BatchShare, Segment
from apps.retention.services import archiving
from apps.retention.services.archives import closing
from apps.retention.states import ArchiveState, TargetKind, TargetState

#: segments looked at; more than that are late anyhow
MOST = 2_000
#: what leaves daily is late after this
LATE = timedelta(days=2)

WHY = {
    None: "no place is in use",
    TargetState.PROPOSED: "its place waits for a second person",
    TargetState.SUSPENDED: "its place is suspended",
}


@dataclass(frozen=True)
class Lag:
    """One client's archive of one kind."""

    organization: Organization
    kind: TargetKind
    target: ArchiveTarget | None
    since: datetime | None
    segments: int
    why: str

    def age(self, at: datetime) -> timedelta:
        return at - self.since if self.since else timedelta(0)

    def is_late(self, at: datetime) -> bool:
        return self.age(at) > LATE or bool(self.segments and self.why)


def lags(*, at: datetime, organization: Organization | None = None) -> list[Lag]:
    """Of every client that is owed an archive, by kind: since when its oldest waiting message waits. The longest first."""
    waiting = archiving.unarchived()
    if organization is not None:
        waiting = waiting.filter(cohort__organization=organization)
    by_client: dict[int, list[Segment]] = {}
    for segment in waiting.select_related("cohort__organization")[:MOST]:
        owed = segment.cohort.archive_owed or segment.cohort.organization.archive_entitlement != ArchiveEntitlement.NONE
        if owed:
            by_client.setdefault(segment.cohort.organization_id, []).append(segment)
    owed = Organization.objects.exclude(archive_entitlement=ArchiveEntitlement.NONE) | Organization.objects.filter(pk__in=by_client)
    if organization is not None:
        owed = owed.filter(pk=organization.pk)
    last = _last_arrivals(by_client)
    archives = _archives(by_client)
    targets = {}
    for target in ArchiveTarget.objects.exclude(state__in=[TargetState.REJECTED, TargetState.ENDED]).order_by("state"):
        targets.setdefault((target.organization_id, target.kind), target)
    found = [
        _lag(client, TargetKind(kind), targets.get((client.pk, kind)), by_client.get(client.pk, []), last, archives)
        for client in owed.distinct().order_by("pk")
        for kind in sorted(closing.demanded(client))
    ]
    return sorted(found, key=lambda lag: (-lag.age(at).total_seconds(), lag.organization.pk, lag.kind))


def _last_arrivals(by_client: dict[int, list[Segment]]) -> dict[tuple[int, int], datetime]:
    cohorts = {segment.cohort_id for segments in by_client.values() for segment in segments}
    rows = BatchShare.objects.filter(cohort__in=cohorts).values_list("cohort_id", "segment").annotate(last=Max("at"))
    return {(cohort, segment): at for cohort, segment, at in rows}


def _archives(by_client: dict[int, list[Segment]]) -> dict[tuple[int, int, str], Archive]:
    cohorts = {segment.cohort_id for segments in by_client.values() for segment in segments}
    rows = Archive.objects.filter(cohort__in=cohorts).select_related("target").order_by("id")
    return {(row.cohort_id, row.segment, row.target.kind): row for row in rows}


def _lag(client: Organization, kind: TargetKind, target: ArchiveTarget | None, segments: list[Segment], last, archives) -> Lag:
    since, failing = [], ""
    for segment in segments:
        archive = archives.get((segment.cohort_id, segment.number, kind))
        arrived = last.get((segment.cohort_id, segment.number))
        if arrived is None or (archive is not None and archive.state != ArchiveState.OPEN):
            continue
        carried = archive.last_part_at if archive is not None else None
        if archive is not None and archive.failures and not failing:
            failing = f"{archive.reference} fails ({archive.last_error.partition(':')[0]}, {archive.failures} times)"
        if segment.sealed_at is not None:
            since.append(segment.sealed_at)
        elif carried is None or arrived > carried:
            since.append(carried or segment.opened_at)
    return Lag(client, kind, target, min(since, default=None), len(since), _why(target) or failing)


def _why(target: ArchiveTarget | None) -> str:
    if target is None or target.state in WHY:
        return WHY[target.state if target else None]
    return f"it fails ({target.last_error.partition(':')[0]}, {target.failures} times)" if target.failures else ""
