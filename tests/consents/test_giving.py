"""Yes and no: by the text in force, shown just now, by somebody active, once; and no asking again for twelve months."""

from datetime import timedelta

import pytest

from apps.accounts.models import Person
from apps.accounts.states import PersonStanding
from apps.audit.models import Event, JournalEntry
from apps.consents.models import ConsentEvent, PurposeText, Standing
from apps.consents.services import asking
from apps.consents.services.asking import PurposeUnknown
from apps.consents.services.giving import ConsentStands, NotThisWay, PersonNotActive, PurposeClosed, TextNotInForce, TextNotShown
from apps.consents.states import ConsentAct, How
from apps.policies.models import PolicyVersion
from tests.cast import DAY, NOON


def test_a_yes_says_by_which_text_under_which_policy_when_how_and_where(ada, give):
    event = give(ada, where="settings")

    text = PurposeText.objects.get(purpose="contacts", number=1)
    assert (event.person, event.purpose_id, event.text, event.act) == (ada, "contacts", text, ConsentAct.GIVEN)
    assert event.policy_version == PolicyVersion.objects.get(number=1)
    assert (event.at, event.how, event.where) == (NOON, How.PREFERENCE_PAGE, "settings")
    assert (bytes(event.shown_digest), event.shown_at) == (bytes(text.digest), NOON - timedelta(minutes=1))
    standing = Standing.objects.get()
    assert (standing.person, standing.purpose_id, standing.stands, standing.text, standing.since) == (ada, "contacts", True, text, NOON)
    assert (standing.until, standing.event, standing.asked_again_from) == (None, event, None)


def test_a_yes_stands_in_the_ledger_of_acts_by_references_and_digests(ada, give):
    event = give(ada)

    told = Event.objects.get(verb="consent.given")
    assert (told.object, told.actor) == (event.reference, f"person:{ada.reference}")
    assert told.facts == {
        "person": ada.reference, "purpose": "contacts", "text": 1, "digest": bytes(event.text.digest).hex(), "policy": "POL-1",
        "how": "preference_page",
    }  # fmt: skip


def test_a_yes_said_twice_is_one(ada, give):
    first = give(ada)

    assert give(ada, at=NOON + DAY) == first
    assert ConsentEvent.objects.count() == 1


@pytest.mark.parametrize("more", [{"text": 2}, {"text": 0}])
def test_a_yes_to_another_text_than_the_one_in_force_is_refused(ada, give, more):
    with pytest.raises(TextNotInForce):
        give(ada, **more)
    assert ConsentEvent.objects.count() == 0


@pytest.mark.parametrize(
    "more",
    [
        {"shown": b"\0" * 32}, {"shown": b""}, {"shown": None}, {"shown_at": None}, {"shown_at": NOON + timedelta(minutes=6)},
        {"shown_at": NOON - timedelta(hours=25)},
    ],
)  # fmt: skip
def test_a_yes_without_proof_that_the_text_was_shown_is_refused(ada, give, more):
    with pytest.raises(TextNotShown):
        give(ada, **more)
    assert ConsentEvent.objects.count() == 0


@pytest.mark.parametrize("how", [How.SIGNAL, How.ONE_CLICK, How.CLOCK])
def test_nobody_says_yes_by_a_signal_a_click_in_a_mail_or_the_clock(ada, give, how):
    with pytest.raises(NotThisWay):
        give(ada, how=how)


@pytest.mark.parametrize("standing", [PersonStanding.SUSPENDED, PersonStanding.CLOSED])
def test_nobody_whose_account_is_not_active_says_yes(ada, give, standing):
    Person.objects.filter(pk=ada.pk).update(standing=standing)

    with pytest.raises(PersonNotActive):
        give(ada)


def test_a_purpose_that_is_not_there_can_not_be_given(ada, give):
    with pytest.raises(PurposeUnknown):
        give(ada, "no_such_purpose")


def test_a_purpose_that_was_closed_can_not_be_given(ada, give, by_force):
    by_force("UPDATE consents_consentpurpose SET is_open = false, closed_at = %s WHERE code = 'contacts'", NOON)

    with pytest.raises(PurposeClosed):
        give(ada)


def test_a_consent_with_an_end_gets_it_when_it_is_given(ada, give, by_force):
    by_force("UPDATE consents_purposetext SET months = 6 WHERE purpose_id = 'contacts'")

    event = give(ada, at=NOON.replace(month=8, day=31))

    assert event.until == Standing.objects.get().until == NOON.replace(year=2027, month=2, day=28)


def test_a_yes_after_the_end_begins_anew_and_the_old_one_expires_first(ada, give, by_force):
    by_force("UPDATE consents_purposetext SET months = 1 WHERE purpose_id = 'contacts'")
    first = give(ada, at=NOON)

    second = give(ada, at=NOON + 40 * DAY)

    said = ConsentEvent.objects.of(person_id=ada.pk, purpose="contacts")
    assert [event.act for event in said] == ["given", "expired", "given"]
    assert Standing.objects.get().event == second != first


def test_a_clock_that_is_behind_does_not_put_what_came_later_before(ada, give, withdraw):
    give(ada, at=NOON)
    event = withdraw(ada, at=NOON - timedelta(seconds=3))

    assert event.at == NOON
    assert asking.stood(person_id=ada.pk, purpose="contacts", at=NOON) is None


def test_a_no_stands_in_the_ledger_and_in_the_journal_and_keeps_everybody_from_asking(ada, refuse):
    event = refuse(ada)

    year = NOON.replace(year=NOON.year + 1)
    standing = Standing.objects.get()
    assert (event.act, standing.stands, standing.event, standing.asked_again_from) == (ConsentAct.REFUSED, False, event, year)
    assert Event.objects.filter(verb="consent.refused", object=event.reference).count() == 1
    entry = JournalEntry.objects.get(kind="consent.refused")
    assert entry.about == event.reference
    assert entry.body == {
        "person": ada.reference, "purpose": "contacts", "text": 1, "how": "preference_page", "asked_again_from": year.isoformat(),
    }  # fmt: skip


def test_a_no_said_twice_is_one_and_its_months_are_not_counted_anew(ada, refuse):
    first = refuse(ada)

    assert refuse(ada, at=NOON + 30 * DAY) == first
    assert Standing.objects.get().asked_again_from == NOON.replace(year=NOON.year + 1)


def test_a_no_after_the_months_is_a_new_one(ada, refuse):
    first = refuse(ada)

    assert refuse(ada, at=NOON + 400 * DAY) != first


def test_a_person_may_say_yes_by_themself_soon_after_a_no(ada, give, refuse):
    refuse(ada)
    give(ada, at=NOON + DAY)

    assert asking.may(person_id=ada.pk, purpose="contacts", at=NOON + DAY)
    assert Standing.objects.get().asked_again_from is None


def test_what_stands_is_withdrawn_and_not_refused(ada, give, refuse):
    give(ada)

    with pytest.raises(ConsentStands):
        refuse(ada)
    assert asking.may(person_id=ada.pk, purpose="contacts", at=NOON)


def test_a_signal_says_no_without_anything_shown_and_nothing_else_does(ada, refuse):
    event = refuse(ada, how=How.SIGNAL, shown=None, shown_at=None)

    assert (event.shown_digest, event.shown_at, event.how) == (None, None, How.SIGNAL)
    with pytest.raises(TextNotShown):
        refuse(ada, "calendar", shown=None, shown_at=None)
