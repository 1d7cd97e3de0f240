"""SIGKILL before and after every step of a destruction, twice in a row, whatever it ends; and in the middle of stepping aside.

The steps come from the code's own list. After each death what must hold at any moment holds; after the next whole run the
independent examiner finds nothing, and the end is the same, once.
"""

import signal
from collections import Counter
from datetime import timedelta

import pytest

from apps.audit.models import Event
from apps.audit.services import journal
from apps.foundation.keys import keystore
from apps.holds.services import matters, placing, releasing
from apps.holds.services.placing import Conversation
from apps.retention.models import AsideBundle, AsideMessage, Certificate, Cohort, Destruction
from apps.retention.services import accounts, arrivals, aside, destroy, sweep
from apps.retention.states import CohortState, DestructionScope, DestructionState
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.faults import deaths

pytestmark = pytest.mark.django_db(transaction=True)

DEATHS = [(step.__name__, when) for step in destroy.STEPS for when in ("before", "after")]
LEASE = timedelta(minutes=3)


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    with deaths.clocks_of_the_test(settings):
        yield


def a_day_for_each(deaths_to_come: int) -> None:
    """Hill Clinic, with a hold on one conversation of each day; Mercy General, whose archive has no place yet."""
    cast.house()
    clinic, mercy = cast.hill_clinic(7), cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    ezra = cast.staff("ezra", Role.COUNSEL)
    for number in range(deaths_to_come):
        at = NOON + number * DAY
        matter = matters.open_matter(title=f"Case {number}", reason="asked by the court", by=ezra, at=NOON)
        placing.place(
            matter=matter, organization=clinic, conversation=Conversation("product", "kept"), sent_from=at.date(),
            sent_until=(at + DAY).date(), reason="asked by the court", by=ezra, at=NOON,
        )  # fmt: skip
        lines = [cast.message(n, at=at, conversation="kept" if n < 3 else "free") for n in range(1, 6)]
        cast.hand_over(clinic, lines, at=at, key=f"b{number}")
        cast.hand_over(mercy, lines[:3], at=at, key=f"b{number}")
    journal.write_owed()


def killed_twice_then_whole(home, death, is_it, at) -> None:
    """Two workers die at the same place, the third one lives; each finds what the one before it left, after its lease."""

    def dying(moment):
        deaths.at_step(*death, is_it)
        sweep.sweep(at=moment)

    for again in range(1 if death == DEATHS[-1] else 2):  # after the very last step nothing is left to die in
        moment = at + again * LEASE
        assert deaths.in_child(lambda moment=moment: dying(moment)) == -signal.SIGKILL, f"nobody died {death}"
        assert deaths.found(home, at=moment, only=deaths.ALWAYS) == [], f"after a death {death}"
    last = at + 2 * LEASE
    assert deaths.in_child(lambda: sweep.sweep(at=last)) == 0
    journal.write_owed()
    assert deaths.found(home, at=last) == [], f"after a death {death} and a whole run"


def each_thing_was_done_once() -> None:
    """Every destruction is done; ledger, journal and certificates tell each of them once."""
    assert set(Destruction.objects.values_list("state", flat=True)) == {DestructionState.DONE}
    certified = Counter(Certificate.objects.values_list("cohort__reference", "destruction__reference"))
    told = Counter(Event.objects.filter(verb="cohort.destroyed").values_list("object", "facts__destruction"))
    assert certified == told
    assert set(certified.values()) == {1}
    said = Counter((line.kind, line.about) for line in journal.read() if line.kind.startswith("destruction."))
    kinds = ("destruction.intended", "destruction.done")
    assert said == Counter({(kind, work.reference): 1 for kind in kinds for work in Destruction.objects.all()})


@pytest.mark.slow
def test_days_and_then_what_had_stepped_aside_end_once_wherever_their_workers_were_killed(home):
    a_day_for_each(len(DEATHS))
    for number, death in enumerate(DEATHS):
        at = NOON + (8 + number) * DAY
        day = at.date()
        killed_twice_then_whole(home, death, lambda work, day=day: work.scope == DestructionScope.DAY and work.day == day, at)
    ended = Cohort.objects.filter(organization__name="Hill Clinic")
    assert [cohort.state for cohort in ended] == [CohortState.DESTROYED] * len(DEATHS)
    assert [accounts.account_of(cohort).aside_for_hold for cohort in ended] == [2] * len(DEATHS)
    kept = Cohort.objects.filter(organization__name="Mercy General")
    assert [(cohort.state, accounts.account_of(cohort).aside_for_archive) for cohort in kept] == [("expired", 3)] * len(DEATHS)
    assert keystore().names("day") == []
    each_thing_was_done_once()

    ezra, cleo = cast.StaffMember.objects.get(username="ezra"), cast.cleo()
    begin = NOON + (10 + len(DEATHS)) * DAY
    bundles = list(AsideBundle.objects.filter(ground="hold").order_by("id"))
    for number, bundle in enumerate(bundles):
        hold = bundle.matter.holds.get()
        releasing.ask_release(hold=hold, reason="the case is closed", by=ezra, at=begin)
        releasing.approve_release(hold=hold, by=cleo, at=begin + number * DAY)
    journal.write_owed()
    for number, (death, bundle) in enumerate(zip(DEATHS, bundles, strict=True)):
        at = begin + (7 + number) * DAY + LEASE
        killed_twice_then_whole(home, death, lambda work, secret=bundle.secret: work.secret == secret, at)
    assert AsideMessage.objects.filter(ground="hold").count() == 0
    assert [accounts.account_of(cohort).destroyed for cohort in ended.all()] == [5] * len(DEATHS)
    each_thing_was_done_once()


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_stepping_aside_goes_on_wherever_it_was_killed(home, when):
    """Between two chunks, and within one before its commit: no row is in both places, none in neither."""
    places = [(aside, "_move_chunk", number) for number in (1, 2)] + [(arrivals, "take_out", number) for number in (1, 2)]
    a_day_for_each(len(places))
    for number, (owner, name, call) in enumerate(places):
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
    counts = [accounts.account_of(cohort).as_dict() for cohort in Cohort.objects.filter(organization__name="Hill Clinic")]
    assert [(count["aside_for_hold"], count["destroyed"]) for count in counts] == [(2, 3)] * len(places)
