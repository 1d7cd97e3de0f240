"""The API by which services register organizations and people. Answers carry references, never what was sent in.

What is not asked for is refused, so that nobody hands over a kind of personal data that no field declares (P01).
"""

import re
from datetime import date, datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Field, Header, Path, Router, Schema, Status
from pydantic import ConfigDict

from apps.accounts import details
from apps.accounts.bearer import ServiceTokenAuth
from apps.accounts.models import LinkedAccount, Organization, Person
from apps.accounts.services import amending, closing, linking, minors, registration, retries, tokens
from apps.accounts.states import FoundOut
from apps.foundation import clock

router = Router()

DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
COUNTRY = r"^[A-Z]{2}$"
ORGANIZATION = r"^ORG-[0-9A-Z]{7}$"


class Asked(Schema):
    """A body: its types are taken as they are, and fields nobody asked for are refused."""

    model_config = ConfigDict(strict=True, extra="forbid")


class ErrorOut(Schema):
    """What was refused and what mends it. `fields` names the parts of the body that do not fit; values are never repeated."""

    class Body(Schema):
        class FieldOut(Schema):
            field: str
            problem: str

        code: str
        what: str
        mend: str
        fields: list[FieldOut] | None = None

    error: Body


ERRORS = {401: ErrorOut, 403: ErrorOut, 404: ErrorOut, 409: ErrorOut, 413: ErrorOut, 422: ErrorOut, 503: ErrorOut}


class OrganizationIn(Asked):
    name: Annotated[str, Field(min_length=1, max_length=120)]
    country: Annotated[str, Field(pattern=COUNTRY, description="ISO 3166, two capital letters")] = "US"
    hipaa_covered: bool
    archive_entitlement: Literal["none", "hosted", "own_server", "both"] = "none"
    contact_name: Annotated[str, Field(min_length=1, max_length=120)]
    contact_email: Annotated[str, Field(min_length=3, max_length=254)]
    contact_phone: Annotated[
        str, Field(max_length=40, description="Optional. Without it urgent notices reach the client by e-mail only.")
    ] = ""


class OrganizationOut(Schema):
    reference: str
    registered_at: datetime
    policy_version: int


class IdentityIn(Asked):
    source: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,40}$", description="The system that gave the id, e.g. slack")]
    external_id: Annotated[str, Field(min_length=1, max_length=200)]


def _optional(field: str, longest: int, **more) -> object:
    """A field of a person that may stay empty, described by what is lost without it."""
    lost = Person._meta.get_field(field).personal.lost_without
    return Field("", max_length=longest, description=f"Optional. Without it: {lost}", **more)


class PersonIn(Asked):
    organization: Annotated[
        str | None, Field(pattern=ORGANIZATION, description="Leave out for somebody who registered by themself.")
    ] = None
    given_name: Annotated[str, Field(min_length=1, max_length=80)]
    family_name: str = _optional("family_name", 80)
    emails: Annotated[list[Annotated[str, Field(min_length=3, max_length=254)]], Field(max_length=10)] = []
    phones: Annotated[
        list[Annotated[str, Field(min_length=3, max_length=40)]],
        Field(max_length=10, description="Optional. Without it: calls and text messages can't be offered."),
    ] = []
    birth_date: Annotated[
        str | None,
        Field(
            pattern=DAY.pattern, json_schema_extra={"format": "date"},
            description="Optional. Without it: age is confirmed by the organization instead.",
        ),
    ] = None  # fmt: skip
    street: str = _optional("street", 200)
    city: str = _optional("city", 80)
    postal_code: str = _optional("postal_code", 20)
    state: str = _optional("state", 2, pattern=r"^([A-Z]{2})?$")
    country: str = _optional("country", 2, pattern=r"^([A-Z]{2})?$")
    identities: Annotated[list[IdentityIn], Field(max_length=20)] = []
    representative: Annotated[
        str,
        Field(
            pattern=r"^(REP-[0-9A-Z]{7})?$",
            description="Optional. Without it: nobody below 18 is registered. The verified representative who acts for them.",
        ),
    ] = ""


class BirthDateIn(Asked):
    birth_date: Annotated[str, Field(pattern=DAY.pattern, json_schema_extra={"format": "date"})]


class AgeOut(Schema):
    reference: str
    standing: str
    case: Annotated[str | None, Field(description="The open case about a minor without a representative, e.g. MIN-7F3K2M9")]
    due_at: datetime | None


class ClosingIn(Asked):
    how: Annotated[
        Literal["person", "client"], Field(description="By whose wish: the person cancelled it, or their organization took them out.")
    ]


class ClosedOut(Schema):
    reference: str
    standing: str
    closed_at: datetime | None


class PersonOut(Schema):
    reference: str
    organization: str | None
    registered_at: datetime
    policy_version: int


class LinkedIn(Asked):
    subject: Annotated[str, Field(min_length=1, max_length=linking.LONGEST_SUBJECT, description="The `sub` of the ID token")]
    scopes: Annotated[list[Annotated[str, Field(max_length=20)]], Field(min_length=1, max_length=10, description="Granted, not asked for")]
    claims: Annotated[dict[str, object], Field(max_length=40, description="Only what the scopes cover (OpenID Connect Core 1.0, 5.4)")] = {}
    access_token: Annotated[str, Field(max_length=8_000)] = ""
    refresh_token: Annotated[str, Field(max_length=8_000)] = ""
    token_lapses_at: datetime | None = None


class LinkedOut(Schema):
    reference: str
    provider: str
    scopes: list[str]
    claims: list[str]
    linked_at: datetime


PersonReference = Annotated[str, Path(pattern=r"^PER-[0-9A-Z]{7}$")]
ProviderCode = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_-]{1,40}$")]

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=retries.LONGEST_KEY, pattern=r"^[\x20-\x7e]+$",
        description="Send the same key again and the same answer comes, for three days.",
    ),
]  # fmt: skip


@router.post(
    "/organizations",
    auth=ServiceTokenAuth("organizations"),
    response={201: OrganizationOut, 200: OrganizationOut, **ERRORS},
    summary="Register an organization",
    tags=["accounts"],
)
def register_organization(request: HttpRequest, given: OrganizationIn, idempotency_key: Key = None):
    """Registers a client. 201 when it is new, 200 when the same Idempotency-Key was sent before."""
    at = clock.now()
    tokens.require_organization(request.auth, None)

    def register() -> tuple[Organization, bool]:
        return registration.register_organization(**given.model_dump(), by=request.auth.actor, at=at), True

    organization, is_new = retries.once(
        token=request.auth, key=idempotency_key, body=b"organization" + request.body, register=register, at=at
    )
    return Status(201 if is_new else 200, _organization_out(organization))


def _organization_out(organization: Organization) -> dict:
    return {
        "reference": organization.reference,
        "registered_at": organization.registered_at,
        "policy_version": organization.policy_version.number,
    }


@router.post(
    "/people",
    auth=ServiceTokenAuth("people"),
    response={201: PersonOut, 200: PersonOut, **ERRORS},
    summary="Register a person",
    tags=["accounts"],
)
def register_person(request: HttpRequest, given: PersonIn, idempotency_key: Key = None):
    """Registers a person. An external identity that is known already, or an Idempotency-Key sent before, gives the same
    person with 200 and changes nothing about them."""
    at = clock.now()
    tokens.require_organization(request.auth, given.organization)

    def register() -> tuple[Person, bool]:
        return registration.register_person_once(**_arguments(given), by=request.auth.actor, at=at)

    person, is_new = retries.once(
        token=request.auth, key=idempotency_key, body=b"person" + request.body, register=register, at=at
    )
    return Status(201 if is_new else 200, _person_out(person))


def _person(request: HttpRequest, reference: str) -> Person:
    """The person of that reference, as far as the token reaches them."""
    person = Person.objects.select_related("organization").filter(reference=reference).first()
    if person is None:
        raise registration.PersonUnknown
    tokens.require_organization(request.auth, person.organization.reference if person.organization else None)
    return person


@router.put(
    "/people/{reference}/birth-date",
    auth=ServiceTokenAuth("people"),
    response={200: AgeOut, **ERRORS},
    summary="Correct a person's date of birth",
    tags=["accounts"],
)
def correct_birth_date(request: HttpRequest, reference: PersonReference, given: BirthDateIn):
    """Corrects the date of birth. Below 18 and without a representative the person is suspended at once and a case is open; while one is open
    only our staff may say that somebody is of age."""
    changes = {"birth_date": _day(given.birth_date)}
    person = amending.amend_person(person=_person(request, reference), changes=changes, by=request.auth.actor, at=clock.now())
    return _age_out(person)


@router.post(
    "/people/{reference}/minor-reports",
    auth=ServiceTokenAuth("people"),
    response={200: AgeOut, **ERRORS},
    summary="Report that a person is below 18",
    tags=["accounts"],
)
def report_minor(request: HttpRequest, reference: PersonReference):
    """Suspends the person at once and opens a case, whatever the date of birth on file. Reported twice is once."""
    person = _person(request, reference)
    minors.report(person=person, how=FoundOut.REPORT, by=request.auth.actor, at=clock.now())
    person.refresh_from_db()
    return _age_out(person)


@router.post(
    "/people/{reference}/closing",
    auth=ServiceTokenAuth("people"),
    response={200: ClosedOut, **ERRORS},
    summary="Cancel a person's registration",
    tags=["accounts"],
)
def close_person(request: HttpRequest, reference: PersonReference, given: ClosingIn):
    """Closes the registration at once and for good. A request that erases the person begins by itself; within 60 days their personal
    information is out of the active service. Sent twice is once."""
    person = closing.close_person(person=_person(request, reference), how=given.how, by=request.auth.actor, at=clock.now())
    return {"reference": person.reference, "standing": person.standing, "closed_at": person.closed_at}


def _age_out(person: Person) -> dict:
    case = person.minor_cases.open().first()
    return {
        "reference": person.reference, "standing": person.standing, "case": case.reference if case else None, "due_at": case.due_at if case else None
    }  # fmt: skip


@router.get(
    "/people/{reference}/linked-accounts",
    auth=ServiceTokenAuth("people"),
    response={200: list[LinkedOut], **ERRORS},
    summary="The third-party accounts that a person linked",
    tags=["accounts"],
)
def linked_accounts(request: HttpRequest, reference: PersonReference):
    """The accounts that are linked now: which scopes were granted, and the names of what they told. Values are not repeated."""
    return [_linked_out(account) for account in _person(request, reference).linked_accounts.linked().prefetch_related("scopes", "claims")]


@router.put(
    "/people/{reference}/linked-accounts/{provider}",
    auth=ServiceTokenAuth("people"),
    response={200: LinkedOut, **ERRORS},
    summary="Link a third-party account",
    tags=["accounts"],
)
def link_account(request: HttpRequest, reference: PersonReference, provider: ProviderCode, given: LinkedIn):
    """Links the account with which a person signed on, or brings it up to date. A claim that no granted scope covers is refused, and
    nothing of the request is taken then. Tokens and values are sealed."""
    issued = {"access_token": given.access_token, "refresh_token": given.refresh_token}
    account = linking.link(
        person=_person(request, reference), provider=provider, subject=given.subject, scopes=given.scopes, claims=given.claims,
        tokens={name: token for name, token in issued.items() if token}, lapses_at=given.token_lapses_at, how="api",
        by=request.auth.actor, at=clock.now(),
    )  # fmt: skip
    return _linked_out(account)


@router.delete(
    "/people/{reference}/linked-accounts/{provider}",
    auth=ServiceTokenAuth("people"),
    response={204: None, **ERRORS},
    summary="Unlink a third-party account",
    tags=["accounts"],
)
def unlink_account(request: HttpRequest, reference: PersonReference, provider: ProviderCode):
    """Erases what the account told; the provider is told soon. 204 also where nothing was linked."""
    for account in _person(request, reference).linked_accounts.linked().filter(provider=provider):
        linking.unlink(account=account, how="api", by=request.auth.actor, at=clock.now())
    return Status(204, None)


def _linked_out(account: LinkedAccount) -> dict:
    return {
        "reference": account.reference, "provider": account.provider, "linked_at": account.linked_at,
        "scopes": sorted(scope.scope for scope in account.scopes.all()), "claims": sorted(claim.claim for claim in account.claims.all()),
    }  # fmt: skip


def _arguments(given: PersonIn) -> dict:
    arguments = given.model_dump()
    reference = arguments["organization"]
    return arguments | {
        "organization": registration.organization_by_reference(reference) if reference else None,
        "birth_date": _day(arguments["birth_date"]),
        "identities": [(identity.source, identity.external_id) for identity in given.identities],
    }


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise details.BirthDateNotValid("The field “birth date” is no date.") from None


def _person_out(person: Person) -> dict:
    return {
        "reference": person.reference,
        "organization": person.organization.reference if person.organization else None,
        "registered_at": person.registered_at,
        "policy_version": person.policy_version.number,
    }
