"""What the database itself refuses, whoever asks and however."""

import pytest
from django.db import DatabaseError, connection, transaction

from apps.consents.models import ConsentEvent, Standing
from tests.cast import DAY, NOON

EVENT = (
    "INSERT INTO consents_consentevent (reference, person_id, purpose_id, text_id, policy_version_id, act, at, until, how, \"where\", shown_digest,"
    " shown_at) SELECT 'CNS-000000001', {person}, t.purpose_id, t.id, (SELECT min(id) FROM policies_policyversion), '{act}', '{at}', NULL, 'api', '{where}',"
    " {digest}, {shown_at} FROM consents_purposetext t WHERE t.purpose_id = 'contacts' ORDER BY t.number LIMIT 1"
)


def refused(sql, *values):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def event(person, **more):
    given = {"person": person.pk, "act": "given", "at": (NOON + DAY).isoformat(), "where": "", "digest": "t.digest", "shown_at": f"'{NOON.isoformat()}'"}
    return EVENT.format(**given | more)


@pytest.fixture
def standing(ada, give):
    give(ada)
    return Standing.objects.get()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE consents_consentevent SET act = 'refused'", "UPDATE consents_consentevent SET at = at - interval '1 day'",
        "DELETE FROM consents_consentevent", "TRUNCATE consents_consentevent CASCADE",
        "DELETE FROM consents_standing", "TRUNCATE consents_standing CASCADE",
        "UPDATE consents_standing SET stands = false", "UPDATE consents_standing SET until = now() + interval '1 year'",
        "UPDATE consents_standing SET since = since - interval '1 year'", "UPDATE consents_standing SET purpose_id = 'calendar'",
        "UPDATE consents_consentpurpose SET title = 'Something else'", "DELETE FROM consents_consentpurpose",
        "UPDATE consents_purposetext SET words = 'We may do anything.'", "UPDATE consents_purposetext SET categories = '{contact,usage}'",
        "UPDATE consents_purposetext SET state = 'draft'", "DELETE FROM consents_purposetext", "TRUNCATE consents_purposetext CASCADE",
    ],
)  # fmt: skip
def test_what_was_said_and_to_which_words_stays(standing, change):
    refused(change)


def test_nothing_stands_that_nobody_gave(ada, give):
    given = give(ada, "calendar")
    row = "INSERT INTO consents_standing (person_id, purpose_id, stands, text_id, since, event_id) VALUES (%s, 'contacts', true, %s, %s, %s)"

    refused(row, ada.pk, given.text_id, NOON, given.pk)


def test_nothing_stands_after_a_no(ada, refuse):
    refuse(ada)

    refused("UPDATE consents_standing SET stands = true, asked_again_from = NULL")


def test_what_stands_is_what_was_said_last_and_nothing_older(ada, give, withdraw):
    first = give(ada)
    withdraw(ada, at=NOON + DAY)

    refused("UPDATE consents_standing SET stands = true, since = %s, event_id = %s, asked_again_from = NULL", NOON, first.pk)


def test_a_yes_needs_the_digest_of_the_text_that_is_in_force(ada, by_force):
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT sound")
        cursor.execute(event(ada))  # this one is sound; the others differ in one thing each
        cursor.execute("ROLLBACK TO SAVEPOINT sound")
    refused(event(ada, digest="NULL", shown_at="NULL"))
    refused(event(ada, digest="'\\x00'::bytea"))
    refused(event(ada, shown_at="NULL"))
    refused(event(ada, shown_at=f"'{(NOON + 2 * DAY).isoformat()}'"))
    refused(event(ada, where="Ada Lovell at home"))
    refused(event(ada, at="2020-01-01T00:00:00+00:00", shown_at="'2020-01-01T00:00:00+00:00'"))


@pytest.mark.parametrize("act", ["expired", "whatever"])
def test_an_act_that_can_not_follow_is_refused(ada, act):
    refused(event(ada, act=act))


def test_a_refusal_does_not_follow_a_consent(standing):
    refused(event(standing.person, act="refused"))


def test_what_is_said_later_is_not_said_before(standing):
    refused(event(standing.person, at=(NOON - DAY).isoformat(), shown_at=f"'{(NOON - DAY).isoformat()}'"))


def test_evidence_of_an_erasure_stays(ada, give, withdraw):
    gone = give(ada) and withdraw(ada)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO consents_consenterasure (event_id, kind, erased, kept_for_hold, at) VALUES (%s, 'borrowed', 3, 0, %s)", [gone.pk, NOON]
        )

    refused("UPDATE consents_consenterasure SET erased = 0")
    refused("DELETE FROM consents_consenterasure")


def test_a_text_begins_as_a_draft_and_a_purpose_closed(house):
    refused(
        "INSERT INTO consents_consentpurpose (code, kind, channel, title, recipient, disclosure_purpose, is_open, proposed_by, proposed_at, opened_at)"
        " VALUES ('x', 'disclosure', '', 'X', 'PRV-1234567', 'operation', true, 'staff:x', now(), now())"
    )
    refused(
        "INSERT INTO consents_purposetext (purpose_id, number, words, collected, lost_without, categories, state, drafted_by, drafted_at,"
        " published_by, published_at, digest) VALUES ('contacts', 2, 'a', 'b', 'c', '{contact}', 'published', 'staff:a', now(), 'staff:b', now(), '\\x00')"
    )


def test_each_person_has_one_standing_for_each_purpose(ada, give):
    give(ada)
    give(ada, "calendar")
    assert Standing.objects.count() == ConsentEvent.objects.count() == 2

    refused(
        "INSERT INTO consents_standing (person_id, purpose_id, stands, text_id, since, event_id)"
        " SELECT person_id, purpose_id, stands, text_id, since, event_id FROM consents_standing"
    )
