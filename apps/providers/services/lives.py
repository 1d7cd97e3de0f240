"""The life of a provider: proposed, reviewed, activated by a second person, suspended by one at once, ended for good.

| verb | who | when it counts |
|---|---|---|
| propose, correct, begin_review, ask_activation | who proposes | nothing opens by it |
| activate | a second person, who saw exactly this | the gate may open from then on, as far as grants go |
| suspend, end | one person | at once: the gate finds the state, and the last look of a permit waits for it |

Suspensions and ends stand in the journal, so that a restored backup does not open what was closed. It must never activate what has
no confirmed agreement or whose review is missing, failed or overdue.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.accounts import details
from apps.accounts.models import Organization
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.clock import day_of
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import NotAMove, require_move
from apps.foundation.refusals import Refusal
from apps.providers.models import Provider
from apps.providers.querysets import ACTIVATE
from apps.providers.services import locking
from apps.providers.states import COUNTS, PROVIDER_MOVES, ChainState, DataEnd, GrantState, ProviderRole, ProviderState, ReviewKind, ReviewResult
from apps.staff.models import StaffMember
from apps.staff.services import approvals

PROPOSE, CHANGE, SUSPEND = "providers.add_provider", "providers.change_provider", "providers.suspend_provider"
LONGEST_NAME, LONGEST_SERVICE, LONGEST_REASON, LONGEST_EVIDENCE = 120, 200, 300, 200

#: what a second person approved; it changes only while the provider is not active
APPROVED_FACTS = ("legal_name", "role", "countries", "hipaa_relevant")
FACTS = (*APPROVED_FACTS, "service", "clients", "contact_name", "contact_email", "owner")


class NotReady(Refusal):
    """The provider can't be activated yet."""

    code = "provider_not_ready"
    mend = "Record what is missing, and ask for the activation then."


class ClientUnknown(Refusal):
    """No client has that reference."""

    code = "client_unknown"
    mend = "Give the references of organizations, e.g. ORG-7F3K2MP, or none for every client."


class RoleUnknown(Refusal):
    """That is no role of a provider."""

    code = "role_unknown"
    mend = f"Use one of {', '.join(ProviderRole.values)}."


class FactsStand(Refusal):
    """Name, role, countries and HIPAA relevance of an active provider are as a second person approved them."""

    code = "facts_stand"
    mend = "Suspend it, correct them, and have it activated again by a second person."


class OwnerGone(Refusal):
    """The owner of a provider is a member of staff who may sign in."""

    code = "owner_gone"
    mend = "Name a colleague who works here."


class DataEndDiffers(Refusal):
    """What was in use had data, and what never was had none."""

    code = "data_end_differs"
    mend = "For a provider that was in use say whether its data is returned or destroyed; else that it never had any."


class NothingOwed(Refusal):
    """No confirmation about this provider's data is waited for."""

    code = "nothing_owed"
    mend = "Reload the page to see what was confirmed."


def checked(facts: dict) -> dict:
    """Facts of a provider as they are stored; refuses what can't be. Takes any of FACTS."""
    given = dict(facts)
    for name, longest in (("legal_name", LONGEST_NAME), ("service", LONGEST_SERVICE), ("contact_name", LONGEST_NAME)):
        if name in given:
            given[name] = details.line(given[name], field=name.replace("_", " "), longest=longest)
    if "contact_email" in given:
        given["contact_email"] = details.email(given["contact_email"], field="contact e-mail")
    if "role" in given and given["role"] not in ProviderRole.values:
        raise RoleUnknown
    if "countries" in given:
        given["countries"] = sorted({details.country(code) for code in given["countries"]})
        if not given["countries"]:
            raise details.CountryUnknown("A provider names at least one country.")
    if "clients" in given:
        given["clients"] = _clients(given["clients"])
    if "owner" in given and not given["owner"].is_active:
        raise OwnerGone
    return given


def _clients(references: list[str]) -> list[str]:
    wanted = sorted({reference.strip().upper() for reference in references if reference.strip()})
    known = set(Organization.objects.filter(reference__in=wanted).values_list("reference", flat=True))
    for reference in wanted:
        if reference not in known:
            raise ClientUnknown
    return wanted


@transaction.atomic
def propose(
    *, legal_name: str, role: str, service: str, countries: list[str], contact_name: str, contact_email: str, owner: StaffMember,
    by: StaffMember, at: datetime, hipaa_relevant: bool = False, clients: list[str] | tuple[str, ...] = (),
) -> Provider:  # fmt: skip
    """Propose a provider. Nothing goes there."""
    proposer = locking.acting(by, PROPOSE)
    given = checked({
        "legal_name": legal_name, "role": role, "service": service, "countries": countries, "contact_name": contact_name,
        "contact_email": contact_email, "owner": owner, "hipaa_relevant": hipaa_relevant, "clients": list(clients),
    })  # fmt: skip
    provider = Provider(**given, proposed_by=str(proposer.actor), proposed_at=at)
    locking.add(provider, by=proposer, at=at, reason="proposed")
    ledger.record(
        "provider.proposed", by=proposer, about=provider.reference, at=at,
        facts={"role": provider.role, "countries": provider.countries, "hipaa": provider.hipaa_relevant, "owner": owner.reference},
    )  # fmt: skip
    return provider


@transaction.atomic
def correct(*, provider: Provider, by: StaffMember, at: datetime, **facts) -> Provider:
    """Correct facts of a provider. While it is active only what no second person approved; a request to activate it is void."""
    actor = locking.acting(by, CHANGE)
    provider = locking.provider(provider.pk)
    given = checked(facts)
    changed = [name for name in FACTS if name in given and getattr(provider, name) != given[name]]
    if not changed:
        return provider
    require_changeable(provider, set(changed))
    for name in changed:
        setattr(provider, name, given[name])
    locking.save(provider, changed, by=actor, at=at, reason="corrected")
    locking.void(ACTIVATE, provider.reference, at=at)
    ledger.record("provider.corrected", by=actor, about=provider.reference, at=at, facts={"fields": changed})
    return provider


def require_changeable(provider: Provider, changed: set[str]) -> None:
    """Refuse to change what stands: all of an ended provider, and of an active one what a second person approved."""
    if provider.state == ProviderState.ENDED:
        raise NotAMove(f"{provider.reference} is ended.", mend="An ended provider stays as it was.")
    if provider.state == ProviderState.ACTIVE and changed & set(APPROVED_FACTS):
        raise FactsStand


@transaction.atomic
def begin_review(*, provider: Provider, by: StaffMember, at: datetime) -> Provider:
    """Take a proposed provider under review: its agreements, reviews and chain are collected now."""
    actor = locking.acting(by, CHANGE)
    provider = locking.provider(provider.pk)
    _move(provider, ProviderState.REVIEW, by=actor, at=at)
    ledger.record("provider.review_began", by=actor, about=provider.reference, at=at)
    return provider


def missing(provider: Provider, at: datetime) -> list[str]:
    """What keeps the provider from being activated, one sentence each."""
    today = day_of(at)
    said = []
    in_force = set(provider.agreements.in_force(at).values_list("kind", flat=True))
    if not in_force:
        said.append("No confirmed agreement with it is in force.")
    if provider.hipaa_relevant and "baa" not in in_force:
        said.append("It handles Patient Information, and no business associate agreement with it is in force.")
    newest = list(provider.reviews.newest())
    if not any(review.kind == ReviewKind.REVIEW for review in newest):
        said.append("Its security was never reviewed.")
    for review in newest:
        if review.result == ReviewResult.FAILED:
            said.append(f"It failed {review.reference}, the newest of its kind.")
        if review.next_due_on <= today:
            said.append(f"{review.reference} is overdue since {review.next_due_on.isoformat()}.")
    undecided = provider.chain.filter(state=ChainState.PROPOSED).count()
    if undecided:
        said.append(f"Of its chain {undecided} proposed {'change is' if undecided == 1 else 'changes are'} not decided.")
    return said


def digest_of(provider: Provider) -> bytes:
    """What an activation is bound to: who it is, where, with which agreements, reviews and chain."""
    agreements = provider.agreements.filter(state__in=COUNTS).order_by("pk").values_list("reference", "state")
    reviews = provider.reviews.order_by("pk").values_list("reference", flat=True)
    chain = provider.chain.exclude(state__in=(ChainState.PROPOSED, ChainState.REJECTED)).order_by("pk").values_list("reference", "state")
    return sha256(
        canonical([
            provider.reference, provider.state, [getattr(provider, name) for name in APPROVED_FACTS], provider.service, provider.clients,
            [list(row) for row in agreements], list(reviews), [list(row) for row in chain],
        ])
    )  # fmt: skip


@transaction.atomic
def ask_activation(*, provider: Provider, by: StaffMember, at: datetime) -> Provider:
    """Ask that a provider under review, or suspended, is taken into use."""
    asker = locking.acting(by, CHANGE)
    provider = locking.provider(provider.pk)
    require_move(PROVIDER_MOVES, provider.state, ProviderState.ACTIVE)
    _require_ready(provider, at)
    approvals.ask(act=ACTIVATE, subject=provider.reference, digest=digest_of(provider), by=asker, at=at)
    ledger.record("provider.activation_asked", by=asker, about=provider.reference, at=at)
    return provider


@transaction.atomic
def activate(*, provider: Provider, by: StaffMember, at: datetime) -> Provider:
    """Take a provider into use that somebody else asked for. What it gets follows from its grants."""
    approval = locking.require_waiting(ACTIVATE, provider.reference)
    approver = locking.deciding(by, approval)
    provider = locking.provider(provider.pk)
    approvals.approve(approval=approval, digest=digest_of(provider), by=approver, at=at)
    _require_ready(provider, at)
    provider.activation_asked_by, provider.activated_by, provider.activated_at = str(approval.asked_by.actor), str(approver.actor), at
    provider.in_use_since = provider.in_use_since or at
    _move(provider, ProviderState.ACTIVE, "activation_asked_by", "activated_by", "activated_at", "in_use_since", by=approver, at=at)
    facts = {"asked_by": provider.activation_asked_by, "countries": provider.countries}
    ledger.record("provider.activated", by=approver, about=provider.reference, at=at, facts=facts)
    return provider


@transaction.atomic
def reject_activation(*, provider: Provider, by: StaffMember, at: datetime) -> Provider:
    """Reject an activation that somebody else asked for; it can be asked for again."""
    approval = locking.require_waiting(ACTIVATE, provider.reference)
    approver = locking.deciding(by, approval)
    provider = locking.provider(provider.pk)
    approvals.reject(approval=approval, digest=digest_of(provider), by=approver, at=at)
    ledger.record("provider.activation_rejected", by=approver, about=provider.reference, at=at)
    return provider


@transaction.atomic
def suspend(*, provider: Provider, reason: str, by: StaffMember, at: datetime) -> Provider:
    """Let nothing go to a provider from this moment on, until a second person has activated it again."""
    actor = locking.acting(by, SUSPEND)
    provider = locking.provider(provider.pk)
    provider.suspended_by, provider.suspended_at = str(actor.actor), at
    provider.suspension_reason = details.line(reason, field="reason", longest=LONGEST_REASON)
    _move(provider, ProviderState.SUSPENDED, "suspended_by", "suspended_at", "suspension_reason", by=actor, at=at)
    ledger.record("provider.suspended", by=actor, about=provider.reference, at=at)
    journal.owe("provider.suspended", about=provider.reference, at=at, body={"by": provider.suspended_by})
    doorbell.ring("journal.owed")
    return provider


@transaction.atomic
def end(*, provider: Provider, data_end: str, by: StaffMember, at: datetime) -> Provider:
    """End a provider for good: its grants are withdrawn, and what it has is to be returned or destroyed, confirmed with evidence."""
    actor = locking.acting(by, ACTIVATE)
    provider = locking.provider(provider.pk)
    wanted = DataEnd(data_end)
    if provider.was_in_use == (wanted == DataEnd.NOTHING):
        raise DataEndDiffers
    provider.ended_by, provider.ended_at, provider.data_end = str(actor.actor), at, wanted
    provider.data_due_on = day_of(at) + timedelta(days=settings.PROVIDER_DATA_END_DAYS) if provider.was_in_use else None
    _move(provider, ProviderState.ENDED, "ended_by", "ended_at", "data_end", "data_due_on", by=actor, at=at)
    locking.void(ACTIVATE, provider.reference, at=at)
    withdrawn = []
    for grant in provider.grants.active().select_for_update(of=("self",)).order_by("pk"):
        grant.state, grant.withdrawn_by, grant.withdrawn_at = GrantState.WITHDRAWN, provider.ended_by, at
        locking.save(grant, ["state", "withdrawn_by", "withdrawn_at"], by=actor, at=at, reason="its provider ended")
        withdrawn.append(grant.reference)
    facts = {"data": provider.data_end, "grants": len(withdrawn)}
    ledger.record("provider.ended", by=actor, about=provider.reference, at=at, facts=facts)
    body = {"by": provider.ended_by, "data": provider.data_end, "due_on": provider.data_due_on}
    journal.owe("provider.ended", about=provider.reference, at=at, body=body)
    doorbell.ring("journal.owed")
    return provider


@transaction.atomic
def confirm_data_end(*, provider: Provider, evidence: str, by: StaffMember, at: datetime) -> Provider:
    """Confirm that what an ended provider had is returned or destroyed. Until then its owner is reminded."""
    actor = locking.acting(by, CHANGE)
    provider = locking.provider(provider.pk)
    if not provider.owes_data:
        raise NothingOwed
    provider.data_confirmed_by, provider.data_confirmed_at = str(actor.actor), at
    provider.data_evidence = details.line(evidence, field="evidence", longest=LONGEST_EVIDENCE)
    locking.save(provider, ["data_confirmed_by", "data_confirmed_at", "data_evidence"], by=actor, at=at, reason="end of its data confirmed")
    ledger.record("provider.data_end_confirmed", by=actor, about=provider.reference, at=at, facts={"data": provider.data_end})
    return provider


def _require_ready(provider: Provider, at: datetime) -> None:
    said = missing(provider, at)
    if said:
        raise NotReady(" ".join(said))


def _move(provider: Provider, state: ProviderState, *fields: str, by: StaffMember, at: datetime) -> None:
    require_move(PROVIDER_MOVES, provider.state, state)
    provider.state = state
    locking.save(provider, ["state", *fields], by=by, at=at, reason=state.label)
