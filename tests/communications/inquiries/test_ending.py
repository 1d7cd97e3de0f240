"""An inquiry ends on its day: rows, secret and all; what a hold keeps stays unused; nothing is erased early, and nothing twice."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import Event, JournalEntry
from apps.communications import texts
from apps.communications.models import Inquiry, InquiryMessage, ReceivedMail
from apps.communications.services import mailboxes
from apps.communications.services.inquiries import ending, opening, receiving, working
from apps.communications.states import InquiryState
from apps.consents.months import months_later
from apps.foundation.keys import KeyDestroyed, KeyMissing, keystore
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.inquiries import given

pytestmark = pytest.mark.django_db(transaction=True)

END = months_later(NOON, 24)
AFTER = END + timedelta(minutes=1)


def is_there(inquiry) -> bool:
    return Inquiry.objects.filter(pk=inquiry.pk).exists()


def test_on_its_day_rows_and_secret_go_and_the_evidence_stays(house):
    inquiry = given.closed()
    words = bytes(inquiry.messages.get().words)

    assert ending.sweep(at=AFTER) == 1

    assert (Inquiry.objects.count(), InquiryMessage.objects.count()) == (0, 0)
    assert keystore().was_destroyed(texts.secret_of(inquiry.reference))
    with pytest.raises((KeyDestroyed, KeyMissing)):
        texts.unseal(words, store=keystore(), secret=texts.secret_of(inquiry.reference), about=f"{inquiry.reference}/1")
    event = Event.objects.get(verb="inquiry.erased")
    assert (event.object, event.facts["messages"]) == (inquiry.reference, 1)
    assert JournalEntry.objects.get(kind="inquiry.erased").about == inquiry.reference
    assert ending.sweep(at=AFTER) == 0


def test_nothing_is_erased_before_its_day_nor_what_is_not_closed(house):
    closed, opened = given.closed(), given.inquiry(email=given.EVE)
    assert ending.sweep(at=END - timedelta(seconds=1)) == 0
    assert is_there(closed)
    assert is_there(opened)
    ending.sweep(at=AFTER)
    assert is_there(opened)


def test_what_went_quiet_after_our_answer_is_closed_by_itself(house, settings):
    inquiry = given.inquiry()
    working.answer(inquiry=inquiry, text="hi", by=given.dana(), at=NOON)
    at = NOON + settings.INQUIRY_CLOSED_AFTER_DAYS * DAY
    ending.sweep(at=at)
    assert Inquiry.objects.get().state == InquiryState.ANSWERED
    ending.sweep(at=at + DAY)
    row = Inquiry.objects.get()
    assert (row.state, row.closed_by, row.ends_at) == (InquiryState.CLOSED, "system:covenant", months_later(at + DAY, 24))


def test_what_nobody_answered_is_never_closed_by_itself(house):
    given.inquiry()
    ending.sweep(at=NOON + 1000 * DAY)
    assert Inquiry.objects.get().state == InquiryState.OPEN


@pytest.mark.parametrize("scope", ["person", "organization", "everybody"])
def test_a_hold_keeps_it_past_its_life_unused_and_its_end_lets_it_go(house, scope):
    clinic = cast.client()
    ada = cast.ada(clinic)
    inquiry = given.closed()
    held = {
        "person": lambda: given.hold(ada), "organization": lambda: given.hold(organization=clinic),
        "everybody": lambda: given.hold(sent_from=NOON.date()),
    }[scope]()  # fmt: skip

    assert ending.sweep(at=AFTER) == 0

    row = Inquiry.objects.get()
    assert row.state == InquiryState.KEPT
    dana = given.dana()
    for use in (
        lambda: working.look(inquiry=row, by=dana, at=AFTER), lambda: working.answer(inquiry=row, text="x", by=dana, at=AFTER),
        lambda: working.note(inquiry=row, text="x", by=dana, at=AFTER), lambda: working.reopen(inquiry=row, by=dana, at=AFTER),
        lambda: working.close(inquiry=row, by=dana, at=AFTER), lambda: working.hand_over(inquiry=row, to=dana, by=dana, at=AFTER),
    ):  # fmt: skip
        with pytest.raises(working.PastItsLife):
            use()
    given.release(held, at=AFTER)
    assert ending.sweep(at=AFTER + DAY) == 0
    assert ending.sweep(at=AFTER + 8 * DAY) == 1
    assert not is_there(inquiry)
    assert Event.objects.filter(verb="inquiry.kept_for_hold").count() == 1


def test_a_hold_on_somebody_else_keeps_nothing(house):
    cast.ada(cast.client())
    given.closed()
    given.hold(cast.ada(cast.client("Mercy General"), email="other@client.example"))
    assert ending.sweep(at=AFTER) == 1


def test_who_registered_after_they_wrote_is_known_before_anything_is_erased(house):
    given.closed()
    given.hold(cast.ada(cast.client()))
    assert ending.sweep(at=AFTER) == 0
    assert Inquiry.objects.get().person is not None


def test_who_writes_again_after_the_end_begins_anew(house):
    kept = given.closed()
    given.hold(sent_from=NOON.date())
    ending.sweep(at=AFTER)
    with pytest.raises(opening.FormUsed):
        opening.from_form(reference=kept.reference, email=given.ADA, topic="privacy", subject="x", text="y", at=AFTER)
    with pytest.raises(IntegrityError), transaction.atomic():
        opening.write(kept, texts.Words("x", "y"), kind="received", at=AFTER)


def test_a_secret_that_a_killed_worker_left_is_destroyed_by_the_next_sweep(house, monkeypatch):
    inquiry = given.closed()
    with monkeypatch.context() as patch:
        patch.setattr(ending, "_destroy_secret", lambda reference: None)
        ending.sweep(at=AFTER)
    assert keystore().exists(texts.secret_of(inquiry.reference))
    ending.sweep(at=AFTER)
    assert keystore().was_destroyed(texts.secret_of(inquiry.reference))
    assert keystore().exists(texts.SENDERS)


def test_who_is_erased_takes_their_inquiries_and_their_secrets_along(house):
    ada = cast.ada(cast.client())
    inquiry = given.inquiry()
    ada.delete()
    ending.sweep(at=NOON)
    assert not is_there(inquiry)
    assert keystore().was_destroyed(texts.secret_of(inquiry.reference))


def test_after_a_restore_what_was_erased_goes_again_once(house, by_force):
    inquiry = given.closed()
    ending.sweep(at=AFTER)
    columns = [field.attname for field in Inquiry._meta.concrete_fields]
    by_force(
        f"INSERT INTO communications_inquiry ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",  # noqa: S608
        *(getattr(inquiry, name) for name in columns),
    )
    entry = JournalEntry.objects.get(kind="inquiry.erased")
    line = SimpleNamespace(kind=entry.kind, about=entry.about, body=entry.body, at=entry.created_at)

    for _twice in range(2):
        with transaction.atomic():
            ending.inquiry_erased(line, at=AFTER + DAY)

    assert not is_there(inquiry)
    assert Event.objects.filter(verb="inquiry.erased_again").count() == 1


def test_what_became_of_mails_of_no_inquiry_is_forgotten_after_some_days(house, settings):
    row = mailboxes.claim(receiving.CODE, NOON)
    for number, at in enumerate((NOON, NOON + 10 * DAY)):
        ReceivedMail.objects.create(mailbox=row, uid_validity=1, uid=number, size=1, outcome="automatic", code="bounce", received_at=at)
    ending.sweep(at=NOON + (settings.INQUIRY_REFUSED_DAYS + 1) * DAY)
    assert [mail.uid for mail in ReceivedMail.objects.all()] == [1]
