"""A person's messages are erased while more of theirs come in, two of us erasing at once, and some of us killed: in the end none stands under them."""

import signal

import pytest
from django.db import OperationalError, transaction

from apps.accounts.models import Organization, Person
from apps.accounts.services.subjects import subject_of
from apps.audit.services import journal
from apps.foundation.personal_data import Ended
from apps.retention.importing.lines import Party
from apps.retention.models import Batch, EarlyDeletion
from apps.retention.services import people
from apps.retention.services.people import erasing
from tests import cast
from tests.cast import DAY, NOON
from tests.faults import deaths
from tests.retention.people.erased import erase, messages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

BATCHES, LINES = 12, 20
BEN = Party(email="ben@client.example")
ADA = Party(email="ada@client.example", name="Ada Lovell")


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings, home, monkeypatch):
    monkeypatch.setattr(erasing, "PIECE", 7)
    with deaths.clocks_of_the_test(settings):
        yield


def hand_over(number: int) -> None:
    """Each line is of hers; the days overlap with those of other batches."""
    clinic = Organization.objects.get()
    lines = [
        cast.message(
            n + 1, id=f"m{number}-{n}", at=NOON - (n % 5) * DAY,
            **({"sender": ADA} if n % 2 else {"sender": BEN, "recipients": (ADA,)}),
        )
        for n in range(LINES)
    ]  # fmt: skip
    cast.hand_over(clinic, lines, key=f"b{number}")


def go_on_erasing(answer: str) -> None:
    """As a worker: a piece that lost against another's lock is tried again."""
    subject = subject_of(Person.objects.get())
    while True:
        try:
            with transaction.atomic():
                if not people.erase(subject, NOON, answer).more:
                    return
        except OperationalError:
            continue


@pytest.mark.parametrize("answer", ["erase", "pseudonymise"])
def test_what_comes_in_meanwhile_never_stands_under_the_person(home, answer):
    cast.house()
    clinic = cast.hill_clinic(30)
    ada = cast.ada(clinic)
    for number in range(3):
        hand_over(number)
    children = [deaths.fork(lambda: [hand_over(number) for number in range(3, BATCHES)]), *(deaths.fork(lambda: go_on_erasing(answer)) for _worker in range(2))]
    assert [deaths.end_of(pid) for pid in children] == [0, 0, 0]
    assert Batch.objects.filter(finished_at__isnull=False).count() == BATCHES
    assert erase(ada) == Ended()  # nothing was left for another call
    stored = messages(clinic)
    assert "ada" not in str(stored).casefold()
    assert ada.reference not in str(stored)
    assert len(stored) + EarlyDeletion.objects.count() == BATCHES * LINES
    journal.write_owed()
    assert deaths.found(home, at=NOON) == []


@pytest.mark.parametrize("answer", ["erase", "pseudonymise"])
@pytest.mark.parametrize("call", [1, 2, 4])
def test_a_killed_worker_leaves_pieces_that_are_whole_or_not_begun(home, answer, call):
    cast.house()
    clinic = cast.hill_clinic(30)
    ada = cast.ada(clinic)
    hand_over(0)

    def work():
        subject, calls = subject_of(Person.objects.get()), 0
        while True:
            with transaction.atomic():
                people.erase(subject, NOON, answer)
                calls += 1
                if calls == call:
                    deaths.die()  # before the commit

    assert deaths.in_child(work) == -signal.SIGKILL
    journal.write_owed()
    assert deaths.found(home, at=NOON) == []
    ended = erase(ada, answer)
    before = 7 * max(0, call - 2)
    assert ended.erased + ended.anonymised == LINES - before
    assert "ada" not in str(messages(clinic)).casefold()
    journal.write_owed()
    assert deaths.found(home, at=NOON) == []
