"""The inbox of a member of staff: what waits for their decision, what is late, what is theirs and nobody's, what they decided."""

from datetime import timedelta

import pytest

from apps.data_requests.models import Arrival
from apps.data_requests.services import approving, inbox, owners
from apps.data_requests.states import ArrivalState, Channel
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked, carried
from tests.data_requests.asked import dana

pytestmark = pytest.mark.usefixtures("house")
LATE = NOON + 100 * DAY


def trays(member, at=NOON):
    return {tray.key: tray for tray in inbox.of(member, at=at)}


def named(tray):
    return [str(row[0]) for row in tray.rows]


def test_what_i_took_is_in_my_hands_and_nobodys_is_for_everybody_who_works():
    mine, other = asked.request(email="a@client.example"), asked.request(email="b@client.example")
    owners.take(request=mine, by=dana(), at=NOON)
    found = trays(dana())
    assert (named(found["mine"]), named(found["nobodys"])) == ([mine.reference], [other.reference])


def test_who_approves_sees_what_waits_for_them_and_who_asked_does_not():
    request = carried.planned(cast.ada(cast.client())).request
    approving.ask(request, by=dana(), at=NOON)
    assert named(trays(cast.cleo())["decide"]) == [request.reference]
    assert (named(trays(dana())["decide"]), named(trays(dana())["asked"])) == ([], [request.reference])


def test_what_i_decided_says_how_it_stands_now():
    request = carried.planned(cast.ada(cast.client())).request
    approving.ask(request, by=dana(), at=NOON)
    approving.approve(request, by=cast.cleo(), at=NOON + DAY)
    found = trays(cast.cleo())
    row = found["decided"].rows[0]
    assert (str(row[0]), row[1], row[2], row[3]) == (request.reference, "approved", NOON + DAY, "dana")
    assert row[4].startswith("approved and announced")
    assert (named(found["decide"]), trays(dana())["decided"].rows) == ([], [])


def test_late_are_mine_and_nobodys_and_everybodys_for_who_approves():
    mine, nobodys, others = (asked.request(email=f"{name}@client.example") for name in "abc")
    owners.take(request=mine, by=dana(), at=NOON)
    eli = cast.staff("eli", Role.PRIVACY_ANALYST)
    owners.take(request=others, by=eli, at=NOON)
    assert set(named(trays(dana(), LATE)["late"])) == {mine.reference, nobodys.reference}
    assert set(named(trays(cast.cleo(), LATE)["late"])) == {mine.reference, nobodys.reference, others.reference}
    assert named(trays(dana())["late"]) == []


def test_what_could_not_be_read_waits_for_who_works():
    Arrival.objects.create(channel=Channel.EMAIL, state=ArrivalState.UNREADABLE, code="too_deep", received_at=NOON)
    assert trays(dana())["unreadable"].rows[0][1:] == ("by e-mail", "too_deep", NOON)
    assert "unreadable" not in trays(cast.staff("aud", Role.AUDITOR))


def test_a_long_tray_is_cut_and_counts(monkeypatch):
    monkeypatch.setattr(inbox, "SHOWN", 2)
    for name in "abc":
        asked.request(email=f"{name}@client.example")
    tray = trays(dana())["nobodys"]
    assert (len(tray.rows), tray.count, tray.more) == (2, 3, 1)


def test_it_costs_the_same_with_one_request_and_with_many(django_assert_max_num_queries):
    for number in range(12):
        request = asked.request(email=f"{number}@client.example", at=NOON + timedelta(minutes=number))
        owners.take(request=request, by=dana(), at=NOON)
    member = dana()
    with django_assert_max_num_queries(16):
        inbox.of(member, at=NOON)
