"""Purposes and texts: drafted by one, approved by another, never changed, and never widening what was allowed before."""

import importlib
from datetime import timedelta

import pytest

from apps.accounts.models import Person
from apps.audit.models import Event
from apps.consents.models import ConsentPurpose, PurposeText
from apps.consents.purposes import BUILT_IN, Kind
from apps.consents.services import asking, texts
from apps.consents.services.texts import PurposeNotOpen, PurposeTaken, TextNotAsked, TextNotReady
from apps.policies.vocabulary import CATEGORIES
from apps.staff.roles import Role
from apps.staff.services.approvals import ChangedSince, OwnRequest
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON


@pytest.fixture
def bea(house):
    """Bea, privacy analyst: proposes purposes and drafts texts."""
    return cast.staff("bea", Role.PRIVACY_ANALYST)


@pytest.fixture
def cleo(house):
    return cast.cleo()


@pytest.fixture
def draft(bea):
    def drafted(purpose="contacts", *, at=NOON, by=bea, **more):
        said = {"words": "We find them.", "collected": "Addresses.", "lost_without": "Nothing is found.", "categories": ["contact"], "months": None}
        return texts.draft(purpose=ConsentPurpose.objects.get(pk=purpose), **said | more, by=by, at=at)

    return drafted


@pytest.fixture
def publish(draft, bea, cleo):
    def published(purpose="contacts", *, at=NOON, **more):
        text = draft(purpose, at=at, **more)
        texts.ask(text=text, by=bea, at=at)
        return texts.publish(text=text, by=cleo, at=at)

    return published


def propose(by, **more):
    return texts.propose(
        **{"code": "survey", "title": "A survey", "recipient": "PRV-7F3K2MP", "disclosure_purpose": "analytics"} | more, by=by, at=NOON
    )


def test_what_comes_with_the_software_has_its_texts_with_their_digests(house):
    assert set(ConsentPurpose.objects.filter(is_open=True).values_list("code", flat=True)) == set(BUILT_IN)
    for text in PurposeText.objects.select_related("purpose"):
        assert bytes(text.digest) == texts.digest_of(text)
        assert set(text.categories) <= CATEGORIES.keys()
    assert PurposeText.objects.count() == len(BUILT_IN)


def test_what_comes_with_the_software_is_made_once(house):
    migration = importlib.import_module("apps.consents.migrations.0003_first_purposes")
    migration.open_purposes(type("Models", (), {"get_model": staticmethod(lambda _app, name: {"ConsentPurpose": ConsentPurpose}.get(name, PurposeText))}), None)

    assert PurposeText.objects.count() == len(BUILT_IN)


def test_a_text_is_in_force_once_a_second_person_approved_it(draft, bea, cleo):
    text = draft()
    approval = texts.ask(text=text, by=bea, at=NOON)
    assert asking.text_in_force(purpose="contacts", at=NOON).number == 1

    published = texts.publish(text=text, by=cleo, at=NOON + DAY)

    assert asking.text_in_force(purpose="contacts", at=NOON + DAY) == published == text
    assert asking.text_in_force(purpose="contacts", at=NOON + DAY - timedelta(seconds=1)).number == 1
    assert (published.number, published.published_by, published.published_at) == (2, str(cleo.actor), NOON + DAY)
    assert bytes(published.digest) == texts.digest_of(published)
    told = Event.objects.get(verb="consent_text.published")
    assert told.facts["approval"] == approval.reference


def test_who_drafted_or_asked_does_not_approve(draft, bea, cleo):
    text = draft()
    texts.ask(text=text, by=bea, at=NOON)
    both = cast.staff("dan", Role.PRIVACY_ANALYST, Role.COMPLIANCE_OFFICER)

    with pytest.raises(NotPermitted):
        texts.publish(text=text, by=cast.staff("eli", Role.AUDITOR), at=NOON)
    other = draft("calendar", by=both)
    texts.ask(text=other, by=bea, at=NOON)
    with pytest.raises(OwnRequest):
        texts.publish(text=other, by=both, at=NOON)
    texts.ask(text=(third := draft("announcements_email")), by=both, at=NOON)
    with pytest.raises(OwnRequest):
        texts.publish(text=third, by=both, at=NOON)
    assert PurposeText.objects.published().count() == len(BUILT_IN)


def test_a_draft_that_was_changed_has_to_be_asked_for_again(draft, bea, cleo):
    texts.ask(text=draft(), by=bea, at=NOON)
    changed = draft(words="We may do more.")

    with pytest.raises((TextNotAsked, ChangedSince)):
        texts.publish(text=changed, by=cleo, at=NOON)


def test_a_rejected_text_stays_a_draft(draft, bea, cleo):
    text = draft()
    texts.ask(text=text, by=bea, at=NOON)
    texts.reject(text=text, by=cleo, at=NOON)

    assert texts.asked_for(text) is None
    with pytest.raises(TextNotAsked):
        texts.publish(text=text, by=cleo, at=NOON)


@pytest.mark.parametrize(
    "more",
    [
        {"words": "  "}, {"collected": ""}, {"lost_without": ""}, {"categories": []}, {"categories": ["everything"]}, {"months": 0},
        {"months": 121},
    ],
)  # fmt: skip
def test_a_text_that_leaves_something_out_is_refused(draft, more):
    with pytest.raises(TextNotReady):
        draft(**more)


def test_a_later_text_extends_nothing_that_was_given_before(ada, give, publish):
    given = give(ada)
    publish(categories=["contact", "identity", "usage"], at=NOON + DAY)

    stood = asking.stood(person_id=ada.pk, purpose="contacts", at=NOON + 2 * DAY)
    assert stood == given
    assert stood.text.categories == ["contact", "identity"]
    assert asking.may(person_id=ada.pk, purpose="contacts", at=NOON + 2 * DAY)


def test_a_yes_to_the_new_text_stands_by_the_new_text(ada, give, publish):
    give(ada)
    newer = publish(categories=["contact", "usage"], at=NOON + DAY)

    event = give(ada, at=NOON + 2 * DAY)

    assert event.text == newer
    assert asking.stood(person_id=ada.pk, purpose="contacts", at=NOON + 2 * DAY) == event


def test_a_purpose_is_proposed_by_one_and_opened_by_the_approval_of_its_first_text(ada, bea, publish, give):
    purpose = propose(bea)
    assert (purpose.kind, purpose.is_open) == (Kind.DISCLOSURE, False)
    with pytest.raises(asking.PurposeUnknown):
        give(ada, "survey")

    publish("survey")

    purpose.refresh_from_db()
    assert (purpose.is_open, purpose.opened_at) == (True, NOON)
    give(ada, "survey", at=NOON + DAY)
    assert asking.may(person_id=ada.pk, purpose="survey", at=NOON + DAY)


def test_a_code_is_used_once(bea):
    with pytest.raises(PurposeTaken):
        propose(bea, code="contacts")


def test_a_closed_purpose_is_asked_for_no_more_and_what_stands_goes_on(ada, bea, cleo, give, clinic):
    give(ada)
    texts.close(purpose=ConsentPurpose.objects.get(pk="contacts"), by=cleo, at=NOON)

    assert asking.may(person_id=ada.pk, purpose="contacts", at=NOON)
    assert not asking.may_ask(person_id=cast.ada(clinic, "ben@client.example").pk, purpose="contacts", at=NOON)
    assert Person.objects.count() == 2
    with pytest.raises(PurposeNotOpen):
        texts.close(purpose=ConsentPurpose.objects.get(pk="contacts"), by=cleo, at=NOON)


def test_a_closed_purpose_opens_again_with_its_next_text(cleo, publish, house):
    texts.close(purpose=ConsentPurpose.objects.get(pk="contacts"), by=cleo, at=NOON)
    publish(at=NOON + DAY)

    assert ConsentPurpose.objects.get(pk="contacts").is_open


@pytest.mark.parametrize("role", [Role.RECORDS_MANAGER, Role.AUDITOR, Role.ADMINISTRATOR, Role.COUNSEL])
def test_whose_role_lacks_it_proposes_drafts_and_closes_nothing(house, role):
    member = cast.staff("max", role)
    purpose = ConsentPurpose.objects.get(pk="contacts")

    with pytest.raises(NotPermitted):
        propose(member)
    with pytest.raises(NotPermitted):
        texts.draft(purpose=purpose, words="a", collected="b", lost_without="c", categories=["contact"], months=None, by=member, at=NOON)
    with pytest.raises(NotPermitted):
        texts.close(purpose=purpose, by=member, at=NOON)
