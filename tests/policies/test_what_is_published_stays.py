"""The database itself refuses to change, remove or empty what was published, and any step back in time."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from apps.policies.models import PolicyVersion
from tests.policies.conftest import NOON


def refused(sql, parameters=()):
    """Whether the database refuses a statement by our triggers (23001 is restrict_violation)."""
    with pytest.raises(IntegrityError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
    return error.value.__cause__.sqlstate == "23001"


@pytest.mark.parametrize(
    "change",
    [
        "title = 'Another'",
        "introduction = ''",
        "state = 'draft'",
        "published_at = published_at + interval '1 day'",
        "revised_on = revised_on + 1",
        "number = 77",
        "digest = decode('00', 'hex')",
        "published_by = ''",
    ],
)
def test_no_column_of_a_published_version_changes(first, change):
    assert refused(f"UPDATE policies_policyversion SET {change} WHERE id = %s", [first.pk])


def test_a_published_version_is_not_removed(first):
    assert refused("DELETE FROM policies_clause WHERE version_id = %s", [first.pk])
    assert refused("DELETE FROM policies_policyversion WHERE id = %s", [first.pk])


@pytest.mark.parametrize("change", ["text = 'x'", "heading = 'x'", "promises = '{}'", "position = 99", "code = 'x'"])
def test_no_clause_of_a_published_version_changes(first, change):
    clause = first.clauses.first()
    assert refused(f"UPDATE policies_clause SET {change} WHERE id = %s", [clause.pk])


def test_no_clause_comes_into_a_published_version(first, draft):
    insert = (
        "INSERT INTO policies_clause (version_id, position, code, heading, text, promises)"
        " VALUES (%s, 99, 'late', 'h', 't', '{}')"
    )
    assert refused(insert, [first.pk])
    assert refused("UPDATE policies_clause SET version_id = %s WHERE version_id = %s", [first.pk, draft.pk])
    assert refused("UPDATE policies_clause SET version_id = %s WHERE version_id = %s", [draft.pk, first.pk])
    with connection.cursor() as cursor:
        cursor.execute(insert, [draft.pk])
    assert draft.clauses.filter(code="late").count() == 1


def test_nothing_is_emptied(first):
    connection.check_constraints()  # deferred ones would speak before the trigger does
    assert refused("TRUNCATE policies_clause")
    assert refused("TRUNCATE policies_policyversion CASCADE")


def test_a_version_is_published_from_a_draft_and_forward_only(first, draft):
    publish = (
        "UPDATE policies_policyversion SET state = 'published', published_at = %s, revised_on = %s,"
        " digest = decode('00', 'hex') WHERE id = %s"
    )
    assert refused(publish, [first.published_at, NOON.date(), draft.pk])
    assert refused(publish, [first.published_at - timedelta(days=1), NOON.date(), draft.pk])
    insert = (
        "INSERT INTO policies_policyversion (number, title, introduction, state, created_at, published_at, revised_on,"
        " published_by, digest) VALUES (9, 't', '', 'published', %s, %s, %s, '', decode('00', 'hex'))"
    )
    assert refused(insert, [NOON, NOON, NOON.date()])


def test_a_draft_may_change_and_go(draft):
    draft.title = "Another"
    draft.save(update_fields=["title"])
    draft.clauses.first().delete()
    draft.delete()
    assert list(PolicyVersion.objects.values_list("number", flat=True)) == [1]
