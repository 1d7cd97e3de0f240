"""A withdrawal stops use at once and erases what was collected under it, in one transaction, with evidence."""

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import Person
from apps.accounts.states import PersonStanding
from apps.audit.models import Event, JournalEntry
from apps.consents.models import ConsentErasure, ConsentEvent, Standing
from apps.consents.services import asking, expiring
from apps.consents.states import ConsentAct, How
from tests.cast import DAY, NOON
from tests.consents import borrowing


@pytest.fixture
def lending(ada, settings):
    """A table of rows that rest on a consent, with its eraser."""
    borrowing.run(borrowing.MAKE)
    settings.CONSENT_ERASERS = {"contacts": borrowing.ERASER}


def test_nothing_is_stored_without_a_consent_that_stands(ada, lending, refuse):
    with pytest.raises(IntegrityError), transaction.atomic():
        borrowing.borrow(ada)
    refuse(ada)
    with pytest.raises(IntegrityError), transaction.atomic():
        borrowing.borrow(ada)


def test_a_withdrawal_erases_what_was_collected_under_it_with_evidence(ada, lending, give, withdraw):
    give(ada)
    borrowing.borrow(ada, rows=3)

    event = withdraw(ada, at=NOON + DAY)

    assert borrowing.borrowed() == 0
    assert not asking.may(person_id=ada.pk, purpose="contacts", at=NOON + DAY)
    erasure = ConsentErasure.objects.get()
    assert (erasure.event, erasure.kind, erasure.erased, erasure.kept_for_hold, erasure.at) == (event, "borrowed", 3, 2, NOON + DAY)
    told = Event.objects.get(verb="consent.erased_under_it")
    assert (told.object, told.facts) == (event.reference, {"kind": "borrowed", "erased": 3, "kept_for_hold": 2})


def test_a_withdrawal_stands_in_the_journal(ada, give, withdraw):
    give(ada)
    event = withdraw(ada)

    entry = JournalEntry.objects.get(kind="consent.withdrawn")
    assert (entry.about, entry.created_at) == (event.reference, NOON)
    assert entry.body["person"] == ada.reference
    assert (entry.body["purpose"], entry.body["text"], entry.body["how"]) == ("contacts", 1, "preference_page")


def test_a_withdrawal_is_of_one_purpose(ada, give, withdraw):
    give(ada, "contacts")
    give(ada, "calendar")
    withdraw(ada, "contacts")

    assert asking.may(person_id=ada.pk, purpose="calendar", at=NOON)
    assert not asking.may(person_id=ada.pk, purpose="contacts", at=NOON)


def test_a_withdrawal_said_twice_is_one(ada, lending, give, withdraw):
    give(ada)

    assert withdraw(ada) is not None
    assert withdraw(ada, at=NOON + DAY) is None
    assert ConsentEvent.objects.filter(act=ConsentAct.WITHDRAWN).count() == 1
    assert ConsentErasure.objects.count() == 1


def test_where_nothing_stands_there_is_nothing_to_withdraw(ada, refuse, withdraw):
    assert withdraw(ada) is None
    refuse(ada)
    assert withdraw(ada) is None
    assert withdraw(ada, "no_such_purpose") is None


@pytest.mark.parametrize("standing", [PersonStanding.SUSPENDED, PersonStanding.CLOSED])
def test_whoever_is_not_active_can_withdraw_all_the_same(ada, lending, give, withdraw, standing):
    give(ada)
    borrowing.borrow(ada)
    Person.objects.filter(pk=ada.pk).update(standing=standing)

    assert withdraw(ada) is not None
    assert borrowing.borrowed() == 0


def test_no_withdrawal_commits_while_something_rests_on_the_consent(ada, lending, settings, give, withdraw):
    settings.CONSENT_ERASERS = {"contacts": borrowing.FORGETFUL}
    given = give(ada)
    borrowing.borrow(ada, rows=3)

    with pytest.raises(IntegrityError), transaction.atomic():
        withdraw(ada)

    assert borrowing.borrowed() == 3
    assert list(ConsentEvent.objects.all()) == [given]
    assert Standing.objects.get().stands
    assert not ConsentErasure.objects.exists()
    assert not JournalEntry.objects.filter(kind="consent.withdrawn").exists()


def test_the_person_s_row_takes_all_of_it_along_and_nothing_else_does(ada, lending, give, withdraw):
    give(ada, "contacts")
    withdraw(ada, "contacts")
    give(ada, "contacts", at=NOON + DAY)
    give(ada, "calendar")
    borrowing.borrow(ada)

    Person.objects.filter(pk=ada.pk).delete()

    assert (ConsentEvent.objects.count(), Standing.objects.count(), ConsentErasure.objects.count(), borrowing.borrowed()) == (0, 0, 0, 0)


def test_a_consent_past_its_end_falls_with_the_next_sweep_and_takes_along_what_rested_on_it(ada, lending, give, by_force):
    by_force("UPDATE consents_purposetext SET months = 1 WHERE purpose_id = 'contacts'")
    give(ada)
    give(ada, "calendar")
    borrowing.borrow(ada, rows=2)
    end = NOON.replace(month=4)

    assert expiring.expire_due(at=end - DAY) == 0
    assert expiring.expire_due(at=end) == 1
    assert expiring.expire_due(at=end) == 0

    event = ConsentEvent.objects.get(act=ConsentAct.EXPIRED)
    assert (event.at, event.how) == (end, How.CLOCK)
    assert borrowing.borrowed() == 0
    assert ConsentErasure.objects.get().event == event
    assert asking.may_ask(person_id=ada.pk, purpose="contacts", at=end)
    assert asking.may(person_id=ada.pk, purpose="calendar", at=end)


def test_one_that_can_not_go_holds_back_no_other(ada, clinic, lending, settings, give, by_force):
    settings.CONSENT_ERASERS = {"contacts": borrowing.FORGETFUL}
    by_force("UPDATE consents_purposetext SET months = 1")
    give(ada)
    borrowing.borrow(ada)
    give(ada, "calendar", at=NOON + DAY)

    assert expiring.expire_due(at=NOON + 60 * DAY) == 1
    assert list(Standing.objects.filter(stands=True).values_list("purpose_id", flat=True)) == ["contacts"]
