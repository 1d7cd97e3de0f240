"""The start is refused where a permit could outlive its use, or the ledger could end before the law lets it."""

import pytest

from apps.gate.checks import permits_are_short_and_the_ledger_is_kept


def found() -> list[str]:
    return [message.id for message in permits_are_short_and_the_ledger_is_kept()]


@pytest.mark.parametrize("minutes", [1, 15, 60])
def test_a_permit_of_an_hour_at_most_is_fine(settings, minutes):
    settings.GATE_PERMIT_MINUTES = minutes

    assert found() == []


@pytest.mark.parametrize("minutes", [0, -1, 61])
def test_a_permit_that_serves_longer_or_never_stops_the_start(settings, minutes):
    settings.GATE_PERMIT_MINUTES = minutes

    assert found() == ["covenant.E701"]


def test_a_ledger_of_less_than_six_years_stops_the_start(settings):
    settings.GATE_LEDGER_KEEP_DAYS = 2191

    assert found() == ["covenant.E702"]
    settings.GATE_LEDGER_KEEP_DAYS = 2192
    assert found() == []
