"""The chain of a provider: a change is proposed by one, announced by another to the clients concerned, and takes effect days later.

| change | takes effect |
|---|---|
| somebody joins the chain of a provider in use | PROVIDER_NOTICE_DAYS after the announcement, and not before |
| somebody leaves it | PROVIDER_NOTICE_DAYS after the announcement |
| either, at a provider that is not in use yet | at once: nobody's data is there |

Each client concerned has a row and one mail, in the transaction of the announcement. It must never be announced with a day in the past.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.accounts import details
from apps.accounts.models import Organization
from apps.accounts.states import OrganizationStanding
from apps.audit.services import ledger
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox
from apps.providers.models import ChainNotice, Provider, SubProcessor
from apps.providers.querysets import ANNOUNCE, IN_USE
from apps.providers.services import locking, telling
from apps.providers.services.agreeing import require_not_ended
from apps.providers.states import CHAIN_MOVES, ChainChange, ChainState
from apps.staff.models import StaffMember
from apps.staff.services import approvals

PROPOSE, CHANGE, OBJECT = "providers.add_subprocessor", "providers.change_subprocessor", "providers.object_chainnotice"
LONGEST_NAME, LONGEST_SERVICE, LONGEST_OBJECTION = 120, 200, 500


class InEffectAlready(Refusal):
    """The change has taken effect: the sub-processor gets data."""

    code = "in_effect_already"
    mend = "Announce that it leaves the chain instead."


class NotInEffectYet(Refusal):
    """The sub-processor gets no data yet, so it can't leave."""

    code = "not_in_effect_yet"
    mend = "Withdraw its announcement instead."


class ObjectedAlready(Refusal):
    """An objection of this client to this change is recorded."""

    code = "objected_already"
    mend = "What else the client says belongs to its correspondence; the owner of the provider was told."


def concerned(provider: Provider) -> list[Organization]:
    """The clients that hear of a change of the chain: those that the provider names, or every active one."""
    clients = Organization.objects.filter(standing=OrganizationStanding.ACTIVE).order_by("pk")
    return list(clients.filter(reference__in=provider.clients) if provider.clients else clients)


def effective_at(provider: Provider, at: datetime) -> datetime:
    """When a change that is announced now takes effect."""
    return at + timedelta(days=settings.PROVIDER_NOTICE_DAYS) if provider.state in IN_USE else at


@transaction.atomic
def propose(*, provider: Provider, legal_name: str, service: str, countries: list[str], by: StaffMember, at: datetime) -> SubProcessor:
    """Propose that somebody joins the chain. Nobody is told before a second person has decided."""
    proposer = locking.acting(by, PROPOSE)
    provider = locking.provider(provider.pk)
    require_not_ended(provider)
    codes = sorted({details.country(code) for code in countries})
    if not codes:
        raise details.CountryUnknown("A sub-processor names at least one country.")
    sub = SubProcessor(
        provider=provider, legal_name=details.line(legal_name, field="legal name", longest=LONGEST_NAME),
        service=details.line(service, field="what it does for the provider", longest=LONGEST_SERVICE), countries=codes,
        proposed_by=str(proposer.actor), proposed_at=at,
    )  # fmt: skip
    locking.add(sub, by=proposer, at=at, reason="proposed")
    approvals.ask(act=ANNOUNCE, subject=sub.reference, digest=digest_of(sub), by=proposer, at=at)
    ledger.record("chain.proposed", by=proposer, about=sub.reference, at=at, facts={"provider": provider.reference, "countries": codes})
    return sub


def digest_of(sub: SubProcessor) -> bytes:
    """What a decision is bound to."""
    return sha256(canonical([sub.reference, sub.provider_id, sub.legal_name, sub.service, sub.countries]))


@transaction.atomic
def announce(*, sub: SubProcessor, by: StaffMember, at: datetime) -> SubProcessor:
    """Announce to the clients concerned what somebody else proposed; it gets data only from the day that they are told."""
    approval = locking.require_waiting(ANNOUNCE, sub.reference)
    approver = locking.deciding(by, approval)
    sub = locking.belonging(sub)
    approvals.approve(approval=approval, digest=digest_of(sub), by=approver, at=at)
    require_not_ended(sub.provider)
    sub.announced_by, sub.announced_at, sub.since_at = str(approver.actor), at, effective_at(sub.provider, at)
    _move(sub, ChainState.ANNOUNCED, "announced_by", "announced_at", "since_at", by=approver, at=at)
    told = _tell(sub, ChainChange.JOINS, sub.since_at, at)
    facts = {"provider": sub.provider.reference, "effective": sub.since_at, "clients": told}
    ledger.record("chain.announced", by=approver, about=sub.reference, at=at, facts=facts)
    return sub


@transaction.atomic
def reject(*, sub: SubProcessor, by: StaffMember, at: datetime) -> SubProcessor:
    """Put a proposed change away; nobody was told."""
    approval = locking.require_waiting(ANNOUNCE, sub.reference)
    approver = locking.deciding(by, approval)
    sub = locking.belonging(sub)
    approvals.reject(approval=approval, digest=digest_of(sub), by=approver, at=at)
    _move(sub, ChainState.REJECTED, by=approver, at=at)
    ledger.record("chain.rejected", by=approver, about=sub.reference, at=at)
    return sub


@transaction.atomic
def withdraw(*, sub: SubProcessor, by: StaffMember, at: datetime) -> SubProcessor:
    """Take back an announcement before it takes effect; who was told is told."""
    actor = locking.acting(by, CHANGE)
    sub = locking.belonging(sub)
    require_move(CHAIN_MOVES, sub.state, ChainState.WITHDRAWN)
    if sub.since_at <= at:
        raise InEffectAlready
    _move(sub, ChainState.WITHDRAWN, by=actor, at=at)
    for notice in sub.notices.filter(change=ChainChange.JOINS).select_related("organization").order_by("pk"):
        _mail("providers/chain_withdrawn", notice.organization, sub, notice.effective_at, at)
    ledger.record("chain.withdrawn", by=actor, about=sub.reference, at=at, facts={"provider": sub.provider.reference})
    return sub


@transaction.atomic
def leave(*, sub: SubProcessor, by: StaffMember, at: datetime) -> SubProcessor:
    """Announce that somebody leaves the chain."""
    actor = locking.acting(by, CHANGE)
    sub = locking.belonging(sub)
    require_move(CHAIN_MOVES, sub.state, ChainState.LEAVING)
    if sub.since_at > at:
        raise NotInEffectYet
    sub.leaving_announced_by, sub.leaving_announced_at, sub.until_at = str(actor.actor), at, effective_at(sub.provider, at)
    _move(sub, ChainState.LEAVING, "leaving_announced_by", "leaving_announced_at", "until_at", by=actor, at=at)
    told = _tell(sub, ChainChange.LEAVES, sub.until_at, at)
    facts = {"provider": sub.provider.reference, "effective": sub.until_at, "clients": told}
    ledger.record("chain.leaving", by=actor, about=sub.reference, at=at, facts=facts)
    return sub


@transaction.atomic
def record_objection(*, notice: ChainNotice, objection: str, by: StaffMember, at: datetime) -> ChainNotice:
    """Write down what a client objects to a change, and tell the owner of the provider."""
    actor = locking.acting(by, OBJECT)
    sub = SubProcessor.objects.get(pk=notice.sub_processor_id)
    provider = locking.provider(sub.provider_id)
    row = ChainNotice.objects.select_for_update(of=("self",)).select_related("organization").get(pk=notice.pk)
    if row.objected_at is not None:
        raise ObjectedAlready
    row.objection = details.line(objection, field="objection", longest=LONGEST_OBJECTION)
    row.objected_at, row.objection_recorded_by = at, str(actor.actor)
    row.save(update_fields=["objection", "objected_at", "objection_recorded_by"])
    ledger.record(
        "chain.objected", by=actor, about=sub.reference, at=at, facts={"organization": row.organization.reference, "change": row.change}
    )
    for member in telling.owners(provider):
        outbox.queue(
            template="providers/chain_objection", to=member.email, about=sub.reference,
            context={"organization": row.organization.reference, "provider": provider, "sub": sub, "effective_at": row.effective_at},
            once_key=f"objection-{row.pk}-{member.pk}", at=at,
        )  # fmt: skip
    return row


def _tell(sub: SubProcessor, change: ChainChange, effective: datetime, at: datetime) -> int:
    """A row and a mail for each client concerned; returns how many. Nobody's data is at a provider that is not in use."""
    if sub.provider.state not in IN_USE:
        return 0
    clients = concerned(sub.provider)
    for organization in clients:
        ChainNotice.objects.create(sub_processor=sub, organization=organization, change=change, told_at=at, effective_at=effective)
        _mail(f"providers/chain_{change}", organization, sub, effective, at)
    return len(clients)


def _mail(template: str, organization: Organization, sub: SubProcessor, effective: datetime, at: datetime) -> None:
    outbox.queue(
        template=template, to=organization.contact_email, about=sub.reference,
        context={"organization": organization.reference, "provider": sub.provider, "sub": sub, "effective_at": effective},
        once_key=f"{template}-{sub.reference}-{organization.reference}", at=at,
    )  # fmt: skip


def _move(sub: SubProcessor, state: ChainState, *fields: str, by: StaffMember, at: datetime) -> None:
    require_move(CHAIN_MOVES, sub.state, state)
    sub.state = state
    locking.save(sub, ["state", *fields], by=by, at=at, reason=state.label)
