"""Requests in several states, their letters and templates; with words and addresses that no page may show unasked."""

from datetime import date, timedelta

from django.db import transaction

from apps.accounts.models import Person
from apps.data_requests.models import DataRequest, Letter, LetterTemplate
from apps.data_requests.services import agents, denying, extending, letters, moving, opening, owners, proving
from apps.data_requests.services.opening import Asked
from apps.data_requests.states import Channel, Kind
from apps.foundation.actors import SYSTEM
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import FORMULAS, PRESENT, Rows, Scene

TEXT = "Whisperworth, please look at all of it"


def dana() -> StaffMember:
    return accounts.member("dana", Role.PRIVACY_ANALYST)


def opened(kind: str, *, person: Person | None = None, channel: str = Channel.FORM, hours: int = 30, **more) -> DataRequest:
    at = PRESENT - timedelta(hours=hours)
    asked = Asked(**{"kind": kind, "text": TEXT, "name": "Beatrix Whisperworth", "email": "beatrix@elsewhere.example"} | more)
    return opening.open_request(asked, channel=channel, person=person, received_at=at, by=SYSTEM, at=at)[0]


def request(number: int = 0) -> DataRequest:
    """One that waits for proof, one of somebody known that is in work, one that was denied."""
    if number == 0:
        return begun(opened(Kind.DELETION))
    if number == 1:
        return owners.take(request=opened(Kind.ACCESS, person=accounts.person(1), channel=Channel.OWN), by=dana(), at=PRESENT)
    asked = opened(Kind.CORRECTION, email="carl@elsewhere.example")
    return denying.deny(asked, reason="not_held", basis=FORMULAS[0], by=dana(), at=PRESENT - timedelta(hours=1))


@transaction.atomic
def begun(asked: DataRequest) -> DataRequest:
    return proving.begin(moving.locked(asked.pk), at=PRESENT - timedelta(hours=29))


def known(kind: str = Kind.DELETION, **more) -> DataRequest:
    """Of somebody known, waiting for proof."""
    return begun(opened(kind, person=accounts.person(0), email="adelaide0@quuxworth.example", **more))


def in_work(kind: str = Kind.CORRECTION) -> DataRequest:
    return opened(kind, person=accounts.person(0), channel=Channel.OWN)


def attorneys(member: StaffMember) -> DataRequest:
    """Somebody with a power of attorney asks, whose document `member` took."""
    asked = known(asker="attorney", document=b"%PDF-1.7 I give her my power", agent_name="Agatha Whisperworth")
    agents.take_document(request=asked, by=member, at=PRESENT)
    return asked


def suspended(_member: StaffMember) -> DataRequest:
    asked = in_work(Kind.ACCOUNTING)
    extending.pause(request=asked, regime="hipaa_accounting", basis="written", until=PRESENT + timedelta(days=40), by=dana(), at=PRESENT)
    return asked


def letter(number: int = 0) -> Letter:
    asked = (in_work(), opened(Kind.COMPLAINT), opened(Kind.COMPLAINT, email="carl@elsewhere.example"))[number]
    at = PRESENT - timedelta(hours=29 - 13 * number)
    return letters.by_hand(request=asked, code="question", text=f"{FORMULAS[number]} Whisperworth?", by=dana(), at=at)


def template(number: int = 0) -> LetterTemplate:
    code = ("answer", "denial", "question")[number]
    return letters.write_version(
        code=code, title=f"={number}+1", subject=f"About {{reference}}, {number}", body="Hello, about {reference}.", by=dana(), at=PRESENT - timedelta(hours=9)
    )


def with_dana(_member: StaffMember) -> DataRequest:
    dana()
    return request()


def about_somebody(_member: StaffMember) -> DataRequest:
    accounts.person(0)
    return request()


INTAKE = {
    "kind": "access", "channel": "phone", "received_on": date(2026, 3, 27).isoformat(), "text": "She wants a copy.", "name": "Beatrix Whisperworth",
    "email": "", "phone": "", "person": "", "organization": "", "state_of_residence": "CA", "asker": "self", "agent_name": "", "agent_email": "",
}  # fmt: skip

ROWS = {
    DataRequest: Rows(request),
    Letter: Rows(letter),
    LetterTemplate: Rows(template, fixed=True),
}

SCENES = {
    (DataRequest, "take_in"): Scene(lambda _member: None, INTAKE),
    (DataRequest, "read"): Scene(lambda _member: request(), {"reason": "person_asked"}),
    (DataRequest, "take"): Scene(lambda _member: request()),
    (DataRequest, "hand_over"): Scene(with_dana, lambda _thing: {"owner": dana().reference}),
    (DataRequest, "note"): Scene(lambda _member: request(), {"text": "Called, nobody there."}),
    (DataRequest, "match"): Scene(about_somebody, lambda _thing: {"person": Person.objects.get().reference}),
    (DataRequest, "correct_kind"): Scene(lambda _member: request(), {"kind": "access"}),
    (DataRequest, "send_again"): Scene(lambda _member: known()),
    (DataRequest, "identify"): Scene(lambda _member: known(), {"way": "document"}),
    (DataRequest, "take_document"): Scene(lambda _member: known(asker="attorney", document=b"%PDF-1.7 I give her my power")),
    (DataRequest, "accept_power"): Scene(attorneys),
    (DataRequest, "acknowledge"): Scene(lambda _member: request()),
    (DataRequest, "letter"): Scene(lambda _member: in_work(), {"code": "corrected", "text": "Your name is right now."}),
    (DataRequest, "extend"): Scene(lambda _member: in_work(), {"regime": "ccpa_answer", "reason": "Your data lies in many places."}),
    (DataRequest, "pause"): Scene(lambda _member: in_work(Kind.ACCOUNTING), {"basis": "oral", "until": "2026-04-10"}),
    (DataRequest, "resume"): Scene(suspended),
    (DataRequest, "deny"): Scene(lambda _member: request(), {"reason": "not_held", "basis": "Nothing was found by what was given."}),
    (LetterTemplate, "write"): Scene(lambda _member: letters.newest("answer"), {"title": "Answer", "subject": "About {reference}", "body": "{text}"}),
}
