"""A client decides on its messages: asked by mail, reminded, answering by its service or to staff, late too, and by a rule once for all."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import Organization
from apps.accounts.services import tokens
from apps.accounts.services.subjects import subject_of
from apps.audit.models import Event
from apps.data_requests.models import ClientQuestion, DataRequest, Remainder, Step
from apps.data_requests.services import client_questions, executing, remaining
from apps.data_requests.services.client_questions import AnswerUnfit, QuestionAnswered
from apps.data_requests.states import Kind, Regime, State, StepState
from apps.foundation.actors import SYSTEM
from apps.mail.models import OutgoingMail
from apps.retention.importing.lines import Party
from apps.retention.models import EarlyDeletion, PersonRule
from apps.retention.services import people
from apps.retention.services.people import rules
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked, carried

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
BEN = Party(email="ben@client.example", name="Ben")


@pytest.fixture(autouse=True)
def own_house(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    cast.house()


@pytest.fixture
def clinic():
    """A client whose messages live for a quarter of a year."""
    return cast.hill_clinic(90)


@pytest.fixture
def ada(clinic):
    person = cast.ada(clinic)
    cast.hand_over(clinic, [cast.message(1), cast.message(2), cast.message(3, sender=BEN, recipients=(Party(email=asked.ADA),))])
    return person


def erasing(person, at=NOON) -> DataRequest:
    """Approved and worked on until the client is waited for."""
    return carried.carried_out(person, at=at)


def work(request, at) -> DataRequest:
    executing.work_due(at=at)
    request.refresh_from_db()
    return request


def rule(clinic, erasure, access="ask"):
    said = PersonRule(organization=clinic, erasure=erasure, access=access, evidence="Letter of 2 March")
    return rules.approve(rule=rules.propose(rule=said, by=cast.bo(), at=NOON), by=cast.cleo(), at=NOON)


def mails(template="data_requests/client_question"):
    return list(OutgoingMail.objects.filter(template=template).order_by("pk"))


def said(question, answer, at, by=None):
    return client_questions.record_answer(question=question, answer=answer, evidence="Letter 7 in the file", by=by or asked.dana(), at=at)


def test_the_client_is_asked_by_mail_and_named_nobody_but_by_reference(ada, clinic):
    request = erasing(ada)
    question = ClientQuestion.objects.get()
    assert (question.request, question.organization, question.answer) == (request, clinic.reference, "")
    (mail,) = mails()
    assert mail.to_address == clinic.contact_email
    assert ada.reference in mail.body
    assert question.reference in mail.subject
    assert "ada@" not in mail.body.casefold()
    assert "Lovell" not in mail.body
    assert "erase: delete their messages early" in mail.body
    clock = request.clocks.get(regime=Regime.CLIENT_ANSWER)
    assert clock.due_at == question.due_at == question.asked_at + 20 * DAY
    assert request.letters.filter(template__code="client_decides").count() == 1


def test_everything_else_goes_on_while_the_client_is_waited_for(ada):
    request = erasing(ada)
    assert request.state == State.RUNNING
    waiting = Step.objects.exclude(state=StepState.DONE)
    assert {step.holding for step in waiting} >= {"retention.messages", ada.organization.reference}
    assert people.count(subject_of(ada), carried.due(request)) == 3


def test_its_answer_is_carried_out_and_the_clock_stops(ada):
    request = erasing(ada)
    at = carried.due(request) + HOUR
    said(ClientQuestion.objects.get(), "erase", at)
    assert request.clocks.get(regime=Regime.CLIENT_ANSWER).stopped_by_event == "client_answered"
    assert work(request, at).state == State.ANSWERING
    assert EarlyDeletion.objects.count() == 3
    assert [(mail.body, mail.state) for mail in mails()] == [("", "taken_back")]
    assert Event.objects.get(verb="request.client_answered", object=request.reference).facts["answer"] == "erase"


def test_a_standing_rule_answers_and_nobody_is_asked(ada, clinic):
    rule(clinic, "pseudonymise")
    request = erasing(ada)
    assert request.state == State.ANSWERING
    question = ClientQuestion.objects.get()
    assert (question.by_rule, question.answer, question.asked_at) == (True, "pseudonymise", None)
    assert not mails()
    assert request.letters.filter(template__code="client_decides").count() == 1
    assert EarlyDeletion.objects.count() == 0


def test_a_rule_that_comes_after_the_question_answers_it(ada, clinic):
    request = erasing(ada)
    rule(clinic, "erase")
    assert work(request, carried.due(request) + 2 * HOUR).state == State.ANSWERING
    assert ClientQuestion.objects.get().answer == "erase"


def test_without_messages_nobody_is_asked(clinic):
    request = erasing(cast.ada(clinic))
    assert request.state == State.ANSWERING
    assert not ClientQuestion.objects.exists()
    assert not mails()


def test_it_is_reminded_each_week(ada):
    request = erasing(ada)
    begun = ClientQuestion.objects.get().asked_at
    assert [client_questions.remind_due(at=begun + DAY * days) for days in (6, 7, 8, 13, 14)] == [0, 1, 0, 0, 1]
    assert [mail.subject.startswith("Reminder: ") for mail in mails()] == [False, True, True]
    assert Event.objects.filter(verb="request.client_reminded", object=request.reference).count() == 2


def test_without_an_answer_the_request_goes_on_and_the_messages_stay(ada, clinic):
    request = erasing(ada)
    at = ClientQuestion.objects.get().due_at + HOUR
    assert client_questions.lapse_due(at=at) == 1
    assert client_questions.lapse_due(at=at) == 0
    assert request.clocks.get(regime=Regime.CLIENT_ANSWER).stopped_by_event == "lapsed"
    assert work(request, at).state == State.ANSWERING
    left = Remainder.objects.get(holding="retention.messages")
    assert (left.ground, left.about, left.rows) == ("contract", clinic.reference, 3)


def test_a_late_answer_is_done_all_the_same(ada):
    request = erasing(ada)
    at = ClientQuestion.objects.get().due_at + HOUR
    client_questions.lapse_due(at=at)
    work(request, at)
    said(ClientQuestion.objects.get(), "erase", at + DAY)
    remaining.go_on(at=at + DAY)
    assert EarlyDeletion.objects.count() == 3
    assert not Remainder.objects.filter(holding="retention.messages", ended_at=None).exists()


def test_an_answer_fits_what_was_asked(ada):
    erasing(ada)
    with pytest.raises(AnswerUnfit):
        said(ClientQuestion.objects.get(), "release", NOON + 4 * DAY)


def test_an_answer_stands(ada):
    erasing(ada)
    question = ClientQuestion.objects.get()
    said(question, "keep", NOON + 4 * DAY)
    assert said(question, "keep", NOON + 5 * DAY).answered_at == NOON + 4 * DAY
    with pytest.raises(QuestionAnswered):
        said(question, "erase", NOON + 5 * DAY)
    with pytest.raises(DatabaseError, match="stands"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE data_requests_clientquestion SET answer = 'erase'")


def test_only_who_may_records_an_answer(ada):
    erasing(ada)
    with pytest.raises(NotPermitted):
        said(ClientQuestion.objects.get(), "keep", NOON + 4 * DAY, by=cast.bo())
    assert ClientQuestion.objects.get().answer == ""


def test_of_a_copy_the_client_is_asked_whether_it_releases_the_messages(ada):
    request = carried.approved(ada, Kind.ACCESS)
    assert work(request, NOON).state == State.RUNNING
    question = ClientQuestion.objects.get()
    assert "release: release to the person" in mails()[0].body
    said(question, "release", NOON + HOUR)
    assert work(request, NOON + HOUR).state == State.ANSWERING
    assert Step.objects.get(kind="collect", holding="retention.messages").collected == 3


def test_a_rule_to_withhold_keeps_messages_out_of_the_copy(ada, clinic):
    rule(clinic, "ask", "withhold")
    request = carried.approved(ada, Kind.ACCESS)
    assert work(request, NOON).state == State.ANSWERING
    assert Step.objects.get(kind="collect", holding="retention.messages").collected == 1, "the one row that says who decides"
    (said,) = people.collect(subject_of(ada), NOON, "withhold")
    (row,) = said.rows
    assert row["Who decides"] == clinic.name
    assert row["What it says"].startswith("It does not release them")


# --- by the client's service ------------------------------------------------------------------------------------------


def token(organization: Organization | None, *scopes: str) -> dict:
    words = tokens.issue(name="service", scopes=list(scopes or ("messages",)), organization=organization, by=SYSTEM, at=NOON)[1]
    return {"Authorization": f"Bearer {words}"}


def answer(client, reference, headers, what="erase"):
    return client.post(f"/api/v1/client-questions/{reference}/answer", {"answer": what}, content_type="application/json", headers=headers)


def test_the_clients_service_lists_what_waits_and_answers(client, ada, clinic):
    request = erasing(ada)
    ours = token(clinic)
    (open_one,) = client.get("/api/v1/client-questions", headers=ours).json()
    assert (open_one["person"], open_one["about"], open_one["answers"]) == (ada.reference, "erasure", ["erase", "pseudonymise", "keep"])
    said = answer(client, open_one["reference"], ours)
    assert (said.status_code, said.json()["answer"]) == (200, "erase")
    assert client.get("/api/v1/client-questions", headers=ours).json() == []
    assert ClientQuestion.objects.get().recorded_by.startswith("service:")
    request.refresh_from_db()
    assert request.next_try_at is None


def test_the_same_answer_again_is_the_same_and_another_is_refused(client, ada, clinic):
    erasing(ada)
    reference, ours = ClientQuestion.objects.get().reference, token(clinic)
    assert [answer(client, reference, ours).status_code for _turn in range(2)] == [200, 200]
    refused = answer(client, reference, ours, "keep")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "question_answered")


def test_another_clients_service_sees_and_answers_nothing(client, ada):
    erasing(ada)
    reference, theirs = ClientQuestion.objects.get().reference, token(cast.client("Mercy General"))
    assert client.get("/api/v1/client-questions", headers=theirs).json() == []
    unseen, unknown = answer(client, reference, theirs), answer(client, "CLQ-0000000", theirs)
    assert unseen.status_code == unknown.status_code == 404
    assert unseen.json() == unknown.json()
    assert ClientQuestion.objects.get().answer == ""


def test_a_token_that_hands_over_no_messages_answers_nothing(client, ada, clinic):
    erasing(ada)
    assert answer(client, ClientQuestion.objects.get().reference, token(clinic, "people")).status_code == 403


def test_an_answer_that_does_not_fit_is_refused_with_its_mend(client, ada, clinic):
    erasing(ada)
    refused = answer(client, ClientQuestion.objects.get().reference, token(clinic), "withhold")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "answer_unfit")
