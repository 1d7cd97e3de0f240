"""After a restore the journal places again what was held and releases again what was released, words and all, once."""

from datetime import date, timedelta

import pytest
from django.db import transaction

from apps.audit.models import Event
from apps.audit.services import journal
from apps.foundation import keys
from apps.foundation.keys import keystore
from apps.holds import promises
from apps.holds.models import Hold, Matter
from apps.holds.services import asking, matters, replay
from apps.holds.texts import WordsUnreadable
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.django_db(transaction=True)

RESTORED = NOON + 2 * DAY
HANDLERS = {
    "matter.opened": replay.matter_opened, "matter.closed": replay.matter_closed, "hold.placed": replay.hold_placed,
    "hold.released": replay.hold_released,
}  # fmt: skip


def minutes(number):
    return NOON + timedelta(minutes=number)


@pytest.fixture
def told(place, release, clinic, ada, mercy, ezra, matter):
    """A matter with a hold in force and one released, one that closed with its hold, one closed by hand; gives their lines."""
    place(
        organization=clinic, person=ada, conversation=("slack", "Frühstück"), sent_from=date(2026, 1, 1), sent_until=date(2026, 3, 1),
        at=minutes(1),
    )  # fmt: skip
    release(place(organization=mercy, at=minutes(2)), reason="Settled out of court.", at=minutes(3))
    ended = matters.open_matter(title="Ended", reason="An audit.", by=ezra, at=minutes(4))
    release(place(organization=mercy, matter=ended, at=minutes(5)), at=minutes(6))
    mistaken = matters.open_matter(title="By mistake", reason="None.", by=ezra, at=minutes(7))
    matters.close(matter=mistaken, by=ezra, at=minutes(8))
    journal.write_owed()
    return [line for line in journal.read() if line.kind in HANDLERS]


def rows():
    def without_ids(queryset):
        return [
            {name: value for name, value in row.items() if name not in ("id", "matter_id")}
            for row in queryset.order_by("reference").values()
        ]

    return without_ids(Matter.objects.all()), without_ids(Hold.objects.all())


def forget(by_force):
    """What a backup from before does not hold."""
    by_force("DELETE FROM holds_hold")
    by_force("DELETE FROM holds_matter")


def repeat(lines):
    for line in lines:
        with transaction.atomic():
            HANDLERS[line.kind](line, at=RESTORED)


def test_the_lines_stand_in_the_order_in_which_they_happened(told):
    assert [line.kind for line in told] == [
        "matter.opened", "hold.placed", "hold.placed", "hold.released", "matter.opened", "hold.placed", "hold.released", "matter.opened",
        "matter.closed",
    ]  # fmt: skip


def test_a_database_that_knows_nothing_of_it_gets_back_every_matter_and_hold_as_it_was(told, by_force):
    before = rows()
    forget(by_force)
    repeat(told)
    assert rows() == before
    assert [matter.state for matter in Matter.objects.order_by("opened_at")] == ["open", "closed", "closed"]
    assert Hold.objects.get(state="active").conversation_id == "Frühstück"


def test_what_is_known_is_left_alone_however_often_it_is_repeated(told):
    before, events = rows(), Event.objects.count()
    repeat(told)
    repeat(told)
    assert (rows(), Event.objects.count()) == (before, events)


@pytest.mark.parametrize("end", range(1, 9))
def test_a_replay_that_was_broken_off_goes_on(told, by_force, end):
    before = rows()
    forget(by_force)
    repeat(told[:end])
    repeat(told)
    assert rows() == before


def test_a_backup_from_before_the_releases_has_them_released_again_and_the_matter_closed(told, by_force, mercy):
    before = rows()
    by_force("UPDATE holds_matter SET state = 'open', closed_by = '', closed_at = NULL WHERE title = 'Ended'")
    by_force(
        "UPDATE holds_hold SET state = 'active', released_by = '', released_at = NULL, kept_until = NULL, release_asked_by = '',"
        " release_asked_at = NULL, release_reason = '' WHERE state = 'released'"
    )
    assert len(asking.holds_of_organization(mercy.pk, NOON + 30 * DAY)) == 2
    repeat(told)
    assert rows() == before
    assert asking.holds_of_organization(mercy.pk, NOON + 30 * DAY) == []


def test_a_release_that_was_repeated_stands_in_the_ledger_and_the_checks_know_it(told, by_force):
    forget(by_force)
    by_force("DELETE FROM staff_approval")
    repeat(told)
    released = {line.about: {"asked_by": line.body["asked_by"], "released_by": line.body["by"]} for line in told if line.kind == "hold.released"}
    assert dict(Event.objects.filter(verb="hold.released_again").values_list("object", "facts")) == released
    for check in promises.CHECKS:
        looked = check.run(RESTORED)
        assert (check.code, looked.rows > 0, looked.violations) == (check.code, True, ())


def test_a_hold_on_somebody_whom_the_backup_does_not_know_holds_all_the_same(told, by_force, ada, clinic):
    forget(by_force)
    by_force("DELETE FROM accounts_personemail WHERE person_id = %s", ada.pk)
    by_force("DELETE FROM accounts_person WHERE id = %s", ada.pk)
    repeat(told)
    hold = Hold.objects.get(person_reference=ada.reference)
    assert (hold.person, hold.state) == (None, "active")
    assert asking.holds_of_organization(clinic.pk, RESTORED) == [hold]


def test_an_organization_that_the_backup_does_not_know_is_named(told, by_force, mercy):
    forget(by_force)
    by_force("DELETE FROM accounts_organization WHERE id = %s", mercy.pk)
    with pytest.raises(replay.NotKnownHere, match=mercy.reference):
        repeat(told)


@pytest.mark.parametrize("kind", ["hold.placed", "hold.released", "matter.closed"])
def test_a_line_whose_beginning_is_missing_is_refused(told, by_force, kind):
    forget(by_force)
    with pytest.raises(replay.NotKnownHere):
        repeat([line for line in told if line.kind == kind])
    assert (Matter.objects.count(), Hold.objects.count()) == (0, 0)


def test_a_release_of_a_hold_that_nobody_knows_is_refused(told, by_force):
    by_force("DELETE FROM holds_hold")
    with pytest.raises(replay.NotKnownHere, match="HLD-"):
        repeat([line for line in told if line.kind == "hold.released"])


@pytest.mark.parametrize("kind", ["matter.opened", "hold.placed"])
def test_without_the_secret_of_its_matter_nothing_is_made_up(told, by_force, matter, kind):
    cast.lose_secret(f"hold/{matter.reference}")
    by_force("DELETE FROM holds_hold")
    if kind == "matter.opened":
        by_force("DELETE FROM holds_matter")
    with pytest.raises(keys.KeyMissing):
        repeat([line for line in told if line.kind == kind])
    assert Hold.objects.count() == 0


def test_with_the_secret_of_another_keystore_the_words_do_not_open(told, by_force, matter):
    cast.lose_secret(f"hold/{matter.reference}")
    keystore().ensure(f"hold/{matter.reference}")
    forget(by_force)
    with pytest.raises(WordsUnreadable):
        repeat(told)
