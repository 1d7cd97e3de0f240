"""What the database itself refuses, whoever asks: rows removed or emptied, decisions changed, lives that begin again, one person for two."""

import pytest
from django.db import IntegrityError, connection, transaction

from apps.providers.services import chaining, lives
from tests import cast
from tests.cast import NOON
from tests.providers import registry

pytestmark = pytest.mark.django_db

TABLES = ("provider", "agreement", "grant", "subprocessor", "chainnotice", "securityreview", "document", "lapse")


@pytest.fixture
def full(harbor, dana, cleo):
    """A row in every table."""
    cast.client()
    registry.granted(harbor)
    chaining.announce(
        sub=chaining.propose(provider=harbor, legal_name="Tapes", service="keeps tapes", countries=["US"], by=dana, at=NOON), by=cleo, at=NOON
    )
    harbor.lapses.create(kind="grant", about="GRT-X", lapsed_on=NOON.date(), recorded_at=NOON)
    return harbor


def refused(sql: str, *values) -> bool:
    """Whether the database refuses a statement that finds a row."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks still to come can't be emptied anyway
            cursor.execute(sql, values)
            assert cursor.rowcount != 0, f"found no row: {sql}"
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize("table", TABLES)
def test_no_row_goes_and_no_table_is_emptied(full, table):
    assert refused(f"DELETE FROM providers_{table}")
    assert refused(f"TRUNCATE providers_{table} CASCADE")


@pytest.mark.parametrize(
    "change",
    [
        "provider SET activated_by = activation_asked_by", "provider SET activated_by = ''", "provider SET countries = '{}'",
        "provider SET countries = '{CA}'", "provider SET legal_name = 'Other'", "provider SET role = 'affiliate'", "provider SET state = 'proposed'",
        "provider SET state = 'review'", "provider SET state = 'suspended'", "provider SET state = 'ended'", "provider SET proposed_by = 'staff:X'",
        "provider SET in_use_since = now()", "provider SET data_evidence = 'x'",
        "agreement SET ends_on = ends_on + 1", "agreement SET ends_on = NULL", "agreement SET starts_on = starts_on - 1", "agreement SET kind = 'other'",
        "agreement SET clauses = '{}'", "agreement SET confirmed_by = confirmation_asked_by", "agreement SET state = 'proposed'",
        "agreement SET line = 'AGR-OTHER'", "agreement SET title = 'Other'", "agreement SET state = 'ended'",
        "grant SET categories = '{contact,message}'", "grant SET purposes = '{legal}'", "grant SET fields = '{email}'",
        "grant SET patient_information = true", "grant SET ends_on = '2030-01-01'", "grant SET decided_by = proposed_by", "grant SET state = 'proposed'",
        "grant SET decided_by = 'staff:X'", "grant SET state = 'withdrawn'",
        "subprocessor SET since_at = since_at - interval '1 day'", "subprocessor SET countries = '{CA}'", "subprocessor SET legal_name = 'Other'",
        "subprocessor SET announced_by = proposed_by", "subprocessor SET state = 'proposed'", "subprocessor SET state = 'leaving'",
        "chainnotice SET effective_at = now()", "chainnotice SET told_at = now()", "chainnotice SET objected_at = now()",
        "securityreview SET result = 'conditions'", "securityreview SET next_due_on = next_due_on + 1", "document SET content = 'x'",
        "lapse SET lapsed_on = lapsed_on + 1",
    ],
)  # fmt: skip
def test_what_was_decided_stays(full, change):
    table, what = change.split(" ", 1)
    assert refused(f"UPDATE providers_{table} {what}")


def test_an_ended_provider_stays_ended_and_its_confirmation_stands(full, dana, cleo):
    lives.end(provider=full, data_end="return", by=cleo, at=NOON)
    for state in ("active", "suspended", "review", "proposed"):
        assert refused("UPDATE providers_provider SET state = %s, ended_by = '', ended_at = NULL, data_end = ''", state)
    assert refused("UPDATE providers_provider SET data_due_on = data_due_on + 100")
    lives.confirm_data_end(provider=full, evidence="Letter", by=dana, at=NOON)
    assert refused("UPDATE providers_provider SET data_evidence = 'Another letter'")


def test_a_withdrawn_grant_never_begins_again(full, cleo):
    lives.end(provider=full, data_end="return", by=cleo, at=NOON)
    for state in ("active", "proposed"):
        assert refused("UPDATE providers_grant SET state = %s, withdrawn_at = NULL, withdrawn_by = ''", state)


def test_nothing_begins_in_the_middle_of_its_life(full):
    copied = {
        "provider": ("reference, state", "'PRV-X', 'active'"), "agreement": ("reference, document_id, state", "'AGR-X', 999999, 'confirmed'"),
        "grant": ("reference, state", "'GRT-X', 'active'"), "subprocessor": ("reference, state", "'SUB-X', 'announced'"),
    }  # fmt: skip
    for table, (names, values) in copied.items():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT string_agg(quote_ident(column_name), ',') FROM information_schema.columns WHERE table_name = %s AND column_name <> ALL(%s)",
                [f"providers_{table}", ["id", *names.split(", ")]],
            )
            (others,) = cursor.fetchone()
        assert refused(f"INSERT INTO providers_{table} ({names}, {others}) SELECT {values}, {others} FROM providers_{table} LIMIT 1"), table


def test_a_grant_rests_on_an_agreement_of_its_own_provider(full):
    other = registry.agreed(registry.proposed("Other"))
    names = "provider_id, categories, purposes, fields, patient_information, necessity, state, proposed_by, proposed_at, decided_by, withdrawn_by"
    columns = names.replace("state, ", "")
    assert refused(
        f"INSERT INTO providers_grant (reference, agreement_id, state, {columns}) SELECT 'GRT-X', %s, 'proposed', provider_id, categories, purposes,"
        " fields, false, necessity, proposed_by, proposed_at, '', '' FROM providers_grant LIMIT 1", other.pk,
    )  # fmt: skip
