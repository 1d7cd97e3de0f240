"""SIGKILL before and after every step of a destruction, whatever it ends; and in the middle of stepping aside.

The steps come from the code's own list. After each death what must hold at any moment holds; after the next whole run the
independent examiner finds nothing, and the end is the same, once.
"""

import signal
from datetime import timedelta
from itertools import count

import pytest

from apps.audit.services import journal
from apps.foundation.keys import keystore
from apps.retention.models import Archive, AsideMessage, Cohort, Destruction
from apps.retention.services import accounts, arrivals, aside, destroy, sweep
from apps.retention.states import ArchiveState, CohortState
from tests.cast import DAY, NOON
from tests.faults import deaths, worlds
from tests.retention import archived

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

DEATHS = [(step.__name__, when) for step in destroy.STEPS for when in ("before", "after")]
LEASE = timedelta(minutes=3)
#: how often in a row workers die at the same place before one lives
IN_A_ROW = pytest.mark.parametrize("times", [pytest.param(1, id="once"), pytest.param(2, id="twice", marks=pytest.mark.chaos)])


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    with deaths.clocks_of_the_test(settings):
        yield


def killed_then_whole(home, death, times, is_it, at) -> None:
    """Workers die at the same place, the next one lives; each finds what the one before it left, after its lease."""

    def dying(moment):
        deaths.at_step(*death, is_it)
        sweep.sweep(at=moment)

    for again in range(1 if death == DEATHS[-1] else times):  # after the very last step nothing is left to die in
        moment = at + again * LEASE
        assert deaths.in_child(lambda moment=moment: dying(moment)) == -signal.SIGKILL, f"nobody died {death}"
        assert deaths.found(home, at=moment, only=deaths.ALWAYS) == [], f"after a death {death}"
    last = at + times * LEASE
    assert deaths.in_child(lambda: sweep.sweep(at=last)) == 0
    journal.write_owed()
    assert deaths.found(home, at=last) == [], f"after a death {death} and a whole run"


@IN_A_ROW
def test_days_and_then_what_had_stepped_aside_end_once_wherever_their_workers_were_killed(home, times):
    worlds.begin()
    for number, death in enumerate(DEATHS):
        worlds.a_day(number)
        killed_then_whole(home, death, times, worlds.is_day(number), worlds.end_of_day(number))
    ended = Cohort.objects.filter(organization=worlds.clinic())
    assert [cohort.state for cohort in ended] == [CohortState.DESTROYED] * len(DEATHS)
    assert [accounts.account_of(cohort).aside_for_hold for cohort in ended] == [2] * len(DEATHS)
    kept = Cohort.objects.filter(organization=worlds.mercy())
    assert [(cohort.state, accounts.account_of(cohort).aside_for_archive) for cohort in kept] == [("expired", 3)] * len(DEATHS)
    assert keystore().names("day") == []
    worlds.each_thing_was_done_once()
    for number, death in enumerate(DEATHS):
        at, bundle = worlds.a_bundle_falls_due(number)
        killed_then_whole(home, death, times, lambda work, secret=bundle.secret: work.secret == secret, at)
    assert AsideMessage.objects.filter(ground="hold").count() == 0
    assert [accounts.account_of(cohort).destroyed for cohort in ended.all()] == [5] * len(DEATHS)
    worlds.each_thing_was_done_once()


@IN_A_ROW
def test_hosted_archives_end_once_wherever_their_workers_were_killed(home, times):
    worlds.begin(archive=True)
    ends = []
    for number in range(len(DEATHS)):
        worlds.a_day(number, hold=False)
        ends.append(worlds.an_archive_closes(number))
    assert len([path for path in archived.folder().rglob("*") if path.is_file()]) == 2 * len(DEATHS)
    for death, (at, archive) in zip(DEATHS, ends, strict=True):
        killed_then_whole(home, death, times, lambda work, pk=archive.pk: work.archive_id == pk, at)
    assert [path for path in archived.folder().rglob("*") if path.is_file()] == []
    assert set(Archive.objects.values_list("state", flat=True)) == {ArchiveState.DESTROYED}
    worlds.each_thing_was_done_once()


@pytest.mark.chaos
def test_once_the_key_began_to_go_the_destruction_ends_whatever_is_placed_meanwhile(home):
    """Killed between the key's first change and the commit: what was asked was asked, and a hold that comes then comes too late."""
    worlds.begin()
    for number in count():
        worlds.a_day(number)
        at = worlds.end_of_day(number)

        def dying(number=number, at=at):
            deaths.at_effect(number, worlds.is_day(number), step="destroy_key")
            sweep.sweep(at=at)

        ended = deaths.in_child(dying)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        marked = (home / "keystore" / f"day/{at.date()}.destroyed").exists()
        if number % 2:  # nothing that was still there may be lost to it, nothing that was gone is waited for
            worlds.a_hold_on_everything(at)
        assert deaths.found(home, at=at, only=deaths.ALWAYS) == [], f"after a death at change {number}"
        assert deaths.in_child(lambda at=at: sweep.sweep(at=at + LEASE)) == 0
        journal.write_owed()
        assert deaths.found(home, at=at + LEASE) == [], f"after a death at change {number}, the key marked: {marked}"
        cohort = Cohort.objects.get(organization=worlds.clinic(), expiry_on=at.date())
        kept = 5 if number % 2 and not marked else 2
        assert (accounts.account_of(cohort).aside_for_hold, accounts.account_of(cohort).destroyed) == (kept, 5 - kept)
        worlds.release_all(at)
    assert number > 8


@pytest.mark.parametrize("half", [False, True], ids=["gone", "half gone"])
def test_a_worker_that_was_killed_over_the_key_is_taken_over_from_though_something_is_kept(home, half):
    """The key is gone, its commit did not come: nobody can open what is kept of other clients either, nor need they."""
    worlds.begin()
    worlds.a_day(0)
    at = worlds.end_of_day(0)
    assert deaths.in_child(lambda: (deaths.at_step("destroy_key", "before", worlds.is_day(0)), sweep.sweep(at=at))) == -signal.SIGKILL
    secret = Destruction.objects.get().secret
    content = (home / "keystore" / secret).read_bytes()
    keystore().destroy(secret)
    if half:
        (home / "keystore" / secret).write_bytes(bytes(len(content)))
    worlds.a_hold_on_everything(at)
    assert deaths.found(home, at=at, only=deaths.ALWAYS) == []
    sweep.sweep(at=at + LEASE)
    journal.write_owed()
    assert deaths.found(home, at=at + LEASE) == []
    assert accounts.account_of(Cohort.objects.get(organization=worlds.clinic())).destroyed == 3
    worlds.each_thing_was_done_once()


@pytest.mark.parametrize("when", ["before", "after"])
def test_stepping_aside_goes_on_wherever_it_was_killed(home, when):
    """Between two chunks, and within one before its commit: no row is in both places, none in neither."""
    places = [(aside, "_move_chunk", number) for number in (1, 2)] + [(arrivals, "take_out", number) for number in (1, 2)]
    worlds.begin()
    for number, (owner, name, call) in enumerate(places):
        worlds.a_day(number)
        at = NOON + (8 + number) * DAY

        def dying(owner=owner, name=name, call=call, at=at):
            aside.CHUNK = 1
            deaths.at_call(owner, name, call, when)
            sweep.sweep(at=at)

        assert deaths.in_child(dying) == -signal.SIGKILL
        assert deaths.found(home, at=at, only=deaths.ALWAYS) == []
        assert deaths.in_child(lambda at=at: sweep.sweep(at=at + LEASE)) == 0
    journal.write_owed()
    assert deaths.found(home, at=at + LEASE) == []
    counts = [accounts.account_of(cohort).as_dict() for cohort in Cohort.objects.filter(organization=worlds.clinic())]
    assert [(count["aside_for_hold"], count["destroyed"]) for count in counts] == [(2, 3)] * len(places)
