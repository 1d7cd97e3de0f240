"""SIGKILL before and after every single change that a destruction makes to disk or database, until none is left to die at.

No list of places: every fsync, link, unlink, rename, write to the journal, commit and statement outside of a transaction is
one, so that whatever is added is tried too. After each death what must hold at any moment holds.
"""

import signal
from datetime import timedelta
from itertools import count

import pytest

from apps.audit.services import journal
from apps.retention.models import Destruction
from apps.retention.services import sweep
from tests.faults import deaths, worlds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos]

LEASE = timedelta(minutes=3)


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    with deaths.clocks_of_the_test(settings):
        yield


def killed_at_every_change(home, one_more) -> int:
    """`one_more` makes the work of that number: a moment and who it is that dies then. Returns how many places of death there were."""
    for number in count():
        at, is_it = one_more(number)

        def dying(number=number, at=at, is_it=is_it):
            deaths.at_effect(number, is_it)
            sweep.sweep(at=at)

        ended = deaths.in_child(dying)
        if ended == 0:
            journal.write_owed()
            assert deaths.found(home, at=at) == []
            worlds.each_thing_was_done_once()
            return number
        assert ended == -signal.SIGKILL
        assert deaths.found(home, at=at, only=deaths.ALWAYS, most=2) == [], f"after a death at change {number}"
        assert deaths.in_child(lambda at=at: sweep.sweep(at=at + LEASE)) == 0
        assert [work.last_error for work in Destruction.objects.exclude(state="done")] == [], f"after a death at change {number}"
    raise AssertionError("without end")


def test_a_day_ends_once_at_whatever_change_its_worker_was_killed(home):
    worlds.begin()

    def one_more(number):
        worlds.a_day(number)
        return worlds.end_of_day(number), worlds.is_day(number)

    assert killed_at_every_change(home, one_more) > 20


def test_rows_aside_end_once_at_whatever_change_their_worker_was_killed(home):
    worlds.begin()

    def one_more(number):
        worlds.a_day(number)
        sweep.sweep(at=worlds.end_of_day(number))
        at, bundle = worlds.a_bundle_falls_due(number)
        return at, lambda work: work.secret == bundle.secret

    assert killed_at_every_change(home, one_more) > 20


def test_an_archive_ends_once_at_whatever_change_its_worker_was_killed(home):
    worlds.begin(archive=True)

    def one_more(number):
        worlds.a_day(number, hold=False)
        at, archive = worlds.an_archive_closes(number)
        return at, lambda work: work.archive_id == archive.pk

    assert killed_at_every_change(home, one_more) > 20
