"""A matter says what and why, is opened by counsel, and is closed by hand only where nothing is held."""

from itertools import product

import pytest

from apps.accounts.details import DetailNotValid
from apps.audit.models import Event, JournalEntry
from apps.foundation.keys import keystore
from apps.foundation.moves import NotAMove, require_move
from apps.holds import texts
from apps.holds.models import Matter
from apps.holds.services import matters
from apps.holds.states import HOLD_MOVES, MATTER_MOVES, HoldState, MatterState
from apps.staff.roles import PERMISSIONS, Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.django_db


def test_a_matter_is_opened_with_its_words_its_record_and_a_secret_of_its_own(matter, ezra):
    matter.refresh_from_db()
    assert (matter.title, matter.reason, matter.state, matter.opened_by, matter.opened_at) == (
        "Docket 26-117", "A court asks for it.", MatterState.OPEN, str(ezra.actor), NOON,
    )  # fmt: skip
    assert Event.objects.get(verb="matter.opened").object == matter.reference
    body = JournalEntry.objects.get(kind="matter.opened", about=matter.reference).body
    words = texts.unseal(body["words"], matter=matter.reference, about=matter.reference)
    assert (body["by"], words) == (str(ezra.actor), {"title": "Docket 26-117", "reason": "A court asks for it."})
    assert keystore().exists(f"hold/{matter.reference}")


@pytest.mark.parametrize(("title", "reason"), [("", "x"), ("x", ""), (" ", "x"), ("x" * 121, "x"), ("x", "x" * 501), ("a\nb", "x")])
def test_a_matter_needs_a_title_and_a_reason_of_one_line(ezra, title, reason):
    with pytest.raises(DetailNotValid):
        matters.open_matter(title=title, reason=reason, by=ezra, at=NOON)
    assert Matter.objects.count() == 0


@pytest.mark.parametrize("role", [role for role in Role if matters.OPEN not in PERMISSIONS[role]])
def test_only_counsel_opens_and_closes_matters(matter, role):
    somebody = cast.staff("somebody", role)
    with pytest.raises(NotPermitted):
        matters.open_matter(title="x", reason="x", by=somebody, at=NOON)
    with pytest.raises(NotPermitted):
        matters.close(matter=matter, by=somebody, at=NOON)


def test_a_matter_without_holds_is_closed_by_hand_for_good(matter, ezra):
    matters.close(matter=matter, by=ezra, at=NOON + DAY)
    matter.refresh_from_db()
    assert (matter.state, matter.closed_by, matter.closed_at) == (MatterState.CLOSED, str(ezra.actor), NOON + DAY)
    assert JournalEntry.objects.get(kind="matter.closed", about=matter.reference).body == {"by": str(ezra.actor)}
    with pytest.raises(NotAMove):
        matters.close(matter=matter, by=ezra, at=NOON + DAY)


@pytest.mark.parametrize(("moves", "states"), [(MATTER_MOVES, MatterState), (HOLD_MOVES, HoldState)])
def test_what_ended_never_begins_again(moves, states):
    first, last = states
    require_move(moves, first, last)
    for here, there in product(states, states):
        if (here, there) != (first, last):
            with pytest.raises(NotAMove):
                require_move(moves, here, there)


def test_a_matter_with_a_hold_in_force_is_not_closed(matter, place, clinic, ezra):
    place(organization=clinic)
    with pytest.raises(matters.HoldsStand):
        matters.close(matter=matter, by=ezra, at=NOON)
    assert Matter.objects.get().state == MatterState.OPEN


def test_the_words_in_the_journal_open_with_their_own_secret_and_in_their_own_place_only(matter, ezra):
    other = matters.open_matter(title="Another", reason="Another.", by=ezra, at=NOON)
    sealed = texts.seal({"title": "x"}, matter=matter.reference, about=matter.reference)
    assert texts.unseal(sealed, matter=matter.reference, about=matter.reference) == {"title": "x"}
    for wrong in ({"matter": other.reference, "about": matter.reference}, {"matter": matter.reference, "about": other.reference}):
        with pytest.raises(texts.WordsUnreadable):
            texts.unseal(sealed, **wrong)


@pytest.mark.parametrize("broken", [[], ["x"], ["?" * 40], ["A" * 80]])
def test_words_that_were_damaged_are_named_as_such(matter, broken):
    with pytest.raises(texts.WordsUnreadable):
        texts.unseal(broken, matter=matter.reference, about=matter.reference)


def test_long_words_are_cut_into_pieces_that_the_journal_takes(matter):
    sealed = texts.seal({"reason": "ü" * 500}, matter=matter.reference, about="HLD-1")
    assert len(sealed) > 5
    assert max(map(len, sealed)) == texts.PIECE
    assert texts.unseal(sealed, matter=matter.reference, about="HLD-1") == {"reason": "ü" * 500}
