"""What the database refuses besides: evidence of an open account goes for nobody, and a representation in force keeps whose it is."""

from datetime import date
from importlib import import_module

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import Person, Representative
from apps.accounts.states import PersonStanding
from tests.accounts.minors import given as minors
from tests.cast import DAY, NOON
from tests.data_requests.holdings import everything

EVIDENCE = ("accounts_policyacceptance", "accounts_representative", "accounts_minorcase", "consents_consentevent", "consents_standing")
#: what stands under a consent points to it, and goes first
BEFORE = ("contacts_contactkey", "contacts_personkey", "contacts_match", "contacts_busytime", "contacts_source")
MIGRATIONS = ("apps.consents.migrations.0008_what_was_said_goes_with_a_closed_account", "apps.accounts.migrations.0013_evidence_goes_with_a_closed_account")


def run(sql, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.rowcount


def remove(table, person):
    if table == "consents_consentevent":
        run("DELETE FROM consents_standing WHERE person_id = %s", person.pk)
    return run(f"DELETE FROM {table} WHERE person_id = %s", person.pk)


def without_what_was_lent(person):
    for table in BEFORE:
        columns = ("one_id", "other_id") if table == "contacts_match" else ("person_id",)
        run(f"DELETE FROM {table} WHERE %s IN ({', '.join(columns)})", person.pk)


@pytest.mark.parametrize("standing", [PersonStanding.ACTIVE, PersonStanding.SUSPENDED])
@pytest.mark.parametrize("table", EVIDENCE)
def test_evidence_of_an_account_that_is_not_closed_goes_for_nobody(ada, table, standing):
    Person.objects.filter(pk=ada.pk).update(standing=standing)
    without_what_was_lent(ada)

    with pytest.raises(DatabaseError, match="goes with its"):
        remove(table, ada)


@pytest.mark.parametrize("table", EVIDENCE)
def test_once_the_account_is_closed_it_may_go(ada, table):
    everything.close(ada)
    without_what_was_lent(ada)

    assert remove(table, ada) > 0


def test_who_represents_somebody_is_not_emptied_while_they_do(house):
    row = minors.verified(at=NOON - DAY, valid_until=date(2100, 1, 1))
    with pytest.raises(DatabaseError, match="stays"):
        run("UPDATE accounts_representative SET full_name = '', email = '' WHERE id = %s", row.pk)

    over = minors.verified(at=NOON - 9 * DAY, valid_until=date(2026, 3, 7))
    with pytest.raises(DatabaseError, match="stays"):  # emptied, never renamed
        run("UPDATE accounts_representative SET full_name = 'Somebody Else' WHERE id = %s", over.pk)
    assert run("UPDATE accounts_representative SET full_name = '', email = '' WHERE id = %s", over.pk) == 1


def test_the_guards_go_back_to_what_they_were_and_forward_again(ada):
    everything.close(ada)
    modules = [import_module(name) for name in MIGRATIONS]
    for module in modules:
        run(module.BACKWARD)
    with pytest.raises(DatabaseError, match="goes with its"):
        remove("accounts_policyacceptance", ada)
    with pytest.raises(DatabaseError, match="goes with its"):
        remove("accounts_minorcase", ada)

    for module in reversed(modules):
        run(module.FORWARD)
    assert (remove("accounts_policyacceptance", ada), remove("accounts_minorcase", ada)) == (1, 1)
    assert Representative.objects.filter(person=ada).exists()
