"""The end of an organization's hosted archives with its contract: asked by one, approved by another, due at once.

What a store keeps locked falls due when its lock ends, and what is still in the service after its day. It must never shorten what a hold keeps.
"""

from datetime import date, datetime, timedelta

from django.db import transaction

from apps.accounts.models import Organization
from apps.audit.services import ledger
from apps.foundation import doorbell
from apps.foundation.clock import day_of
from apps.foundation.digests import canonical, sha256
from apps.foundation.refusals import Refusal
from apps.holds.services import asking
from apps.holds.services.asking import UnderHold
from apps.retention.models import Archive
from apps.retention.services import targets
from apps.retention.services.ends import archive as ends
from apps.retention.states import ArchiveState, TargetKind
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence


class NothingToEnd(Refusal):
    """The organization has no hosted archive that stands."""

    code = "nothing_to_end"
    mend = "Nothing to do: its archives are destroyed, or due already."


def standing(organization: Organization, at: datetime) -> list[Archive]:
    """Its closed hosted archives whose life is not over."""
    return list(
        Archive.objects.filter(
            cohort__organization=organization, target__kind=TargetKind.HOSTED, state=ArchiveState.CLOSED, keep_until__gt=day_of(at)
        )
        .select_related("cohort__organization", "target")
        .order_by("id")
    )


def _digest(archives: list[Archive]) -> bytes:
    return sha256(canonical(["end of contract", *(archive.reference for archive in archives)]))


def _require_free(archives: list[Archive], at: datetime) -> None:
    held = [archive.reference for archive in archives if ends.is_held(archive, at)]
    if held:
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        raise UnderHold(f"A hold covers messages of {held[0]}{more}.")


@transaction.atomic
def ask_end(*, organization: Organization, by: StaffMember, at: datetime) -> int:
    """Ask that all hosted archives of the organization be destroyed; returns how many. Nothing is until somebody else approves."""
    asker = presence.lock(by)[by.pk]
    presence.require_right(asker, targets.PROPOSE)
    archives = standing(organization, at)
    if not archives:
        raise NothingToEnd
    _require_free(archives, at)
    approvals.ask(act=targets.ACT, subject=organization.reference, digest=_digest(archives), by=asker, at=at)
    ledger.record(
        "archives.end_asked", by=asker, about=organization.reference, at=at, facts={"archives": len(archives)}
    )
    return len(archives)


@transaction.atomic
def end_contract(*, organization: Organization, by: StaffMember, at: datetime) -> int:
    """Approve it: exactly the archives that were asked for fall due, each as soon as its store lets go of it."""
    archives = standing(organization, at)
    approval = waiting(organization)
    if approval is None:
        raise approvals.AlreadyDecided(f"Nobody asks for the end of {organization.reference}'s archives any more.")
    approvals.approve(approval=approval, digest=_digest(archives), by=by, at=at)
    asking.keep_new_holds_out()
    _require_free(archives, at)
    for archive in Archive.objects.select_for_update(of=("self",)).select_related("cohort").filter(pk__in=[archive.pk for archive in archives]).order_by("id"):
        over = archive.cohort.expiry_on + timedelta(days=1)  # what is still in the service ends there first
        archive.keep_until = min(archive.keep_until, max(day_of(at), over, _unlocked(archive)))
        archive.save(update_fields=["keep_until"])
        ledger.record(
            "archive.ended_with_contract", by=by.actor, about=archive.reference, at=at, facts={"due": archive.keep_until}
        )
    doorbell.ring("retention.due")
    return len(archives)


@transaction.atomic
def reject_end(*, organization: Organization, by: StaffMember, at: datetime) -> None:
    """Reject it: the archives live on."""
    approval = waiting(organization)
    if approval is None:
        raise approvals.AlreadyDecided(f"Nobody asks for the end of {organization.reference}'s archives any more.")
    approvals.reject(approval=approval, digest=bytes(approval.digest), by=by, at=at)
    ledger.record("archives.end_rejected", by=by.actor, about=organization.reference, at=at)


def waiting(organization: Organization) -> Approval | None:
    """The request that waits for a decision."""
    return Approval.objects.waiting().filter(act=targets.ACT, subject=organization.reference).first()


def _unlocked(archive: Archive) -> date:
    """The first day on which nothing of it is locked at its place any more."""
    receipts = [archive.manifest["receipt"], *archive.parts.values_list("receipt", flat=True)]
    locks = [datetime.fromisoformat(receipt["locked_until"]) for receipt in receipts if receipt.get("locked_until")]
    if not locks:
        return date.min
    last = max(locks)
    return day_of(last) if last == last.replace(hour=0, minute=0, second=0, microsecond=0) else day_of(last) + timedelta(days=1)
