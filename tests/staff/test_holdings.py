"""Every column of the tables of staff, Django and allauth is declared, and nothing is declared that isn't there."""

import pytest
from django.db import connection

from apps.staff.holdings import HOLDINGS
from apps.staff.models import Approval, StaffMember

pytestmark = pytest.mark.django_db

PREFIXES = ("django", "auth", "account", "mfa", "socialaccount", "staff")


def columns_there():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "WHERE c.relkind = 'r' AND n.nspname = current_schema() AND split_part(c.relname, '_', 1) = ANY(%s)",
            [list(PREFIXES)],
        )
        return set(cursor.fetchall())


def test_every_table_lies_in_exactly_one_holding():
    held = [table for holding in HOLDINGS for table in holding.tables]
    assert sorted(held) == sorted({table for table, _column in columns_there()})


def test_every_column_of_the_tables_of_others_is_personal_or_plain_and_never_both():
    declared = [
        (table, column)
        for holding in HOLDINGS
        for kind in (holding.third_party, holding.plain)
        for table, columns in kind.items()
        for column in columns
    ]
    assert sorted(declared) == sorted(column for column in columns_there() if not column[0].startswith("staff_"))


@pytest.mark.parametrize("model", [StaffMember, Approval])
def test_every_column_of_our_tables_is_personal_or_plain_and_never_both(model):
    fields = {field.name: hasattr(field, "personal") for field in model._meta.concrete_fields}
    assert {name for name, is_personal in fields.items() if not is_personal} == set(model.NOT_PERSONAL)
