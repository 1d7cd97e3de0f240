"""Each check of P02 and P03 finds the violation that somebody plants by raw SQL or in the keystore, names it, and nothing where all is well."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.contacts import promises
from apps.contacts.models import ContactKey, MatchingKey, Source
from apps.contacts.services import clearing, keys, lending
from apps.contacts.services.lent import Lent
from apps.foundation.actors import Actor
from apps.foundation.keys import keystore
from apps.holds.services import matters, placing, releasing
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.contacts.conftest import calendar, cards

HOUR = timedelta(hours=1)
BINDING = ("contactkey_stands_on_a_consent", "source_stands_on_a_consent", "personkey_stands_on_a_consent", "busytime_stands_on_a_consent")


def whys(check, at=NOON + HOUR / 2):
    return {(violation.object, violation.why) for violation in check(at).violations}


@pytest.fixture
def full(ada, ben, cora, allow, lend, match):
    """Matches within and across organizations, a calendar and an address."""
    for someone in (ada, ben, cora):
        allow(someone)
    allow(ada, "calendar")
    lend(ada, cards("ben@client.example", "cora@mercy.example"))
    lend(cora, cards("ada@client.example"))
    lend(ada, calendar((NOON + HOUR, NOON + 2 * HOUR)), "calendar")
    match()
    where = Lent("https://dav.example/", "ada", "word")
    return lending.add_address(person=ada, purpose="contacts", given=where, by=Actor("person", ada.reference), at=NOON)


def test_where_all_is_well_every_check_has_looked_and_found_nothing(full):
    seen = {check.code: check.run(NOON + HOUR / 2) for check in promises.CHECKS}

    assert {code: looked.violations for code, looked in seen.items()} == dict.fromkeys(seen, ())
    assert {code: looked.rows for code, looked in seen.items()} == {
        "contacts.consent": 4 + 3 + 4 + 1, "contacts.kept": 0, "contacts.secrets": 1, "contacts.matches": 2, "contacts.matched": 3, "contacts.lag": 1,
        "contacts.key": 7,
    }  # fmt: skip


def test_the_database_itself_refuses_what_the_first_check_looks_for_and_the_check_finds_it_without(full, ada):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in BINDING:
            cursor.execute(f"ALTER TABLE contacts_{name.partition('_')[0]} DROP CONSTRAINT {name}")
        cursor.execute("ALTER TABLE contacts_match DROP CONSTRAINT match_stands_on_the_consent_of_one, DROP CONSTRAINT match_stands_on_the_consent_of_other")
        cursor.execute("ALTER TABLE consents_standing DISABLE TRIGGER USER")
        cursor.execute("UPDATE consents_standing SET stands = false, asked_again_from = NULL WHERE person_id = %s", [ada.pk])

    found = whys(promises.nothing_is_held_without_a_consent)

    no = "and no consent stands"
    assert found == {
        (ada.reference, f"has 2 contacts under “contacts” {no}"), (ada.reference, f"has 2 keys of their own under “contacts” {no}"),
        (ada.reference, f"has 2 sources under “contacts” {no}"), (ada.reference, f"has 1 sources under “calendar” {no}"),
        (ada.reference, f"has 1 busy times under “calendar” {no}"),
    }  # fmt: skip


def test_rows_under_a_standing_that_the_ledger_does_not_know_are_named(full, ada, by_force):
    by_force("UPDATE consents_consentevent SET act = 'withdrawn', shown_digest = NULL, shown_at = NULL WHERE person_id = %s", ada.pk)

    found = whys(promises.nothing_is_held_without_a_consent)

    assert len(found) == 5
    assert all(why.endswith("and the ledger of consents does not say yes") for _person, why in found)
    assert len(whys(promises.matches_are_of_two_who_allow_it)) == 2


def test_rows_under_a_consent_that_is_over_or_of_another_purpose_are_named(full, ada, ben, by_force):
    by_force("UPDATE consents_consentevent SET until = %s WHERE person_id = %s", NOON + HOUR, ben.pk)
    by_force("UPDATE contacts_busytime SET purpose_id = 'contacts'")

    assert (ben.reference, "has 1 keys of their own under “contacts” and the consent is over") in whys(
        promises.nothing_is_held_without_a_consent, NOON + 3 * HOUR
    )
    assert (ada.reference, "has 1 busy times under “contacts” which is another purpose") in whys(promises.nothing_is_held_without_a_consent)


def test_rows_of_somebody_who_is_gone_are_named(full, by_force):
    by_force("UPDATE contacts_busytime SET person_id = 999999")

    assert ("nobody", "has 1 busy times under “calendar” though that person is gone") in whys(promises.nothing_is_held_without_a_consent)


def test_what_is_kept_after_the_hold_is_named(full, ada, withdraw):
    ezra = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="A dispute", reason="A court asks.", by=ezra, at=NOON)
    placed = placing.place(matter=matter, person=ada, reason="Named.", by=ezra, at=NOON)
    withdraw(ada, at=NOON + HOUR)
    assert promises.nothing_is_kept_without_a_hold(NOON + DAY).rows == 3
    assert whys(promises.nothing_is_kept_without_a_hold, NOON + DAY) == set()

    asked = releasing.ask_release(hold=placed, reason="Settled.", by=ezra, at=NOON + DAY)
    releasing.approve_release(hold=asked, by=cast.cleo(), at=NOON + DAY)

    assert whys(promises.nothing_is_kept_without_a_hold, NOON + 2 * DAY) == set()
    assert {why for _book, why in whys(promises.nothing_is_kept_without_a_hold, NOON + 30 * DAY)} == {"is kept, and no hold keeps its person"}
    clearing.clear(at=NOON + 30 * DAY)
    assert whys(promises.nothing_is_kept_without_a_hold, NOON + 30 * DAY) == set()


def test_a_secret_that_outlives_its_source_and_one_that_is_missing_are_named(full):
    keystore().ensure("source/SRC-LEFT00000")
    for copy in keystore().copies[1:]:
        copy.path(f"source/{full.reference}").unlink()

    from_now = max(path.stat().st_mtime for path in keystore().copies[0].path("source/SRC-LEFT00000").parent.iterdir())
    at = NOON.fromtimestamp(from_now, NOON.tzinfo) + 2 * HOUR

    assert whys(promises.what_ended_can_not_be_opened, at) == {
        ("SRC-LEFT00000", "is gone, and its secret lies in copy 1 of the keystore"),
        ("SRC-LEFT00000", "is gone, and its secret lies in copy 2 of the keystore"),
        (full.reference, "is here, and its secret is not in copy 2 of the keystore"),
    }


def test_a_match_that_no_book_says_is_named(full, ada, ben, cora, by_force):
    by_force("UPDATE contacts_match SET one_has = false, other_has = true WHERE one_id = %s AND other_id = %s", ada.pk, ben.pk)
    by_force("UPDATE contacts_match SET other_has = false WHERE other_id = %s", cora.pk)

    assert whys(promises.matches_are_of_two_who_allow_it) == {
        (f"{ada.reference} and {ben.reference}", "are matched, and their books do not say so"),
        (f"{ada.reference} and {cora.reference}", "are matched across organizations, and not both have each other in their book"),
    }


def test_a_match_with_somebody_who_allows_nothing_is_named(full, ada, dan, by_force):
    by_force(
        "INSERT INTO contacts_match (one_id, other_id, purpose_id, one_has, other_has, since) VALUES (%s, %s, 'contacts', true, true, now())",
        *sorted([ada.pk, dan.pk]),
    )

    assert {why for _pair, why in whys(promises.matches_are_of_two_who_allow_it)} == {"are matched, and not both allow it"}


def test_whoever_waits_to_be_matched_for_more_than_an_hour_is_named(full, ada, by_force):
    by_force("INSERT INTO contacts_rematch (person_id, since, attempts) VALUES (%s, %s, 5)", ada.pk, NOON - HOUR)

    assert whys(promises.what_changed_was_matched) == {(ada.reference, "waits for more than an hour to be matched, after 5 attempts")}


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ("last_success_at = %(at)s, next_at = %(late)s", "was last read, or added, 30 hours ago"),
        ("failures = 2, last_success_at = %(late)s, next_at = %(at)s", "is due, and nobody reads it"),
        ("failures = 2, added_at = %(long_ago)s, next_at = %(late)s", "has failed for two weeks, and nobody parked it"),
    ],
)
def test_an_address_that_is_not_read_in_time_is_named(full, by_force, columns, why):
    now = NOON + 30 * HOUR
    values = {"at": NOON, "late": now, "long_ago": NOON - 20 * DAY}
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE contacts_source SET {columns} WHERE how = 'dav'", values)

    assert whys(promises.addresses_are_read_in_time, now) == {(full.reference, why)}


def test_a_value_under_a_key_that_is_gone_and_one_that_is_no_hash_are_named(full, by_force):
    keys.announce(by=cast.cleo(), at=NOON)
    keys.rotate(at=NOON)
    assert whys(promises.values_are_under_the_current_key) == set()
    by_force("UPDATE contacts_contactkey SET key_id = 1 WHERE id = (SELECT min(id) FROM contacts_contactkey)")
    by_force("UPDATE contacts_contactkey SET value = 'ben@client.example' WHERE id = (SELECT max(id) FROM contacts_contactkey)")

    assert whys(promises.values_are_under_the_current_key) == {
        ("matching/1", "is destroyed, and 1 values of contacts are under it"), ("matching/2", "1 values of contacts under it are no keyed hashes"),
    }  # fmt: skip


def test_a_rotation_that_stands_still_and_a_key_that_was_not_destroyed_are_named(full, by_force):
    keys.announce(by=cast.cleo(), at=NOON)
    assert whys(promises.values_are_under_the_current_key, NOON + DAY) == set()
    assert whys(promises.values_are_under_the_current_key, NOON + 8 * DAY) == {
        ("matching/2", "was announced more than a week ago, and is not in use yet")
    }
    by_force("DELETE FROM contacts_contactkey"), by_force("DELETE FROM contacts_personkey")
    by_force("UPDATE contacts_matchingkey SET state = 'destroyed', destroyed_at = %s WHERE number = 1", NOON)
    by_force("UPDATE contacts_matchingkey SET state = 'current', current_at = %s WHERE number = 2", NOON)

    assert whys(promises.values_are_under_the_current_key, NOON + DAY) == {
        ("matching/1", f"is destroyed, and still lies in copy {number} of the keystore") for number in (1, 2)
    }
    assert MatchingKey.objects.count() == 2
    assert (ContactKey.objects.count(), Source.objects.count()) == (0, 4)
