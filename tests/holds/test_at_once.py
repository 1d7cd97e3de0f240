"""Two at once, with real connections: a hold and a destruction, two holds, two releases, a matter that closes meanwhile."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, connections, transaction

from apps.accounts.models import Person
from apps.audit.models import Event, JournalEntry
from apps.foundation.refusals import Refusal
from apps.holds import standstill
from apps.holds.models import Hold, Matter
from apps.holds.services import asking, matters, placing, releasing
from apps.staff.models import Approval
from apps.staff.roles import Role
from apps.staff.services import duties
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import NOON, SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)

SHARED = "SELECT pg_advisory_xact_lock_shared(hashtext('covenant_holds'))"
PATIENCE = 20


@pytest.fixture
def others():
    """A pool of threads with connections of their own, closed when their work is done."""
    with ThreadPoolExecutor(4) as pool:

        def start(work, *arguments, **given) -> Future:
            def run():
                try:
                    return work(*arguments, **given)
                finally:
                    connections.close_all()

            return pool.submit(run)

        yield start


def wait_until(condition, what):
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            pytest.fail(f"waited {PATIENCE} s for: {what}", pytrace=False)
        time.sleep(0.02)


def waiting_for_the_lock() -> int:
    """How many sessions of this database wait for an advisory lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()"
        )
        return cursor.fetchone()[0]


def waiting_for_a_row() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')")
        return cursor.fetchone()[0]


@contextmanager
def a_destruction_at_work(others, *, then=lambda: None):
    """Another session that holds the lock shared, as a destruction does; inside, it does `then` and commits on leaving."""
    began, may_end = threading.Event(), threading.Event()

    def destroy():
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(SHARED)
            began.set()
            assert may_end.wait(PATIENCE)
            return then()

    work = others(destroy)
    assert began.wait(PATIENCE)
    try:
        yield work
    finally:
        may_end.set()
        work.result(PATIENCE)


def test_a_hold_waits_for_a_destruction_at_work_and_comes_after_it(place, clinic, others):
    with a_destruction_at_work(others, then=lambda: asking.newest(NOON)) as destruction:
        placing_it = others(place, organization=clinic)
        wait_until(lambda: waiting_for_the_lock() == 1, "the hold to wait")
        time.sleep(0.2)
        assert not placing_it.done()
        assert Hold.objects.count() == 0
    hold = placing_it.result(PATIENCE)
    assert destruction.result() == 0, "the destruction looked once more before it ended, and the hold had not come in between"
    assert asking.holds_of_organization(clinic.pk, NOON) == [hold]


def test_a_destruction_that_asks_while_a_hold_is_being_placed_waits_and_then_finds_it(place, clinic, others):
    placed, may_commit = threading.Event(), threading.Event()

    def slowly():
        with transaction.atomic():
            hold = place(organization=clinic)
            placed.set()
            assert may_commit.wait(PATIENCE)
            return hold

    def destroy():
        with transaction.atomic():
            asking.keep_new_holds_out()
            return asking.holds_of_organization(clinic.pk, NOON)

    placing_it = others(slowly)
    assert placed.wait(PATIENCE)
    destruction = others(destroy)
    wait_until(lambda: waiting_for_the_lock() == 1, "the destruction to wait")
    assert asking.holds_of_organization(clinic.pk, NOON) == [], "who does not take the lock does not see it: that is why there is one"
    may_commit.set()
    assert destruction.result(PATIENCE) == [placing_it.result(PATIENCE)]


def test_two_destructions_do_not_wait_for_each_other(others, house):
    with a_destruction_at_work(others), transaction.atomic():
        asking.keep_new_holds_out()
        assert waiting_for_the_lock() == 0


def test_an_erasure_and_a_hold_on_the_same_person_at_once_one_waits_and_neither_is_lost(place, ada, others):
    free, may_end = threading.Event(), threading.Event()

    def erase():
        with transaction.atomic():
            asking.require_free(person=ada, at=NOON)
            free.set()
            assert may_end.wait(PATIENCE)
            return asking.holds_of_person(ada.pk, NOON)

    erasure = others(erase)
    assert free.wait(PATIENCE)
    placing_it = others(place, person=ada)
    wait_until(lambda: waiting_for_the_lock() == 1, "the hold to wait")
    may_end.set()
    assert erasure.result(PATIENCE) == []
    hold = placing_it.result(PATIENCE)
    with pytest.raises(asking.UnderHold), transaction.atomic():
        asking.require_free(person=ada, at=NOON)
    assert asking.holds_of_person(ada.pk, NOON) == [hold]


def test_a_hold_on_somebody_who_is_being_erased_at_that_moment_is_refused_by_name(place, ada, others):
    def erase():
        asking.require_free(person=ada, at=NOON)
        Person.objects.get(pk=ada.pk).delete()

    with a_destruction_at_work(others, then=erase):
        placing_it = others(place, person=ada)
        wait_until(lambda: waiting_for_the_lock() == 1, "the hold to wait")
    with pytest.raises(placing.NobodyLeftToHold, match=ada.reference):
        placing_it.result(PATIENCE)
    assert Hold.objects.count() == 0


def test_two_people_place_at_once_and_both_holds_stand(place, clinic, ada, others):
    esther = cast.staff("esther", Role.COUNSEL)
    with a_destruction_at_work(others):
        both = [others(place, organization=clinic), others(place, person=ada, by=esther)]
        wait_until(lambda: waiting_for_the_lock() == 2, "both to wait")
    holds = [one.result(PATIENCE) for one in both]
    assert asking.holds_of_organization(clinic.pk, NOON) == sorted(holds, key=lambda hold: hold.pk)
    assert JournalEntry.objects.filter(kind="hold.placed").count() == 2


def test_the_same_hold_placed_by_two_clicks_at_once_is_one_hold(place, clinic, others):
    both = [others(place, organization=clinic) for _click in range(2)]
    assert both[0].result(PATIENCE) == both[1].result(PATIENCE)
    assert (Hold.objects.count(), Event.objects.filter(verb="hold.placed").count()) == (1, 1)


def outcome(work: Future):
    try:
        return work.result(PATIENCE)
    except Refusal as refusal:
        return refusal


def test_a_release_approved_by_two_at_once_acts_once(place, clinic, ezra, cleo, others):
    hold = releasing.ask_release(hold=place(organization=clinic), reason="Settled.", by=ezra, at=NOON)
    approvers = [cleo, cast.staff("esther", Role.COUNSEL)]
    with transaction.atomic():
        Hold.objects.select_for_update().get(pk=hold.pk)  # both get as far as the row before either may go on
        both = [others(releasing.approve_release, hold=hold, by=approver, at=NOON) for approver in approvers]
        wait_until(lambda: waiting_for_a_row() >= 2, "both to wait")
    outcomes = [outcome(one) for one in both]
    assert sorted(isinstance(one, Refusal) for one in outcomes) == [False, True]
    hold.refresh_from_db()
    assert hold.state == "released"
    assert hold.released_by == next(one.released_by for one in outcomes if isinstance(one, Hold))
    assert Event.objects.filter(verb="hold.released").count() == 1
    assert JournalEntry.objects.filter(kind="hold.released").count() == 1
    assert [approval.verdict for approval in Approval.objects.all()] == ["approved"]


def test_one_approves_and_another_rejects_at_once_and_one_of_them_is_refused(place, clinic, ezra, cleo, others):
    hold = releasing.ask_release(hold=place(organization=clinic), reason="Settled.", by=ezra, at=NOON)
    esther = cast.staff("esther", Role.COUNSEL)
    both = [
        others(releasing.approve_release, hold=hold, by=cleo, at=NOON), others(releasing.reject_release, hold=hold, by=esther, at=NOON),
    ]  # fmt: skip
    outcomes = [outcome(one) for one in both]
    assert sorted(isinstance(one, Refusal) for one in outcomes) == [False, True]
    hold.refresh_from_db()
    assert (hold.state == "released") is isinstance(outcomes[0], Hold)
    assert (Approval.objects.get().verdict == "approved") is isinstance(outcomes[0], Hold)


def test_an_approver_who_loses_the_right_while_the_approval_waits_releases_nothing(place, clinic, ezra, cleo, others):
    hold = releasing.ask_release(hold=place(organization=clinic), reason="Settled.", by=ezra, at=NOON)
    with transaction.atomic():
        duties.assign(member=cleo, roles=[Role.AUDITOR], by=SYSTEM, at=NOON)
        approving = others(releasing.approve_release, hold=hold, by=cleo, at=NOON)
        wait_until(lambda: waiting_for_a_row() >= 1, "the approval to wait")
    with pytest.raises(NotPermitted):
        approving.result(PATIENCE)
    assert Hold.objects.get().state == "active"


def test_a_hold_placed_while_its_matter_closes_with_its_last_one_is_either_in_it_or_refused(place, clinic, ada, ezra, cleo, others):
    last = releasing.ask_release(hold=place(organization=clinic), reason="Settled.", by=ezra, at=NOON)
    esther = cast.staff("esther", Role.COUNSEL)
    with a_destruction_at_work(others):
        placing_it = others(place, person=ada, by=esther)
        wait_until(lambda: waiting_for_the_lock() == 1, "the hold to wait")
        releasing.approve_release(hold=last, by=cleo, at=NOON)
    with pytest.raises(placing.MatterClosed):
        placing_it.result(PATIENCE)
    assert (Matter.objects.get().state, Hold.objects.active().count()) == ("closed", 0)


def test_a_matter_closed_by_hand_while_a_hold_is_placed_stays_open(place, clinic, matter, ezra, others):
    placed, may_commit = threading.Event(), threading.Event()
    esther = cast.staff("esther", Role.COUNSEL)

    def slowly():
        with transaction.atomic():
            place(organization=clinic, by=esther)
            placed.set()
            assert may_commit.wait(PATIENCE)

    placing_it = others(slowly)
    assert placed.wait(PATIENCE)
    closing = others(matters.close, matter=matter, by=ezra, at=NOON)
    wait_until(lambda: waiting_for_a_row() >= 1, "the closing to wait")
    may_commit.set()
    placing_it.result(PATIENCE)
    with pytest.raises(matters.HoldsStand):
        closing.result(PATIENCE)
    assert Matter.objects.get().state == "open"


def test_a_hold_that_fails_leaves_the_lock_free_for_destructions(clinic, ada, ezra, matter, others):
    with pytest.raises(placing.HoldWithoutScope):
        placing.place(matter=matter, reason="x", by=ezra, at=NOON)

    def destroy():
        with transaction.atomic():
            standstill.keep_new_holds_out()
            return "done"

    assert others(destroy).result(PATIENCE) == "done"
