"""What became no request by itself is sorted by staff: read for a reason, taken in, or dropped for one; and they hear daily of what waits."""

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import Event
from apps.data_requests.models import Arrival, DataRequest
from apps.data_requests.services import sorting
from apps.data_requests.states import ARRIVAL_MOVES, ArrivalState
from apps.foundation.keys import SealBroken
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests.asked import dana
from tests.data_requests.intake import given

HERE, THERE = "203.0.113.0/24", "198.51.100.0/24"


@pytest.fixture
def parked(house, settings):
    """Five of one network, of which two were taken, and one of another that is parked too."""
    settings.REQUEST_OPENED_PER_PREFIX_AN_HOUR, settings.REQUEST_OPENED_AN_HOUR = 2, 2
    for index in range(5):
        given.arrival(f"flood{index}@elsewhere.example", prefix=HERE)
    given.arrival("quiet@elsewhere.example", prefix=THERE)
    given.work()
    return list(Arrival.objects.filter(state=ArrivalState.PARKED).order_by("pk"))


def unreadable():
    came = given.arrival(given.EVE)
    Arrival.objects.filter(pk=came.pk).update(words=b"not sealed at all, and long enough", state=ArrivalState.UNREADABLE)
    return Arrival.objects.get(pk=came.pk)


def test_what_came_in_is_read_for_a_reason_which_is_recorded_first(parked):
    asked = sorting.look(arrival=parked[0], reason="person_asked", by=dana(), at=NOON)
    assert asked.email == "flood2@elsewhere.example"
    event = Event.objects.get(verb="arrival.read")
    assert (event.object, event.facts, event.actor) == (parked[0].reference, {"reason": "person_asked"}, str(dana().actor))
    with pytest.raises(sorting.ReasonMissing):
        sorting.look(arrival=parked[0], reason="", by=dana(), at=NOON)
    with pytest.raises(NotPermitted):
        sorting.look(arrival=parked[0], reason="person_asked", by=cast.bo(), at=NOON)


def test_what_is_parked_can_be_taken_in_at_once(parked):
    request = sorting.take_in(arrival=parked[0], by=dana(), at=NOON + DAY)
    parked[0].refresh_from_db()
    assert (parked[0].state, parked[0].request, parked[0].words, parked[0].settled_by) == (ArrivalState.TAKEN, request, None, str(dana().actor))
    assert request.received_at == NOON
    with pytest.raises(sorting.NothingWaits):
        sorting.take_in(arrival=parked[0], by=dana(), at=NOON + DAY)


def test_what_can_not_be_opened_stays_until_it_is_dropped_for_a_reason(house):
    came = unreadable()
    with pytest.raises(SealBroken):
        sorting.take_in(arrival=came, by=dana(), at=NOON)
    with pytest.raises(sorting.DropReasonMissing):
        sorting.drop(arrival=came, reason="", by=dana(), at=NOON)
    sorting.drop(arrival=came, reason="lost", by=dana(), at=NOON)
    came.refresh_from_db()
    assert (came.state, came.code, came.words) == (ArrivalState.DROPPED, "lost", None)
    assert Event.objects.get(verb="arrival.dropped").facts == {"reason": "lost"}


def test_what_was_kept_without_a_word_can_only_be_dropped(house):
    came = unreadable()
    Arrival.objects.filter(pk=came.pk).update(words=None)
    for verb in (lambda: sorting.take_in(arrival=came, by=dana(), at=NOON), lambda: sorting.look(arrival=came, reason="person_asked", by=dana(), at=NOON)):
        with pytest.raises(sorting.NothingToOpen):
            verb()
    assert sorting.drop(arrival=came, reason="by_hand", by=dana(), at=NOON).state == ArrivalState.DROPPED


def test_a_network_is_dropped_as_a_whole_and_no_other_is(parked):
    assert sorting.drop_network(arrival=parked[0], by=dana(), at=NOON) == 3
    assert [arrival.state for arrival in Arrival.objects.filter(pk__in=[row.pk for row in parked]).order_by("pk")] == ["dropped"] * 3 + ["parked"]
    assert Event.objects.filter(verb="arrival.dropped").count() == 3
    assert DataRequest.objects.count() == 2


def test_who_may_not_work_on_requests_takes_and_drops_nothing(parked):
    for verb in (sorting.take_in, sorting.drop_network):
        with pytest.raises(NotPermitted):
            verb(arrival=parked[0], by=cast.bo(), at=NOON)
    with pytest.raises(NotPermitted):
        sorting.drop(arrival=parked[0], reason="flood", by=cast.bo(), at=NOON)


def test_staff_hear_once_a_day_of_what_waits_for_them_and_of_nothing_else(house):
    dana()
    given.arrival(given.EVE)
    assert sorting.remind_due(at=NOON) == 0
    unreadable()
    assert sorting.remind_due(at=NOON) == 1
    assert sorting.remind_due(at=NOON + DAY / 4) == 0
    assert sorting.remind_due(at=NOON + DAY) == 1
    mail = given.mails()[-1]
    assert mail.to_address == dana().email
    assert given.EVE not in mail.subject + mail.body


def test_what_is_parked_for_long_is_told_too(parked):
    dana()
    assert sorting.remind_due(at=NOON + DAY) == 0
    assert sorting.remind_due(at=NOON + 3 * DAY) == 1


@pytest.mark.parametrize(("here", "there"), [(here, there) for here in ArrivalState for there in ArrivalState if here != there])
def test_the_database_knows_the_same_moves(house, here, there):
    request = given.taken(given.EVE)
    came = given.arrival()
    words = {"words": None, "settled_at": NOON} if here in ("taken", "dropped") else {}
    path = {"waiting": (), "parked": ("parked",), "unreadable": ("unreadable",), "taken": ("taken",), "dropped": ("dropped",)}[here]
    for state in path:
        Arrival.objects.filter(pk=came.pk).update(state=state, request=request, **words)

    def move():
        with transaction.atomic():
            Arrival.objects.filter(pk=came.pk).update(state=there, words=None, settled_at=NOON, request=request)

    if there in ARRIVAL_MOVES[here]:
        move()
        assert Arrival.objects.get(pk=came.pk).state == there
    else:
        with pytest.raises(IntegrityError):
            move()
