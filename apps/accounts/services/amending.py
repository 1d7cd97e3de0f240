"""What is known about an organization or a person is put right by staff; each change names its fields in the ledger.

An address or a number that changes is a new one: it is collected now, under the policy now in force, so the old row goes
and a new one comes (P26). It must never move a person to another organization, nor keep a minor active whom nobody represents.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models, transaction

from apps.accounts import details
from apps.accounts.models import (
    ExternalIdentity,
    Organization,
    Person,
    PersonEmail,
    PersonPhone,
)
from apps.accounts.services import minors, registration
from apps.accounts.services.registration import EntitlementUnknown
from apps.accounts.states import ArchiveEntitlement
from apps.audit.services import ledger
from apps.foundation.actors import Actor
from apps.foundation.clock import day_of
from apps.policies.services.force import version_in_force
from apps.staff.models import StaffMember

PERSON_FIELDS = ("given_name", "family_name", "birth_date", "street", "city", "postal_code", "state", "country")
ORGANIZATION_FIELDS = (
    "name", "country", "hipaa_covered", "archive_entitlement", "contact_name", "contact_email", "contact_phone",
)  # fmt: skip


def _write_changes(row: models.Model, wanted: Mapping[str, Any], at: datetime) -> list[str]:
    changed = sorted(name for name, value in wanted.items() if getattr(row, name) != value)
    for name in changed:
        setattr(row, name, wanted[name])
    if changed:
        row._history_date = at
        row.save(update_fields=changed)
    return changed


@transaction.atomic
def amend_organization(
    *, organization: Organization, changes: Mapping[str, Any], by: Actor | StaffMember, at: datetime
) -> Organization:
    """Change the named fields of an organization, in effect at once."""
    locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    before = locked.archive_entitlement
    wanted = {name: changes.get(name, getattr(locked, name)) for name in ORGANIZATION_FIELDS}
    changed = _write_changes(locked, _cleaned_organization(wanted), at)
    if changed:
        facts: dict[str, Any] = {"fields": changed}
        if "archive_entitlement" in changed:
            facts |= {"archive_before": str(before), "archive_now": str(locked.archive_entitlement)}
        if "hipaa_covered" in changed:
            facts |= {"hipaa_covered_now": locked.hipaa_covered}
        ledger.record("organization.amended", by=by, about=locked.reference, at=at, facts=facts)
    return locked


def _cleaned_organization(wanted: Mapping[str, Any]) -> dict[str, Any]:
    country = details.country(wanted["country"])
    if wanted["archive_entitlement"] not in ArchiveEntitlement.values:
        raise EntitlementUnknown
    phone = wanted["contact_phone"].strip()
    return {
        "name": details.line(wanted["name"], field="name", longest=120),
        "country": country,
        "hipaa_covered": wanted["hipaa_covered"],
        "archive_entitlement": wanted["archive_entitlement"],
        "contact_name": details.line(wanted["contact_name"], field="contact name", longest=120),
        "contact_email": details.email(wanted["contact_email"], field="contact e-mail"),
        "contact_phone": details.phone(phone, region=country, field="contact phone") if phone else "",
    }


@transaction.atomic
def amend_person(*, person: Person, changes: Mapping[str, Any], by: Actor | StaffMember, at: datetime) -> Person:
    """Change the named fields of a person. A date of birth that makes them a minor suspends them and opens a case, unless they are represented."""
    locked = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    wanted = {name: changes.get(name, getattr(locked, name)) for name in PERSON_FIELDS}
    if wanted["birth_date"] == locked.birth_date:
        wanted.pop("birth_date")  # what stays is not judged again
    cleaned = registration.person_columns(on=day_of(at), **wanted)
    was_minor = details.is_minor(locked.birth_date, on=day_of(at))
    changed = _write_changes(locked, {name: cleaned[name] for name in wanted}, at)
    if "birth_date" in changed:
        minors.birth_date_changed(locked, was_minor=was_minor, by=by, at=at)
    if changed:
        ledger.record("person.amended", by=by, about=locked.reference, at=at, facts={"fields": changed})
    return locked


def _lock(person: Person) -> Person:
    return Person.objects.select_for_update(no_key=True, of=("self",)).select_related("organization").get(pk=person.pk)


@transaction.atomic
def add_email(*, person: Person, address: str, by: Actor | StaffMember, at: datetime) -> PersonEmail:
    """Add an address. Refused where it belongs to somebody of the organization already."""
    locked = _lock(person)
    email = registration.write_email(locked, details.email(address), version=version_in_force(at), at=at)
    ledger.record("person.email_added", by=by, about=locked.reference, at=at)
    return email


@transaction.atomic
def add_phone(*, person: Person, number: str, by: Actor | StaffMember, at: datetime) -> PersonPhone:
    """Add a number, understood as one of the person's or the organization's country where it names none."""
    locked = _lock(person)
    region = locked.country or (locked.organization.country if locked.organization else "")
    phone = registration.write_phone(locked, details.phone(number, region=region), version=version_in_force(at), at=at)
    ledger.record("person.phone_added", by=by, about=locked.reference, at=at)
    return phone


@transaction.atomic
def add_identity(
    *, person: Person, source: str, external_id: str, by: Actor | StaffMember, at: datetime
) -> ExternalIdentity:
    """Add how a source names the person. Refused where it names somebody of the organization already."""
    locked = _lock(person)
    identity = registration.write_identity(
        locked, details.source(source), details.line(external_id, field="external id", longest=200),
        version=version_in_force(at), at=at,
    )  # fmt: skip
    ledger.record("person.identity_added", by=by, about=locked.reference, at=at, facts={"source": identity.source})
    return identity


@transaction.atomic
def remove(*, row: PersonEmail | PersonPhone | ExternalIdentity, by: Actor | StaffMember, at: datetime) -> None:
    """Take an address, a number or an external identity from a person. Its history stays with the person's."""
    locked = _lock(row.person)
    kind = {PersonEmail: "email", PersonPhone: "phone", ExternalIdentity: "identity"}[type(row)]
    row._history_date = at
    row.delete()
    ledger.record(f"person.{kind}_removed", by=by, about=locked.reference, at=at)
