"""What staff do with a request: own it, read it, write notes, deny it; and what is denied by itself."""

import pytest

from apps.audit.models import Event
from apps.data_requests.models import RequestNote
from apps.data_requests.services import denying, owners, recording, wording
from apps.data_requests.states import Channel, DenialReason, Kind, State
from apps.foundation.actors import SYSTEM
from apps.foundation.moves import NotAMove
from apps.mail.models import OutgoingMail
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked


@pytest.fixture
def ada(house):
    return cast.ada(cast.client())


def test_a_request_has_one_owner_who_may_work_on_it(ada):
    request, dana = asked.request(person=ada), asked.dana()
    owners.take(request=request, by=dana, at=NOON)
    owners.hand_over(request=request, to=cast.cleo(), by=dana, at=NOON)
    owners.hand_over(request=request, to=cast.cleo(), by=dana, at=NOON)
    request.refresh_from_db()
    assert request.owner == str(cast.cleo().actor)
    assert Event.objects.filter(verb="request.handed_over").count() == 2
    with pytest.raises(owners.OwnerCannotWork):
        owners.hand_over(request=request, to=cast.bo(), by=dana, at=NOON)
    with pytest.raises(NotPermitted):
        owners.take(request=request, by=cast.bo(), at=NOON)


def test_what_is_over_changes_hands_no_more_and_takes_no_note(ada):
    request = asked.brought(asked.request(person=ada), State.DENIED)
    with pytest.raises(owners.IsOver):
        owners.take(request=request, by=asked.dana(), at=NOON)
    with pytest.raises(owners.IsOver):
        wording.note(request=request, text="Too late.", by=asked.dana(), at=NOON)


def test_a_note_is_sealed_counted_and_read_with_the_request(ada):
    request = asked.request(person=ada)
    for text in ("Called back.", "Called again."):
        wording.note(request=request, text=text, by=asked.dana(), at=NOON)
    wording.note(request=request, text="By e-mail: yes.", by=SYSTEM, at=NOON)
    asked.request(person=ada, text="And my calendar.", at=NOON + DAY)
    assert b"Called" not in b"".join(bytes(note.words) for note in RequestNote.objects.all())
    opened = recording.look(request=request, by=asked.dana(), at=NOON + 2 * DAY)
    assert [said.asked.text for said in opened.said] == [asked.TEXT, "And my calendar."]
    assert [(note.number, text) for note, text in opened.notes] == [(1, "Called back."), (2, "Called again."), (3, "By e-mail: yes.")]
    assert Event.objects.get(verb="request.read").facts == {"reason": "person_asked", "joined": 1, "notes": 3}


@pytest.mark.parametrize("text", ["", " \r\n", "x" * 20_001])
def test_a_note_says_something(ada, text):
    with pytest.raises(wording.NoteEmpty):
        wording.note(request=asked.request(person=ada), text=text, by=asked.dana(), at=NOON)


def test_nothing_is_shown_without_its_record_its_right_and_its_reason(ada):
    request = asked.request(person=ada)
    with pytest.raises(NotPermitted):
        recording.look(request=request, by=cast.staff("eve", Role.AUDITOR), at=NOON)
    with pytest.raises(recording.ReasonMissing):
        recording.look(request=request, by=asked.dana(), reason="curiosity", at=NOON)
    assert not Event.objects.filter(verb="request.read").exists()
    type(request).objects.filter(pk=request.pk).update(words=None)
    with pytest.raises(recording.NothingToRead):
        recording.look(request=request, by=asked.dana(), at=NOON)


def test_the_time_line_is_the_ledgers_and_of_this_request_alone(ada):
    request, other = asked.request(person=ada), asked.request(Kind.ACCESS, person=ada)
    owners.take(request=request, by=asked.dana(), at=NOON)
    owners.take(request=other, by=asked.dana(), at=NOON)
    assert [event.verb for event in recording.time_line(request)] == ["request.received", "request.handed_over"]


def test_a_denial_says_why_on_what_basis_and_how_to_appeal(ada):
    request = asked.request(person=ada, email=asked.EVE)
    denying.deny(request, reason=DenialReason.LAW, basis=" 45 CFR 164.316(b)(2):\n kept six years. ", by=asked.dana(), at=NOON)
    request.refresh_from_db()
    assert (request.state, request.outcome, request.denial_reason) == (State.DENIED, "denied", "law")
    assert request.denial_basis == "45 CFR 164.316(b)(2): kept six years."
    mail = OutgoingMail.objects.get(template="data_requests/letter")
    assert mail.to_address == asked.ADA
    assert "45 CFR 164.316(b)(2): kept six years." in mail.body
    assert "within 30 days" in mail.body
    assert {clock.stopped_by_event for clock in request.clocks.all()} == {"denied"}


@pytest.mark.parametrize(("reason", "basis"), [("law", " "), ("law", "x" * 501), ("mood", "None."), ("", "None.")])
def test_a_denial_without_reason_or_basis_is_none(ada, reason, basis):
    request = asked.request(person=ada)
    with pytest.raises(denying.BasisMissing):
        denying.deny(request, reason=reason, basis=basis, by=asked.dana(), at=NOON)
    with pytest.raises(NotPermitted):
        denying.deny(request, reason="law", basis="None.", by=cast.bo(), at=NOON)
    request.refresh_from_db()
    assert (request.state, OutgoingMail.objects.count()) == (State.RECEIVED, 0)


@pytest.mark.parametrize("state", [State.RUNNING, State.SCANNING, State.ANSWERING])
def test_what_is_being_carried_out_is_denied_no_more(ada, state):
    request = asked.brought(asked.request(person=ada), state)
    with pytest.raises(NotAMove):
        denying.deny(request, reason="law", basis="Too late.", by=asked.dana(), at=NOON)


def test_what_nobody_confirmed_is_denied_the_day_before_its_answer_is_due_and_not_before(ada):
    waiting = asked.request(person=ada)
    stranger = asked.request(email=asked.EVE)
    proven = asked.brought(asked.request(Kind.ACCESS, person=ada), State.IN_WORK)
    complaint = asked.request(Kind.COMPLAINT, channel=Channel.PHONE, email="")
    assert denying.deny_unproven(at=NOON + 43 * DAY) == 0
    assert (denying.deny_unproven(at=NOON + 44 * DAY), denying.deny_unproven(at=NOON + 44 * DAY)) == (2, 0)
    for row in (waiting, stranger, proven, complaint):
        row.refresh_from_db()
    assert [row.state for row in (waiting, stranger, proven, complaint)] == ["denied", "denied", "in_work", "in_work"]
    assert waiting.denial_reason == stranger.denial_reason == "unverified"
    letters = {mail.to_address: mail.body for mail in OutgoingMail.objects.filter(template="data_requests/letter")}
    assert set(letters) == {asked.ADA, asked.EVE}
    alike = [body.replace(row.reference, "REQ").partition("This is letter")[0] for body, row in ((letters[asked.ADA], waiting), (letters[asked.EVE], stranger))]
    assert alike[0] == alike[1]


def test_an_opt_out_that_nobody_confirmed_is_denied_before_its_own_earlier_day(ada):
    waiting = asked.request(Kind.WITHDRAWAL, person=ada)
    assert waiting.due_at == waiting.clocks.get().due_at
    assert denying.deny_unproven(at=waiting.due_at - 2 * DAY) == 0
    assert denying.deny_unproven(at=waiting.due_at - DAY) == 1
