"""The API by which the product hands over what people ask about their data. Answers carry a reference, a state and a day, nothing about anybody."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Field, Path, Router, Schema, Status

from apps.accounts.api import ERRORS, Asked, Key
from apps.accounts.bearer import ServiceTokenAuth
from apps.accounts.models import Person
from apps.accounts.services import registration, tokens
from apps.data_requests import words
from apps.data_requests.models import ClientQuestion, DataRequest
from apps.data_requests.services import by_product, client_questions
from apps.data_requests.states import ERASES
from apps.foundation import clock

router = Router()

RequestReference = Annotated[str, Path(pattern=r"^REQ-[0-9A-Z]{7}$")]


class RequestIn(Asked):
    person: Annotated[str, Field(pattern=r"^PER-[0-9A-Z]{7}$", description="The reference that registration answered.")]
    kind: Annotated[
        Literal["deletion", "access", "categories", "correction", "withdrawal", "marketing_disclosures", "accounting", "complaint"],
        Field(
            description="What they ask for. An account is closed by /people/{reference}/closing and a minor reported by"
            " /people/{reference}/minor-reports, which begin requests of their own."
        ),
    ]
    text: Annotated[str, Field(max_length=10_000, description="In the person's words, where they wrote any.")] = ""
    correction: Annotated[str, Field(max_length=2_000, description="For a correction: what is wrong, and how it is right.")] = ""
    about_consent: Annotated[str, Field(max_length=80, description="For a withdrawal: the purpose's code.")] = ""
    state_of_residence: Annotated[str, Field(pattern=r"^([A-Z]{2})?$", description="U.S. state, where the person named it.")] = ""


class RequestOut(Schema):
    """Where a request stands."""

    reference: str
    state: str
    received_at: datetime
    due_at: Annotated[datetime | None, Field(description="The earliest of the days by which it has to be answered; none once it is over.")]


@router.post(
    "/requests",
    auth=ServiceTokenAuth("people"),
    response={201: RequestOut, 200: RequestOut, **ERRORS},
    summary="Hand over what a person asks about their data",
    tags=["requests"],
)
def ask(request: HttpRequest, given: RequestIn, idempotency_key: Key = None):
    """Opens a request. Where the person has asked for the same and that is still open, both are worked on as one and its clock goes on. 201 when
    it was taken down now, 200 when the same Idempotency-Key was sent before. The person proves it by a link to a contact on file, before
    anything is said or done about them."""
    person = Person.objects.select_related("organization").filter(reference=given.person).first()
    if person is None:
        raise registration.PersonUnknown
    tokens.require_organization(request.auth, person.organization.reference if person.organization else None)
    asked = words.Asked(**given.model_dump(exclude={"person"}))
    opened, is_new = by_product.hand_over(asked, person=person, token=request.auth, key=idempotency_key, body=request.body, at=clock.now())
    return Status(201 if is_new else 200, _out(opened))


@router.get(
    "/requests/{reference}",
    auth=ServiceTokenAuth("people"),
    response={200: RequestOut, **ERRORS},
    summary="Where a request stands",
    tags=["requests"],
)
def stands(request: HttpRequest, reference: RequestReference):
    """State and due day of a request that a service opened, and nothing else about it."""
    return _out(by_product.stands(reference, token=request.auth))


def _out(row: DataRequest) -> dict:
    """What joined another stands where that one stands."""
    first = by_product.that_goes_on(row)
    return {"reference": row.reference, "state": first.state, "received_at": row.received_at, "due_at": first.due_at}


QuestionReference = Annotated[str, Path(pattern=r"^CLQ-[0-9A-Z]{7}$")]
AT_A_TIME = 200


class QuestionOut(Schema):
    """What a client was asked about messages of one of its people, and what it said."""

    reference: str
    organization: str
    person: Annotated[str, Field(description="The reference that registration answered.")]
    about: Annotated[Literal["erasure", "copy"], Field(description="Whether the person is to be erased, or wants a copy.")]
    answers: Annotated[list[str], Field(description="The answers that there are.")]
    asked_at: Annotated[datetime | None, Field(description="None where the standing rule answered, and nobody was asked.")]
    due_at: datetime
    answer: Annotated[str, Field(description="Empty until it is answered.")]
    answered_at: datetime | None


class AnswerIn(Asked):
    answer: Literal["erase", "pseudonymise", "keep", "release", "withhold"]


@router.get(
    "/client-questions",
    auth=ServiceTokenAuth("messages"),
    response={200: list[QuestionOut], **ERRORS},
    summary="What waits for an answer of the client",
    tags=["requests"],
)
def client_questions_open(request: HttpRequest):
    """The questions that are not answered yet, the newest first, 200 at most."""
    rows = client_questions.of_client(request.auth).filter(answered_at=None)[:AT_A_TIME]
    return [_question_out(row) for row in rows]


@router.post(
    "/client-questions/{reference}/answer",
    auth=ServiceTokenAuth("messages"),
    response={200: QuestionOut, **ERRORS},
    summary="Answer what becomes of a person's messages",
    tags=["requests"],
)
def answer_client_question(request: HttpRequest, reference: QuestionReference, given: AnswerIn):
    """An answer stands once it is given; the same again is the same. A late one counts too: what had been left as it was is done then."""
    row = client_questions.answer_by_service(reference, answer=given.answer, token=request.auth, at=clock.now())
    return _question_out(row)


def _question_out(row: ClientQuestion) -> dict:
    return {
        "reference": row.reference, "organization": row.organization, "person": row.request.person_reference,
        "about": "erasure" if row.request.kind in ERASES else "copy", "answers": [answer.value for answer in client_questions.fitting(row.request)],
        "asked_at": row.asked_at, "due_at": row.due_at, "answer": row.answer, "answered_at": row.answered_at,
    }  # fmt: skip
