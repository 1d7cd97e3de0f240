"""The database itself refuses an active minor whom nobody verified represents, and keeps what was decided."""

from datetime import date

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from apps.accounts.models import MinorCase, Person, Representative
from apps.accounts.services import minors, representing
from apps.foundation.actors import SYSTEM
from tests import cast
from tests.accounts.minors.given import KIM_BORN, asked, dana, grown, proposed, represented, verified
from tests.cast import NOON


def run(sql, *values):
    """Do it and have what waits for the end of the transaction judged now."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what the services left is in order
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def refused(sql, *values):
    with pytest.raises(IntegrityError):
        run(sql, *values)


def copy_of(person, **more):
    """Insert a person by SQL, beside every service."""
    columns = [field.column for field in Person._meta.concrete_fields if field.column not in ("id", *more)]
    names, values = ", ".join([*columns, *more]), ", ".join([*columns, *(["%s"] * len(more))])
    return f"INSERT INTO accounts_person ({names}) SELECT {values} FROM accounts_person WHERE id = {person.pk}", list(more.values())


def test_a_minor_is_not_inserted_active_without_a_representative():
    kim = grown()
    sql, values = copy_of(kim, reference="PER-0000001", birth_date=KIM_BORN)
    refused(sql, *values)
    sql, values = copy_of(kim, reference="PER-0000001", birth_date=KIM_BORN, standing="suspended")
    run(sql, *values)
    assert Person.objects.filter(birth_date=KIM_BORN).count() == 1


def test_the_day_of_the_registration_counts_where_no_other_is_noted():
    kim = grown()
    sql, values = copy_of(kim, reference="PER-0000001", birth_date="2008-03-09", age_seen_on=None)
    refused(sql, *values)
    sql, values = copy_of(kim, reference="PER-0000001", birth_date="2008-03-08", age_seen_on=None)
    run(sql, *values)
    assert Person.objects.count() == 2


def test_a_date_of_birth_is_not_changed_to_that_of_an_active_minor():
    kim = grown()
    refused("UPDATE accounts_person SET birth_date = %s WHERE id = %s", KIM_BORN, kim.pk)
    run("UPDATE accounts_person SET birth_date = %s, standing = 'suspended' WHERE id = %s", KIM_BORN, kim.pk)
    refused("UPDATE accounts_person SET standing = 'active' WHERE id = %s", kim.pk)
    run("UPDATE accounts_person SET standing = 'active', age_seen_on = '2026-06-01' WHERE id = %s", kim.pk)
    kim.refresh_from_db()
    assert kim.standing == "active"


def test_the_representation_of_an_active_minor_does_not_end_in_silence():
    kim = represented()
    row = kim.representatives.get()
    refused("UPDATE accounts_representative SET state = 'ended', ended_by = 'x', ended_at = now(), end_reason = 'revoked' WHERE id = %s", row.pk)
    refused("UPDATE accounts_representative SET valid_until = '2026-03-08', valid_from = valid_from WHERE id = %s", row.pk)
    refused("UPDATE accounts_representative SET person_id = NULL WHERE id = %s", row.pk)
    refused("DELETE FROM accounts_representative WHERE id = %s", row.pk)
    row.refresh_from_db()
    assert (row.state, row.person) == ("verified", kim)


def test_other_changes_of_a_represented_minor_are_free():
    kim = represented()
    run("UPDATE accounts_person SET city = 'Sacramento', age_seen_on = '2026-04-01' WHERE id = %s", kim.pk)
    kim.refresh_from_db()
    assert kim.city == "Sacramento"


def test_nobody_is_verified_without_an_approval_of_a_second_person():
    row = proposed()
    verify = "UPDATE accounts_representative SET state = 'verified', asked_by = 'a', asked_at = now(), decided_by = %s, decided_at = now() WHERE id = %s"
    refused(verify, "b", row.pk)
    refused(verify, "a", row.pk)
    row.refresh_from_db()
    assert row.state == "proposed"


@pytest.mark.parametrize(
    "change",
    [
        "full_name = 'Somebody Else'", "email = 'else@family.example'", "authority = 'guardian'", "valid_from = '2020-01-01'",
        "valid_until = NULL", "document = '\\x00'::bytea", "document_digest = '\\x00'::bytea", "state = 'proposed'", "decided_by = 'x'",
        "reference = 'REP-1111111'", "proposed_by = 'x'", "full_name = ''",
    ],
)  # fmt: skip
def test_what_was_verified_stays(change):
    row = verified(valid_until=date(2026, 5, 1))
    refused(f"UPDATE accounts_representative SET {change} WHERE id = %s", row.pk)
    assert Representative.objects.get().full_name == "Paula Parent"


def test_a_document_does_not_go_before_the_decision():
    row = asked()
    refused("UPDATE accounts_representative SET document = NULL, document_destroyed_at = now() WHERE id = %s", row.pk)
    assert Representative.objects.get(pk=row.pk).document is not None


def test_a_case_stays_as_it_was_opened_and_is_closed_once():
    kim = grown()
    case = minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    for change in ("due_at = due_at + interval '1 day'", "how = 'staff'", "opened_by = 'x'", "person_id = person_id + 1"):
        refused(f"UPDATE accounts_minorcase SET {change} WHERE id = %s", case.pk)
    refused("DELETE FROM accounts_minorcase WHERE id = %s", case.pk)
    refused("UPDATE accounts_minorcase SET state = 'represented', closed_at = now(), closed_by = 'x' WHERE id = %s", case.pk)
    minors.find_mistaken(case=case, by=cast.cleo(), at=NOON)
    refused("UPDATE accounts_minorcase SET state = 'open', closed_at = NULL, closed_by = '' WHERE id = %s", case.pk)
    refused("TRUNCATE accounts_minorcase")
    refused("TRUNCATE accounts_representative CASCADE")
    assert MinorCase.objects.get().state == "mistaken"


def test_a_person_takes_their_representatives_and_cases_along():
    kim = represented()
    representing.end(representative=kim.representatives.get(), reason="revoked", by=dana(), at=NOON)
    verified(person=kim)
    kim.refresh_from_db()
    kim.delete()
    run("SELECT 1")
    assert (Representative.objects.count(), MinorCase.objects.count(), Person.objects.count()) == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_the_rule_goes_and_comes_back_with_its_migration():
    kim = represented()
    call_command("migrate", "accounts", "0008_representatives_and_minors", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%minor%is_represented'")
        assert cursor.fetchone() == (0,)
    call_command("migrate", verbosity=0)  # the floors above went back too
    refused("UPDATE accounts_person SET birth_date = %s, standing = 'active' WHERE id = %s", KIM_BORN, grown(given_name="Lee").pk)
    kim.refresh_from_db()
    assert kim.standing == "active"
