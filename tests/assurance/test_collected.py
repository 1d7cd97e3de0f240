"""Every table that names a version of the policy is looked at, whoever made it; and nothing that a later version reaches back to goes unnamed."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.assurance import collected, columns, promises
from apps.foundation.promises import Violation
from tests import cast
from tests.accounts.test_acceptance import publish
from tests.cast import DAY, NOON
from tests.gate import agreed, given

pytestmark = pytest.mark.django_db
CHECKS = {check.code: check for check in promises.CHECKS}
KNOWS, EXTENDED = "p26_every_row_knows_its_policy", "p26_nothing_is_extended"
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def house(settings, tmp_path, db):
    settings.COVENANT_HOME = tmp_path
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cast.house()


@pytest.fixture
def ada(house):
    return cast.ada(cast.client(hipaa=False))


@pytest.fixture
def by_force(house):
    def run(sql, *values):
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql, values or None)
            changed = cursor.rowcount
            cursor.execute("SET LOCAL session_replication_role = origin")
        assert changed
        return changed

    return run


def wrong(code: str) -> list[tuple[str, str]]:
    return [(violation.object, violation.why) for violation in CHECKS[code].run(LATER).violations]


def test_the_tables_are_those_of_the_database_that_name_a_version():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'policy_version_id' AND NOT a.attisdropped"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"
        )
        there = [name for (name,) in cursor.fetchall()]

    assert [table.name for table in collected.tables(columns.our_models())] == there
    assert {"accounts_person", "accounts_policyacceptance", "consents_consentevent", "retention_batch", "message"} <= set(there)


def test_each_of_them_says_its_moment_or_is_named_with_its_reason():
    silent = {table.name for table in collected.tables(columns.our_models()) if not table.moment}

    assert silent == collected.WITHOUT_MOMENT
    assert list(collected.Table("new_table", "id", "").wrong()) == [
        Violation("new_table", "its rows name a version of the policy and not when they were collected")
    ]


def test_what_the_house_collected_under_two_versions_is_in_order(ada):
    publish(NOON)
    late = cast.client("Northgate")
    agreed_to = given.provider("Somebody Else", role="independent")
    agreed.purpose(agreed_to)
    agreed.give(ada)
    looked = CHECKS[KNOWS].run(LATER)

    assert looked.violations == ()
    assert looked.rows >= 6
    assert late.policy_version.number in (1, 2)


PLANTED = {
    "accounts_person": "UPDATE accounts_person SET policy_version_id = %s",
    "accounts_personemail": "UPDATE accounts_personemail SET policy_version_id = %s",
    "accounts_organization": "UPDATE accounts_organization SET policy_version_id = %s",
    "consents_consentevent": "UPDATE consents_consentevent SET policy_version_id = %s",
    "accounts_historicalperson": "UPDATE accounts_historicalperson SET policy_version_id = %s",
}


@pytest.mark.parametrize("table", sorted(PLANTED))
def test_what_names_a_later_version_than_was_in_force_is_named(ada, by_force, table):
    agreed.purpose(given.provider("Somebody Else", role="independent"))
    agreed.give(ada)
    second = publish(NOON)
    by_force(PLANTED[table], second.pk)

    found = wrong(KNOWS)
    assert {name.split()[0] for name, _why in found} == {table}
    assert {why for _name, why in found} == {"names a policy that was not in force when it was collected"}


def test_what_names_no_version_is_named(ada, by_force):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE accounts_person ALTER policy_version_id DROP NOT NULL")
    by_force("UPDATE accounts_person SET policy_version_id = NULL WHERE id = %s", ada.pk)

    assert wrong(KNOWS) == [(f"accounts_person {ada.pk}", "names no version of the policy")]


# What a later version may not do


@pytest.fixture
def lasting(ada):
    """Ada consented to a text that lasts a month, and something left on it; a second text and a second policy came later."""
    somebody = given.provider("Somebody Else", role="independent")
    purpose = agreed.purpose(somebody, months=1)
    event = agreed.give(ada)
    left = agreed.handed_over(somebody, ada)
    publish(NOON + timedelta(minutes=1))
    agreed.text(purpose, 2, ["contact", "demographic", "identity"], months=12, at=NOON + timedelta(minutes=2))
    return event, left


def test_a_later_text_and_a_later_policy_extend_nothing_by_themselves(lasting):
    looked = CHECKS[EXTENDED].run(LATER)

    assert (looked.violations, looked.rows) == ((), 2)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("UPDATE consents_consentevent SET until = until + interval '1 second'", ["lasts longer than the text that the person read"]),
        ("UPDATE consents_consentevent SET until = NULL", ["lasts longer than the text that the person read"]),
        ("UPDATE consents_standing SET until = until + interval '11 months'", ["stands by a text that came after what the person said"]),
        (
            "UPDATE consents_standing SET text_id = (SELECT id FROM consents_purposetext WHERE purpose_id = 'survey' AND number = 2)",
            ["stands by a text that came after what the person said"],
        ),
    ],
)  # fmt: skip
def test_a_consent_that_was_lengthened_is_named(lasting, by_force, sql, why):
    event, _left = lasting
    by_force(sql + (" WHERE purpose_id = 'survey'" if "WHERE" not in sql.split("(")[0] else ""))

    assert wrong(EXTENDED) == [(event.reference, words) for words in why]


def test_what_left_by_a_later_text_is_named(lasting, by_force):
    _event, left = lasting
    by_force("UPDATE gate_disclosure SET categories = '{contact,demographic}' WHERE reference = %s", left)

    assert wrong(EXTENDED) == [(left, "left for what only a later text names")]


def test_messages_that_live_longer_than_any_rule_that_was_there_are_named(house, by_force):
    clinic = cast.hill_clinic(7)
    cast.hand_over(clinic, [cast.message(1)])
    assert wrong(EXTENDED) == []
    by_force("UPDATE retention_cohort SET expiry_on = expiry_on + 30")

    ((reference, why),) = wrong(EXTENDED)
    assert (reference[:4], why) == ("COH-", "holds messages longer than any rule of life that was there when they came")


def test_a_later_and_longer_rule_makes_no_earlier_message_right(house, by_force):
    clinic = cast.hill_clinic(7)
    cast.hand_over(clinic, [cast.message(1)])
    by_force("UPDATE retention_cohort SET expiry_on = expiry_on + 300")
    rule = clinic.rules.get()
    by_force(
        "INSERT INTO retention_retentionrule (reference, organization_id, life_days, minimum_days, maximum_days, effective_from, state, proposed_by,"
        " proposed_at, decided_by, decided_at) SELECT 'RUL-LATER00', organization_id, 400, minimum_days, maximum_days, effective_from + interval '1 day',"
        " state, proposed_by, proposed_at, decided_by, %s FROM retention_retentionrule WHERE id = %s", NOON + DAY, rule.pk,
    )  # fmt: skip

    assert len(wrong(EXTENDED)) == 1
