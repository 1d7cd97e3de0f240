"""The pages on which staff ask for a switch for browser signals, and see what signals did. Deciding is tried with every other act."""

import pytest
import time_machine
from django.test import Client

from apps.consents.heeding import Signal
from apps.consents.models import SignalSwitch
from apps.consents.services import browsers
from apps.staff.models import StaffMember
from apps.staff.roles import PERMISSIONS, Role
from tests import cast
from tests.cast import DAY, NOON

ADD, LIST = "/admin/consents/signalswitch/add/", "/admin/consents/signalswitch/"


@pytest.fixture(autouse=True)
def noon(house):
    with time_machine.travel(NOON, tick=False):
        yield


def browser(role: Role) -> Client:
    client = Client()
    client.force_login(StaffMember.objects.filter(username=f"one-{role}").first() or cast.staff(f"one-{role}", role))
    return client


def test_who_may_ask_asks_from_a_moment_on_or_from_now_and_nothing_changes_yet():
    client = browser(Role.PRIVACY_ANALYST)
    later = client.post(ADD, {"is_honoured": "yes", "from_at": "2026-04-01T08:30", "reason": "  The law\n of California. "}, follow=True)
    assert "is asked for. Nothing changes before a second person has approved it." in later.content.decode()
    asked = SignalSwitch.objects.get()
    assert (asked.is_honoured, asked.from_at.isoformat(), asked.reason, asked.state) == (
        True, "2026-04-01T08:30:00+00:00", "The law of California.", "asked"
    )  # fmt: skip
    assert not browsers.is_honoured(Signal.GPC, at=NOON + 40 * DAY)
    page = client.get(f"/admin/consents/signalswitch/{asked.pk}/change/").content.decode()
    assert "Approve" not in page.split('id="content"')[-1]  # who asked is not offered to decide


@pytest.mark.parametrize(("given", "status", "says"), [
    ({"reason": ""}, 200, "This field is required."), ({"is_honoured": "perhaps", "reason": "x"}, 200, "Select a valid choice"),
    ({"is_honoured": "yes", "reason": " "}, 200, "This field is required."), ({"is_honoured": "yes", "reason": "x" * 501}, 200, "at most 500"),
    ({"is_honoured": "yes", "reason": "x", "from_at": "tomorrow"}, 200, "Enter a valid date/time."),
    ({"is_honoured": "yes", "reason": "x", "from_at": "2020-01-01T00:00"}, 409, "a year ahead at most"),
    ({"is_honoured": "yes", "reason": "x", "from_at": "9999-12-31T23:59"}, 409, "a year ahead at most"),
    ({"is_honoured": "no", "reason": "x"}, 409, "how it stands already"),
])  # fmt: skip
def test_what_does_not_fit_is_said_on_the_form(given, status, says):
    response = browser(Role.PRIVACY_ANALYST).post(ADD, given)
    assert (response.status_code, says in response.content.decode(), SignalSwitch.objects.count()) == (status, True, 0)


@pytest.mark.parametrize("role", list(Role))
def test_only_who_may_ask_sees_the_form(role):
    allowed = "consents.add_signalswitch" in PERMISSIONS[role]
    client = browser(role)
    assert client.get(ADD).status_code == (200 if allowed else 403)
    assert client.post(ADD, {"is_honoured": "yes", "reason": "x"}).status_code == (302 if allowed else 403)
    assert SignalSwitch.objects.count() == allowed


def test_an_empty_list_says_what_holds_without_a_switch():
    assert "Global Privacy Control is noted and not acted on" in browser(Role.COMPLIANCE_OFFICER).get(LIST).content.decode()
