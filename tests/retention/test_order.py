"""Work is taken up in one order: the oldest day first, and of one day what was opened first, whatever was touched since."""

from datetime import date

import pytest

from apps.retention.models import Cohort, Destruction
from apps.retention.states import CohortState, DestructionScope
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

EXPIRY = date(2026, 3, 16)
MORNING_AFTER = NOON + 8 * DAY


def test_destructions_of_one_day_are_claimable_in_the_order_in_which_they_were_opened():
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    cohort = Cohort.objects.get()
    works = [
        Destruction.objects.create(scope=DestructionScope.ASIDE, cohort=cohort, secret=f"aside/{n}", day=day, opened_at=MORNING_AFTER)
        for n, day in enumerate([EXPIRY, EXPIRY, EXPIRY - DAY, EXPIRY])
    ]
    for touched in (0, 1):  # a row that was written again lies behind the others
        Destruction.objects.filter(pk=works[touched].pk).update(attempts=1)
    assert list(Destruction.objects.claimable(MORNING_AFTER)) == [works[2], works[0], works[1], works[3]]


def test_a_day_of_several_clients_that_has_no_work_yet_is_named_once():
    for n in range(2):
        client = cast.client(f"Clinic {n}")
        cast.rule(client, 7)
        cast.hand_over(client, [cast.message(1), cast.message(2, at=NOON + DAY)], at=NOON + DAY)
    for cohort in Cohort.objects.all():
        for state in (CohortState.SEALED, CohortState.EXPIRED):
            cohort.state = state
            cohort.save(update_fields=["state"])
    days = Destruction.objects.without_their_own_row(Cohort.objects.all(), EXPIRY + DAY)
    assert list(days) == [EXPIRY, EXPIRY + DAY]
