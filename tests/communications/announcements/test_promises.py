"""Each check of P13 and of P26's notice is green on an honest house and names the violation that is planted."""

from datetime import timedelta

import pytest

from apps.communications import promises
from apps.communications.models import Delivery, Notice
from apps.communications.services import notices
from apps.communications.services.circulars import sending
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.announcements import circulars
from tests.communications.announcements.published import second

pytestmark = pytest.mark.django_db

SOON = NOON + timedelta(seconds=10)


@pytest.fixture
def sent(house, server):
    """An announcement that two people got."""
    circulars.readers(2)
    row = circulars.approved()
    sending.sweep(at=NOON)
    outbox.send_due(at=SOON)
    sending.sweep(at=SOON)
    return row


@pytest.fixture
def told(house, server):
    """A notice of a new version that two people got."""
    circulars.person(1)
    circulars.person(2)
    second()
    notices.work(at=NOON)
    outbox.send_due(at=SOON)
    notices.work(at=SOON)
    return Notice.objects.get()


def found(code, at=NOON + DAY) -> list[str]:
    (check,) = [check for check in promises.CHECKS if check.code == code]
    return [f"{violation.object}: {violation.why}" for violation in check.run(at).violations]


def ours() -> list[str]:
    return [check.code for check in promises.CHECKS if check.promise in ("P13", "P26")]


def test_an_honest_house_is_green_and_every_row_was_looked_at(sent):
    circulars.withdraw(Delivery.objects.first().person, at=NOON + timedelta(hours=1))  # afterwards
    assert [found(code) for code in ours()] == [[]] * 5
    assert promises.nobody_got_news_without_a_consent(NOON).rows == 2


def test_a_delivery_to_somebody_who_never_allowed_it_is_named(sent, by_force):
    stranger = circulars.person(9)
    by_force(
        "INSERT INTO communications_delivery (circular_id, person_id, purpose_id, state, tries, handed_at) VALUES (%s, %s, %s, 'handed', 1, %s)",
        sent.pk, stranger.pk, circulars.EMAIL, NOON,
    )  # fmt: skip
    assert found("news_with_consent") == [f"{sent.reference} to {stranger.reference}: It was handed over while no consent of theirs stood."]


def test_a_delivery_after_a_withdrawal_is_named_whatever_stands_now(sent, by_force):
    ada = Delivery.objects.order_by("pk").first().person
    circulars.withdraw(ada, at=NOON + timedelta(hours=1))
    circulars.allow(ada, at=NOON + timedelta(hours=3))
    assert found("news_with_consent") == []
    by_force("UPDATE communications_delivery SET handed_at = %s WHERE person_id = %s", NOON + timedelta(hours=2), ada.pk)
    assert len(found("news_with_consent")) == 1


def test_a_mail_that_left_after_a_withdrawal_is_named(sent, by_force):
    ada = Delivery.objects.order_by("pk").first().person
    circulars.withdraw(ada, at=NOON + timedelta(hours=1))
    by_force("UPDATE mail_outgoingmail SET sent_at = %s WHERE to_address = 'reader1@client.example'", NOON + timedelta(hours=2))
    assert found("news_with_consent") == [f"{sent.reference} to {ada.reference}: It was sent while no consent of theirs stood."]


def test_an_announcement_on_a_consent_that_was_over_is_named(sent, by_force):
    by_force("UPDATE consents_consentevent SET until = %s", NOON - timedelta(hours=1))
    assert len(found("news_with_consent")) == 2


def test_an_announcement_on_another_consent_is_named(sent, by_force):
    by_force("UPDATE communications_circular SET purpose_id = %s", circulars.IN_APP)
    assert found("consent_for_the_channel") == [f"{sent.reference}: It rests on another consent than the one to its channel."]


def test_a_second_delivery_is_named(sent, by_force):
    ada = Delivery.objects.order_by("pk").first().person
    by_force("ALTER TABLE communications_delivery DROP CONSTRAINT nobody_gets_a_circular_twice")
    by_force(
        "INSERT INTO communications_delivery (circular_id, person_id, state, tries, handed_at) VALUES (%s, %s, 'handed', 1, %s)",
        sent.pk, ada.pk, NOON,
    )  # fmt: skip
    assert found("news_once") == [f"{sent.reference} to {ada.reference}: They got it twice."]


def test_a_second_mail_of_one_delivery_is_named(sent):
    mail = OutgoingMail.objects.filter(is_bulk=True).first()
    mail.pk, mail.reference = None, "MAIL-OTHER"
    delivery = mail.once_key.split("-")[1]
    mail.once_key = f"circular-{delivery}-2"
    mail.save(force_insert=True)
    assert found("news_once") == [f"{sent.reference} to delivery {delivery}: They got it twice."]


@pytest.mark.parametrize("planted", [
    "UPDATE communications_circular SET words = 'Buy this.'",
    "UPDATE communications_circular SET subject = 'An offer'",
    "UPDATE communications_circular SET kind = 'patch'",
    "UPDATE staff_approval SET verdict = 'open', decided_by_id = NULL, decided_at = NULL",
    "UPDATE staff_approval SET digest = sha256('x')",
    "UPDATE communications_circular SET approved_at = started_at + interval '1 second'",
    "DELETE FROM staff_approval",
])  # fmt: skip
def test_what_went_out_without_a_second_persons_yes_to_these_words_is_named(sent, by_force, planted):
    assert by_force(planted) == 1
    assert found("news_approved") == [f"{sent.reference}: It went out without a second person's approval of these words."]


def test_words_of_every_kind_are_read_as_they_were_approved(house):
    circulars.readers(1)
    circulars.approved(subject='Ümläut “quoted" \\ / 医院 🏥', words='Tab\tand "quotes" \\n\nnew line\n\n🏥 </script>')
    sending.sweep(at=NOON)
    assert found("news_approved") == []


def test_a_notice_that_stands_still_is_named_after_three_days(told, by_force):
    assert found("people_are_told", NOON + 4 * DAY) == []
    by_force("UPDATE communications_circular SET state = 'paused', ended_at = NULL")
    assert found("people_are_told", NOON + 2 * DAY) == []
    assert found("people_are_told", NOON + 4 * DAY) == ["version 2 of the policy: Three days after its publication not everybody was told."]


def test_who_was_left_out_of_a_notice_is_named(told, by_force):
    ada = Delivery.objects.order_by("pk").first().person
    by_force("DELETE FROM communications_delivery WHERE person_id = %s", ada.pk)
    assert found("people_are_told", NOON + 4 * DAY) == [f"{ada.reference}: They were not told of version 2 of the policy."]


def test_a_version_without_any_notice_is_named(house):
    second()
    assert len(found("people_are_told", NOON + 4 * DAY)) == 1
    assert cast.cleo().is_active
