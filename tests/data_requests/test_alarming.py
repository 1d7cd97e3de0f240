"""The owner hears ahead and on the day, everybody who may approve a day later; each once, in one mail, by references."""

import pytest

from apps.audit.models import Event
from apps.data_requests.models import Clock
from apps.data_requests.services import alarming, extending, owners
from apps.data_requests.states import Kind, Regime
from apps.mail.models import OutgoingMail
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked


@pytest.fixture
def office(house):
    """Dana works, Cleo approves, Ezra (counsel) does both, Bo neither."""
    return {"dana": asked.dana(), "cleo": cast.cleo(), "ezra": cast.staff("ezra", Role.COUNSEL), "bo": cast.bo()}


def told(at):
    """Who was told what in one look."""
    before = set(OutgoingMail.objects.values_list("pk", flat=True))
    alarming.warn_and_alarm(at=at)
    return {mail.to_address.partition("@")[0]: mail for mail in OutgoingMail.objects.exclude(pk__in=before)}


def test_the_owner_is_warned_ten_and_three_days_ahead_and_once_each(office):
    request = asked.request(Kind.COMPLAINT)
    owners.take(request=request, by=office["dana"], at=NOON)
    heard = {day: set(told(NOON + day * DAY)) for day in (0, 34, 35, 36, 41, 42, 43, 44)}
    assert heard == {0: set(), 34: set(), 35: {"dana"}, 36: set(), 41: set(), 42: {"dana"}, 43: set(), 44: set()}
    assert Event.objects.filter(verb="request.warned", object=request.reference).count() == 2


def test_a_missed_look_warns_late_and_once(office):
    owners.take(request=asked.request(Kind.COMPLAINT), by=office["dana"], at=NOON)
    assert (set(told(NOON + 43 * DAY)), set(told(NOON + 43 * DAY))) == ({"dana"}, set())


def test_nobodys_request_is_everybodys_who_may_work(office):
    asked.request(Kind.COMPLAINT)
    assert set(told(NOON + 35 * DAY)) == {"dana", "cleo", "ezra"}


def test_an_owner_who_left_or_lost_the_right_is_no_owner(office):
    owners.take(request=asked.request(Kind.COMPLAINT), by=office["dana"], at=NOON)
    type(office["dana"]).objects.filter(pk=office["dana"].pk).update(is_active=False)
    assert set(told(NOON + 35 * DAY)) == {"cleo", "ezra"}


def test_on_its_day_the_owner_hears_and_a_day_later_everybody_above(office):
    request = asked.request(Kind.COMPLAINT)
    owners.take(request=request, by=office["dana"], at=NOON)
    told(NOON + 44 * DAY)
    heard = {day: told(NOON + day * DAY) for day in (45, 45.5, 46, 47, 80)}
    assert {day: set(mails) for day, mails in heard.items()} == {45: {"dana"}, 45.5: set(), 46: {"dana", "cleo", "ezra"}, 47: set(), 80: set()}
    assert request.reference in heard[45]["dana"].body
    assert "yours" in heard[46]["dana"].body
    assert "a colleague's" in heard[46]["cleo"].body
    assert [event.verb for event in Event.objects.filter(object=request.reference).order_by("pk")][-3:] == [
        "request.warned", "request.overdue", "request.escalated",
    ]  # fmt: skip


def test_a_flood_is_one_mail_for_each_reader(office):
    references = [asked.request(Kind.COMPLAINT, email=f"p{number}@elsewhere.example").reference for number in range(60)]
    heard = told(NOON + 45 * DAY)
    assert set(heard) == {"dana", "cleo", "ezra"}
    assert sum(reference in heard["dana"].body for reference in references) == alarming.NAMED
    assert "and 20 more" in heard["dana"].body
    assert Clock.objects.filter(alarmed_at=None).count() == 0
    assert asked.ADA not in heard["dana"].body


def test_what_was_extended_is_warned_of_by_its_new_day(office):
    request = asked.request(Kind.CORRECTION, person=cast.ada(cast.client()))
    Clock.objects.filter(request=request, regime=Regime.CCPA_ACKNOWLEDGE).update(stopped_at=NOON, stopped_by_event="acknowledged")
    told(NOON + 35 * DAY)
    extending.extend(request=request, regime=Regime.CCPA_ANSWER, reason="Much.", by=office["dana"], at=NOON + 36 * DAY)
    assert [bool(told(NOON + day * DAY)) for day in (42, 45, 46, 79, 80, 87, 90, 91)] == [False, False, False, False, True, True, True, True]


def test_what_stands_still_or_was_stopped_alarms_nobody(office):
    still = asked.request(Kind.ACCOUNTING)
    extending.pause(request=still, regime=Regime.HIPAA_ACCOUNTING, basis="written", until=NOON + 400 * DAY, by=office["dana"], at=NOON)
    asked.brought(asked.request(Kind.COMPLAINT, email=asked.EVE), "denied")
    assert told(NOON + 100 * DAY) == {}
