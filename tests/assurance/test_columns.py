"""P01 on live data: a column or a table that nobody declared is named, and so is each way to declare one wrongly."""

from datetime import UTC, datetime

import pytest
from django.db import connection, models

from apps.assurance import columns
from apps.assurance.checks import declared_columns
from apps.assurance.inventory import HOLDINGS
from apps.assurance.promises import every_column_is_declared
from apps.foundation.personal_data import DataCategory, Holding, Personal, Purpose, Role, personal
from tests.assurance.tables import plant_column, plant_table

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
WHY = Personal(DataCategory.CONTACT, Purpose.SERVICE)


def found():
    return [(violation.object, violation.why) for violation in every_column_is_declared(NOON).violations]


@pytest.mark.django_db
def test_every_column_of_this_installation_is_declared_and_held():
    looked = every_column_is_declared(NOON)

    assert looked.violations == ()
    assert looked.rows > 300


@pytest.mark.django_db
def test_a_column_added_by_hand_is_named():
    plant_column(connection, "accounts_person", "secret_note")

    assert found() == [("accounts_person.secret_note", columns.UNDECLARED)]


@pytest.mark.django_db
def test_a_table_made_by_hand_is_named_column_by_column():
    plant_table(connection, "shadow_copy")

    assert found() == [("shadow_copy.id", columns.UNDECLARED), ("shadow_copy.note", columns.UNDECLARED)]


@pytest.mark.django_db
def test_a_table_in_another_schema_is_named_with_it():
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA aside")
        cursor.execute("CREATE TABLE aside.people (name text)")

    assert found() == [("aside.people.name", columns.UNDECLARED)]


@pytest.mark.django_db
def test_a_copy_of_people_as_a_materialized_view_is_named():
    with connection.cursor() as cursor:
        cursor.execute("CREATE MATERIALIZED VIEW people_copy AS SELECT given_name FROM accounts_person")

    assert found() == [("people_copy.given_name", columns.UNDECLARED)]


@pytest.mark.django_db
def test_a_column_added_to_a_history_table_is_named():
    plant_column(connection, "accounts_historicalperson", "secret_note")

    assert found() == [("accounts_historicalperson.secret_note", columns.UNDECLARED)]


@pytest.mark.django_db
def test_a_column_added_to_a_table_of_a_library_is_named():
    plant_column(connection, "django_session", "browser")

    assert found() == [("django_session.browser", columns.UNDECLARED)]


@pytest.mark.django_db
def test_a_declared_column_that_was_dropped_is_named():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_person DROP COLUMN street")

    assert found() == [("accounts_person.street", columns.NOT_THERE)]


def holding(**what):
    return Holding(code="x", title="x", role=Role.CONTROLLER, collected="x", ends="x", **what)


def test_a_column_declared_both_ways_is_named():
    both = holding(tables=("t",), third_party={"t": {"a": WHY}}, plain={"t": frozenset({"a"})})

    assert [(one.object, one.why) for one in columns.violations([("t", "a")], columns.declarations([], [both]))] == [
        ("t.a", columns.BOTH_WAYS)
    ]


def test_a_personal_column_in_no_holding_is_named():
    unheld = holding(tables=(), third_party={"t": {"a": WHY}})

    assert [(one.object, one.why) for one in columns.violations([("t", "a")], columns.declarations([], [unheld]))] == [
        ("t.a", columns.NO_HOLDING)
    ]


def test_a_holding_of_a_table_that_is_not_there_is_named():
    assert [
        (one.object, one.why) for one in columns.violations([], columns.declarations([], [holding(tables=("gone",))]))
    ] == [("gone", columns.NO_TABLE)]


@pytest.mark.django_db
def test_partitions_stand_under_the_name_of_their_parent():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE planted (day date) PARTITION BY RANGE (day)")
        cursor.execute(
            "CREATE TABLE planted_leaf PARTITION OF planted FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')"
        )

    assert found() == [("planted.day", columns.UNDECLARED)]


class Planted(models.Model):
    """A model with each kind of wrong declaration."""

    NOT_PERSONAL = ("id", "both", "missing")

    both = personal(models.CharField(max_length=5), DataCategory.CONTACT, Purpose.SERVICE)
    undeclared = models.CharField(max_length=5)
    right = personal(models.CharField(max_length=5), DataCategory.CONTACT, Purpose.SERVICE)

    class Meta:
        app_label = "planted"
        managed = False


def test_the_start_names_each_field_that_is_declared_wrongly():
    assert [(one.name, one.why) for one in columns.undeclared_fields([Planted])] == [
        ("both", columns.BOTH_WAYS),
        ("undeclared", columns.UNDECLARED),
        ("missing", "named in NOT_PERSONAL, but the model has no such field"),
    ]


def test_the_start_names_a_model_with_personal_fields_in_no_holding():
    assert columns.unheld_models([Planted], []) == [Planted]
    assert columns.unheld_models([Planted], [holding(tables=("planted_planted",))]) == []


def test_the_start_has_nothing_to_say_about_this_installation():
    assert declared_columns() == []


def test_no_two_holdings_have_the_same_code():
    codes = [one.code for one in HOLDINGS]

    assert len(codes) == len(set(codes))
