"""Days of requests: how long by which rule, working days and holidays, one extension, a pause where a rule allows it, and what runs out first."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import Person
from apps.audit.models import Event
from apps.data_requests import clocks as rules
from apps.data_requests.models import Clock, DataRequest
from apps.data_requests.services import clocks, extending, letters, moving
from apps.data_requests.states import Channel, Kind, PauseBasis, Regime, State
from apps.foundation.actors import SYSTEM
from apps.mail.models import OutgoingMail
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked

THANKSGIVING_EVE = datetime(2026, 11, 25, 15, tzinfo=UTC)


@pytest.fixture
def ada(house):
    return cast.ada(cast.client())


@pytest.mark.parametrize(
    ("regime", "days"),
    [
        (Regime.POLICY_DELETION, 60), (Regime.POLICY_MINOR, 10), (Regime.CCPA_ANSWER, 45), (Regime.SHINE_THE_LIGHT, 30),
        (Regime.HIPAA_ACCOUNTING, 60), (Regime.CLIENT_ANSWER, 20),
    ],
)  # fmt: skip
def test_calendar_days_are_counted_from_the_moment_across_the_change_of_clocks(regime, days):
    assert rules.RULES[regime].due(NOON - DAY) == NOON - DAY + timedelta(days=days)


def test_every_rule_has_its_citation_and_what_stops_it():
    assert set(rules.RULES) == set(Regime)
    assert all(rule.citation and rule.starts and rule.stops and rule.days > 0 for rule in rules.RULES.values())


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        (THANKSGIVING_EVE, 1, "2026-11-27"),  # Thanksgiving is none; the Friday after it is one for the federal state
        (THANKSGIVING_EVE, 2, "2026-11-30"),
        (datetime(2026, 7, 1, 9, tzinfo=UTC), 2, "2026-07-06"),  # the 4th is a Saturday, so Friday the 3rd is the holiday
        (datetime(2027, 12, 30, 9, tzinfo=UTC), 1, "2028-01-03"),  # New Year's Day is a Saturday: observed in the old year
        (datetime(2026, 3, 7, 23, tzinfo=UTC), 1, "2026-03-09"),  # received on a Saturday
        (datetime(2026, 3, 6, 9, tzinfo=UTC), 10, "2026-03-20"),
        (datetime(2026, 3, 6, 9, tzinfo=UTC), 15, "2026-03-27"),
    ],
)  # fmt: skip
def test_working_days_leave_out_weekends_and_federal_holidays(start, days, due):
    assert rules.working_days_later(start, days) == datetime.combine(date.fromisoformat(due), start.timetz())


def test_a_number_of_the_settings_is_what_counts(settings):
    settings.REQUEST_DELETION_DAYS = 30
    assert rules.RULES[Regime.POLICY_DELETION].due(NOON) == NOON + 30 * DAY


CCPA = (Regime.CCPA_ACKNOWLEDGE, Regime.CCPA_ANSWER)


@pytest.mark.parametrize(
    ("kind", "state", "country", "regimes"),
    [
        (Kind.DELETION, "CA", "US", (Regime.POLICY_DELETION, *CCPA)),
        (Kind.DELETION, "", "", (Regime.POLICY_DELETION, *CCPA)),
        (Kind.DELETION, "NY", "US", (Regime.POLICY_DELETION,)),
        (Kind.DELETION, "", "DE", (Regime.POLICY_DELETION,)),
        (Kind.CLOSING, "NY", "US", (Regime.POLICY_DELETION,)),
        (Kind.MINOR, "CA", "US", (Regime.POLICY_MINOR,)),
        (Kind.ACCESS, "CA", "US", CCPA),
        (Kind.ACCESS, "NY", "US", (Regime.CCPA_ANSWER,)),
        (Kind.CATEGORIES, "", "", CCPA),
        (Kind.CORRECTION, "CA", "US", CCPA),
        (Kind.WITHDRAWAL, "CA", "US", (Regime.CCPA_OPT_OUT,)),
        (Kind.MARKETING_DISCLOSURES, "CA", "US", (Regime.SHINE_THE_LIGHT,)),
        (Kind.ACCOUNTING, "NY", "US", (Regime.HIPAA_ACCOUNTING,)),
        (Kind.COMPLAINT, "CA", "US", (Regime.CCPA_ANSWER,)),
    ],
)  # fmt: skip
def test_whose_clocks_run_follows_from_the_kind_and_from_where_somebody_lives(kind, state, country, regimes):
    assert rules.regimes_of(kind, Person(state=state, country=country), None) == regimes


def test_every_kind_has_a_day_also_for_nobody_known(house):
    assert {kind for kind in Kind.values if not rules.regimes_of(kind, None, None)} == set()
    assert rules.regimes_of(Kind.ACCOUNTING, None, cast.client("Plain", hipaa=False)) == (Regime.CCPA_ANSWER,)


def test_several_clocks_run_at_once_and_the_first_day_stands_on_the_request(ada):
    request = asked.request(person=ada, received_at=NOON - 3 * DAY)
    due = {clock.regime: clock.ends_at for clock in request.clocks.all()}
    received = NOON - 3 * DAY
    assert due == {
        "policy_deletion": received + 60 * DAY, "ccpa_answer": received + 45 * DAY,
        "ccpa_acknowledge": rules.working_days_later(received, 10),
    }  # fmt: skip
    assert request.due_at == due["ccpa_acknowledge"]
    with transaction.atomic():
        clocks.happened(moving.locked(request.pk), clocks.ACKNOWLEDGED, at=NOON)
    request.refresh_from_db()
    assert (request.due_at, request.acknowledged_at) == (due["ccpa_answer"], NOON)
    with transaction.atomic():
        assert clocks.happened(moving.locked(request.pk), clocks.ACKNOWLEDGED, at=NOON + DAY) == []
    assert DataRequest.objects.get(pk=request.pk).acknowledged_at == NOON


def test_a_further_clock_starts_once(ada):
    request = asked.request(person=ada)
    for _twice in range(2):
        with transaction.atomic():
            clocks.start(moving.locked(request.pk), Regime.CLIENT_ANSWER, at=NOON + DAY)
    assert request.clocks.get(regime=Regime.CLIENT_ANSWER).due_at == NOON + 21 * DAY
    with transaction.atomic():
        assert clocks.stop(moving.locked(request.pk), Regime.CLIENT_ANSWER, "answered", NOON + 2 * DAY)
        assert not clocks.stop(moving.locked(request.pk), Regime.CLIENT_ANSWER, "answered", NOON + 3 * DAY)


def test_an_erasure_stops_the_policys_clock_when_the_search_was_clean_and_the_laws_when_it_was_answered(ada):
    request = asked.brought(asked.request(person=ada), State.SCANNING)
    moving.move(request, State.ANSWERING, by=SYSTEM, at=NOON + DAY)
    stopped = {clock.regime: clock.stopped_by_event for clock in request.clocks.all()}
    assert stopped == {"policy_deletion": "erased", "ccpa_answer": "", "ccpa_acknowledge": ""}


def test_a_clock_is_extended_once_with_its_reason_and_the_notice_leaves(ada):
    request = asked.request(Kind.ACCESS, person=ada)
    clock = extending.extend(request=request, regime=Regime.CCPA_ANSWER, reason=" Your data lies in \n many places. ", by=asked.dana(), at=NOON + 40 * DAY)
    assert (clock.ends_at, clock.extension_reason) == (NOON + 90 * DAY, "Your data lies in many places.")
    mail = OutgoingMail.objects.get(template="data_requests/letter")
    assert mail.to_address == asked.ADA
    assert "June 6, 2026" in mail.subject
    assert "many places" in mail.body
    request.refresh_from_db()
    assert request.due_at == request.clocks.get(regime="ccpa_acknowledge").due_at
    with pytest.raises(clocks.AlreadyExtended):
        extending.extend(request=request, regime=Regime.CCPA_ANSWER, reason="Again.", by=asked.dana(), at=NOON + 41 * DAY)
    with pytest.raises(IntegrityError, match="so once"), transaction.atomic():
        Clock.objects.filter(pk=clock.pk).update(extended_due_at=NOON + 120 * DAY)


@pytest.mark.parametrize(
    ("kind", "regime", "reason", "day", "refusal"),
    [
        (Kind.DELETION, Regime.POLICY_DELETION, "Much.", 1, clocks.NotExtendable),
        (Kind.ACCESS, Regime.CCPA_ACKNOWLEDGE, "Much.", 1, clocks.NotExtendable),
        (Kind.ACCESS, Regime.POLICY_DELETION, "Much.", 1, clocks.ClockMissing),
        (Kind.ACCESS, Regime.CCPA_ANSWER, "  ", 1, clocks.ReasonNeeded),
        (Kind.ACCESS, Regime.CCPA_ANSWER, "x" * 501, 1, clocks.ReasonNeeded),
        (Kind.ACCESS, Regime.CCPA_ANSWER, "Too late.", 45, clocks.ClockOver),
    ],
)
def test_what_is_no_extension_is_refused(ada, kind, regime, reason, day, refusal):
    request = asked.request(kind, person=ada)
    with pytest.raises(refusal):
        extending.extend(request=request, regime=regime, reason=reason, by=asked.dana(), at=NOON + day * DAY)
    assert OutgoingMail.objects.count() == Event.objects.filter(verb="request.extended").count() == 0


def test_an_extension_that_nobody_could_be_told_of_does_not_count(ada):
    ada.emails.all().delete()
    request = asked.request(Kind.ACCESS, person=ada)
    with pytest.raises(extending.NobodyToTell):
        extending.extend(request=request, regime=Regime.CCPA_ANSWER, reason="Much.", by=asked.dana(), at=NOON)


def test_who_may_not_work_on_requests_extends_and_pauses_nothing(ada):
    request = asked.request(Kind.ACCOUNTING, person=ada)
    eve = cast.staff("eve", Role.AUDITOR)
    with pytest.raises(NotPermitted):
        extending.extend(request=request, regime=Regime.HIPAA_ACCOUNTING, reason="Much.", by=eve, at=NOON)
    with pytest.raises(NotPermitted):
        extending.pause(request=request, regime=Regime.HIPAA_ACCOUNTING, basis="oral", until=NOON + DAY, by=eve, at=NOON)


def test_an_accounting_stands_still_on_a_statement_and_its_day_moves_by_whole_days(ada):
    request = asked.request(Kind.ACCOUNTING, person=ada)
    extending.pause(request=request, regime=Regime.HIPAA_ACCOUNTING, basis=PauseBasis.WRITTEN, until=NOON + 40 * DAY, by=asked.dana(), at=NOON + 10 * DAY)
    request.refresh_from_db()
    assert request.due_at is None
    assert clocks.go_on_due(at=NOON + 39 * DAY) == 0
    assert (clocks.go_on_due(at=NOON + 40 * DAY), clocks.go_on_due(at=NOON + 41 * DAY)) == (1, 0)
    request.refresh_from_db()
    assert request.due_at == NOON + 90 * DAY
    extending.pause(request=request, regime=Regime.HIPAA_ACCOUNTING, basis=PauseBasis.ORAL, until=NOON + 60 * DAY, by=asked.dana(), at=NOON + 50 * DAY)
    clock = extending.resume(request=request, regime=Regime.HIPAA_ACCOUNTING, by=asked.dana(), at=NOON + 52 * DAY + timedelta(hours=20))
    assert (clock.ends_at, clock.paused_days) == (NOON + 92 * DAY, 32)


@pytest.mark.parametrize(
    ("kind", "regime", "basis", "until", "refusal"),
    [
        (Kind.ACCESS, Regime.CCPA_ANSWER, "written", 5, clocks.MayNotPause),
        (Kind.DELETION, Regime.POLICY_DELETION, "written", 5, clocks.MayNotPause),
        (Kind.ACCOUNTING, Regime.HIPAA_ACCOUNTING, "oral", 31, clocks.PauseUnbounded),
        (Kind.ACCOUNTING, Regime.HIPAA_ACCOUNTING, "written", 0, clocks.PauseUnbounded),
    ],
)
def test_what_may_not_stand_still_is_refused(ada, kind, regime, basis, until, refusal):
    request = asked.request(kind, person=ada)
    with pytest.raises(refusal):
        extending.pause(request=request, regime=regime, basis=basis, until=NOON + until * DAY, by=asked.dana(), at=NOON)


@pytest.mark.parametrize(
    "changed",
    [
        {"due_at": NOON + 100 * DAY}, {"started_at": NOON - DAY}, {"paused_days": 5}, {"paused_days": 5, "due_at": NOON + 65 * DAY},
        {"paused_at": NOON, "paused_until": NOON + DAY, "pause_basis": "oral"},
        {"extended_at": NOON, "extended_due_at": NOON + 99 * DAY, "extension_reason": "x", "extended_by": "staff:STF-1"},
    ],
)  # fmt: skip
def test_the_database_lets_no_day_move_another_way(ada, changed):
    clock = asked.request(person=ada).clocks.get(regime=Regime.POLICY_DELETION)
    with pytest.raises(IntegrityError), transaction.atomic():
        Clock.objects.filter(pk=clock.pk).update(**changed)


def test_a_clock_that_stopped_goes_on_for_nobody(ada):
    request = asked.brought(asked.request(person=ada), State.DENIED)
    clock = request.clocks.get(regime=Regime.POLICY_DELETION)
    with pytest.raises(IntegrityError, match="has stopped"), transaction.atomic():
        Clock.objects.filter(pk=clock.pk).update(stopped_at=None, stopped_by_event="")
    with pytest.raises(clocks.ClockOver), transaction.atomic():
        clocks.extend(moving.locked(request.pk), Regime.CCPA_ANSWER, "Much.", SYSTEM, NOON)
    assert letters.acknowledge_due(at=NOON + DAY) == 0


def test_the_queue_is_ordered_by_what_runs_out_next(house):
    late = asked.request(Kind.ACCOUNTING, email="one@client.example")
    soon = asked.request(Kind.MINOR, email="two@client.example")
    none = asked.request(Kind.COMPLAINT, email="three@client.example", channel=Channel.PHONE)
    with transaction.atomic():
        clocks.stop(moving.locked(none.pk), Regime.CCPA_ANSWER, "answered", NOON)
    assert list(DataRequest.objects.in_progress()) == [soon, late, none]
