"""Messages that holds cover are found in some leaves at once: the same ones, in the same order, however many are asked together."""

import pytest

from apps.holds.services import matters, placing
from apps.holds.services.placing import Conversation
from apps.retention.models import AsideMessage, Cohort, Message
from apps.retention.services import leaves, scoped, sweep
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")


@pytest.fixture(autouse=True)
def clocks_agree(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660


@pytest.fixture
def world():
    """Six days of two clients; of one a hold keeps a conversation, of the other everything. The first two days stand aside."""
    clinic, other = cast.hill_clinic(7), cast.client("Other")
    cast.rule(other, 7)
    ezra = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Case", reason="asked by the court", by=ezra, at=NOON)
    holds = [
        placing.place(matter=matter, organization=clinic, conversation=Conversation("product", "c1"), reason="asked by the court", by=ezra, at=NOON),
        placing.place(matter=matter, organization=other, reason="asked by the court", by=ezra, at=NOON),
    ]
    for number in range(6):
        at = NOON + number * DAY
        leaves.make_leaves(at=at)
        for organization in (clinic, other):
            lines = [cast.message(n, id=f"{number}-{n}", conversation=f"c{n % 2}", at=at) for n in range(1, 6)]
            cast.hand_over(organization, lines, at=at, key=f"b{number}")
    sweep.sweep(at=NOON + 9 * DAY)
    return holds, NOON + 9 * DAY


def found(holds, at):
    return [
        (cohort.pk, message.row.id, message.message["conversation"], message.is_aside)
        for cohort, messages in scoped.by_cohort(holds, at)
        for message in messages
    ]


@pytest.mark.parametrize("together", [1, 2, 5, 100])
def test_what_is_covered_is_found_once_and_in_order_however_many_leaves_are_asked_at_once(world, together, monkeypatch):
    holds, at = world
    monkeypatch.setattr(scoped, "TOGETHER", together)
    kept = found(holds, at)
    clinic = set(Cohort.objects.filter(organization=holds[0].organization).values_list("pk", flat=True))
    assert {conversation for cohort, _number, conversation, _aside in kept if cohort in clinic} == {"c1"}
    assert (len(kept), len(set(kept))) == (6 * (3 + 5), 6 * (3 + 5))
    days = Cohort.objects.in_bulk()
    assert kept == sorted(kept, key=lambda one: (days[one[0]].expiry_on, one[0], one[1]))
    aside = {number for _cohort, number, _conversation, is_aside in kept if is_aside}
    assert aside == set(AsideMessage.objects.values_list("id", flat=True)) != set()
    live = set(Message.objects.on_days(Cohort.objects.values_list("expiry_on", flat=True)).values_list("id", flat=True))
    assert {number for _cohort, number, _conversation, is_aside in kept if not is_aside} <= live


def test_what_is_not_taken_of_a_cohort_is_passed_over(world):
    holds, at = world
    firsts = [(cohort.pk, next(messages).row.id) for cohort, messages in scoped.by_cohort(holds, at)]
    numbers = {}
    for cohort, number, _conversation, _aside in found(holds, at):
        numbers.setdefault(cohort, number)
    assert firsts == list(numbers.items())


def test_who_stops_in_the_middle_leaves_the_connection_free(world):
    holds, at = world
    asked = scoped.by_cohort(holds, at)
    _cohort, messages = next(asked)
    next(messages)
    asked.close()
    assert len(found(holds, at)) == 48


def test_the_leaves_are_not_asked_one_by_one(world, django_assert_max_num_queries):
    holds, at = world
    only = holds[:1]
    with django_assert_max_num_queries(16):
        assert len(found(only, at)) == 18
