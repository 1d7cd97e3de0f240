"""What the settings must keep: an eraser that is there, for a kind that exists, and twelve months at least."""

import pytest

from apps.consents import checks


def ids(found):
    return [message.id for message in found]


def test_the_settings_of_the_house_are_sound():
    assert checks.nobody_asks_again_too_soon(None) == []
    assert checks.what_is_collected_has_its_eraser(None) == []


def test_asking_again_after_less_than_twelve_months_stops_the_start(settings):
    settings.CONSENT_ASK_AGAIN_MONTHS = 11

    assert ids(checks.nobody_asks_again_too_soon(None)) == ["consents.E301"]


@pytest.mark.parametrize(
    ("erasers", "expected"),
    [
        ({"everything": "tests.consents.borrowing.erase"}, ["consents.E302"]),
        ({"contacts": "apps.nowhere.erase"}, ["consents.E303"]),
        ({"contacts": "tests.consents.borrowing.no_such_function"}, ["consents.E303"]),
        ({"contacts": "tests.consents.borrowing.MAKE"}, ["consents.E303"]),
        ({"contacts": "tests.consents.borrowing.erase"}, []),
    ],
)  # fmt: skip
def test_an_eraser_that_is_not_there_stops_the_start(settings, erasers, expected):
    settings.CONSENT_ERASERS = erasers

    found = checks.what_is_collected_has_its_eraser(None)
    assert ids(found) == expected
    assert all(message.hint for message in found)
