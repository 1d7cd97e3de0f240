"""Grants: what a provider may use and what for, proposed by one, approved by another, withdrawn by one at once.

| refused at the proposal, with the mend | why |
|---|---|
| Patient Information without a business associate agreement in force | 45 CFR 164.502(e) |
| personal information together with IP addresses or device ids | P08 |
| an analytics provider with anything but listed fields of use, for anything but analytics | P15 |
| personal information on an agreement that is none on processing data | P14 |

It must never be approved on grounds that held at the proposal only: everything is asked again at the approval.
"""

import re
from datetime import date, datetime

from django.db import transaction

from apps.accounts import details
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.clock import day_of
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.policies.vocabulary import ANALYTICS_FIELDS, CATEGORIES, CONNECTION, IMPERSONAL, PERSONAL, DisclosurePurpose
from apps.providers.models import Agreement, Grant
from apps.providers.querysets import GRANT
from apps.providers.services import locking
from apps.providers.services.agreeing import require_not_ended
from apps.providers.states import GRANT_MOVES, AgreementKind, GrantState, ProviderRole
from apps.staff.models import StaffMember
from apps.staff.services import approvals

PROPOSE, WITHDRAW = "providers.add_grant", "providers.withdraw_grant"
LONGEST_NECESSITY = 500
MOST_FIELDS = 100
FIELD = re.compile(r"[a-z][a-z0-9_.]{0,59}\Z")
#: of what identifies, analytics get the IP address alone
ANALYTICS_CATEGORIES = IMPERSONAL | {"network_address"}


class ScopeUnknown(Refusal):
    """A grant names data categories, purposes and fields in the words that there are."""

    code = "scope_unknown"
    mend = "Choose categories and purposes from the lists, and write fields in small letters, e.g. delivery.email."


class NoAgreementInForce(Refusal):
    """A grant rests on an agreement with this provider that is in force."""

    code = "no_agreement_in_force"
    mend = "Have the agreement, or its renewal, confirmed by a second person first."


class NoBusinessAssociate(Refusal):
    """Patient Information goes only to a business associate with an agreement in force."""

    code = "no_business_associate"
    mend = "Have a business associate agreement with this provider confirmed first, or leave Patient Information out."


class NotOnThisAgreement(Refusal):
    """Personal information rests on an agreement on processing data."""

    code = "not_on_this_agreement"
    mend = "Name the data processing agreement, or the business associate agreement."


class LinkedWithConnection(Refusal):
    """Personal information never leaves together with IP addresses or device ids."""

    code = "linked_with_connection"
    mend = "Propose two grants: one for what is personal, one for addresses or devices without it."


class BeyondAnalytics(Refusal):
    """An analytics provider gets listed fields of use, and of what identifies the IP address alone."""

    code = "beyond_analytics"
    mend = f"Name only categories {', '.join(sorted(ANALYTICS_CATEGORIES))}, the purpose analytics, and of these fields: {', '.join(sorted(ANALYTICS_FIELDS))}."


class EndsAlready(Refusal):
    """A grant ends after today."""

    code = "grant_ends_already"
    mend = "Give a later day, or none: it then lasts as long as its agreement."


@transaction.atomic
def propose(
    *, agreement: Agreement, categories: list[str] | frozenset[str], purposes: list[str] | frozenset[str], necessity: str, by: StaffMember,
    at: datetime, fields: list[str] | tuple[str, ...] = (), patient_information: bool = False, ends_on: date | None = None,
) -> Grant:  # fmt: skip
    """Propose what a provider may use, on an agreement of it; a second person is asked to approve it."""
    proposer = locking.acting(by, PROPOSE)
    agreement = locking.belonging(agreement)
    grant = Grant(
        provider=agreement.provider, agreement=agreement, categories=sorted(set(categories)), purposes=sorted(set(purposes)),
        fields=sorted({field.strip() for field in fields if field.strip()}), patient_information=patient_information,
        necessity=details.line(necessity, field="why it needs them", longest=LONGEST_NECESSITY), ends_on=ends_on,
        proposed_by=str(proposer.actor), proposed_at=at,
    )  # fmt: skip
    require_allowed(grant, at)
    locking.add(grant, by=proposer, at=at, reason="proposed")
    approvals.ask(act=GRANT, subject=grant.reference, digest=digest_of(grant), by=proposer, at=at)
    ledger.record("grant.proposed", by=proposer, about=grant.reference, at=at, facts=_facts(grant))
    return grant


def require_allowed(grant: Grant, at: datetime) -> None:
    """Refuse a grant that nobody may approve, with what mends it."""
    provider, categories, purposes = grant.provider, set(grant.categories), set(grant.purposes)
    require_not_ended(provider)
    if not categories or not purposes or categories - set(CATEGORIES) or purposes - set(DisclosurePurpose.values):
        raise ScopeUnknown
    if len(grant.fields) > MOST_FIELDS or any(not FIELD.match(field) for field in grant.fields):
        raise ScopeUnknown
    if grant.ends_on is not None and grant.ends_on <= day_of(at):
        raise EndsAlready
    if not Agreement.objects.in_force(at).filter(line=grant.agreement.line).exists():
        raise NoAgreementInForce
    if categories & PERSONAL and categories & CONNECTION:
        raise LinkedWithConnection
    if categories & PERSONAL and grant.agreement.kind == AgreementKind.OTHER:
        raise NotOnThisAgreement
    if provider.role == ProviderRole.ANALYTICS and not _is_analytics(grant):
        raise BeyondAnalytics
    if grant.patient_information and not provider.agreements.in_force(at).filter(kind=AgreementKind.BAA).exists():
        raise NoBusinessAssociate


def _is_analytics(grant: Grant) -> bool:
    only_listed = bool(grant.fields) and set(grant.fields) <= ANALYTICS_FIELDS
    return (
        only_listed and set(grant.categories) <= ANALYTICS_CATEGORIES and grant.purposes == [DisclosurePurpose.ANALYTICS]
        and not grant.patient_information
    )  # fmt: skip


def digest_of(grant: Grant) -> bytes:
    """What an approval is bound to: all that the grant allows, to whom, and on what."""
    ends_on = grant.ends_on.isoformat() if grant.ends_on else ""
    return sha256(
        canonical([
            grant.reference, grant.provider_id, grant.provider.role, grant.agreement_id, grant.categories, grant.purposes, grant.fields,
            grant.patient_information, grant.necessity, ends_on,
        ])
    )  # fmt: skip


@transaction.atomic
def approve(*, grant: Grant, by: StaffMember, at: datetime) -> Grant:
    """Approve a grant that somebody else proposed. It counts from this moment on, while its provider is active."""
    approval = locking.require_waiting(GRANT, grant.reference)
    approver = locking.deciding(by, approval)
    grant = locking.belonging(grant)
    approvals.approve(approval=approval, digest=digest_of(grant), by=approver, at=at)
    require_allowed(grant, at)
    grant.decided_by, grant.decided_at = str(approver.actor), at
    _move(grant, GrantState.ACTIVE, "decided_by", "decided_at", by=approver, at=at)
    ledger.record("grant.approved", by=approver, about=grant.reference, at=at, facts=_facts(grant) | {"proposed_by": grant.proposed_by})
    return grant


@transaction.atomic
def reject(*, grant: Grant, by: StaffMember, at: datetime) -> Grant:
    """Reject a grant that somebody else proposed; it never counts."""
    approval = locking.require_waiting(GRANT, grant.reference)
    approver = locking.deciding(by, approval)
    grant = locking.belonging(grant)
    approvals.reject(approval=approval, digest=digest_of(grant), by=approver, at=at)
    grant.decided_by, grant.decided_at = str(approver.actor), at
    _move(grant, GrantState.REJECTED, "decided_by", "decided_at", by=approver, at=at)
    ledger.record("grant.rejected", by=approver, about=grant.reference, at=at)
    return grant


@transaction.atomic
def withdraw(*, grant: Grant, by: StaffMember, at: datetime) -> Grant:
    """Withdraw a grant at once: a permit that was not used yet is refused from this moment on."""
    actor = locking.acting(by, WITHDRAW)
    grant = locking.belonging(grant)
    grant.withdrawn_by, grant.withdrawn_at = str(actor.actor), at
    _move(grant, GrantState.WITHDRAWN, "withdrawn_by", "withdrawn_at", by=actor, at=at)
    ledger.record("grant.withdrawn", by=actor, about=grant.reference, at=at, facts={"provider": grant.provider.reference})
    journal.owe("grant.withdrawn", about=grant.reference, at=at, body={"by": grant.withdrawn_by})
    doorbell.ring("journal.owed")
    return grant


def _facts(grant: Grant) -> dict:
    return {
        "provider": grant.provider.reference, "agreement": grant.agreement.reference, "categories": grant.categories, "purposes": grant.purposes,
        "fields": len(grant.fields), "patient_information": grant.patient_information, "until": grant.ends_on,
    }  # fmt: skip


def _move(grant: Grant, state: GrantState, *fields: str, by: StaffMember, at: datetime) -> None:
    require_move(GRANT_MOVES, grant.state, state)
    grant.state = state
    locking.save(grant, ["state", *fields], by=by, at=at, reason=state.label)
