"""What the database itself refuses, whoever asks: another scope, a second life, a removal, a person under hold gone."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.db.utils import DatabaseError

from apps.accounts.models import Organization, Person
from apps.holds.models import Hold, Matter
from apps.holds.services import matters
from tests.cast import NOON

pytestmark = pytest.mark.django_db


def sql(statement, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.fixture
def hold(place, clinic, ada):
    return place(organization=clinic, person=ada, conversation=("slack", "c1"))


@pytest.mark.parametrize(
    "change",
    [
        "sent_from = '2026-01-01'", "sent_until = '2026-01-01'", "organization_id = NULL", "person_id = NULL", "person_reference = ''",
        "person_reference = 'PER-0000000'", "conversation_id = 'c2'", "conversation_source = 'teams'",
        "conversation_source = '', conversation_id = ''", "reason = 'x'", "reference = 'HLD-0000000'", "placed_by = 'x'",
        "placed_at = now()", "salt = '\\x00'", "id = id + 100",
    ],
)  # fmt: skip
def test_what_a_hold_keeps_can_not_be_changed(hold, change):
    before = Hold.objects.values().get()
    with pytest.raises(DatabaseError, match="never changes"):
        sql(f"UPDATE holds_hold SET {change}")
    assert Hold.objects.values().get() == before


def test_a_hold_can_not_be_moved_to_another_matter(hold, ezra):
    other = matters.open_matter(title="x", reason="x", by=ezra, at=NOON)
    with pytest.raises(DatabaseError, match="never changes"):
        sql("UPDATE holds_hold SET matter_id = %s", other.pk)


def test_a_person_can_not_be_exchanged_even_when_the_hold_is_released(hold, release, clinic):
    released = release(hold)
    stranger = Person.objects.create(
        organization=clinic, given_name="S", registered_at=NOON, policy_version=clinic.policy_version
    )
    with pytest.raises(DatabaseError, match="never changes"):
        sql("UPDATE holds_hold SET person_id = %s WHERE id = %s", stranger.pk, released.pk)


@pytest.mark.parametrize(
    "change",
    [
        "state = 'active'",
        "state = 'active', released_by = '', released_at = NULL, kept_until = NULL",
        "kept_until = kept_until - interval '6 days'",
        "kept_until = kept_until + interval '6 days'",
        "released_by = 'staff:STF-0000000'",
        "release_asked_by = 'staff:STF-0000000'",
        "release_reason = 'x'",
        "release_asked_at = now()",
        "released_at = now()",
    ],
)
def test_a_released_hold_never_holds_again_and_its_record_never_changes(hold, release, change):
    release(hold)
    before = Hold.objects.values().get()
    with pytest.raises(DatabaseError, match="that is final"):
        sql(f"UPDATE holds_hold SET {change}")
    assert Hold.objects.values().get() == before


@pytest.mark.parametrize("statement", ["DELETE FROM holds_hold", "DELETE FROM holds_matter"])
def test_nothing_is_removed(hold, statement):
    with pytest.raises(DatabaseError, match="never removed"):
        sql(statement)


@pytest.mark.parametrize("tables", ["holds_hold CASCADE", "holds_matter CASCADE"])
def test_nothing_is_emptied(hold, tables):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for its check would refuse the TRUNCATE for another reason
    with pytest.raises(DatabaseError, match="never emptied"):
        sql(f"TRUNCATE {tables}")


RELEASED = (
    "UPDATE holds_hold SET state = 'released', released_by = {by}, released_at = {at}, kept_until = {until},"
    " release_asked_by = {asked}, release_asked_at = now(), release_reason = {why}"
)
WHOLE = {"by": "'a'", "at": "now()", "until": "now() + interval '7 days'", "asked": "'b'", "why": "'x'"}


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"by": "'b'"}, "nobody_releases_the_hold_they_asked_to_release"),
        ({"by": "''"}, "a_released_hold_says_who_when_and_why"),
        ({"at": "NULL"}, "a_released_hold_says_who_when_and_why"),
        ({"until": "NULL"}, "a_released_hold_says_who_when_and_why"),
        ({"until": "now()"}, "a_released_hold_keeps_its_grace"),
        ({"asked": "''"}, "a_released_hold_says_who_when_and_why"),
        ({"why": "''"}, "who_asks_for_a_release_says_why"),
    ],
)
def test_a_release_without_two_people_a_reason_and_a_grace_is_refused(hold, wrong, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        sql(RELEASED.format(**(WHOLE | wrong)))
    assert Hold.objects.get().state == "active"


def test_the_statement_that_the_last_test_varies_would_pass_if_it_were_whole(hold):
    sql(RELEASED.format(**WHOLE))
    assert Hold.objects.get().state == "released"


INSERT = (
    "INSERT INTO holds_hold (reference, matter_id, organization_id, person_id, person_reference, conversation_source, conversation_id,"
    " sent_from, sent_until, reason, salt, state, placed_by, placed_at, release_asked_by, release_reason, released_by)"
    " SELECT 'HLD-1', m.id, {organization}, NULL, {person}, {source}, {conversation}, {first}, {end}, {reason}, '\\x00', {state},"
    " 'x', now(), '', '', '' FROM holds_matter m"
)
SOUND = {
    "organization": "NULL", "person": "''", "source": "''", "conversation": "''", "first": "'2026-01-01'", "end": "NULL",
    "reason": "'x'", "state": "'active'",
}  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"first": "NULL"}, "a_hold_names_what_it_keeps"),
        ({"source": "'slack'", "conversation": "'c1'"}, "a_conversation_is_one_of_an_organization"),
        ({"source": "'slack'"}, "a_conversation_is_one_of_an_organization"),
        ({"end": "'2026-01-01'"}, "a_hold_ends_after_it_begins"),
        ({"reason": "''"}, "a_hold_says_why"),
        ({"state": "'released'"}, "begins in force"),
    ],
)
def test_a_hold_that_makes_no_sense_is_refused(matter, wrong, constraint):
    with pytest.raises(DatabaseError, match=constraint):
        sql(INSERT.format(**(SOUND | wrong)))
    assert Hold.objects.count() == 0


def test_the_same_is_held_once_for_a_matter_nulls_and_all(matter):
    sql(INSERT.format(**SOUND))
    with pytest.raises(IntegrityError, match="a_matter_keeps_the_same_once"):
        sql(INSERT.format(**SOUND).replace("HLD-1", "HLD-2"))


def test_a_hold_is_not_begun_for_a_closed_matter(matter, ezra):
    matters.close(matter=matter, by=ezra, at=NOON)
    with pytest.raises(DatabaseError, match="for an open matter"):
        sql(INSERT.format(**SOUND))


@pytest.mark.parametrize("change", ["title = 'x'", "reason = 'x'", "opened_by = 'x'", "opened_at = now()", "reference = 'MAT-1'"])
def test_a_matter_stays_as_it_was_opened(matter, change):
    with pytest.raises(DatabaseError, match="stays as it was opened"):
        sql(f"UPDATE holds_matter SET {change}")


def test_a_matter_is_not_closed_over_a_hold_in_force(hold):
    with pytest.raises(DatabaseError, match="has holds in force"):
        sql("UPDATE holds_matter SET state = 'closed', closed_by = 'x', closed_at = now()")


@pytest.mark.parametrize("change", ["state = 'open', closed_by = '', closed_at = NULL", "closed_by = 'y'"])
def test_a_closed_matter_is_not_opened_again(matter, ezra, change):
    matters.close(matter=matter, by=ezra, at=NOON)
    with pytest.raises(DatabaseError, match="it never changes"):
        sql(f"UPDATE holds_matter SET {change}")


def test_a_matter_that_begins_closed_is_refused(house):
    with pytest.raises(DatabaseError, match="begins open"):
        sql(
            "INSERT INTO holds_matter (reference, title, reason, state, opened_by, opened_at, closed_by, closed_at)"
            " VALUES ('MAT-1', 'x', 'x', 'closed', 'x', now(), 'x', now())"
        )


# Who and what is held stays


def test_a_person_under_hold_is_not_deleted_by_the_application_nor_by_hand(hold, ada):
    with pytest.raises(ProtectedError):
        ada.delete()
    with pytest.raises(ProtectedError):
        Person.objects.filter(pk=ada.pk).delete()
    with pytest.raises(IntegrityError, match="holds_hold"):
        sql(
            "DELETE FROM accounts_personemail WHERE person_id = %s; DELETE FROM accounts_person WHERE id = %s", ada.pk, ada.pk
        )
    assert Person.objects.filter(pk=ada.pk).exists()


def test_an_organization_under_hold_is_not_deleted_by_the_application_nor_by_hand(place, mercy):
    place(organization=mercy)
    with pytest.raises(ProtectedError):
        mercy.delete()
    with pytest.raises(ProtectedError):
        Organization.objects.filter(pk=mercy.pk).delete()
    with pytest.raises(IntegrityError, match="holds_hold"):
        sql("DELETE FROM accounts_organization WHERE id = %s", mercy.pk)
    assert Organization.objects.filter(pk=mercy.pk).exists()


def test_a_matter_with_holds_is_not_deleted_by_the_application(hold):
    with pytest.raises(ProtectedError):
        hold.matter.delete()
    assert Matter.objects.count() == 1
