"""The API by which services ask whether something may leave, and say that it leaves now. References and codes only, never data.

A token in an address would stand in logs, so a permit is spent by a body. Every answer is recorded before it is sent.
"""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from apps.accounts.api import ERRORS, Asked, ErrorOut, Key
from apps.accounts.bearer import ServiceTokenAuth
from apps.accounts.models import Person, ServiceToken
from apps.accounts.services.tokens import TokenNotForThis
from apps.foundation import clock
from apps.foundation.refusals import Refusal
from apps.gate.package import MOST_FIELDS, About, Package, Recipient
from apps.gate.services import deciding, permits, recording, remembering
from apps.gate.states import RecipientKind

router = Router()

MOST_PEOPLE = 3_000
PREFIXES = {"PRV": RecipientKind.PROVIDER, "ORG": RecipientKind.CLIENT, "PER": RecipientKind.PERSON}

PersonRef = Annotated[str, Field(pattern=r"^PER-[0-9A-Z]{7}$")]
OrganizationRef = Annotated[str, Field(pattern=r"^ORG-[0-9A-Z]{7}$")]
RecipientRef = Annotated[str, Field(pattern=r"^(PRV|ORG|PER)-[0-9A-Z]{7}$", description="A provider, a client or a person, by reference.")]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,59}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the bytes, in hexadecimal.")]


class AboutIn(Asked):
    """Whose data it is: exactly one of the three."""

    person: PersonRef | None = None
    people: Annotated[list[PersonRef], Field(min_length=1, max_length=MOST_PEOPLE)] | None = None
    organization: OrganizationRef | None = None
    count: Annotated[int, Field(ge=0, le=1_000_000_000, description="With an organization: how many of its people are in it.")] | None = None


class DecisionIn(Asked):
    recipient: RecipientRef
    about: AboutIn
    categories: Annotated[list[Code], Field(max_length=20, description="Data categories of the vocabulary.")]
    fields: Annotated[list[FieldName], Field(max_length=MOST_FIELDS, description="The fields it holds, by name.")] = []
    purpose: Code
    ground: Code
    consent: Annotated[
        str | None, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="With the ground “consent”: the purpose that people consented to.")
    ] = None
    patient_information: bool
    digest: Digest | None = None
    size: Annotated[int, Field(ge=0, le=1 << 60)] | None = None
    object: Annotated[str, Field(min_length=1, max_length=120, description="What it is, by a reference of yours, e.g. EXP-2026-11/part 1.")]
    countries: Annotated[list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]], Field(max_length=50, description="Where it goes.")]


class DecisionOut(Schema):
    permit: str
    expires_at: datetime
    disclosure: str


class ReasonOut(Schema):
    code: str
    text: str
    mend: str


class RefusedOut(ErrorOut):
    """The refusal, and every reason for it; `refusal` is its reference in the ledger."""

    reasons: list[ReasonOut] | None = None
    refusal: str | None = None


class SpendingIn(Asked):
    permit: Annotated[str, Field(min_length=1, max_length=permits.LONGEST_TOKEN)]
    recipient: RecipientRef
    fields: Annotated[list[FieldName], Field(max_length=MOST_FIELDS)] = []
    digest: Digest | None = None


class SpendingOut(Schema):
    spent_at: datetime


class AboutNotClear(Refusal):
    """A package is about one person, a set of people, or an organization."""

    code = "about_not_clear"
    mend = "Name exactly one of the three."


@router.post(
    "/gate/decisions", auth=ServiceTokenAuth("gate"), response={201: DecisionOut, 200: DecisionOut, **ERRORS, 403: RefusedOut},
    summary="Ask whether something may leave", tags=["gate"],
)  # fmt: skip
def decide(request: HttpRequest, given: DecisionIn, idempotency_key: Key = None):
    """A permit for exactly this package, once and for some minutes; or 403 with every reason. 200 when the same key was sent before."""
    package = _package(given)
    _require_own(request.auth, package)
    try:
        said = remembering.decide_once(
            package=package, service=request.auth, key=idempotency_key, body=request.body, at=clock.now()
        )
    except deciding.Refused as no:
        return Status(403, {"error": no.as_dict(), "reasons": recording.as_rows(no.reasons), "refusal": no.refusal.reference})
    permit = said.permit
    return Status(
        201 if said.is_new else 200,
        {"permit": said.token, "expires_at": permit.lapses_at, "disclosure": permit.disclosure.reference},
    )


@router.post(
    "/gate/spendings", auth=ServiceTokenAuth("gate"), response={200: SpendingOut, **ERRORS, 403: RefusedOut, 410: ErrorOut},
    summary="Say that it leaves now", tags=["gate"],
)  # fmt: skip
def spend(request: HttpRequest, given: SpendingIn):
    """Spends the permit for good. Nothing may leave before this was answered with 200, and nothing by the same permit afterwards."""
    try:
        permit = permits.spend(
            permit=given.permit, recipient=_recipient(given.recipient), fields=frozenset(given.fields), digest=_digest(given.digest),
            at=clock.now(),
        )  # fmt: skip
    except permits.GroundGone as no:
        return Status(403, {"error": no.as_dict(), "reasons": recording.as_rows(no.reasons)})
    return {"spent_at": permit.spent_at}


def _package(given: DecisionIn) -> Package:
    about = given.about
    named = [kind for kind in ("person", "people", "organization") if getattr(about, kind) is not None]
    if len(named) != 1 or (about.count is not None and named != ["organization"]):
        raise AboutNotClear
    makes = {
        "person": lambda: About.person(about.person), "people": lambda: About.people(about.people),
        "organization": lambda: About.organization(about.organization, about.count),
    }  # fmt: skip
    return Package(
        recipient=_recipient(given.recipient), about=makes[named[0]](), categories=frozenset(given.categories), fields=frozenset(given.fields),
        purpose=given.purpose, ground=given.ground, patient_information=given.patient_information, digest=_digest(given.digest),
        size=given.size, what=given.object, countries=tuple(given.countries), consent=given.consent or "",
    )  # fmt: skip


def _recipient(reference: str) -> Recipient:
    return Recipient(PREFIXES[reference[:3]], reference)


def _digest(text: str | None) -> bytes | None:
    return bytes.fromhex(text) if text is not None else None


def _require_own(service: ServiceToken, package: Package) -> None:
    """A token that is limited to one organization asks for that organization and its people only."""
    if service.organization_id is None:
        return
    named = package.about.people_named
    own = Person.objects.filter(reference__in=named, organization_id=service.organization_id).count() == len(named)
    if not own or package.about.organization_named not in ("", service.organization.reference):
        raise TokenNotForThis("The token is limited to another organization.")
