"""The start is refused where a permit could outlive its use, the ledger end before the law lets it, or a withdrawal reach others too late."""

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


@pytest.mark.parametrize(("days", "said"), [(0, ["covenant.E703"]), (1, []), (21, []), (22, ["covenant.E703"])])
def test_whoever_got_something_on_a_consent_that_ended_has_three_weeks_at_most(settings, days, said):
    settings.GATE_WITHDRAWAL_DAYS = days

    assert found() == said
