"""The report of a year counts requests by kind and outcome, and says how long they took; the metrics of 11 CCR 7102 with it."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.data_requests.services import moving, reporting
from apps.data_requests.states import DenialReason, Kind, Outcome, State
from apps.foundation.actors import SYSTEM
from tests.cast import NOON
from tests.data_requests import asked

pytestmark = pytest.mark.usefixtures("house")


def request(number, kind=Kind.DELETION, at=NOON):
    return asked.request(kind, at=at, email=f"person{number}@client.example")


def answered(number, days, kind=Kind.DELETION, outcome=Outcome.WHOLE, at=NOON):
    row = asked.brought(request(number, kind, at), State.ANSWERING, at=at)
    row.answered_at, row.outcome = at + timedelta(days=days), outcome
    return moving.move(row, State.COMPLETED, by=SYSTEM, at=at + timedelta(days=days))


def denied(number, days, reason=DenialReason.UNVERIFIED):
    row = moving.locked(request(number).reference)
    row.denial_reason, row.denial_basis = reason, "11 CCR 7021(b)"
    return moving.move(row, State.DENIED, by=SYSTEM, at=NOON + timedelta(days=days))


def test_a_year_is_counted_by_outcome_and_its_days_have_a_median():
    answered(1, 10)
    answered(2, 20)
    answered(3, 90, outcome=Outcome.PART)
    denied(4, 40)
    row = moving.locked(request(5).reference)
    moving.move(row, State.CALLED_BACK, by=SYSTEM, at=NOON)
    request(6)

    line = next(line for line in reporting.of_year(2026).kinds if line.title == "deletion")
    assert (line.received, line.whole, line.part, line.denied, line.called_back, line.still_open) == (6, 2, 1, 1, 1, 1)
    assert (line.median_days, line.mean_days) == (30, 40)


def test_every_request_is_in_one_kind_and_the_metrics_name_what_the_law_asks_for():
    for number, kind in enumerate(Kind.values):
        request(number, kind)
    report = reporting.of_year(2026)
    assert [line.received for line in report.kinds] == [1] * len(Kind.values)
    assert {line.title: line.received for line in report.metrics} == {
        "Requests to delete": 3, "Requests to correct": 1, "Requests to know": 2, "Requests to opt out (consents withdrawn)": 1,
    }  # fmt: skip


def test_what_joined_another_counts_once():
    request(1)
    request(1)
    assert reporting.of_year(2026).metrics[0].received == 1


def test_a_request_counts_in_the_year_in_which_it_came():
    answered(1, 30, at=datetime(2025, 12, 31, 23, 59, tzinfo=UTC))
    request(2, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert [reporting.of_year(year).metrics[0].received for year in (2025, 2026)] == [1, 1]
    assert reporting.years() == [2026, 2025]


def test_denials_are_counted_by_their_reason():
    denied(1, 3)
    denied(2, 3)
    denied(3, 3, DenialReason.LAW)
    assert reporting.of_year(2026).denials == [("Who asked could not be verified", 2), ("A law forbids it or requires the data to be kept", 1)]


def test_a_year_without_requests_says_nothing_of_days():
    report = reporting.of_year(1999)
    assert {line.median_days for line in report.kinds} == {None}
    assert all(len(row) == len(reporting.HEADINGS) for row in report.rows())
