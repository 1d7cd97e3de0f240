"""What staff do with an inquiry, and every refusal of it; nothing is read without a record."""

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts.services.looking import ReasonMissing
from apps.audit.models import Event
from apps.communications.models import Inquiry, InquiryMessage
from apps.communications.services.inquiries import working
from apps.communications.states import INQUIRY_MOVES, InquiryState, MessageKind
from apps.consents.months import months_later
from apps.foundation.moves import NotAMove
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.inquiries import given


@pytest.fixture
def inquiry(house):
    return given.inquiry()


@pytest.fixture
def dana(house):
    return given.dana()


def test_a_look_is_recorded_with_its_reason_and_shows_all_of_it(inquiry, dana):
    said = working.look(inquiry=inquiry, by=dana, at=NOON, reason="legal")
    assert (said.sender, [one.words.text for one in said.messages]) == (given.ADA, [given.TEXT])
    event = Event.objects.get(verb="inquiry.read")
    assert (event.object, event.facts, event.actor) == (inquiry.reference, {"messages": 1, "reason": "legal"}, str(dana.actor))


def test_nobody_looks_without_a_reason_or_without_the_right(inquiry, dana):
    with pytest.raises(ReasonMissing):
        working.look(inquiry=inquiry, by=dana, at=NOON, reason="")
    with pytest.raises(NotPermitted):
        working.look(inquiry=inquiry, by=cast.staff("ann", Role.AUDITOR), at=NOON)
    assert not Event.objects.filter(verb="inquiry.read").exists()


def test_an_answer_leaves_in_the_thread_of_the_last_mail_and_is_kept_sealed(inquiry, dana):
    message = working.answer(inquiry=inquiry, text=" All of them.\r\nDana ", by=dana, at=NOON + DAY)

    inquiry.refresh_from_db()
    mail = OutgoingMail.objects.get(template="communications/inquiry_answer")
    assert (inquiry.state, inquiry.answered_at, inquiry.owner) == (InquiryState.ANSWERED, NOON + DAY, str(dana.actor))
    assert (message.kind, message.written_by) == (MessageKind.ANSWER, str(dana.actor))
    assert given.said(inquiry) == [given.TEXT, "All of them.\nDana"]
    assert (mail.to_address, mail.subject) == (given.ADA, f"Re: A question [{inquiry.reference}]")
    assert mail.body.startswith("All of them.\nDana")


def test_an_answer_names_the_mail_that_it_answers(house, dana):
    words = working.Words("Re: Re: hello", "hi", (), "<x@client.example>")
    with transaction.atomic():
        inquiry = working.opening.begin(channel="mail", sender=given.ADA, words=words, at=NOON)
    working.answer(inquiry=inquiry, text="hi", by=dana, at=NOON)
    mail = OutgoingMail.objects.get()
    assert outbox._headers(mail)["In-Reply-To"] == "<x@client.example>"
    assert mail.subject == f"Re: hello [{inquiry.reference}]"


@pytest.mark.parametrize("text", ["", " \n ", "x" * (working.LONGEST_ANSWER + 1)])
def test_nothing_is_written_that_says_nothing_or_too_much(inquiry, dana, text):
    for verb in (working.answer, working.note):
        with pytest.raises(working.TextEmpty):
            verb(inquiry=inquiry, text=text, by=dana, at=NOON)
    assert inquiry.messages.count() == 1


def test_a_note_goes_to_nobody(inquiry, dana):
    before = OutgoingMail.objects.count()
    message = working.note(inquiry=inquiry, text="Ask Ezra", by=dana, at=NOON)
    assert (message.kind, OutgoingMail.objects.count()) == (MessageKind.NOTE, before)
    inquiry.refresh_from_db()
    assert inquiry.state == InquiryState.OPEN


def test_an_inquiry_is_handed_to_whoever_may_answer_and_to_nobody_else(inquiry, dana):
    ezra = cast.staff("ezra", Role.COUNSEL)
    assert working.hand_over(inquiry=inquiry, to=ezra, by=dana, at=NOON).owner == str(ezra.actor)
    assert working.hand_over(inquiry=inquiry, to=ezra, by=dana, at=NOON).owner == str(ezra.actor)
    assert Event.objects.filter(verb="inquiry.handed_over").count() == 1
    with pytest.raises(working.OwnerCannot):
        working.hand_over(inquiry=inquiry, to=cast.bo(), by=dana, at=NOON)


def test_a_closed_inquiry_ends_after_its_months(inquiry, dana, settings):
    row = working.close(inquiry=inquiry, by=dana, at=NOON)
    assert (row.state, row.closed_by, row.ends_at) == (InquiryState.CLOSED, str(dana.actor), months_later(NOON, 24))
    with pytest.raises(working.IsClosed):
        working.answer(inquiry=inquiry, text="hi", by=dana, at=NOON)
    with pytest.raises(NotAMove):
        working.close(inquiry=inquiry, by=dana, at=NOON)
    assert working.reopen(inquiry=inquiry, by=dana, at=NOON).ends_at is None


def test_nobody_does_what_their_role_does_not_allow(inquiry):
    ann = cast.staff("ann", Role.AUDITOR)
    verbs = {
        working.answer: {"text": "x"}, working.note: {"text": "x"}, working.close: {}, working.reopen: {}, working.hand_over: {"to": ann},
    }  # fmt: skip
    for verb, more in verbs.items():
        with pytest.raises(NotPermitted):
            verb(inquiry=inquiry, by=ann, at=NOON, **more)
    assert inquiry.messages.count() == 1


@pytest.mark.parametrize(("before", "after"), [(b, a) for b in InquiryState for a in InquiryState if a != b and a not in INQUIRY_MOVES[b]])
def test_the_database_refuses_every_move_that_is_not_in_the_table(house, before, after):
    inquiry = given.inquiry()
    ended = {"closed_at": NOON, "closed_by": "staff:x", "ends_at": NOON + DAY}
    alive = {"closed_at": None, "closed_by": "", "ends_at": None, "answered_at": NOON}
    way = {"open": [], "answered": ["answered"], "closed": ["closed"], "kept": ["closed", "kept"]}[before]
    for state in way:
        Inquiry.objects.filter(pk=inquiry.pk).update(state=state, **(ended if state in ("closed", "kept") else alive))
    with pytest.raises(IntegrityError), transaction.atomic():
        Inquiry.objects.filter(pk=inquiry.pk).update(state=after, **(ended if after in ("closed", "kept") else alive))


def test_the_database_refuses_to_change_what_was_written_and_whose_it_is(inquiry):
    whose = ({"sender": b"x"}, {"sender_digest": b"x"}, {"reference": "INQ-X"}, {"channel": "mail"}, {"opened_at": NOON + DAY})
    for model, change in ((InquiryMessage, {"words": b"x"}), *((Inquiry, changed) for changed in whose)):
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.update(**change)


def test_the_database_refuses_an_inquiry_that_is_closed_without_an_end(inquiry):
    for change in ({"closed_at": NOON, "closed_by": "x"}, {"ends_at": NOON + DAY, "closed_by": "x"}, {"closed_at": NOON, "ends_at": NOON, "closed_by": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Inquiry.objects.update(state="closed", **change)


def test_words_moved_to_another_row_do_not_open(inquiry):
    other = given.inquiry(text="Another")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE communications_inquirymessage DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE communications_inquirymessage SET words = (SELECT words FROM communications_inquirymessage WHERE inquiry_id = %s) WHERE inquiry_id = %s",
            [other.pk, inquiry.pk],
        )
        cursor.execute("ALTER TABLE communications_inquirymessage ENABLE TRIGGER USER")
    with pytest.raises(working.Refusal) as refused:
        working.opened(inquiry)
    assert refused.value.code == "seal_broken"
