"""The API by which the product shows a person what they may allow, takes their answer, and hands them their receipt.

It takes only what the person did in the product just now: a yes or a no needs the number and the digest of the text that was shown, and the
moment. Answers carry texts, codes and references.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Field, Path, Router, Schema

from apps.accounts.api import ERRORS, Asked, PersonReference
from apps.accounts.bearer import ServiceTokenAuth
from apps.accounts.models import Person, ServiceToken
from apps.accounts.services import registration, tokens
from apps.consents.models import ConsentEvent, ConsentPurpose, PurposeText, Standing
from apps.consents.services import asking, giving, receipts, withdrawing
from apps.consents.states import How
from apps.foundation import clock
from apps.foundation.refusals import Refusal

router = Router()

ConsentRef = Annotated[str, Path(pattern=r"^CNS-[0-9A-Z]{9}$")]
Code = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,40}$")]


class NoSuchConsent(Refusal):
    """This person has no consent with that reference."""

    code = "consent_unknown"
    mend = "Use the reference that giving, refusing or withdrawing answered."


class TextOut(Schema):
    number: int
    digest: str = Field(description="SHA-256 in hexadecimal; send it back with the answer, as proof of what was shown.")
    what_for: str
    collected: str
    lost_without: str
    categories: list[str]
    months: int | None


class ConsentOut(Schema):
    """Where a person stands with one purpose."""

    purpose: str
    title: str
    kind: str
    channel: str
    stands: bool
    may_be_asked: bool = Field(description="Whether the person may be asked now: not within twelve months after a no.")
    act: str = Field(description="What was said last: given, refused, withdrawn or expired; empty where nothing was.")
    since: datetime | None
    until: datetime | None
    consent: str = Field(description="The reference of what was said last, for its receipt.")
    text: TextOut | None = Field(description="The text in force, to be shown in full before asking.")


class ConsentsOut(Schema):
    consents: list[ConsentOut]


class AnswerIn(Asked):
    """What the person did. To give or to refuse needs what they were shown and when."""

    act: Literal["give", "refuse", "withdraw"]
    text: Annotated[int, Field(ge=1, le=100_000)] | None = None
    shown: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    shown_at: Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})] | None = None
    where: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]{0,40}$", description="Which screen, as a code of yours.")] = ""


class AnswerOut(Schema):
    consent: str = Field(description="The reference of what was recorded; empty where nothing stood that could be withdrawn.")
    stands: bool


@router.get(
    "/people/{reference}/consents", auth=ServiceTokenAuth("people"), response={200: ConsentsOut, **ERRORS},
    summary="What a person allowed, and what they may be asked", tags=["consents"],
)  # fmt: skip
def consents(request: HttpRequest, reference: PersonReference):
    """Every open purpose and every one that the person has decided on, each with the text in force."""
    at, person = clock.now(), _person(request.auth, reference)
    standings = {row.purpose_id: row for row in Standing.objects.filter(person=person).select_related("event")}
    texts = {text.purpose_id: text for text in PurposeText.objects.in_force(at)}
    shown = [purpose for purpose in ConsentPurpose.objects.order_by("code") if purpose.is_open or purpose.pk in standings]
    return {"consents": [_out(person, purpose, standings.get(purpose.pk), texts.get(purpose.pk), at) for purpose in shown]}


@router.post(
    "/people/{reference}/consents/{purpose}", auth=ServiceTokenAuth("people"), response={200: AnswerOut, **ERRORS},
    summary="Give, refuse or withdraw a consent", tags=["consents"],
)  # fmt: skip
def answer(request: HttpRequest, reference: PersonReference, purpose: Code, given: AnswerIn):
    """Recorded once, however often it is sent. A withdrawal has erased what was collected under the consent when this answers."""
    at, person = clock.now(), _person(request.auth, reference)
    if not ConsentPurpose.objects.filter(pk=purpose).exists():
        raise asking.PurposeUnknown
    by = {"person": person, "purpose": purpose, "how": How.API, "where": given.where, "by": request.auth.actor, "at": at}
    if given.act == "withdraw":
        event = withdrawing.withdraw(**by)
    else:
        verb = giving.give if given.act == "give" else giving.refuse
        event = verb(**by, text=given.text or 0, shown=bytes.fromhex(given.shown or ""), shown_at=_moment(given.shown_at))
    return {"consent": event.reference if event else "", "stands": asking.may(person_id=person.pk, purpose=purpose, at=at)}


@router.get(
    "/people/{reference}/consents/receipts/{consent}", auth=ServiceTokenAuth("people"), response={200: None, **ERRORS},
    summary="The signed receipt of a consent", tags=["consents"],
)  # fmt: skip
def receipt(request: HttpRequest, reference: PersonReference, consent: ConsentRef):
    """Signed JSON with the fields of ISO/IEC TS 27560:2023, for the person to keep."""
    person = _person(request.auth, reference)
    event = ConsentEvent.objects.select_related("person", "text__purpose", "policy_version").filter(person=person, reference=consent).first()
    if event is None:
        raise NoSuchConsent
    return HttpResponse(receipts.receipt(event), content_type="application/json", headers={"Cache-Control": "no-store"})


def _person(token: ServiceToken, reference: str) -> Person:
    """The person of that reference, as far as the token reaches them."""
    person = Person.objects.select_related("organization").filter(reference=reference).first()
    if person is None:
        raise registration.PersonUnknown
    tokens.require_organization(token, person.organization.reference if person.organization else None)
    return person


def _moment(text: str | None) -> datetime | None:
    """A moment with its offset; without one nobody knows when it was."""
    try:
        moment = datetime.fromisoformat(text) if text else None
        return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _out(person: Person, purpose: ConsentPurpose, standing: Standing | None, text: PurposeText | None, at: datetime) -> dict:
    return {
        "purpose": purpose.code, "title": purpose.title, "kind": purpose.kind, "channel": purpose.channel,
        "stands": asking.may(person_id=person.pk, purpose=purpose.pk, at=at),
        "may_be_asked": asking.may_ask(person_id=person.pk, purpose=purpose.pk, at=at),
        "act": standing.event.act if standing else "", "since": standing.since if standing else None,
        "until": standing.until if standing else None, "consent": standing.event.reference if standing else "",
        "text": _text_out(text) if text is not None else None,
    }  # fmt: skip


def _text_out(text: PurposeText) -> dict:
    return {
        "number": text.number, "digest": bytes(text.digest).hex(), "what_for": text.words, "collected": text.collected,
        "lost_without": text.lost_without, "categories": text.categories, "months": text.months,
    }  # fmt: skip
