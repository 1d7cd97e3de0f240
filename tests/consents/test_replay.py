"""After a restore the journal withdraws again what was withdrawn, erases again, and keeps everybody from asking again too soon."""

import pytest
from django.db import transaction

from apps.accounts.models import Person
from apps.audit.services import journal
from apps.consents.models import ConsentErasure, ConsentEvent, PurposeText, Standing
from apps.consents.services import asking, replay
from apps.consents.states import How
from config.replay import HANDLERS
from tests.cast import DAY, NOON
from tests.consents import borrowing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lending(house, settings):
    borrowing.run(borrowing.MAKE)
    settings.CONSENT_ERASERS = {"contacts": borrowing.ERASER}
    yield
    borrowing.run("DROP TABLE borrowed")


def lines():
    journal.write_owed()
    return [line for line in journal.read() if line.kind.startswith("consent.")]


def repeat(told):
    for line in told:
        with transaction.atomic():
            HANDLERS[line.kind](line, at=NOON + 9 * DAY)


def forget_since(by_force, event):
    """As a backup from before that event has it."""
    by_force("DELETE FROM consents_consenterasure")
    by_force("DELETE FROM consents_consentevent WHERE id >= %s", event.pk)


def test_what_was_withdrawn_is_withdrawn_again_and_erased_again(ada, lending, give, withdraw, by_force):
    given = give(ada)
    event = withdraw(ada, at=NOON + DAY)
    told = lines()
    forget_since(by_force, event)
    by_force("UPDATE consents_standing SET stands = true, since = %s, event_id = %s, asked_again_from = NULL", NOON, given.pk)
    borrowing.borrow(ada, rows=4)

    repeat(told)
    repeat(told)

    again = ConsentEvent.objects.get(reference=event.reference)
    assert (again.act, again.at, again.how, again.where) == ("withdrawn", NOON + DAY, How.PREFERENCE_PAGE, "replay")
    assert not asking.may(person_id=ada.pk, purpose="contacts", at=NOON + 9 * DAY)
    assert borrowing.borrowed() == 0
    assert ConsentErasure.objects.get().erased == 4
    assert not asking.may_ask(person_id=ada.pk, purpose="contacts", at=NOON + 300 * DAY)
    assert [line.about for line in lines()] == [event.reference, event.reference], "the journal tells of what was done again"


def test_what_was_given_and_withdrawn_after_the_backup_is_asked_for_no_sooner(ada, lending, give, withdraw, by_force):
    given = give(ada)
    event = withdraw(ada, at=NOON + DAY)
    told = lines()
    forget_since(by_force, given)
    by_force("DELETE FROM consents_standing")

    repeat(told)

    assert Standing.objects.get().event.reference == event.reference
    assert not asking.may(person_id=ada.pk, purpose="contacts", at=NOON + 9 * DAY)
    assert not asking.may_ask(person_id=ada.pk, purpose="contacts", at=NOON + 300 * DAY)


def test_what_was_refused_keeps_its_months(ada, refuse, by_force):
    event = refuse(ada)
    told = lines()
    forget_since(by_force, event)
    by_force("DELETE FROM consents_standing")

    repeat(told)
    repeat(told)

    assert ConsentEvent.objects.get().reference == event.reference
    assert Standing.objects.get().asked_again_from == NOON.replace(year=NOON.year + 1)
    assert not asking.may_ask(person_id=ada.pk, purpose="contacts", at=NOON + 300 * DAY)


def test_a_person_or_a_text_that_the_backup_lacks_needs_nothing(ada, give, withdraw, refuse, by_force):
    refuse(ada, "calendar")
    first = give(ada)
    withdraw(ada)
    told = lines()
    forget_since(by_force, first)
    by_force("DELETE FROM consents_consentevent")
    by_force("DELETE FROM consents_standing")
    by_force("DELETE FROM consents_purposetext WHERE purpose_id = 'contacts'")
    repeat(told)
    assert list(ConsentEvent.objects.values_list("purpose_id", flat=True)) == ["calendar"]

    Person.objects.filter(pk=ada.pk).delete()
    repeat(told)
    assert (ConsentEvent.objects.count(), Standing.objects.count()) == (0, 0)
    assert PurposeText.objects.exists()


def test_every_kind_that_consents_write_has_its_handler():
    assert HANDLERS["consent.withdrawn"] is replay.consent_withdrawn
    assert HANDLERS["consent.refused"] is replay.consent_refused
