"""SIGKILL before and after every step of an erasure and of an access, and in the middle of each; two workers at once; holds and messages meanwhile.

The steps are those of the plan, not a list kept by hand. After each death another worker goes on when the lease is over; at the end everybody
who was to go is gone, once, and a search that shares no code with the erasure finds nothing.
"""

import signal
from datetime import timedelta

import pytest
from django.db import connection

from apps.accounts.models import Person
from apps.audit.models import Event, JournalEntry
from apps.audit.services import journal
from apps.data_requests.models import Attempt, DataRequest, ErasedPerson, Package, Plan, Remainder, Step
from apps.data_requests.services import executing, from_below, remaining, stepping, whom
from apps.data_requests.services.packages import making
from apps.data_requests.states import AttemptEnd, Kind, State, StepState
from apps.foundation.keys import keystore
from apps.holds.services import matters, placing, releasing
from tests import cast
from tests.cast import DAY
from tests.data_requests import carried
from tests.data_requests.holdings import everything
from tests.faults import deaths
from tests.gate import given

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LEASE = stepping.LEASE + timedelta(minutes=1)
#: of one step: right before its work, with the attempt written; right after a piece is committed; right after it is done, before the next
PLACES = ((stepping, "begin", "after"), (stepping, "piece", "after"), (stepping, "done", "after"))


@pytest.fixture(autouse=True)
def house(home, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cast.house()


def clinic(name: str = "Hill Clinic"):
    organization = cast.client(name)
    cast.rule(organization, 40)
    carried.client_says(organization)
    return organization


def somebody(organization, name: str = "Ada") -> Person:
    """With something in every holding, messages too."""
    person = everything.person(organization, name, "Lovell")
    lines = [
        cast.message(n, id=f"{name}-{n}", sender=cast.Party(email=everything.address_of(name), name=name), at=cast.NOON - timedelta(hours=1)) for n in (1, 2, 3)
    ]
    cast.hand_over(organization, lines, key=f"batch-{name}")
    return person


def count(sql: str, *values) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def killed(owner, name: str, when: str, at, number: int = 1) -> int:
    """A worker of its own that dies at the n-th call of that; 0 where it came to the end first."""

    def work():
        deaths.at_call(owner, name, number, when)
        executing.work_due(at=at)

    return deaths.in_child(work)


def is_gone(person: Person, request: DataRequest) -> None:
    """What must be true at the end, whatever died."""
    request.refresh_from_db()
    assert (request.state, request.last_code) == (State.ANSWERING, ""), '; '.join(map(str, request.scans.first().findings if request.scans.exists() else []))
    assert not Person.objects.filter(pk=person.pk).exists()
    assert ErasedPerson.objects.get(person_reference=person.reference).done_at is not None
    steps = Step.objects.filter(plan__request=request)
    assert set(steps.values_list("state", flat=True)) == {StepState.DONE}
    assert all(step.owed == [] for step in steps)
    done = Event.objects.filter(verb="request.step_done", object=request.reference)
    assert sorted(event.facts["step"] for event in done) == list(range(1, len(steps) + 1)), "each step is done once"
    assert request.scans.get().is_clean
    assert [entry.kind for entry in JournalEntry.objects.filter(about=person.reference).order_by("sequence")][-2:] == ["person.erasing", "person.erased"]
    assert journal.status().in_step
    assert not JournalEntry.objects.filter(about=person.reference, sequence__isnull=True).exists()


def test_an_erasure_ends_once_wherever_its_workers_were_killed_at_each_of_its_steps():
    organization = clinic()
    ada, ben = somebody(organization), somebody(organization, "Ben")
    request = carried.approved(ada)
    at = carried.due(request)
    for when in ("before", "after"):
        assert killed(journal, "owe", when, at) == -signal.SIGKILL
        assert (ErasedPerson.objects.count(), Person.objects.get(pk=ada.pk).standing) == (0, "active"), "it is begun whole, or not"
        at += LEASE
    for when in ("before", "after"):
        assert killed(executing, "write_journal", when, at) == -signal.SIGKILL
        assert (ErasedPerson.objects.count(), Person.objects.get(pk=ada.pk).standing) == (1, "closed")
        at += LEASE
    steps, died = Step.objects.filter(plan__request=request).count(), 0
    while not request.scans.exists():
        for owner, name, when in PLACES:
            died += killed(owner, name, when, at) != 0
            at += LEASE
        assert died < 10 * steps, "without end"
    assert died > 2 * steps
    executing.work_due(at=at)
    is_gone(ada, request)
    ends = Attempt.objects.values_list("end", flat=True)
    assert set(ends) == {AttemptEnd.WELL, AttemptEnd.KILLED}
    assert Step.objects.filter(state=StepState.PARKED).count() == 0
    assert Person.objects.get(pk=ben.pk).standing == "active"
    assert count("SELECT count(*) FROM message") == 3, "those of Ben"


def test_a_search_that_was_killed_is_made_anew():
    ada = somebody(clinic())
    request = carried.approved(ada)
    at = carried.due(request)
    for when in ("before", "after"):
        assert killed(executing, "search", when, at) == -signal.SIGKILL
        at += LEASE
    executing.work_due(at=at)
    request.refresh_from_db()
    assert request.state == State.ANSWERING
    assert list(request.scans.values_list("is_clean", flat=True)) == [True, True]


def test_secrets_that_an_erasure_owes_are_destroyed_though_its_worker_died_right_after_the_commit():
    ada = somebody(clinic())
    request = carried.approved(ada)
    at = carried.due(request)
    number = 0
    while not Step.objects.exclude(owed=[]).exists():
        number += 1
        assert killed(stepping, "settle", "before", at, number) == -signal.SIGKILL
        at += LEASE
    owed = [one["secret"] for step in Step.objects.exclude(owed=[]) for one in step.owed if "secret" in one]
    assert owed
    assert all(keystore().exists(name) for name in owed)
    executing.work_due(at=at)
    assert not any(keystore().exists(name) for name in owed)
    is_gone(ada, request)


def test_two_workers_at_once_carry_each_request_out_once():
    organization = clinic()
    somebody(organization, "Zoe")  # who stays, and whose mail waits: of an index that has no row any more PostgreSQL keeps the samples it had
    people = [somebody(organization, name) for name in ("Ada", "Ben")]
    requests = [carried.approved(person) for person in people]
    at = max(carried.due(request) for request in requests)
    workers = [deaths.fork(lambda: executing.work_due(at=at)) for _number in range(2)]
    assert [deaths.end_of(pid) for pid in workers] == [0, 0]
    for person, request in zip(people, requests, strict=True):
        is_gone(person, request)
    assert set(Attempt.objects.values_list("end", flat=True)) == {AttemptEnd.WELL}


def test_a_worker_that_lost_its_lease_writes_nothing_more():
    ada = somebody(clinic())
    request = carried.approved(ada)
    at = carried.due(request)
    slow = executing.claim(at=at)
    assert executing._begin(slow)
    other = executing.claim(at=at + LEASE)
    assert other is not None
    with pytest.raises(stepping.LeaseLost):
        executing._carry_out(slow)
    assert Attempt.objects.count() == 0
    executing.work(other)
    is_gone(ada, request)


def test_a_package_is_made_once_wherever_its_workers_were_killed_at_each_of_its_steps():
    ada = somebody(clinic())
    request = carried.approved(ada, Kind.ACCESS)
    at = carried.ASKED
    steps = Step.objects.filter(plan__request=request).count()
    for _number in range(steps):
        for owner, name, when in ((stepping, "begin", "after"), (executing, "_collect", "after"), (stepping, "done", "after")):
            killed(owner, name, when, at)
            at += LEASE
    for when in ("before", "after"):
        killed(making, "make_package", when, at)
        at += LEASE
    executing.work_due(at=at)
    request.refresh_from_db()
    assert request.state == State.ANSWERING
    assert Package.objects.get().made_at is not None
    done = Event.objects.filter(verb="request.step_done", object=request.reference)
    assert sorted(event.facts["step"] for event in done) == list(range(1, steps + 1))
    assert Event.objects.filter(verb="request.package_made").count() == 1
    assert Person.objects.filter(pk=ada.pk).exists()


def test_messages_that_come_in_while_somebody_is_erased_are_never_theirs_again():
    organization = clinic()
    ada = somebody(organization)
    request = carried.approved(ada)
    at = carried.due(request)
    address = everything.address_of("Ada")

    def comes_in():
        for batch in range(20):
            lines = [
                cast.message(n, id=f"late-{batch}-{n}", at=cast.NOON, sender=cast.Party(email=address, name="Ada")) for n in range(1, 6)
            ]
            cast.hand_over(organization, lines, key=f"late-{batch}", at=cast.NOON + timedelta(minutes=batch))

    coming, erasing = deaths.fork(comes_in), deaths.fork(lambda: executing.work_due(at=at))
    assert (deaths.end_of(coming), deaths.end_of(erasing)) == (0, 0)
    executing.work_due(at=at + LEASE)
    request.refresh_from_db()
    assert request.state == State.ANSWERING
    assert executing.search(request, whom.known(request, at=at).subject, at=at).is_clean


def test_what_a_hold_placed_meanwhile_keeps_stays_and_goes_by_itself_when_the_hold_ends():
    organization = clinic()
    ada = somebody(organization)
    request = carried.approved(ada)
    at = carried.due(request)
    counsel = given.ezra()
    matter = matters.open_matter(title="Docket 26-118", reason="A court asks for it.", by=counsel, at=at)
    hold = placing.place(matter=matter, reason="The court names it.", person=ada, by=counsel, at=at)
    executing.work_due(at=at)
    request.refresh_from_db()
    assert (request.state, request.last_code) == (State.ANSWERING, ""), '; '.join(map(str, request.scans.first().findings if request.scans.exists() else []))
    kept = Remainder.objects.filter(request=request)
    assert kept.count() > 3
    assert set(kept.values_list("ground", "about")) == {("hold", hold.reference)}
    assert Person.objects.get(pk=ada.pk).standing == "closed"
    assert remaining.go_on(at=at + DAY) == 0
    assert from_below.take_due(at=at + DAY) == 0, "what is kept goes by itself, and needs no other request"
    assert Remainder.objects.filter(ended_at__isnull=False).count() == 0

    releasing.ask_release(hold=hold, reason="The case is settled.", by=counsel, at=at + DAY)
    releasing.approve_release(hold=hold, by=cast.cleo(), at=at + DAY)
    over = at + 30 * DAY
    assert deaths.in_child(lambda: (deaths.at_call(remaining, "_settle", 2, "before"), remaining.go_on(at=over))) == -signal.SIGKILL
    assert remaining.go_on(at=over + DAY) == 1
    assert not Person.objects.filter(pk=ada.pk).exists()
    assert Remainder.objects.filter(ended_at__isnull=True).count() == 0
    assert request.scans.order_by("-number").first().is_clean
    assert request.letters.filter(template__code="rest_erased").count() == 1
    assert [line.kind for line in journal.read() if line.about == ada.reference][-1] == "person.erased"
    assert remaining.go_on(at=over + 2 * DAY) == 0


def test_what_keeps_failing_is_parked_after_five_attempts_and_tried_again_by_a_person(monkeypatch):
    ada = somebody(clinic())
    request = carried.approved(ada)
    at = carried.due(request)

    def breaks(run, _request, step, _attempt):
        raise ZeroDivisionError("Ada Lovell")

    with monkeypatch.context() as patch:
        patch.setitem(executing.DOES, "erase", breaks)
        for _turn in range(8):
            executing.work_due(at=at)
            at += timedelta(hours=3)
    request.refresh_from_db()
    assert (request.state, request.last_code) == (State.RUNNING, executing.PARKED)
    step = Step.objects.get(state=StepState.PARKED)
    assert list(step.attempts.order_by("number").values_list("end", "code")) == [("failed", "ZeroDivisionError")] * 5
    executing.try_again(request, by=given.dana(), at=at)
    executing.work_due(at=at)
    is_gone(ada, request)
    assert step.attempts.count() == 6


def test_a_request_whose_subject_is_sealed_forgets_it_when_it_is_over():
    ada = somebody(clinic())
    request = carried.carried_out(ada)
    plan = Plan.objects.get(request=request)
    secret = f"request/{plan.reference}"
    assert keystore().exists(secret)
    assert b"Lovell" not in bytes(plan.subject)
    assert whom.known(request, at=cast.NOON).subject.reference == ada.reference
    assert whom.forget_due(at=cast.NOON) == 0, "it is not answered yet"
