"""The start is refused where clients would hear of a change too late."""

import pytest

from apps.providers.checks import clients_hear_of_changes_in_time


@pytest.mark.parametrize(("days", "codes"), [(30, []), (14, []), (13, ["covenant.E611"]), (0, ["covenant.E611"])])
def test_the_notice_is_at_least_two_weeks(settings, days, codes):
    settings.PROVIDER_NOTICE_DAYS = days

    assert [error.id for error in clients_hear_of_changes_in_time()] == codes
