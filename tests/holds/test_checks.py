"""A grace of no days stops the start with its mend."""

import pytest
from django.core.checks import run_checks

from apps.holds.checks import the_grace_is_long_enough


@pytest.mark.parametrize("days", [1, 7, 365])
def test_a_grace_of_a_day_or_more_starts(settings, days):
    settings.HOLD_RELEASE_GRACE_DAYS = days
    assert the_grace_is_long_enough() == []


@pytest.mark.parametrize("days", [0, -1])
def test_without_a_grace_nothing_starts(settings, days):
    settings.HOLD_RELEASE_GRACE_DAYS = days
    found = [message for message in run_checks() if message.id == "covenant.E601"]
    assert [(message.is_serious(), "HOLD_RELEASE_GRACE_DAYS" in message.msg, bool(message.hint)) for message in found] == [(True, True, True)]
