"""SIGKILL of a worker that reschedules, at every change it makes to the database, and between its chunks: one end, once.

A death at each call of what a chunk consists of: before and after a lease is taken, rows are written, rows are taken out,
the move is recorded, progress is saved. After each death nothing is in both cohorts or in none; after the next whole run
every message is at its new day, moved once and counted once.
"""

import signal
from collections import Counter
from datetime import date, timedelta

import pytest

from apps.audit.models import Event
from apps.audit.services import journal
from apps.foundation.keys import keystore
from apps.retention import envelope
from apps.retention.models import Cohort, Message, Move, Rescheduling
from apps.retention.services import accounts, arrivals, aside, moving, rescheduling
from apps.retention.states import RequestState
from tests import cast
from tests.cast import DAY, NOON
from tests.faults import deaths

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LATER = NOON + timedelta(hours=1)
LEASE = timedelta(minutes=3)
MESSAGES, CHUNK = 7, 2
OLD, NEW = date(2026, 4, 8), date(2026, 3, 16)

#: what a run consists of, from its claim to its end
CALLS = [
    (moving, "claim"), (arrivals, "open_place"), (arrivals, "copy_in"), (arrivals, "take_out"), (moving, "_to_day"),
    (moving, "_progress"), (moving, "move_chunk"), (moving, "finish"),
]  # fmt: skip
ONCE_A_RUN = ("claim", "finish")
DEATHS = [
    (owner, name, number, when) for owner, name in CALLS for number in ((1,) if name in ONCE_A_RUN else (1, 2, 4)) for when in ("before", "after")
]  # fmt: skip


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with deaths.clocks_of_the_test(settings):
        yield


def approved(number: int) -> Rescheduling:
    """A client of its own with seven messages that a second person let have a sooner day."""
    clinic = cast.client(f"Clinic {number}")
    cast.rule(clinic, 30)
    cast.hand_over(clinic, [cast.message(n, conversation=f"c{n}") for n in range(1, MESSAGES + 1)])
    cast.rule(clinic, 7, at=NOON)
    plan = rescheduling.preview(organization=clinic, at=LATER)
    row = rescheduling.propose(organization=clinic, through=plan["through"], shown=rescheduling.fingerprint(plan), by=cast.bo(), at=LATER)
    row = rescheduling.approve(rescheduling=row, by=cast.cleo(), at=LATER)
    journal.write_owed()
    return row


def proofs(row: Rescheduling) -> Counter:
    """Every message of the client, by what never changes of it; one that stood in two cohorts would count twice."""
    rows = Message.objects.on_days([OLD, NEW]).filter(organization_id=row.organization_id)
    return Counter(bytes(proof) for proof in rows.values_list("proof", flat=True))


def run(at) -> None:
    aside.CHUNK = CHUNK
    moving.reschedule_due(at=at)


def killed(death, at) -> int:
    def dying():
        deaths.at_call(*death)
        run(at)

    return deaths.in_child(dying)


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: f"{death[3]} {death[1]} {death[2]}")
def test_a_rescheduling_ends_once_wherever_its_worker_was_killed(home, death):
    cast.house()
    row = approved(1)
    before = proofs(row)
    assert set(before.values()) == {1}

    assert killed(death, LATER) == -signal.SIGKILL, f"nobody died {death}"
    assert proofs(row) == before
    assert deaths.found(home, at=LATER, only=deaths.ALWAYS) == []
    assert [accounts.account_of(cohort).balance for cohort in Cohort.objects.all()] == [0] * Cohort.objects.count()

    assert deaths.in_child(lambda: run(LATER + LEASE)) == 0
    row.refresh_from_db()
    assert (row.state, row.moved, row.stayed, proofs(row)) == (RequestState.DONE, MESSAGES, 0, before)
    assert Message.objects.on_days([NEW]).count() == MESSAGES
    assert sum(Move.objects.values_list("messages", flat=True)) == MESSAGES
    assert deaths.found(home, at=LATER + LEASE) == []
    verbs = Counter(Event.objects.filter(object=row.reference).values_list("verb", flat=True))
    assert (verbs["rescheduling.approved"], verbs["rescheduling.done"], verbs["messages.rescheduled"]) == (1, 1, 4)


def test_two_workers_on_the_same_plan_move_each_message_once(home):
    cast.house()
    row = approved(1)
    before = proofs(row)

    def without_a_lease():
        """As if the other's lease had run out: both take up the same plan."""
        aside.CHUNK = 1
        moving.run(row=row, at=LATER)

    workers = [deaths.fork(without_a_lease) for _worker in range(2)]
    assert [deaths.end_of(worker) for worker in workers] == [0, 0]
    row.refresh_from_db()
    assert (row.state, row.moved, proofs(row)) == (RequestState.DONE, MESSAGES, before)
    assert Message.objects.on_days([NEW]).count() == MESSAGES
    assert deaths.found(home, at=LATER) == []


def test_five_deaths_at_the_same_place_park_the_plan_and_lose_nothing(home):
    cast.house()
    row = approved(1)
    before = proofs(row)
    at = LATER
    for _attempt in range(moving.MOST_ATTEMPTS):
        assert killed((moving, "_to_day", 1, "before"), at) == -signal.SIGKILL
        at += LEASE
    assert deaths.in_child(lambda: run(at)) == 0
    row.refresh_from_db()
    assert (row.parked_at, row.moved, proofs(row)) == (at, 0, before)
    moving.retry(row=row, by=cast.bo(), at=at)
    assert deaths.in_child(lambda: run(at)) == 0
    row.refresh_from_db()
    assert (row.state, row.moved) == (RequestState.DONE, MESSAGES)


def test_messages_arrive_while_a_plan_is_carried_out_and_every_one_is_where_it_belongs(home):
    cast.house()
    row = approved(1)

    def resend_and_send():
        for number in range(20):
            lines = [cast.message(1 + number % MESSAGES, conversation=f"c{1 + number % MESSAGES}"), cast.message(100 + number, at=LATER - DAY / 48)]
            cast.hand_over(row.organization, lines, at=LATER, key=f"more {number}")

    def reschedule():
        aside.CHUNK = 1
        moving.run(row=row, at=LATER)

    workers = [deaths.fork(resend_and_send), deaths.fork(reschedule)]
    assert [deaths.end_of(worker) for worker in workers] == [0, 0]
    stored = Message.objects.on_days([OLD, NEW])
    sealer = {day: envelope.for_cohort(keystore(), organization=row.organization.reference, expiry=day) for day in (OLD, NEW)}
    names = Counter(sealer[one.expiry].open(one.ciphertext, number=one.id, policy_version=one.policy_version_id)[0]["id"] for one in stored)
    assert names == Counter([f"m{n}" for n in (*range(1, MESSAGES + 1), *range(100, 120))])
    assert deaths.found(home, at=LATER) == []
