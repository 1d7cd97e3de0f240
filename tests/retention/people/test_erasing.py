"""A person's messages end as their client says: deleted early, under a pseudonym, or on their day; what is kept is named, and no more."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction

from apps.accounts.services.subjects import subject_of
from apps.audit.models import Event, JournalEntry
from apps.foundation.personal_data import Ended, Kept, KeptGround
from apps.retention.importing.lines import Party
from apps.retention.models import Cohort, EarlyDeletion, ErasedParticipant, Message, PersonRule
from apps.retention.services import people, reading, sealing
from apps.retention.services.people import ClientNotAsked, erasing, marks
from apps.retention.services.people import rules as person_rules
from apps.retention.services.reading import NoSuchMessage
from tests import cast
from tests.cast import DAY, NOON
from tests.retention.people.erased import BEN, erase, five_messages, messages, sound

pytestmark = pytest.mark.usefixtures("house")

@pytest.fixture
def clinic():
    return cast.hill_clinic()


@pytest.fixture
def ada(clinic):
    return cast.ada(clinic)


def read(clinic, number, *, at=NOON, sent=NOON):
    return reading.read_message(organization=clinic, source="product", message_id=f"m{number}", sent_at=sent, at=at)


def test_messages_are_counted_where_the_person_wrote_or_received_them(clinic, ada):
    five_messages(clinic)
    assert people.count(subject_of(ada), NOON) == 3


def test_a_person_without_a_client_has_no_messages(clinic):
    five_messages(clinic)
    nobody = cast.registration.register_person(
        organization=None, given_name="Noa", family_name="Field", emails=["noa@home.example"], by=cast.SYSTEM, at=NOON
    )
    assert people.count(subject_of(nobody), NOON) == 0
    assert erase(nobody, "erase") == Ended()


def test_without_an_answer_nothing_is_touched(clinic, ada):
    five_messages(clinic)
    with pytest.raises(ClientNotAsked), transaction.atomic():
        people.erase(subject_of(ada), NOON)
    assert people.count(subject_of(ada), NOON) == 3
    assert not ErasedParticipant.objects.exists()


def test_erased_is_deleted_early_each_with_its_record_and_others_stay(clinic, ada):
    five_messages(clinic)
    assert erase(ada, "erase") == Ended(erased=3)
    assert people.count(subject_of(ada), NOON) == 0
    assert Message.objects.on_days(Cohort.objects.values_list("expiry_on", flat=True)).count() == 2
    assert read(clinic, 4)["body"] == "Good morning"
    with pytest.raises(NoSuchMessage):
        read(clinic, 1)
    gone = list(EarlyDeletion.objects.order_by("reference"))
    assert [row.reason for row in gone] == ["person_erased"] * 3
    told = JournalEntry.objects.filter(kind="messages.deleted_early")
    assert sorted(reference for entry in told for reference in entry.body["deletions"]) == [row.reference for row in gone]
    assert told.count() == 2  # one of each day
    assert Event.objects.filter(verb="message.deleted_early").count() == 3
    sound()


def test_twice_is_once(clinic, ada):
    five_messages(clinic)
    erase(ada, "erase")
    events = Event.objects.count()
    assert erase(ada) == Ended()
    assert Event.objects.count() == events


def test_an_erasure_goes_piece_by_piece(clinic, ada, monkeypatch):
    monkeypatch.setattr(erasing, "PIECE", 2)
    cast.hand_over(clinic, [cast.message(n, at=NOON - (n % 3) * DAY) for n in range(1, 8)])
    subject, calls = subject_of(ada), []
    while not calls or calls[-1].more:
        with transaction.atomic():
            calls.append(people.erase(subject, NOON, "erase"))
    assert [(ended.erased, ended.more) for ended in calls] == [(0, True), (2, True), (2, True), (2, True), (1, True), (0, False)]
    sound()


def test_under_a_pseudonym_the_words_stay_and_nobody_finds_the_person(clinic, ada):
    five_messages(clinic)
    before = messages(clinic)
    assert erase(ada, "pseudonymise") == Ended(anonymised=3)
    after = messages(clinic)
    assert people.count(subject_of(ada), NOON) == 0
    assert "ada" not in str(after).casefold()
    assert ada.reference not in str(after)
    assert {number: message["body"] for number, message in after.items()} == {number: message["body"] for number, message in before.items()}
    assert after["m4"] == before["m4"]
    assert after["m3"]["sender"] == before["m3"]["sender"]
    assert after["m1"]["sender"]["id"] == after["m3"]["recipients"][0]["id"]
    assert after["m1"]["sender"]["id"].startswith("former-")
    assert after["m1"]["sender"]["id"] != after["m2"]["sender"]["id"]  # another day, another name
    assert EarlyDeletion.objects.count() == 0
    assert JournalEntry.objects.filter(kind="messages.pseudonymised").count() == 2
    sound()


def test_twice_under_a_pseudonym_is_once(clinic, ada):
    five_messages(clinic)
    erase(ada, "pseudonymise")
    before = messages(clinic)
    assert erase(ada) == Ended()
    assert messages(clinic) == before


def test_kept_stay_until_their_day_and_it_is_said_until_when(clinic, ada):
    five_messages(clinic)
    until = datetime(2026, 3, 16, tzinfo=UTC)
    assert erase(ada, "keep") == Ended(kept=(Kept(KeptGround.CONTRACT, clinic.reference, 3, until),))
    assert read(clinic, 1)["sender"]["person"] == ada.reference


def test_an_answer_that_changes_is_carried_out_on_what_is_left(clinic, ada):
    five_messages(clinic)
    erase(ada, "keep")
    assert erase(ada, "erase") == Ended(erased=3)


def test_the_standing_rule_answers_where_the_client_was_not_asked(clinic, ada):
    five_messages(clinic)
    rule = PersonRule(organization=clinic, erasure="erase", access="withhold", evidence="Letter of 2 March")
    person_rules.propose(rule=rule, by=cast.bo(), at=NOON)
    assert people.rule_of(clinic).erasure == "ask"
    person_rules.approve(rule=rule, by=cast.cleo(), at=NOON)
    assert people.rule_of(clinic.reference) == people.Standing("erase", "withhold", rule.reference)
    assert erase(ada) == Ended(erased=3)


def hand_over_more(clinic, key="b2", **given):
    return cast.hand_over(clinic, [
        cast.message(1), cast.message(21), cast.message(22, sender=BEN, recipients=(Party(email="Ada@Client.example", name="Ada Lovell"),)),
    ], key=key, **given)  # fmt: skip


@pytest.mark.parametrize("answer", ["erase", "pseudonymise", "keep"])
def test_what_comes_later_never_stands_under_the_person(clinic, ada, answer):
    five_messages(clinic)
    erase(ada, answer)
    hand_over_more(clinic)
    later = messages(clinic)
    assert later["m22"]["recipients"][0] == later["m21"]["sender"]
    assert later["m21"]["sender"]["id"].startswith("former-")
    assert (later["m21"]["sender"]["email"], later["m21"]["sender"]["name"], later["m21"]["sender"]["person"]) == (None, None, None)
    assert "Lovell" not in str(later)
    sound()


def test_an_edit_that_comes_later_does_not_bring_the_person_back(clinic, ada):
    five_messages(clinic)
    erase(ada, "pseudonymise")
    cast.hand_over(clinic, [cast.message(1, body="Good evening", edited_at=NOON + timedelta(minutes=1))], key="b2")
    assert messages(clinic)["m1"]["body"] == "Good evening"
    assert "ada" not in str(messages(clinic)).casefold()


def test_a_message_that_was_erased_does_not_come_back(clinic, ada):
    five_messages(clinic)
    erase(ada, "erase")
    hand_over_more(clinic)
    assert "m1" not in messages(clinic)


def test_who_registers_anew_is_themselves_again(clinic, ada):
    five_messages(clinic)
    erase(ada, "erase")
    with connection.cursor() as cursor:  # what the erasure of the account leaves: nothing of this address
        cursor.execute("UPDATE accounts_personemail SET address = 'x@y.example', normalised = 'x@y.example' WHERE person_id = %s", [ada.pk])
    again = cast.ada(clinic)
    hand_over_more(clinic)
    assert messages(clinic)["m21"]["sender"]["person"] == again.reference


def test_marks_say_nothing_and_end(clinic, ada):
    five_messages(clinic)
    erase(ada, "erase")
    marked = list(ErasedParticipant.objects.values())
    assert len(marked) == 2  # the person and the address
    assert ada.reference not in str(marked)
    assert "ada" not in str(marked).casefold()
    assert marks.forget(at=NOON + 729 * DAY) == 0
    assert marks.forget(at=NOON + 731 * DAY) == 2


def test_what_is_sealed_keeps_its_words_and_names_until_its_day(clinic, ada):
    five_messages(clinic)
    at = NOON + 6 * DAY
    sealing.seal_due(at=at)
    ended = erase(ada, "pseudonymise", at=at)
    sealed = Cohort.objects.get(expiry_on=date(2026, 3, 16))
    assert ended.kept == (Kept(KeptGround.CONTRACT, sealed.reference, 2, datetime(2026, 3, 16, tzinfo=UTC)),)
    sound(at)


def test_what_is_sealed_can_be_deleted_and_the_seal_holds(clinic, ada):
    five_messages(clinic)
    at = NOON + 6 * DAY
    sealing.seal_due(at=at)
    assert erase(ada, "erase", at=at).erased == 2  # of the other day nobody reads any more: it is over
    assert EarlyDeletion.objects.filter(counted=True).count() == 2
    sound(at)
