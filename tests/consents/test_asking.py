"""The one question: may this be used for that, for this person, now; and what stood at any past time."""

from datetime import timedelta

import pytest
from django.db import transaction

from apps.accounts.models import Person
from apps.accounts.states import PersonStanding
from apps.audit.services.ledger import NotInTransaction
from apps.consents.models import Standing
from apps.consents.services import asking
from apps.consents.services.asking import ConsentMissing, PurposeUnknown
from tests import cast
from tests.cast import DAY, NOON


def may(person, purpose="contacts", at=NOON):
    return asking.may(person_id=person.pk, purpose=purpose, at=at)


def test_nothing_may_be_used_of_somebody_who_said_nothing(ada):
    assert not may(ada)
    with pytest.raises(ConsentMissing):
        asking.require(person_id=ada.pk, purpose="contacts", at=NOON)


def test_what_a_person_allowed_may_be_used_for_that_and_for_nothing_else(ada, give):
    give(ada, "contacts")

    assert may(ada, "contacts")
    assert not may(ada, "calendar")
    assert not may(ada, "no_such_purpose")
    asking.require(person_id=ada.pk, purpose="contacts", at=NOON)


def test_what_one_person_allowed_says_nothing_of_another(ada, clinic, give):
    ben = cast.ada(clinic, "ben@client.example")
    give(ada)

    assert not may(ben)


@pytest.mark.parametrize("standing", [PersonStanding.SUSPENDED, PersonStanding.CLOSED])
def test_nothing_may_be_used_of_somebody_whose_account_is_not_active(ada, give, standing):
    give(ada)
    Person.objects.filter(pk=ada.pk).update(standing=standing)

    assert not may(ada)
    assert list(asking.audience(purpose="contacts", at=NOON)) == list(asking.audience_ids(purpose="contacts", at=NOON)) == []


def test_a_withdrawal_counts_from_its_commit_on(ada, give, withdraw):
    give(ada)
    withdraw(ada, at=NOON + DAY)

    assert not may(ada, at=NOON + DAY)


def test_a_consent_past_its_end_allows_nothing_although_no_sweep_has_come_yet(ada, give, by_force):
    event = give(ada)
    by_force("UPDATE consents_standing SET until = %s WHERE event_id = %s", NOON + DAY, event.pk)

    assert may(ada, at=NOON + DAY - timedelta(seconds=1))
    assert not may(ada, at=NOON + DAY)
    assert list(asking.audience(purpose="contacts", at=NOON + DAY)) == list(asking.audience_ids(purpose="contacts", at=NOON + DAY)) == []


def test_may_is_one_query(ada, give, django_assert_num_queries):
    give(ada)

    with django_assert_num_queries(1):
        assert may(ada)


def test_an_audience_is_everybody_who_allows_it_in_one_query(ada, clinic, give, refuse, django_assert_num_queries):
    ben, eve, ida = (cast.ada(clinic, f"{name}@client.example") for name in ("ben", "eve", "ida"))
    for person in (ada, ben):
        give(person, "announcements_email")
    give(eve, "announcements_in_app")
    refuse(ida, "announcements_email")

    with django_assert_num_queries(1):
        assert list(asking.audience(purpose="announcements_email", at=NOON)) == [ada, ben]
    with django_assert_num_queries(1):
        assert list(asking.audience_ids(purpose="announcements_email", at=NOON)) == [ada.pk, ben.pk]


def test_the_lock_needs_the_transaction_of_its_caller(ada, give, transactional_db):
    give(ada)
    with pytest.raises(NotInTransaction):
        asking.lock(person_id=ada.pk, purpose="contacts", at=NOON)


def test_the_lock_is_refused_where_nothing_stands(ada):
    with transaction.atomic(), pytest.raises(ConsentMissing):
        asking.lock(person_id=ada.pk, purpose="contacts", at=NOON)


def test_what_stood_at_any_past_time_comes_from_the_ledger_alone(ada, give, withdraw, by_force):
    first = give(ada, at=NOON)
    withdraw(ada, at=NOON + DAY)
    second = give(ada, at=NOON + 2 * DAY)
    by_force("DELETE FROM consents_standing")

    def stood(at):
        return asking.stood(person_id=ada.pk, purpose="contacts", at=at)

    assert Standing.objects.count() == 0
    assert stood(NOON - timedelta(seconds=1)) is None
    assert stood(NOON) == stood(NOON + DAY - timedelta(seconds=1)) == first
    assert stood(NOON + DAY) is None
    assert stood(NOON + 2 * DAY) == stood(NOON + 900 * DAY) == second


def test_whoever_said_nothing_may_be_asked(ada):
    assert asking.may_ask(person_id=ada.pk, purpose="contacts", at=NOON)
    assert not asking.may_ask(person_id=ada.pk, purpose="no_such_purpose", at=NOON)


def test_whoever_allows_it_is_not_asked_again(ada, give):
    give(ada)

    assert not asking.may_ask(person_id=ada.pk, purpose="contacts", at=NOON)


def test_nobody_is_asked_whose_account_is_not_active(ada):
    Person.objects.filter(pk=ada.pk).update(standing=PersonStanding.SUSPENDED)

    assert not asking.may_ask(person_id=ada.pk, purpose="contacts", at=NOON)


def test_nobody_asks_again_within_twelve_months_after_a_refusal(ada, refuse):
    refuse(ada)
    year = NOON.replace(year=NOON.year + 1)

    assert not asking.may_ask(person_id=ada.pk, purpose="contacts", at=NOON)
    assert not asking.may_ask(person_id=ada.pk, purpose="contacts", at=year - timedelta(seconds=1))
    assert asking.may_ask(person_id=ada.pk, purpose="contacts", at=year)
    assert asking.may_ask(person_id=ada.pk, purpose="calendar", at=NOON)


def test_nobody_asks_again_within_twelve_months_after_a_withdrawal(ada, give, withdraw):
    give(ada)
    withdraw(ada)

    assert not asking.may_ask(person_id=ada.pk, purpose="contacts", at=NOON + 300 * DAY)


def test_a_purpose_without_a_text_is_unknown(house):
    with pytest.raises(PurposeUnknown):
        asking.text_in_force(purpose="no_such_purpose", at=NOON)
