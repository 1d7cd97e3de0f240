"""The end of a request: answered, emptied with its secret, proven, and forgotten 24 months later; whatever is killed in between."""

import json
import threading

import pytest
from django.db import connection, transaction

from apps.audit.models import Event
from apps.data_requests import words
from apps.data_requests.models import Arrival, DataRequest, Evidence, Plan, Remainder, Step
from apps.data_requests.services import closing, letters, moving, wording
from apps.data_requests.states import Channel, Kind, Outcome, State
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import KeyDestroyed, keystore
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.inquiries import given
from tests.data_requests import asked

LONG_AGO = NOON - 1000 * DAY  # so long that the clock of the database agrees that its day has come


@pytest.fixture
def ada(house):
    return cast.ada(cast.client())


def sent(*, at=NOON) -> int:
    """The outbox empties into the folder of the demo."""
    return outbox.send_due(at=at)


@pytest.fixture
def post(settings, tmp_path, house):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    return tmp_path / "mail"


def answering(person, kind=Kind.DELETION, **more) -> DataRequest:
    return asked.brought(asked.request(kind, person=person, **more), State.ANSWERING)


def again(request) -> DataRequest:
    return DataRequest.objects.get(pk=request.pk)


def test_an_erasure_is_answered_completed_when_the_mail_left_and_emptied(post, ada, django_capture_on_commit_callbacks):
    request = asked.request(person=ada)
    wording.note(request=request, text="Called back.", by=asked.dana(), at=NOON)
    joined = DataRequest.objects.get(merged_into=asked.request(person=ada))
    asked.brought(request, State.ANSWERING)
    assert closing.finish_when_answered(at=NOON) == 0
    assert again(request).state == State.ANSWERING
    mail = OutgoingMail.objects.get(template="data_requests/letter")
    assert (mail.to_address, mail.about) == (asked.ADA, request.reference)
    assert "nothing was held any more" in mail.body
    sent(at=NOON + DAY)
    with django_capture_on_commit_callbacks(execute=True):
        assert closing.finish_when_answered(at=NOON + 2 * DAY) == 1
    row = again(request)
    assert (row.state, row.outcome, row.answered_at, row.closed_at) == (State.COMPLETED, Outcome.WHOLE, NOON + DAY, NOON + 2 * DAY)
    assert row.kept_until == (NOON + 2 * DAY).replace(year=2028)
    assert row.clocks.get(regime="ccpa_answer").stopped_at == NOON + DAY
    assert (row.words, again(joined).words, [note.words for note in row.notes.all()]) == (None, None, [None])
    mail.refresh_from_db()
    assert (mail.to_address, mail.subject, mail.body, mail.emptied_at) == ("", "", "", NOON + 2 * DAY)
    for reference in (row.reference, joined.reference):
        with pytest.raises(KeyDestroyed):
            keystore().get(words.secret_of(reference))
    assert Evidence.objects.get().request_id == row.pk
    assert closing.finish_when_answered(at=NOON + 3 * DAY) == 0


def test_evidence_names_nobody(post, ada):
    answering(ada)
    closing.finish_when_answered(at=NOON)
    sent()
    closing.finish_when_answered(at=NOON)
    document = bytes(Evidence.objects.get().document).decode()
    assert [word for word in ("Lovell", asked.ADA, asked.TEXT) if word in document] == []
    assert json.loads(document)["request"]


def test_what_was_kept_makes_it_complied_with_in_part_and_is_named(post, ada):
    request = answering(ada)
    plan = Plan.objects.create(request=request, number=1, digest=b"d" * 32, made_by="staff:STF-1", made_at=NOON)
    Step.objects.create(plan=plan, number=1, kind="erase", holding="accounts.people", expected=3, erased=3)
    Step.objects.create(plan=plan, number=2, kind="erase", holding="contacts.books", expected=0)
    Remainder.objects.create(request=request, holding="retention.messages", ground="archive", about="ORG-1", rows=4, since=NOON)
    closing.finish_when_answered(at=NOON)
    body = OutgoingMail.objects.get(template="data_requests/letter").body
    assert f"- {closing.TITLES['accounts.people']}\n" in body
    assert "an archive that the client paid for, until that ends" in body
    sent()
    assert closing.finish_when_answered(at=NOON) == 1
    assert again(request).outcome == Outcome.PART


def test_a_mail_that_can_not_leave_is_waited_for_and_then_given_up(post, ada, settings):
    request = answering(ada)
    closing.finish_when_answered(at=NOON)
    OutgoingMail.objects.update(state="parked", next_try_at=NOON)
    assert closing.finish_when_answered(at=NOON + 2 * DAY) == 0
    assert again(request).state == State.ANSWERING
    assert closing.finish_when_answered(at=NOON + 3 * DAY) == 1
    assert again(request).state == State.COMPLETED
    assert OutgoingMail.objects.get().emptied_at == NOON + 3 * DAY


def test_who_has_no_contact_keeps_no_request_open(ada):
    ada.emails.all().delete()
    request = answering(ada)
    assert closing.finish_when_answered(at=NOON) == 1
    assert (again(request).state, request.letters.get().to) == (State.COMPLETED, letters.NOBODY)


@pytest.mark.parametrize("kind", [Kind.ACCESS, Kind.CORRECTION])
def test_what_staff_or_a_package_answers_is_not_completed_without_it(ada, kind):
    request = answering(ada, kind)
    assert closing.finish_when_answered(at=NOON) == 0
    assert (again(request).state, request.letters.count()) == (State.ANSWERING, 0)


@pytest.mark.parametrize("state", [State.DENIED, State.CALLED_BACK])
def test_what_ended_otherwise_is_emptied_when_its_letter_left(post, ada, state, django_capture_on_commit_callbacks):
    request = asked.brought(asked.request(person=ada), state)
    with transaction.atomic():
        letters.send(
            moving.locked(request.pk), code="denial", to="person", address=asked.ADA, context={"reason": "r", "basis": "b"}, once_key="k", by=SYSTEM, at=NOON
        )
    closing.finish_when_answered(at=NOON)
    assert words.open_words(again(request)).text == asked.TEXT
    sent()
    with django_capture_on_commit_callbacks(execute=True):
        closing.finish_when_answered(at=NOON)
    assert again(request).words is None
    assert keystore().was_destroyed(words.secret_of(request.reference))


def test_what_joined_stays_readable_as_long_as_what_it_joined(ada):
    first = asked.request(person=ada)
    joined = DataRequest.objects.get(merged_into=asked.request(person=ada))
    closing.finish_when_answered(at=NOON)
    assert words.open_words(again(joined)).text == asked.TEXT
    asked.brought(first, State.CALLED_BACK)
    closing.finish_when_answered(at=NOON)
    assert (again(first).words, again(joined).words) == (None, None)


def test_when_somebody_was_erased_what_else_they_asked_ends_but_a_complaint(ada):
    erasure = answering(ada)
    access, complaint = asked.request(Kind.ACCESS, person=ada), asked.request(Kind.COMPLAINT, person=ada)
    others = asked.request(Kind.ACCESS, email=asked.EVE)
    DataRequest.objects.update(person=None)  # as the end of the person's row leaves it
    assert closing.finish_when_answered(at=NOON) == 1
    assert (again(access).state, again(access).denial_reason) == (State.DENIED, "not_held")
    assert again(access).denial_basis.endswith(f"{erasure.reference}.")
    assert (again(complaint).state, again(others).state) == (State.IN_WORK, State.RECEIVED)


def test_killed_before_the_secret_went_the_next_sweep_destroys_it(ada):
    request = asked.brought(asked.request(person=ada), State.CALLED_BACK)
    kept = asked.request(Kind.ACCESS, person=ada)
    closing.finish_when_answered(at=NOON)  # inside the test's transaction nothing commits, so that the secret stays
    assert keystore().exists(words.secret_of(request.reference))
    keystore().ensure("request/PLN-0000000")
    assert closing.destroy_left_secrets(at=NOON) == 1
    assert keystore().was_destroyed(words.secret_of(request.reference))
    assert words.open_words(again(kept)).text == asked.TEXT
    assert keystore().exists("request/PLN-0000000")


@pytest.mark.django_db(transaction=True)
def test_two_workers_end_a_request_once(home, settings):
    cast.house()
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", str(home / "mail")
    with transaction.atomic():
        request = answering(cast.ada(cast.client()))
    start, done = threading.Barrier(3), []

    def work():
        try:
            start.wait()
            done.append(closing.finish_when_answered(at=NOON))
            start.wait()
            start.wait()
            done.append(closing.finish_when_answered(at=NOON))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _two in range(2)]
    [worker.start() for worker in workers]
    start.wait()
    start.wait()
    assert sent() == 1  # the answer was written once
    start.wait()
    [worker.join() for worker in workers]
    assert sorted(done) == [0, 0, 0, 1]
    assert (again(request).state, Evidence.objects.count(), Event.objects.filter(verb="request.completed").count()) == (State.COMPLETED, 1, 1)
    assert keystore().was_destroyed(words.secret_of(request.reference))


def test_one_that_can_not_be_ended_keeps_no_other_waiting(ada, monkeypatch, caplog):
    broken, well = answering(ada), answering(None, email=asked.EVE)
    cast.lose_secret(words.secret_of(broken.reference))
    make = closing.letters.addressee
    monkeypatch.setattr(closing.letters, "addressee", lambda row, **more: 1 / 0 if row.pk == broken.pk else make(row, **more))
    closing.finish_when_answered(at=NOON)
    assert (broken.letters.count(), well.letters.count()) == (0, 1)


def test_a_record_is_forgotten_on_its_day_with_all_that_belongs_to_it(ada):
    request = asked.request(person=ada, at=LONG_AGO + 650 * DAY)  # the policy of the cast is in force since then
    asked.brought(request, State.CALLED_BACK, at=LONG_AGO)
    joined = asked.request(Kind.ACCESS, person=ada, at=NOON)
    Arrival.objects.create(channel=Channel.FORM, received_at=NOON, state="taken", settled_at=NOON, request=request)
    kept_until = again(request).kept_until
    assert closing.forget_old(at=kept_until - DAY) == 0
    assert closing.forget_old(at=kept_until) == 1
    assert [row.pk for row in DataRequest.objects.all()] == [joined.pk]
    assert Arrival.objects.count() == 0
    assert Event.objects.get(verb="request.forgotten").object == request.reference


def test_a_hold_keeps_the_record_too(ada):
    request = asked.request(person=ada, at=LONG_AGO + 650 * DAY)
    asked.brought(request, State.CALLED_BACK, at=LONG_AGO)
    held = given.hold(ada, at=NOON)
    assert closing.forget_old(at=NOON + DAY) == 0
    given.release(held, at=NOON + DAY)
    assert closing.forget_old(at=NOON + 30 * DAY) == 1


def test_an_early_day_that_somebody_hands_over_makes_no_record_old(ada):
    request = asked.brought(asked.request(person=ada), State.CALLED_BACK)
    assert closing.forget_old(at=NOON + 5000 * DAY) == 0
    assert again(request).state == State.CALLED_BACK
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM data_requests_clock WHERE request_id = %s", [request.pk])
        assert cursor.fetchone()[0] == 3
