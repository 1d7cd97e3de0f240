"""Each check of P24 finds its violation, planted by raw SQL, and names it; on an empty database it saw nothing."""

from datetime import date

import pytest
from django.db import connection

from apps.accounts import promises
from apps.accounts.models import Representative
from apps.accounts.services import documents, minors, representing
from apps.foundation.actors import SYSTEM
from apps.holds.services import matters, placing
from apps.staff.roles import Role
from tests import cast
from tests.accounts.minors.given import KIM_BORN, MAJORITY, asked, grown, proposed, represented, verified
from tests.accounts.minors.test_cases import at_noon
from tests.cast import DAY, NOON

ALL = [check.run for check in promises.CHECKS if check.promise == "P24"]


def plant(sql, parameters=()):
    """With every trigger of the database silent, inside the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for the end of the transaction is judged before
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, parameters)
        cursor.execute("SET LOCAL session_replication_role = origin")


def found(check, at=NOON):
    return {(violation.object, violation.why) for violation in check(at).violations}


@pytest.mark.parametrize("check", ALL)
def test_an_empty_database_gives_nothing_to_check(check):
    assert (check(NOON).rows, check(NOON).violations) == (0, ())


@pytest.mark.parametrize("check", ALL)
def test_what_the_services_do_breaks_nothing(check):
    represented()
    kim = grown(birth_date=None)
    minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    verified(person=kim)
    lee = grown(given_name="Lee")
    case = minors.report(person=lee, how="staff", by=SYSTEM, at=NOON)
    minors.find_mistaken(case=case, by=cast.cleo(), at=NOON)
    representing.reject(representative=asked(), reason="doubtful", by=cast.cleo(), at=NOON)
    looked = check(NOON)
    assert (looked.violations, looked.rows) == ((), 4 if check is promises.no_minor_is_active_alone else 3)
    documents.destroy_due(at=NOON + 31 * DAY)
    assert check(NOON + 33 * DAY).violations == ()


ALONE = "below 18, active, and no verified representative is in force"


def test_an_active_minor_is_named_until_the_18th_birthday():
    kim = grown()
    plant("UPDATE accounts_person SET birth_date = %s", [KIM_BORN])
    assert found(promises.no_minor_is_active_alone) == {(kim.reference, ALONE)}
    assert found(promises.no_minor_is_active_alone, at_noon(MAJORITY) - DAY) == {(kim.reference, ALONE)}
    assert found(promises.no_minor_is_active_alone, at_noon(MAJORITY)) == set()


def test_who_was_born_on_29_february_is_a_minor_on_28_february():
    kim = grown()
    plant("UPDATE accounts_person SET birth_date = '2008-02-29'")
    assert found(promises.no_minor_is_active_alone, at_noon(date(2026, 2, 28))) == {(kim.reference, ALONE)}
    assert found(promises.no_minor_is_active_alone, at_noon(date(2026, 3, 1))) == set()


@pytest.mark.parametrize("change", ["state = 'proposed'", "valid_from = '2026-03-09'", "valid_until = '2026-03-08', valid_from = '2026-01-01'"])
def test_a_minor_whose_representative_does_not_count_is_named(change):
    kim = represented()
    plant(f"UPDATE accounts_representative SET {change}")
    assert found(promises.no_minor_is_active_alone) == {(kim.reference, ALONE)}


def test_who_is_active_under_an_open_case_is_named():
    kim = grown()
    case = minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    plant("UPDATE accounts_person SET standing = 'active'")
    assert found(promises.no_minor_is_active_alone) == {(kim.reference, f"active while {case.reference} is open")}


def test_a_case_past_its_day_is_named():
    case = minors.report(person=grown(), how="report", by=SYSTEM, at=NOON)
    assert found(promises.no_minor_is_active_alone, NOON + 10 * DAY) == set()
    late = {(case.reference, "open past the day by which the minor is represented or removed")}
    assert found(promises.no_minor_is_active_alone, NOON + 11 * DAY) == late


def test_a_case_closed_for_a_representative_of_somebody_else_is_named():
    kim = grown()
    case = minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    verified(person=kim)
    lee = grown(given_name="Lee")
    plant("UPDATE accounts_representative SET person_id = %s", [lee.pk])
    why = "closed for a representative who was not verified, or acts for somebody else"
    assert found(promises.no_minor_is_active_alone) == {(case.reference, why)}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("asked_by = ''", "it does not say who checked and who approved"),
        ("decided_by = 'staff:STF-0000000'", "no approval of a second person stands behind it"),
        ("reference = 'REP-0000000'", "no approval of a second person stands behind it"),
    ],
)
def test_a_representative_whom_two_people_did_not_verify_is_named(change, why):
    verified()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_representative DROP CONSTRAINT a_verified_representative_was_checked_and_approved")
    plant(f"UPDATE accounts_representative SET {change}")
    named = "REP-0000000" if "reference" in change else Representative.objects.get().reference
    assert found(promises.representatives_were_verified_by_two) == {(named, why)}


def test_who_checked_and_approved_alone_is_named():
    row = verified()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_representative DROP CONSTRAINT nobody_approves_the_representative_they_checked")
    plant("UPDATE accounts_representative SET asked_by = decided_by")
    assert found(promises.representatives_were_verified_by_two) == {(row.reference, "who checked approved too")}


@pytest.mark.parametrize("content", [b"%PDF-1.7 in clear, and long enough to be taken for sealed", b"short"])
def test_a_document_in_clear_is_named(content):
    row = proposed()
    plant("UPDATE accounts_representative SET document = %s", [content])
    assert found(promises.documents_are_sealed_and_end) == {(row.reference, "its document does not look sealed")}


def test_a_document_past_its_time_is_named_unless_a_hold_keeps_the_person():
    kim = represented()
    row = kim.representatives.get()
    late = NOON + 33 * DAY
    why = "its document is there two days past its time, and no hold keeps the person"
    assert found(promises.documents_are_sealed_and_end, late) == {(row.reference, why)}
    ezra = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Docket 7", reason="a lawsuit", by=ezra, at=NOON)
    placing.place(matter=matter, person=kim, reason="a lawsuit", by=ezra, at=NOON)
    assert documents.destroy_due(at=late) == 0
    assert found(promises.documents_are_sealed_and_end, late) == set()


def test_names_that_outlive_the_document_of_a_rejected_one_are_named():
    row = representing.reject(representative=asked(), reason="doubtful", by=cast.cleo(), at=NOON)
    documents.destroy_due(at=NOON + 30 * DAY)
    assert found(promises.documents_are_sealed_and_end) == set()
    plant("UPDATE accounts_representative SET email = 'paula@family.example'")
    assert found(promises.documents_are_sealed_and_end) == {(row.reference, "who was named stays after the document of a rejected one went")}
