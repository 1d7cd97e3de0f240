"""A permit for a connection that carries no data of people: to read back, to look, to try a place, to remove, to fetch what was lent.

Recorded like every other permit, and given only where the recipient stands well. What is over may still be contacted to remove or
return what lies there: refusing that would keep data where it has no business any more.
"""

import secrets
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import Organization, Person
from apps.accounts.states import OrganizationStanding, PersonStanding
from apps.gate.models import Permit
from apps.gate.package import Recipient
from apps.gate.services import knowing, recording
from apps.gate.services.deciding import Refused
from apps.gate.states import ContactReason, PermitKind, RecipientKind, Stage
from apps.policies.vocabulary import DisclosurePurpose
from apps.providers.services import asking
from apps.providers.services.asking import Reason

#: a contact hands nothing over, so no grant has to cover it
OF_DATA_ONLY = frozenset({"no_grant"})


def open_contact(*, recipient: Recipient, why: ContactReason | str, by: Any, at: datetime) -> Permit:
    """A permit to contact a recipient without any data of people, or Refused with every reason; either is committed on return."""
    token, actor = recording.PREFIX + secrets.token_urlsafe(32), recording.actor_of(by)
    with transaction.atomic(durable=True):
        if recipient.is_sound:
            knowing.lock(recipient)
        found = reasons(recipient, why, at)
        if not found:
            permit = Permit.objects.create(
                token_hash=recording.hashed(token), kind=PermitKind.CONTACT, why=why, recipient_kind=recipient.kind,
                recipient=recipient.reference, given_at=at, lapses_at=recording.lapse(at), by=actor,
            )  # fmt: skip
            permit.token = token
            return permit
    raise Refused(found, recording.refuse_permit(None, found, recipient=recipient, stage=Stage.DECISION, by=actor, at=at))


def reasons(recipient: Recipient, why: str, at: datetime) -> list[Reason]:
    """Why this recipient may not be contacted for this; empty where it may."""
    if not recipient.is_sound or why not in ContactReason.values:
        return [Reason("unreadable", "What it gives as recipient or reason can't be read as that.", "Give a reference and a reason of the gate.")]
    if recipient.kind == RecipientKind.PERSON:
        return _person(recipient.reference, why)
    if why == ContactReason.FETCH:
        return [Reason("not_lent", "Only people lend us what we fetch.", "Name the person whose place it is.")]
    if recipient.kind == RecipientKind.PROVIDER:
        return _provider(recipient.reference, why, at)
    standing = Organization.objects.filter(reference=recipient.reference).values_list("standing", flat=True).first()
    if standing is None:
        return [Reason("organization_not_known", "There is no organization with that reference.", "Correct the reference.")]
    if standing != OrganizationStanding.ACTIVE and why == ContactReason.TRY_OUT:
        return [Reason("client_departed", "The organization is no client any more.", "What it is owed goes to the place it had; it gets no new one.")]
    return []


def _person(reference: str, why: str) -> list[Reason]:
    standing = Person.objects.filter(reference=reference).values_list("standing", flat=True).first()
    if standing is None:
        return [Reason("person_not_known", "1 person can't be found by the references.", "Correct the reference.")]
    if standing != PersonStanding.ACTIVE and why == ContactReason.FETCH:
        return [Reason("person_not_active", "The person's registration is suspended or over.", "Nothing more is fetched from their places.")]
    return []


def _provider(reference: str, why: str, at: datetime) -> list[Reason]:
    try:
        standing = asking.ask(
            provider=reference, categories=frozenset(), purpose=DisclosurePurpose.OPERATION, patient_information=False, at=at
        )
    except asking.ProviderUnknown:
        return [Reason("provider_not_known", "There is no provider with that reference.", "Register the provider.")]
    if why == ContactReason.REMOVAL:
        return []
    return [reason for reason in standing.reasons if reason.code not in OF_DATA_ONLY]
