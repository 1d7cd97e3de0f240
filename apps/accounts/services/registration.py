"""Organizations and people come in: by the API, by staff, by an import. Each row knows the policy then in force (P01, P26).

Registering somebody under the same external identity twice gives the same person. People are never merged or matched
across organizations. Nobody below 18 comes in without a verified representative (P24); the database refuses that too.
It must never report a value it was given: refusals name fields.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import transaction

from apps.accounts import details
from apps.accounts.models import (
    ExternalIdentity,
    Organization,
    Person,
    PersonEmail,
    PersonPhone,
    Representative,
)
from apps.accounts.services import representing
from apps.accounts.states import ArchiveEntitlement, OrganizationStanding
from apps.audit.services import ledger
from apps.foundation.actors import Actor
from apps.foundation.clock import day_of
from apps.foundation.refusals import Refusal
from apps.policies.models import PolicyVersion
from apps.policies.services.force import version_in_force
from apps.staff.models import StaffMember


class OrganizationUnknown(Refusal):
    """There is no organization with that reference."""

    code = "organization_unknown"
    mend = "Register the organization first, or correct its reference."


class PersonUnknown(Refusal):
    """There is no person with that reference."""

    code = "person_unknown"
    mend = "Send the reference that registration answered, e.g. PER-7F3K2M9."


class OrganizationDeparted(Refusal):
    """The organization has left; nobody is registered for it any more."""

    code = "organization_departed"
    mend = "Register the person with the organization they belong to now."


class EntitlementUnknown(Refusal):
    """That is no kind of archive."""

    code = "entitlement_unknown"
    mend = "Choose one of: none, hosted, own_server, both."


class EmailTaken(Refusal):
    """An e-mail address already belongs to a person of this organization."""

    code = "email_taken"
    mend = "Use the person who is registered already, or another address."


class IdentityTaken(Refusal):
    """An external identity already names another person of this organization."""

    code = "identity_taken"
    mend = "Correct the external id, or use the person it names."


class IdentitiesDisagree(Refusal):
    """The external identities given name different people."""

    code = "identities_disagree"
    mend = "Send only identities of one person."


class IdentityNeedsOrganization(Refusal):
    """An external identity counts within an organization only, and none was given."""

    code = "identity_needs_organization"
    mend = "Name the organization, or leave the identities out."


def organization_by_reference(reference: str) -> Organization:
    """The organization of that reference. Raises OrganizationUnknown."""
    organization = Organization.objects.filter(reference=reference).first()
    if organization is None:
        raise OrganizationUnknown
    return organization


@transaction.atomic
def register_organization(
    *,
    name: str,
    country: str,
    hipaa_covered: bool,
    archive_entitlement: str,
    contact_name: str,
    contact_email: str,
    contact_phone: str = "",
    by: Actor | StaffMember,
    at: datetime,
) -> Organization:
    """Register a client. Two clients may have the same name: the reference tells them apart."""
    version = version_in_force(at)
    code = details.country(country)
    if archive_entitlement not in ArchiveEntitlement.values:
        raise EntitlementUnknown
    organization = Organization(
        name=details.line(name, field="name", longest=120),
        country=code,
        hipaa_covered=hipaa_covered,
        archive_entitlement=archive_entitlement,
        contact_name=details.line(contact_name, field="contact name", longest=120),
        contact_email=details.email(contact_email, field="contact e-mail"),
        contact_phone=details.phone(contact_phone, region=code, field="contact phone") if contact_phone.strip() else "",
        registered_at=at,
        policy_version=version,
    )
    organization._history_date = at
    organization.save(force_insert=True)
    ledger.record(
        "organization.registered", by=by, about=organization.reference, at=at,
        facts={
            "country": code, "hipaa_covered": hipaa_covered, "archive_entitlement": str(archive_entitlement),
            "policy": version.reference,
        },
    )  # fmt: skip
    return organization


def register_person(
    *,
    organization: Organization | None,
    given_name: str,
    family_name: str = "",
    emails: Sequence[str] = (),
    phones: Sequence[str] = (),
    birth_date: date | None = None,
    street: str = "",
    city: str = "",
    postal_code: str = "",
    state: str = "",
    country: str = "",
    identities: Sequence[tuple[str, str]] = (),
    representative: str = "",
    by: Actor | StaffMember,
    at: datetime,
) -> Person:
    """Register a person, or find the one whom an identity among `identities` (source, external id) names already.

    `representative` is the reference of the verified one who acts for somebody below 18.
    """
    person, _is_new = register_person_once(
        organization=organization, given_name=given_name, family_name=family_name, emails=emails, phones=phones,
        birth_date=birth_date, street=street, city=city, postal_code=postal_code, state=state, country=country,
        identities=identities, representative=representative, by=by, at=at,
    )  # fmt: skip
    return person


@transaction.atomic
def register_person_once(
    *, organization: Organization | None, identities: Sequence[tuple[str, str]] = (), representative: str = "", by: Actor | StaffMember,
    at: datetime, **given,
) -> tuple[Person, bool]:  # fmt: skip
    """As register_person; also tells whether the person is new. A known person stays exactly as they are.

    The organization's row is locked, so that two services that register the same identity at once get one person.
    """
    named = [(details.source(source), details.line(value, field="external id", longest=200)) for source, value in identities]
    if organization is None and named:
        raise IdentityNeedsOrganization
    if organization is not None:
        organization = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        known = _known_by(organization, named)
        if known is not None:
            return known, False
        if organization.standing != OrganizationStanding.ACTIVE:
            raise OrganizationDeparted
    cleaned = _Given.cleaned(organization=organization, on=day_of(at), **given)
    acting = _representative(cleaned.columns, representative, at=at)
    person = _register(cleaned, named, by=by, at=at)
    if acting is not None:
        representing.bind(acting, person, by=by, at=at)
    return person, True


def _representative(columns: dict, reference: str, *, at: datetime) -> Representative | None:
    """Who acts for somebody below 18, locked until they are bound; None for everybody else."""
    is_minor = details.is_minor(columns["birth_date"], on=day_of(at))
    if is_minor and not reference:
        raise details.MinorNotRepresented
    if reference and not is_minor:
        raise representing.RepresentativeNotNeeded
    if not is_minor:
        return None
    return representing.for_registration(reference, given_name=columns["given_name"], birth_date=columns["birth_date"], at=at)


def _known_by(organization: Organization, named: Iterable[tuple[str, str]]) -> Person | None:
    people = {
        identity.person_id: identity.person
        for source, external_id in named
        for identity in ExternalIdentity.objects.filter(
            organization=organization, source=source, external_id=external_id
        ).select_related("person")
    }
    if len(people) > 1:
        raise IdentitiesDisagree
    return next(iter(people.values()), None)


@dataclass(frozen=True)
class _Given:
    """What was given about a person, cleaned, before anything is written."""

    organization: Organization | None
    columns: dict = field(default_factory=dict)
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    @classmethod
    def cleaned(
        cls, *, organization: Organization | None, on: date, given_name: str, family_name: str = "",
        emails: Sequence[str] = (), phones: Sequence[str] = (), birth_date: date | None = None, street: str = "",
        city: str = "", postal_code: str = "", state: str = "", country: str = "",
    ) -> "_Given":  # fmt: skip
        columns = person_columns(
            on=on, given_name=given_name, family_name=family_name, birth_date=birth_date, street=street, city=city,
            postal_code=postal_code, state=state, country=country,
        )  # fmt: skip
        region = columns["country"] or (organization.country if organization else "")
        return cls(
            organization=organization,
            columns=columns,
            emails=tuple(details.email(address) for address in emails),
            phones=tuple(dict.fromkeys(details.phone(number, region=region) for number in phones)),
        )


def person_columns(
    *, on: date, given_name: str, family_name: str = "", birth_date: date | None = None, street: str = "", city: str = "",
    postal_code: str = "", state: str = "", country: str = "",
) -> dict:  # fmt: skip
    """The columns of a person, cleaned. Raises the refusals of apps.accounts.details."""
    return {
        "given_name": details.line(given_name, field="given name", longest=80),
        "family_name": details.line(family_name, field="family name", longest=80, optional=True),
        "birth_date": details.birth_date(birth_date, on=on),
        "street": details.line(street, field="street", longest=200, optional=True),
        "city": details.line(city, field="city", longest=80, optional=True),
        "postal_code": details.line(postal_code, field="postal code", longest=20, optional=True),
        "state": details.us_state(state),
        "country": details.country(country, optional=True),
    }


def _register(
    given: _Given, named: Sequence[tuple[str, str]], *, by: Actor | StaffMember, at: datetime
) -> Person:
    version = version_in_force(at)
    person = Person(organization=given.organization, registered_at=at, age_seen_on=day_of(at), policy_version=version, **given.columns)
    person._history_date = at
    person.save(force_insert=True)
    for address in given.emails:
        write_email(person, address, version=version, at=at)
    for number in given.phones:
        write_phone(person, number, version=version, at=at)
    for source, external_id in dict.fromkeys(named):
        write_identity(person, source, external_id, version=version, at=at)
    ledger.record(
        "person.registered", by=by, about=person.reference, at=at,
        facts={
            "organization": given.organization.reference if given.organization else None,
            "fields": sorted(name for name, value in given.columns.items() if value),
            "emails": len(given.emails), "phones": len(given.phones), "identities": len(set(named)),
            "policy": version.reference,
        },
    )  # fmt: skip
    return person


def write_email(person: Person, address: str, *, version: PolicyVersion, at: datetime) -> PersonEmail:
    """Add a clean address to a person, inside the caller's transaction. Raises EmailTaken."""
    normalised = details.normalise_email(address)
    if PersonEmail.objects.filter(organization_id=person.organization_id, normalised=normalised).exists():
        raise EmailTaken
    email = PersonEmail(
        person=person, organization_id=person.organization_id, address=address, normalised=normalised,
        added_at=at, policy_version=version,
    )  # fmt: skip
    email._history_date = at
    email.save(force_insert=True)
    return email


def write_phone(person: Person, number: str, *, version: PolicyVersion, at: datetime) -> PersonPhone:
    """Add a number in E.164 to a person, inside the caller's transaction; one that stands already stays as it is."""
    known = PersonPhone.objects.filter(person=person, number=number).first()
    if known is not None:
        return known
    phone = PersonPhone(person=person, number=number, added_at=at, policy_version=version)
    phone._history_date = at
    phone.save(force_insert=True)
    return phone


def write_identity(
    person: Person, source: str, external_id: str, *, version: PolicyVersion, at: datetime
) -> ExternalIdentity:
    """Add an external identity to a person, inside the caller's transaction. Raises IdentityTaken."""
    if person.organization_id is None:
        raise IdentityNeedsOrganization
    named = ExternalIdentity.objects.filter(
        organization_id=person.organization_id, source=source, external_id=external_id
    )
    if named.exists():
        raise IdentityTaken
    identity = ExternalIdentity(
        person=person, organization_id=person.organization_id, source=source, external_id=external_id,
        added_at=at, policy_version=version,
    )  # fmt: skip
    identity._history_date = at
    identity.save(force_insert=True)
    return identity
