"""The start is refused where settings would leave who asks unproven, or hold requests up for good; each check is seen failing."""

import pytest
from django.core.checks import run_checks

from apps.data_requests.intake_checks import CAPS, who_asks_is_proven


def codes() -> list[str]:
    return [found.id for found in who_asks_is_proven()]


def test_the_settings_that_come_with_it_are_fine():
    assert codes() == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("REQUEST_LINK_HOURS", 0, "covenant.E851"),
        ("REQUEST_LINK_HOURS", 25, "covenant.E851"),
        ("REQUEST_CONTACT_FRESH_DAYS", 0, "covenant.E852"),
        ("REQUEST_COOLING_DAYS", 0, "covenant.E852"),
        ("REQUEST_CALL_BACK_DAYS", 0, "covenant.E852"),
        ("REQUEST_COOLING_DAYS", 42, "covenant.E853"),
        *[(name, 0, "covenant.E854") for name in CAPS],
        ("REQUEST_DOCUMENT_BYTES", 0, "covenant.E855"),
        ("REQUEST_DOCUMENT_BYTES", 11 * 1024 * 1024, "covenant.E855"),
    ],
)
def test_an_unsafe_setting_stops_the_start(settings, name, value, code):
    setattr(settings, name, value)
    assert codes() == [code]
    assert code in [found.id for found in run_checks()]
