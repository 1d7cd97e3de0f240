"""One table of moves: every other pair is refused, by the code and by the database; and nobody works on what nobody proved."""

import re

import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit.models import Event
from apps.data_requests.models import DataRequest
from apps.data_requests.services import moving
from apps.data_requests.states import ARRIVAL_MOVES, ERASES, HANDS_OVER, MOVES, NEEDS_NO_PROOF, NOT_FOR, OVER, STEP_MOVES, WORKED_ON, Kind, State
from apps.foundation.actors import SYSTEM
from apps.foundation.moves import NotAMove
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked

PAIRS = [(here, there) for here in State.values for there in State.values if here != there]
PAIR = re.compile(r"\('(\w+)', '(\w+)'\)")


@pytest.fixture
def request_of(house):
    return lambda state: asked.brought(asked.request(), state)


def test_every_state_has_its_moves_and_those_that_are_over_have_none():
    assert set(MOVES) == set(State.values)
    assert {state for state, after in MOVES.items() if not after} == OVER


@pytest.mark.parametrize(("here", "there"), [pair for pair in PAIRS if pair[1] not in MOVES[pair[0]]])
def test_every_other_pair_is_refused(request_of, here, there):
    row = request_of(here)
    assert row.state == here
    row.denial_reason, row.denial_basis, row.merged_into = "law", "45 CFR 164.524", None
    with pytest.raises(NotAMove):
        moving.move(row, there, by=SYSTEM, at=NOON)
    changed = ", ".join(["state = %s", "outcome = %s", "closed_at = %s", "denial_reason = 'law'", "denial_basis = 'x'", "verified_at = received_at"])
    over = there in OVER
    with pytest.raises(IntegrityError, match=r"does not go from|is over|stays"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE data_requests_datarequest SET {changed} WHERE id = %s", [there, "whole" if over else "", NOON if over else None, row.pk]
        )
    assert DataRequest.objects.get(pk=row.pk).state == here


@pytest.mark.parametrize(("function", "moves"), [("request", MOVES), ("arrival", ARRIVAL_MOVES), ("step", STEP_MOVES)])
def test_the_database_knows_the_same_moves(db, function, moves):
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [f"data_requests_{function}_guard"])
        written = cursor.fetchone()[0]
    pairs = {pair for pair in PAIR.findall(written) if pair != ("minor", "complaint")}  # kinds, not states
    assert pairs == {(str(here), str(there)) for here, after in moves.items() for there in after}


OF_SOME_KINDS = [(here, there, kind) for (here, there), kinds in NOT_FOR.items() for kind in Kind.values]


@pytest.mark.parametrize(("here", "there", "kind"), OF_SOME_KINDS)
def test_no_kind_takes_the_way_of_another(house, here, there, kind):
    row = asked.brought(asked.request(kind), here if kind in ERASES | HANDS_OVER else State.IN_WORK)
    if row.state != here:
        assert kind not in ERASES | HANDS_OVER  # what is neither approved nor carried out comes nowhere near
        return
    if kind not in NOT_FOR[here, there]:
        moving.move(row, there, by=SYSTEM, at=NOON)
        return
    with pytest.raises(moving.NotForThisKind):
        moving.move(row, there, by=SYSTEM, at=NOON)
    with pytest.raises(IntegrityError, match="does not go from"), transaction.atomic():
        DataRequest.objects.filter(pk=row.pk).update(state=there)


def test_an_erasure_is_announced_and_searched_and_nothing_is_handed_over_unapproved():
    """Whatever way through the tables a request finds, these lie on it."""
    for kind in Kind.values:
        ways = _ways(kind, State.RECEIVED, ())
        assert ways
        for way in ways:
            carried_out = {State.AWAITING_APPROVAL, State.ANNOUNCED, State.RUNNING, State.SCANNING} & set(way)
            if kind in ERASES:
                assert carried_out == {State.AWAITING_APPROVAL, State.ANNOUNCED, State.RUNNING, State.SCANNING}
            elif kind in HANDS_OVER:
                assert carried_out == {State.AWAITING_APPROVAL, State.RUNNING}
            else:
                assert carried_out == set()


def _ways(kind: str, here: str, been: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every way without a circle from here to COMPLETED."""
    if here == State.COMPLETED:
        return [(*been, here)]
    after = [there for there in MOVES[here] if there not in been and kind not in NOT_FOR.get((here, there), ())]
    return [way for there in after for way in _ways(kind, there, (*been, here))]


def test_a_move_is_written_with_its_record_and_in_one_piece(house):
    row = asked.request()
    moving.move(moving.locked(row.reference), State.IDENTIFYING, by=SYSTEM, at=NOON, facts={"contacts": 2})
    event = Event.objects.get(verb="request.identifying")
    assert (event.object, event.facts) == (row.reference, {"from": "received", "contacts": 2})
    with transaction.atomic():
        moving.move(moving.locked(row.reference), State.CALLED_BACK, by=SYSTEM, at=NOON)
        transaction.set_rollback(True)
    row.refresh_from_db()
    assert (row.state, row.outcome, row.closed_at) == (State.IDENTIFYING, "", None)
    assert not Event.objects.filter(verb="request.called_back").exists()


def test_what_ends_stops_its_clocks_and_says_how_and_until_when_it_is_kept(house):
    row = asked.brought(asked.request(), State.CALLED_BACK)
    row.refresh_from_db()
    assert (row.outcome, row.closed_at, row.due_at) == ("called_back", NOON, None)
    assert row.kept_until == NOON.replace(year=2028)
    assert {(clock.stopped_at, clock.stopped_by_event) for clock in row.clocks.all()} == {(NOON, "called_back")}


@pytest.mark.parametrize("kind", Kind.values)
def test_nobody_works_on_what_nobody_proved(house, kind):
    row = moving.locked(asked.request(kind).reference)
    if kind in NEEDS_NO_PROOF:
        assert row.state == State.IN_WORK
        return
    assert row.state == State.RECEIVED
    with pytest.raises(moving.NotProven):
        moving.move(row, State.IN_WORK, by=SYSTEM, at=NOON)
    with pytest.raises(IntegrityError, match="before it is proven"), transaction.atomic():
        DataRequest.objects.filter(pk=row.pk).update(state=State.IN_WORK)
    assert {State.IN_WORK, State.RUNNING, State.ANSWERING} <= WORKED_ON


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"reference": "REQ-0000000"}, "began stays"),
        ({"received_at": NOON - DAY}, "began stays"),
        ({"channel": "phone"}, "began stays"),
        ({"words": b"others"}, "only emptied"),
        ({"person_reference": "PER-0000000"}, "whose request"),
        ({"verified_at": None}, "was proven stays"),
    ],
)
def test_how_a_request_began_never_changes(house, changed, refused):
    row = asked.brought(asked.request(person=cast.ada(cast.client())), State.IN_WORK)
    with pytest.raises(IntegrityError, match=refused), transaction.atomic():
        DataRequest.objects.filter(pk=row.pk).update(**changed)


def test_what_is_asked_for_can_be_corrected_until_it_was_approved(house):
    row = asked.brought(asked.request(), State.AWAITING_APPROVAL)
    with pytest.raises(IntegrityError, match="from its approval on"), transaction.atomic():
        DataRequest.objects.filter(pk=row.pk).update(kind=Kind.ACCESS)


def test_the_record_of_a_request_stays_until_its_day(house):
    row = asked.brought(asked.request(), State.DENIED)
    for changed in ({"denial_basis": "another"}, {"owner": "staff:STF-1"}, {"outcome": "whole"}, {"kept_until": NOON}):
        with pytest.raises(IntegrityError, match="its record stays"), transaction.atomic():
            DataRequest.objects.filter(pk=row.pk).update(**changed)
    for statement in ("DELETE FROM data_requests_clock", "DELETE FROM data_requests_datarequest", "TRUNCATE data_requests_datarequest CASCADE"):
        with pytest.raises(IntegrityError, match=r"is kept|kept until|is refused"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {statement}")
    DataRequest.objects.filter(pk=row.pk).update(words=None, person=None)
    assert DataRequest.objects.get(pk=row.pk).words is None


def test_a_request_of_no_reference_is_unknown(house):
    with pytest.raises(moving.RequestUnknown), transaction.atomic():
        moving.locked("REQ-0000000")
