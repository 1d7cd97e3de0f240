"""What the database itself refuses, whatever the code above it does: changing what left, removing it, and what the policy forbids."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.foundation.actors import SYSTEM
from apps.gate.models import Crossing, Disclosure, GateRefusal, Permit
from apps.gate.services import ending, exceptions, permits
from apps.gate.services.deciding import Recipient, Refused, decide
from apps.holds.services import matters, placing
from tests.cast import DAY, NOON
from tests.gate import given
from tests.gate.given import DIGEST

pytestmark = pytest.mark.django_db
TABLES = ("gate_disclosure", "gate_disclosuresubject", "gate_permit", "gate_crossing", "gate_gaterefusal", "gate_countryexception")


@pytest.fixture
def ledger(package, cirrus):
    """A row in every table."""
    permit = decide(package=package(), by=SYSTEM, at=NOON)
    permits.spend(
        permit=permit, recipient=Recipient.provider(cirrus.reference), fields=frozenset({"email", "given_name"}), digest=DIGEST, at=NOON
    )
    Crossing.objects.create(permit=permit, host="api.cirrus.example", address="203.0.113.7", port=443, at=NOON)
    with pytest.raises(Refused):
        decide(package=package(purpose="sale"), by=SYSTEM, at=NOON)
    exceptions.ask(
        recipient=Recipient.provider(cirrus.reference), country="CA", starts_at=NOON, ends_at=NOON + DAY, reason="Its second site.",
        by=given.dana(), at=NOON,
    )  # fmt: skip
    return permit


def run(sql: str, *values) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")  # else nothing could be emptied for another reason
        cursor.execute(sql, values or None)
        return cursor.rowcount


def counts() -> dict[str, int]:
    found = {}
    for table in TABLES:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
            found[table] = cursor.fetchone()[0]
    return found


@pytest.mark.parametrize("table", TABLES)
def test_nothing_of_the_ledger_is_removed(ledger, table):
    assert counts()[table] == 1
    for sql in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(DatabaseError, match=r"kept for six years|is refused"):
            run(sql)
    assert counts()[table] == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE gate_disclosure SET purpose = 'operation'", "UPDATE gate_disclosure SET at = at - interval '10 years'",
        "UPDATE gate_disclosuresubject SET person_reference = 'PER-0000000'", "UPDATE gate_crossing SET host = 'elsewhere.example'",
        "UPDATE gate_gaterefusal SET reasons = '[1]'", "UPDATE gate_permit SET spent_at = NULL",
        "UPDATE gate_permit SET lapses_at = lapses_at + interval '1 day'",
        "UPDATE gate_permit SET recipient = 'PRV-0000000'", "UPDATE gate_countryexception SET country = 'MX'",
        "UPDATE gate_countryexception SET ends_at = ends_at + interval '1 day'", "UPDATE gate_countryexception SET reason = 'another'",
    ],
)  # fmt: skip
def test_nothing_of_the_ledger_changes(ledger, sql):
    with pytest.raises(DatabaseError, match=r"is refused|spent once|never changes"):
        run(sql)


def test_a_permit_is_spent_once_and_changes_in_nothing_else(package):
    decide(package=package(), by=SYSTEM, at=NOON)
    with pytest.raises(DatabaseError, match="spent once"):
        run("UPDATE gate_permit SET spent_at = given_at, recipient = 'PRV-0000000'")
    assert run("UPDATE gate_permit SET spent_at = given_at") == 1
    with pytest.raises(DatabaseError, match="spent once"):
        run("UPDATE gate_permit SET spent_at = given_at + interval '1 minute'")


@pytest.mark.parametrize(
    ("column", "value", "name"),
    [
        ("purpose", "sale", "a_disclosure_has_a_purpose_that_exists"), ("ground", "consent", "a_disclosure_has_the_ground_of_its_recipient"),
        ("grant", "", "a_disclosure_has_the_ground_of_its_recipient"), ("categories", ["gossip"], "a_disclosure_says_what_it_holds"),
        ("categories", [], "a_disclosure_says_what_it_holds"), ("countries", [], "a_disclosure_names_its_countries"),
        ("categories", ["contact", "device"], "no_provider_gets_personal_information_with_address_or_device"),
        ("purpose", "analytics", "analytics_get_listed_fields_only"),
        ("countries", ["CA"], "what_leaves_the_united_states_names_its_exceptions"),
    ],
)  # fmt: skip
def test_what_the_policy_forbids_is_no_row(ledger, column, value, name):
    row = Disclosure.objects.get()
    row.pk, row.reference, row._state.adding = None, "DIS-00000000000", True
    setattr(row, column, value)
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.parametrize(
    ("here", "there"),
    [("asked", "asked"), ("approved", "asked"), ("approved", "rejected"), ("rejected", "approved"), ("withdrawn", "approved")],
)
def test_an_exception_never_goes_back(ledger, by_force, here, there):
    gone = ", withdrawn_at = asked_at, withdrawn_by = 'x'" if here == "withdrawn" else ""
    by_force(f"UPDATE gate_countryexception SET state = '{here}', decided_by = 'y', decided_at = asked_at{gone}")
    with pytest.raises(DatabaseError, match="does not go from"):
        run(f"UPDATE gate_countryexception SET state = '{there}', withdrawn_at = NULL, withdrawn_by = ''")


def test_an_exception_begins_as_asked_for(ledger):
    with pytest.raises(DatabaseError, match="begins as asked for"):
        run(
            "INSERT INTO gate_countryexception (reference, recipient_kind, recipient, country, starts_at, ends_at, reason, state, asked_by, asked_at,"
            " decided_by, decided_at, withdrawn_by) SELECT 'CEX-0000000', recipient_kind, recipient, country, starts_at, ends_at, reason, 'approved',"
            " asked_by, asked_at, 'staff:STF-0000000', asked_at, '' FROM gate_countryexception"
        )


# The end of the ledger


def aged(by_force, days: int) -> None:
    """Rows as they would be after so many days, by the clock of the database."""
    for table, columns in {
        "gate_disclosure": ["at"], "gate_gaterefusal": ["at"], "gate_crossing": ["at"], "gate_permit": ["given_at", "lapses_at", "spent_at"],
        "gate_countryexception": ["starts_at", "ends_at"],
    }.items():  # fmt: skip
        moved = ", ".join(f"{name} = clock_timestamp() - interval '{days} days' + ({name} - '{NOON.isoformat()}')" for name in columns)
        by_force(f"UPDATE {table} SET {moved}")


def database_now():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def test_what_left_more_than_six_years_ago_is_forgotten_with_all_that_belongs_to_it(ledger, by_force):
    aged(by_force, 2195)
    gone = ending.end_old(at=database_now())

    assert gone == {"disclosures": 1, "contacts": 0, "refusals": 1, "exceptions": 1, "notices": 0}
    assert counts() == dict.fromkeys(TABLES, 0)


def test_what_is_younger_is_kept_whatever_the_caller_says_of_the_time(ledger, by_force):
    aged(by_force, 2190)

    assert set(ending.end_old(at=database_now()).values()) == {0}
    with pytest.raises(DatabaseError, match="kept for six years"), transaction.atomic():
        ending.end_old(at=database_now() + timedelta(days=400))
    assert counts() == dict.fromkeys(TABLES, 1)


def test_while_a_hold_is_in_force_nothing_is_forgotten(ledger, by_force, clinic):
    aged(by_force, 2195)
    matter = matters.open_matter(title="Docket", reason="A court asks for it.", by=given.ezra(), at=NOON)
    placing.place(matter=matter, organization=clinic, reason="The court names it.", by=given.ezra(), at=NOON)

    assert set(ending.end_old(at=database_now()).values()) == {0}
    assert counts() == dict.fromkeys(TABLES, 1)


def test_a_larger_life_than_six_years_is_kept_too(ledger, by_force, settings):
    settings.GATE_LEDGER_KEEP_DAYS = 3000
    aged(by_force, 2195)

    assert set(ending.end_old(at=database_now()).values()) == {0}
    assert (Disclosure.objects.count(), Permit.objects.count(), GateRefusal.objects.count()) == (1, 1, 1)
