"""A withdrawal erases all that was collected under it, in its own transaction; what a hold keeps lies apart, unused, until the hold is over."""

import json
from datetime import timedelta

import pytest
from django.db import connection

from apps.accounts.models import Person
from apps.accounts.states import PersonStanding
from apps.consents.models import ConsentErasure
from apps.consents.services import asking, expiring
from apps.contacts.models import BusyTime, ContactKey, KeptBook, Match, PersonKey, Rematch, Source
from apps.contacts.services import clearing, keeping_apart, lending, lent, replay
from apps.contacts.services.lent import Lent
from apps.contacts.states import KeyState
from apps.foundation.actors import Actor
from apps.foundation.keys import keystore
from apps.holds.services import matters, placing, releasing
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.contacts.conftest import calendar, cards

HOUR = timedelta(hours=1)
WHERE = Lent("https://dav.example/books/ada/", "ada", "a secret word")


def rows():
    return [model.objects.count() for model in (Source, ContactKey, PersonKey, BusyTime, Match)]


def erased():
    return {row.kind: (row.erased, row.kept_for_hold) for row in ConsentErasure.objects.all()}


@pytest.fixture
def lent_both(ada, ben, allow, lend, match):
    """Ada lent a book of three, an address and a calendar, and is matched with Ben."""
    allow(ada), allow(ben), allow(ada, "calendar")
    lend(ada, cards("ben@client.example", ["x@y.example", "z@y.example"]))
    lend(ada, calendar((NOON + HOUR, NOON + 2 * HOUR)), "calendar")
    source = lending.add_address(person=ada, purpose="contacts", given=WHERE, by=Actor("person", ada.reference), at=NOON)
    match()
    assert rows() == [3, 3, 3, 1, 1]
    return source


@pytest.fixture
def hold(ada):
    """A hold on a person, and its release with the grace over."""
    ezra, cleo = cast.staff("ezra", Role.COUNSEL), cast.cleo()
    matter = matters.open_matter(title="A dispute", reason="A court asks.", by=ezra, at=NOON)
    placed = placing.place(matter=matter, person=ada, reason="Named by the court.", by=ezra, at=NOON)

    def release(at):
        asked = releasing.ask_release(hold=placed, reason="Settled.", by=ezra, at=at)
        return releasing.approve_release(hold=asked, by=cleo, at=at)

    return release


def test_a_withdrawal_erases_everything_with_numbers_and_destroys_the_secrets(ada, ben, lent_both, withdraw):
    withdraw(ada, at=NOON + DAY)

    assert rows() == [1, 0, 1, 1, 0]
    assert erased() == {"own-keys": (2, 0), "matches": (1, 0), "contacts": (3, 0), "sources": (2, 0)}
    clearing.clear(at=NOON + HOUR)
    assert keystore().was_destroyed(f"source/{lent_both.reference}")
    assert not KeptBook.objects.exists()
    assert not Rematch.objects.filter(person=ada).exists()


def test_the_calendar_goes_alone(ada, lent_both, withdraw):
    withdraw(ada, "calendar", at=NOON + DAY)

    assert rows() == [2, 3, 3, 0, 1]
    assert erased() == {"busy-times": (1, 0), "sources": (1, 0)}


def test_somebody_suspended_can_withdraw_and_all_of_it_goes(ada, lent_both, withdraw):
    Person.objects.filter(pk=ada.pk).update(standing=PersonStanding.SUSPENDED)

    withdraw(ada, at=NOON + DAY)

    assert rows() == [1, 0, 1, 1, 0]


def test_a_consent_whose_time_is_over_takes_along_what_was_lent(ada, lent_both, by_force):
    by_force("UPDATE consents_standing SET until = %s WHERE person_id = %s AND purpose_id = 'contacts'", NOON + HOUR, ada.pk)
    by_force("UPDATE consents_consentevent SET until = %s WHERE person_id = %s AND purpose_id = 'contacts'", NOON + HOUR, ada.pk)

    expiring.expire_due(at=NOON + 2 * HOUR)

    assert rows() == [1, 0, 1, 1, 0]


def test_what_a_hold_keeps_is_set_apart_sealed_and_used_for_nothing(ada, ben, lent_both, hold, withdraw, match):
    event = withdraw(ada, at=NOON + DAY)

    assert rows() == [1, 0, 1, 1, 0]
    assert erased() == {"own-keys": (2, 0), "matches": (0, 1), "contacts": (0, 3), "sources": (0, 2)}
    match(NOON + DAY)
    assert not Match.objects.exists()
    kept = KeptBook.objects.order_by("pk")
    assert {(book.person, book.event) for book in kept} == {(ada, event.reference)}
    opened = [lent.open_(book.sealed, reference=book.reference, about="kept") for book in kept]
    assert opened[0] == {"matches": [[ben.reference, NOON.isoformat()]]}
    assert len(opened[1]["contacts"]) == 3
    assert opened[2]["lent"] == [WHERE.address, WHERE.user, WHERE.password]
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(t::text, ' ') FROM contacts_keptbook t")
        assert "dav.example" not in cursor.fetchone()[0]


def test_what_was_set_apart_is_erased_with_its_secret_when_the_hold_is_over(ada, lent_both, hold, withdraw):
    withdraw(ada, at=NOON + DAY)
    references = list(KeptBook.objects.values_list("reference", flat=True))
    clearing.clear(at=NOON + DAY)
    assert KeptBook.objects.count() == 3

    hold(NOON + 2 * DAY)
    clearing.clear(at=NOON + 3 * DAY)
    assert KeptBook.objects.count() == 3, "the grace is running"
    clearing.clear(at=NOON + 30 * DAY)

    assert not KeptBook.objects.exists()
    assert all(keystore().was_destroyed(f"source/{reference}") for reference in references)


def test_a_source_that_is_taken_away_under_a_hold_is_set_apart_too(ada, lent_both, hold):
    lending.remove(source=lent_both, by=Actor("person", ada.reference), at=NOON + DAY)

    assert KeptBook.objects.get().event == "removed"
    assert not Source.objects.filter(pk=lent_both.pk).exists()


def test_a_match_is_kept_where_a_hold_keeps_the_other_person(ada, ben, lent_both, withdraw):
    ezra = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="A dispute", reason="A court asks.", by=ezra, at=NOON)
    placing.place(matter=matter, person=ben, reason="Named by the court.", by=ezra, at=NOON)

    withdraw(ada, at=NOON + DAY)

    book = KeptBook.objects.get()
    assert (book.person, lent.open_(book.sealed, reference=book.reference, about="kept")) == (ben, {"matches": [[ada.reference, NOON.isoformat()]]})


def test_what_is_set_apart_outlives_the_matching_key(ada, lent_both, hold, withdraw):
    withdraw(ada, at=NOON + DAY)
    book = KeptBook.objects.order_by("pk")[1]

    assert json.dumps(lent.open_(book.sealed, reference=book.reference, about="kept")).count('"') == 3 * 4 + 3 * 2
    assert keeping_apart.erase_kept(at=NOON + DAY) == 0


def test_a_person_who_said_no_again_begins_with_nothing(ada, ben, lent_both, withdraw, allow, match):
    withdraw(ada, at=NOON + DAY)
    allow(ada, at=NOON + 2 * DAY)
    match(NOON + 2 * DAY)

    assert asking.may(person_id=ada.pk, purpose="contacts", at=NOON + 2 * DAY)
    assert rows() == [1, 0, 3, 1, 0]



def test_after_a_restore_a_source_that_was_taken_away_goes_again(ada, lent_both):
    class Told:
        about, body, at = lent_both.reference, {"person": ada.reference}, NOON

    lending.source_removed(Told, at=NOON + DAY)
    lending.source_removed(Told, at=NOON + DAY)

    assert not Source.objects.filter(pk=lent_both.pk).exists()


def test_after_a_restore_a_destroyed_matching_key_takes_its_values_along_and_everything_is_read_anew(ada, ben, lent_both, match, lend):
    number = ContactKey.objects.values_list("key_id", flat=True).first()
    keystore().destroy(f"matching/{number}")

    class Told:
        about, body, at = f"matching/{number}", {"number": number}, NOON

    replay.key_destroyed(Told, at=NOON + DAY)
    replay.key_destroyed(Told, at=NOON + DAY)

    assert (ContactKey.objects.count(), PersonKey.objects.count()) == (0, 0)
    file = Source.objects.get(person=ada, how="file", purpose_id="contacts")
    assert (file.state, file.last_error) == ("parked", "upload_again")
    lend(ada, cards("ben@client.example"), at=NOON + DAY)
    match(NOON + DAY)
    assert set(PersonKey.objects.values_list("key__state", flat=True)) == {KeyState.CURRENT}
    assert Match.objects.count() == 1
    file.refresh_from_db()
    assert (file.state, file.last_error) == ("active", "")


def test_busy_times_that_are_over_are_forgotten_after_a_day(ada, lent_both):
    clearing.clear(at=NOON + 20 * HOUR)
    assert BusyTime.objects.count() == 1
    clearing.clear(at=NOON + 3 * DAY)
    assert not BusyTime.objects.exists()
