"""Tokens of services: shown once, kept as a digest, bound to scope and organization, revoked for good."""

from datetime import timedelta

import pytest

from apps.accounts.models import ServiceToken
from apps.accounts.services import tokens
from apps.audit.models import Event
from apps.foundation.actors import SYSTEM, Actor
from tests.accounts.conftest import NOON

LATER = NOON + timedelta(days=1)


def issue(**more):
    given = {"name": "messaging", "scopes": ["people"], "organization": None}
    return tokens.issue(**(given | more), by=SYSTEM, at=NOON)


def test_a_token_is_stored_as_a_digest_only(db):
    row, words = issue()
    assert words.startswith("cov_")
    assert len(words) > 40
    assert len(bytes(row.digest)) == 32
    assert words not in str(ServiceToken.objects.values().get()) + str(list(Event.objects.values()))
    assert row.actor == Actor("service", row.reference)


def test_the_right_token_is_let_in_and_its_last_day_is_noted_once_a_day(db, django_assert_num_queries):
    row, words = issue()
    with django_assert_num_queries(2):
        assert tokens.authenticate(f"Bearer {words}", scope="people", at=LATER) == row
    with django_assert_num_queries(1):
        assert tokens.authenticate(f"bearer {words}", scope="people", at=LATER) == row
    row.refresh_from_db()
    assert row.last_used_on == LATER.date()


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "cov_abc"])
def test_without_a_token_nobody_is_let_in(db, header):
    with pytest.raises(tokens.TokenMissing):
        tokens.authenticate(header, scope="people", at=NOON)


@pytest.mark.parametrize("header", ["Bearer x", "Bearer " + "x" * 10_000, "Bearer \ud800"])
def test_an_unknown_token_is_refused_without_repeating_it(db, header):
    issue()
    with pytest.raises(tokens.TokenUnknown) as refused:
        tokens.authenticate(header, scope="people", at=NOON)
    assert "x" * 20 not in str(refused.value.as_dict())


def test_a_token_is_for_its_scopes_and_its_organization_only(mercy, hill):
    row, words = issue(organization=mercy)
    with pytest.raises(tokens.TokenNotForThis):
        tokens.authenticate(f"Bearer {words}", scope="organizations", at=NOON)
    tokens.require_organization(row, mercy.reference)
    for other in (hill.reference, None):
        with pytest.raises(tokens.TokenNotForThis):
            tokens.require_organization(row, other)


@pytest.mark.parametrize("scopes", [[], ["everything"], ["people", "everything"]])
def test_a_token_needs_scopes_that_exist(db, scopes):
    with pytest.raises(tokens.ScopeUnknown):
        issue(scopes=scopes)


def test_a_revoked_token_is_unknown_and_is_revoked_once(db):
    row, words = issue()
    tokens.revoke(token=row, by=SYSTEM, at=LATER)
    with pytest.raises(tokens.TokenUnknown):
        tokens.authenticate(f"Bearer {words}", scope="people", at=LATER)
    with pytest.raises(tokens.AlreadyRevoked):
        tokens.revoke(token=row, by=SYSTEM, at=LATER)
    assert list(Event.objects.order_by("id").values_list("verb", flat=True)) == ["token.issued", "token.revoked"]
