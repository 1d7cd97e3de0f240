"""Each check of P26 finds its violation, planted by raw SQL, and names it; on an empty database it looked at nothing."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.policies import promises
from tests.policies.conftest import NOON

ALL = [check.run for check in promises.CHECKS]


def plant(sql, parameters=()):
    """Change what the triggers protect, as somebody with all rights on the server could."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, parameters)
        cursor.execute("SET LOCAL session_replication_role = origin")


def found(check, at=NOON + timedelta(days=1)):
    return {(violation.object, violation.why) for violation in check(at).violations}


@pytest.mark.parametrize("check", ALL)
def test_an_empty_database_gives_nothing_to_check(db, check):
    assert (check(NOON).rows, check(NOON).violations) == (0, ())


@pytest.mark.parametrize("check", ALL)
def test_two_sound_versions_break_nothing(second, check):
    looked = check(NOON + timedelta(days=1))
    assert looked.violations == ()
    assert looked.rows >= 2


def test_two_versions_in_force_at_once_are_found(second):
    plant("UPDATE policies_policyversion SET published_at = (SELECT min(published_at) FROM policies_policyversion)")
    assert found(promises.one_version_in_force) == {
        ("POL-2", "it came into force before or together with the version before it")
    }


def test_a_version_published_in_the_future_is_found(first):
    plant("UPDATE policies_policyversion SET published_at = %s", [NOON + timedelta(days=9)])
    assert found(promises.one_version_in_force) == {
        ("POL-1", "it is published at a moment that has not come yet"),
        ("POL", "no version is in force"),
    }


def test_a_published_clause_that_was_changed_is_found(second):
    plant("UPDATE policies_clause SET text = text || ' We may sell it.' WHERE code = 'use' AND version_id = %s", [second.pk])
    assert found(promises.published_texts_are_unchanged) == {("POL-2", "its text is not the text that was published")}


def test_a_published_clause_that_vanished_is_found(first):
    plant("DELETE FROM policies_clause WHERE code = 'deletion'")
    assert found(promises.published_texts_are_unchanged) == {("POL-1", "its text is not the text that was published")}


def test_a_date_that_is_not_the_day_of_posting_is_found(first):
    plant("UPDATE policies_policyversion SET revised_on = revised_on - 1")
    assert found(promises.published_texts_are_unchanged) == {
        ("POL-1", "its “Revised On” date is not the day it was posted")
    }


def test_words_that_the_public_page_hides_are_found(first):
    plant("UPDATE policies_clause SET text = text || E'\\n\\n[note]: https://example.org \"we sell it\"\\n' WHERE code = 'use'")
    assert found(promises.the_public_page_is_the_version_in_force) == {
        ("POL-1/use", "the clause on the public page is not the one published")
    }


def test_a_public_page_that_shows_another_version_is_found(second):
    at_the_time_of_the_first = second.published_at - timedelta(days=1)
    assert ("POL-1", "the public page shows another version") in found(
        promises.the_public_page_is_the_version_in_force, at_the_time_of_the_first
    )


def test_a_public_page_that_does_not_answer_is_found(first, settings):
    settings.ROOT_URLCONF = "tests.policies.no_urls"
    assert found(promises.the_public_page_is_the_version_in_force) == {("POL-1", "the public page answers 404")}
