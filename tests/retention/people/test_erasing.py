"""A person's messages end as their client says: deleted early, under a pseudonym, or on their day; what is kept is named, and no more."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction

from apps.accounts.services.subjects import subject_of
from apps.audit.models import Event, JournalEntry
from apps.foundation.keys import keystore
from apps.foundation.personal_data import Ended, Kept, KeptGround
from apps.holds.services import matters, placing, releasing
from apps.retention import envelope
from apps.retention.importing.lines import Party
from apps.retention.models import AsideMessage, Cohort, EarlyDeletion, ErasedParticipant, Message
from apps.retention.promises import every_account_adds_up, seals_hold
from apps.retention.services import accounts, people, reading, sealing
from apps.retention.services.people import ClientNotAsked, erasing
from apps.retention.services.people import rules as person_rules
from apps.retention.services.reading import NoSuchMessage
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

BEN = Party(email="ben@client.example", name="Ben")
CARA = Party(source_id="u-3", name="Cara")


@pytest.fixture
def clinic():
    return cast.hill_clinic()


@pytest.fixture
def ada(clinic):
    return cast.ada(clinic)


def erase(person, answer="", *, at=NOON):
    """All of it, as data requests do: each call in a transaction of its own."""
    subject, erased, anonymised = subject_of(person), 0, 0
    while True:
        with transaction.atomic():
            ended = people.erase(subject, at, answer)
        erased, anonymised = erased + ended.erased, anonymised + ended.anonymised
        if not ended.more:
            return Ended(erased, anonymised, ended.kept)
        assert not ended.kept


def five_messages(clinic):
    """Ada wrote two, got one, and has nothing to do with two."""
    cast.hand_over(clinic, [
        cast.message(1), cast.message(2, at=NOON - 2 * DAY),
        cast.message(3, sender=BEN, recipients=(Party(email="ADA@client.example"), CARA)),
        cast.message(4, sender=BEN, recipients=(CARA,)), cast.message(5, sender=CARA, recipients=(BEN,)),
    ])  # fmt: skip


def read(clinic, number, *, at=NOON, sent=NOON):
    return reading.read_message(organization=clinic, source="product", message_id=f"m{number}", sent_at=sent, at=at)


def sound(at=NOON):
    assert every_account_adds_up(at).violations == ()
    assert seals_hold(at).violations == ()


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
    told = JournalEntry.objects.filter(kind="message.deleted_early").order_by("about")
    assert [entry.about for entry in told] == [row.reference for row in gone]
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
