"""Who looked at a person's details and why, recorded before anything is shown (P17).

It must never hand out a value without its record in the same transaction, and never write a value into the record.
"""

from datetime import datetime

from django.db import models, transaction

from apps.accounts.models import Organization, Person
from apps.audit.services import ledger
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember


class Reason(models.TextChoices):
    PERSON_ASKED = "person_asked", "The person asked for something and I am working on it"
    IDENTITY_CHECK = "identity_check", "I have to know whether somebody is who they say"
    CORRECTION = "correction", "I am putting a detail right"
    LEGAL = "legal", "The law or a court asks for it"
    SECURITY = "security", "I am looking into misuse or an incident"


class ReasonMissing(Refusal):
    """Personal details are shown only for a stated reason."""

    code = "reason_missing"
    mend = "Choose the reason that fits."


SHOWN = ("given_name", "family_name", "birth_date", "street", "city", "postal_code", "state", "country")
CONTACT = ("contact_name", "contact_email", "contact_phone")


@transaction.atomic
def reveal(*, person: Person, reason: str, by: StaffMember, at: datetime) -> list[tuple[str, str]]:
    """The details of a person as (label, value), once their being seen is recorded."""
    if reason not in Reason.values:
        raise ReasonMissing
    values = [(field.name, str(field.verbose_name), getattr(person, field.name)) for field in _fields()]
    many = {
        "emails": [email.address for email in person.emails.all()],
        "phones": [phone.number for phone in person.phones.all()],
        "identities": [f"{identity.source}: {identity.external_id}" for identity in person.identities.all()],
    }
    seen = sorted([name for name, _label, value in values if value] + [name for name, held in many.items() if held])
    ledger.record(
        "person.revealed", by=by, about=person.reference, at=at, facts={"fields": seen, "reason": str(reason)}
    )
    shown = [(label, str(value) if value else "") for _name, label, value in values]
    labels = {"emails": "e-mail", "phones": "phone", "identities": "external identity"}
    return shown + [(labels[name], value) for name, held in many.items() for value in held or [""]]


@transaction.atomic
def reveal_contact(*, organization: Organization, reason: str, by: StaffMember, at: datetime) -> list[tuple[str, str]]:
    """The contact of an organization as (label, value), once its being seen is recorded."""
    if reason not in Reason.values:
        raise ReasonMissing
    fields = [Organization._meta.get_field(name) for name in CONTACT]
    seen = sorted(field.name for field in fields if getattr(organization, field.name))
    ledger.record(
        "organization.revealed", by=by, about=organization.reference, at=at, facts={"fields": seen, "reason": str(reason)}
    )
    return [(str(field.verbose_name), getattr(organization, field.name)) for field in fields]


def _fields() -> list[models.Field]:
    return [Person._meta.get_field(name) for name in SHOWN]


@transaction.atomic
def view_for_change(*, subject: Person | Organization, by: StaffMember, at: datetime) -> None:
    """Record that somebody opens the details of a person, or of an organization's contact, to change them."""
    kind = "person" if isinstance(subject, Person) else "organization"
    ledger.record(f"{kind}.viewed_for_change", by=by, about=subject.reference, at=at)
