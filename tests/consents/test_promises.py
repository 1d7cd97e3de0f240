"""Each check sees a sound house as sound, and names what somebody with all rights on the database did behind our back."""

from datetime import timedelta

import pytest

from apps.audit.services import journal
from apps.consents import promises
from apps.consents.models import ConsentEvent
from apps.consents.states import How
from tests import cast
from tests.cast import DAY, NOON
from tests.consents import borrowing

LATER = NOON + 5 * DAY


@pytest.fixture
def lived(ada, settings, give, refuse, withdraw):
    """Ada gave two consents, took a third back, refused a fourth; rows are kept under one of them."""
    borrowing.run(borrowing.MAKE)
    settings.CONSENT_ERASERS = {"contacts": borrowing.ERASER}
    give(ada, "contacts")
    give(ada, "announcements_email")
    give(ada, "calendar")
    withdraw(ada, "calendar", at=NOON + DAY)
    refuse(ada, "announcements_sms")
    refuse(ada, "announcements_in_app", how=How.SIGNAL, shown=None, shown_at=None)
    borrowing.borrow(ada, rows=2)
    return ada


def found(check, at=LATER):
    return [(violation.object, violation.why) for violation in check(at).violations]


def test_a_sound_house_is_sound_to_every_check_and_each_looked_at_something(lived):
    looked = {check.code: check.run(NOON + timedelta(minutes=1)) for check in promises.CHECKS}

    assert {code: seen.violations for code, seen in looked.items()} == dict.fromkeys(looked, ())
    assert {code: seen.rows for code, seen in looked.items()} == {
        "consents.asked_again": 3, "consents.kept": 2, "consents.past_end": 2, "consents.standing": 5, "consents.journalled": 3,
        "consents.in_force": 6, "consents.texts": 5,
    }  # fmt: skip


def event_of(purpose, act):
    return ConsentEvent.objects.get(purpose=purpose, act=act)


def test_a_standing_without_its_event_is_named(lived, by_force):
    by_force("DELETE FROM consents_consentevent WHERE purpose_id = 'contacts'")

    assert found(promises.what_stands_is_what_was_said_last) == [(lived.reference, "stands in contacts, and nobody ever said so")]


def test_a_standing_that_stands_after_a_withdrawal_is_named(lived, by_force):
    by_force("UPDATE consents_standing SET stands = true, asked_again_from = NULL WHERE purpose_id = 'calendar'")

    gone = event_of("calendar", "withdrawn")
    assert found(promises.what_stands_is_what_was_said_last) == [(gone.reference, "stands in calendar although it was withdrawn")]


def test_a_consent_whose_standing_was_removed_or_felled_is_named(lived, by_force):
    by_force("DELETE FROM consents_standing WHERE purpose_id = 'contacts'")
    by_force("UPDATE consents_standing SET stands = false WHERE purpose_id = 'announcements_email'")

    assert sorted(found(promises.what_stands_is_what_was_said_last)) == sorted([
        (event_of("contacts", "given").reference, "was said, and no standing says so"),
        (event_of("announcements_email", "given").reference, "was given and does not stand"),
    ])  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        "since = since - interval '1 year'", "until = since + interval '9 years'",
        "text_id = (SELECT id FROM consents_purposetext WHERE purpose_id = 'calendar')",
    ],
)  # fmt: skip
def test_a_standing_that_was_stretched_is_named(lived, by_force, change):
    by_force(f"UPDATE consents_standing SET {change} WHERE purpose_id = 'contacts'")

    assert found(promises.what_stands_is_what_was_said_last) == [(event_of("contacts", "given").reference, "stands otherwise than it was said")]


def test_what_stands_past_its_end_is_named(lived, by_force):
    by_force("UPDATE consents_standing SET until = %s WHERE purpose_id = 'contacts'", NOON + DAY)

    assert found(promises.nothing_stands_past_its_end, NOON + DAY) == []
    assert found(promises.nothing_stands_past_its_end) == [
        (event_of("contacts", "given").reference, "is over since 2026-03-09 12:00 UTC and still stands")
    ]


def test_rows_that_are_kept_after_a_withdrawal_are_named(lived, by_force):
    by_force("INSERT INTO borrowed (person_id, purpose_id) VALUES (%s, 'calendar')", lived.pk)

    assert found(promises.nothing_is_kept_without_a_consent) == [
        (lived.reference, "1 rows of borrowed are kept, and no consent to calendar stands")
    ]


def test_rows_whose_key_was_dropped_are_looked_at_all_the_same(lived):
    borrowing.run("SET CONSTRAINTS ALL IMMEDIATE")
    borrowing.run("ALTER TABLE borrowed DROP CONSTRAINT borrowed_person_id_purpose_id_stands_fkey")
    borrowing.borrow(lived, "calendar")

    assert found(promises.nothing_is_kept_without_a_consent) == [
        (lived.reference, "1 rows of borrowed are kept, and no consent to calendar stands")
    ]


def test_rows_that_rest_on_the_consent_of_two_are_named_for_either(lived, clinic, give, by_force):
    ben = cast.ada(clinic, "ben@client.example")
    borrowing.run("SET CONSTRAINTS ALL IMMEDIATE")
    borrowing.run(
        "CREATE TABLE met (one_id bigint, other_id bigint, code varchar(40), stands boolean DEFAULT true,"
        " FOREIGN KEY (one_id, code, stands) REFERENCES consents_standing (person_id, purpose_id, stands),"
        " FOREIGN KEY (other_id, code, stands) REFERENCES consents_standing (person_id, purpose_id, stands))"
    )
    by_force("INSERT INTO met (one_id, other_id, code) VALUES (%s, %s, 'contacts')", lived.pk, ben.pk)

    assert found(promises.nothing_is_kept_without_a_consent) == [(ben.reference, "1 rows of met are kept, and no consent to contacts stands")]


def test_rows_of_nobody_are_named(lived, by_force):
    by_force("INSERT INTO borrowed (person_id, purpose_id) VALUES (-1, 'contacts')")

    assert found(promises.nothing_is_kept_without_a_consent) == [("nobody", "1 rows of borrowed are kept, and no consent to contacts stands")]


def test_rows_that_are_kept_past_the_end_of_a_consent_are_named(lived, by_force):
    by_force("UPDATE consents_consentevent SET until = %s WHERE purpose_id = 'contacts'", NOON + DAY)

    assert found(promises.nothing_is_kept_without_a_consent) == [
        (lived.reference, "2 rows of borrowed are kept, and no consent to contacts stands")
    ]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("text_id = (SELECT id FROM consents_purposetext WHERE purpose_id = 'calendar')", "is about a text that was not in force then"),
        ("at = '2023-06-01+00', shown_at = '2023-06-01+00'", "is about a text that was not in force then"),
        ("shown_digest = '\\x00'", "was shown another text"),
        ("shown_digest = NULL, shown_at = NULL, act = 'given', how = 'api'", "was shown another text"),
    ],
)  # fmt: skip
def test_an_answer_to_something_else_than_was_in_force_is_named(lived, by_force, change, why):
    given = event_of("contacts", "given")
    borrowing.run("SET CONSTRAINTS ALL IMMEDIATE")
    borrowing.run("ALTER TABLE consents_consentevent DROP CONSTRAINT who_decided_was_shown_the_text")
    by_force(f"UPDATE consents_consentevent SET {change} WHERE id = %s", given.pk)

    assert found(promises.each_answer_was_to_the_text_and_policy_in_force) == [(given.reference, why)]


def test_an_answer_to_a_text_that_was_no_longer_in_force_is_named(lived, by_force):
    by_force(
        "INSERT INTO consents_purposetext (purpose_id, number, words, collected, lost_without, categories, state, digest, drafted_by, drafted_at,"
        " published_by, published_at) SELECT purpose_id, 2, words, collected, lost_without, categories, state, digest, 'staff:a', drafted_at,"
        " 'staff:b', %s FROM consents_purposetext WHERE purpose_id = 'contacts'", NOON - DAY,
    )  # fmt: skip

    assert found(promises.each_answer_was_to_the_text_and_policy_in_force) == [
        (event_of("contacts", "given").reference, "is about a text that was no longer in force")
    ]


def test_an_answer_under_another_policy_version_is_named(lived, by_force):
    by_force(
        "INSERT INTO policies_policyversion (number, title, introduction, state, revised_on, created_at, published_at, published_by, digest)"
        " SELECT 2, title, introduction, state, revised_on, created_at, %s, published_by, digest FROM policies_policyversion", NOON + 2 * DAY,
    )  # fmt: skip
    assert found(promises.each_answer_was_to_the_text_and_policy_in_force) == []
    given = event_of("contacts", "given")
    by_force("UPDATE consents_consentevent SET policy_version_id = (SELECT id FROM policies_policyversion WHERE number = 2) WHERE id = %s", given.pk)

    assert found(promises.each_answer_was_to_the_text_and_policy_in_force) == [
        (given.reference, "carries a policy version that was not in force then")
    ]


@pytest.mark.parametrize("change", ["words = 'We may do anything.'", "categories = '{contact,usage}'", "months = 3"])
def test_a_text_that_says_something_else_than_it_did_is_named(lived, by_force, change):
    by_force(f"UPDATE consents_purposetext SET {change} WHERE purpose_id = 'contacts'")

    assert found(promises.each_text_is_what_two_persons_agreed_on) == [("contacts/1", "says something else than when it was published")]


def test_a_purpose_whose_title_was_changed_is_named(lived, by_force):
    by_force("UPDATE consents_consentpurpose SET title = 'Nothing to see' WHERE code = 'contacts'")

    assert found(promises.each_text_is_what_two_persons_agreed_on) == [("contacts/1", "says something else than when it was published")]


def test_a_text_that_one_person_alone_published_is_named(lived, by_force):
    by_force("UPDATE consents_purposetext SET published_by = 'staff:STF-1', drafted_by = 'staff:STF-2' WHERE purpose_id = 'contacts'")

    assert found(promises.each_text_is_what_two_persons_agreed_on) == [("contacts/1", "was published without the approval of a second person")]


@pytest.mark.parametrize("change", ["NULL", "since + interval '11 months'"])
def test_who_may_be_asked_again_too_soon_is_named(lived, by_force, change):
    by_force(f"UPDATE consents_standing SET asked_again_from = {change} WHERE purpose_id = 'announcements_sms'")

    assert found(promises.nobody_is_asked_again_too_soon) == [
        (event_of("announcements_sms", "refused").reference, "may be asked about again sooner than after twelve months")
    ]


def test_a_no_that_the_journal_does_not_know_is_named(lived, by_force):
    gone, refused = event_of("calendar", "withdrawn"), event_of("announcements_sms", "refused")
    by_force("DELETE FROM audit_journalentry WHERE about = %s", gone.reference)

    assert (gone.reference, "was withdrawn, and the journal is not even owed a line about it") in found(promises.every_no_stands_in_the_journal)
    assert (refused.reference, "was refused, and the journal still lacks its line") in found(promises.every_no_stands_in_the_journal)


@pytest.mark.django_db(transaction=True)
def test_what_the_journal_has_written_is_sound(ada, refuse):
    refuse(ada)
    journal.write_owed()

    assert found(promises.every_no_stands_in_the_journal) == []
    assert promises.every_no_stands_in_the_journal(LATER).rows == 1
