"""Letters by templates that staff write: to a contact on file, once, each with the version it was sent by."""

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import Event
from apps.data_requests.letters import ANSWERS, BY_HAND, CODES, BlankUnknown, LetterUnknown, may_fill, require_fillable
from apps.data_requests.models import Letter, LetterTemplate, Receipt
from apps.data_requests.services import letters, moving, proving, receipts
from apps.data_requests.states import Channel, Kind, State
from apps.foundation.actors import SYSTEM
from apps.mail.models import OutgoingMail
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked

WORDS = {name: f"WORD-{name}" for name in ("due_on", "reason", "basis", "holdings", "kept", "organization", "url", "days", "text")}


@pytest.fixture
def ada(house):
    return cast.ada(cast.client())


def send(request, code="answer", *, to=letters.PERSON, address=asked.ADA, key="k", at=NOON, **context):
    with transaction.atomic():
        return letters.send(request, code=code, to=to, address=address, context=WORDS | context, once_key=key, by=SYSTEM, at=at)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_letter_has_a_first_version_that_fills_every_blank(ada, code):
    template = letters.newest(code)
    require_fillable(code, template.subject, template.body)
    request = asked.request(person=ada)
    subject, text = letters.written(template, request, WORDS)
    assert request.reference in subject
    assert "{" not in subject + text
    assert "\n" not in subject
    assert {name for name in CODES[code].fills if f"WORD-{name}" not in subject + text} == set()
    assert ada.given_name not in text


def test_there_is_no_template_that_no_code_knows(house):
    assert set(LetterTemplate.objects.values_list("code", flat=True)) == set(CODES)
    assert set(BY_HAND) | {"denial", "erased", "erased_in_part", "delivery"} >= ANSWERS


def test_a_letter_is_sent_once_and_knows_its_version(ada):
    request = asked.request(person=ada)
    first, again = send(request), send(request)
    assert first.pk == again.pk
    (mail,) = OutgoingMail.objects.filter(template="data_requests/letter")
    assert (mail.to_address, mail.about) == (asked.ADA, request.reference)
    assert "WORD-text" in mail.body
    assert first.reference in mail.body
    assert Event.objects.get(verb="request.letter").facts["number"] == first.template.number == 1


def test_a_new_version_is_added_and_what_was_sent_keeps_its_own(ada):
    sent = send(asked.request(person=ada))
    said = {"code": "answer", "title": "The answer", "subject": "Re {reference}", "body": "Dear you,\n\n{text}"}
    second = letters.write_version(**said, by=cast.cleo(), at=NOON)
    assert letters.write_version(**said, by=cast.cleo(), at=NOON).pk == second.pk
    assert (second.number, letters.newest("answer").pk) == (2, second.pk)
    sent.refresh_from_db()
    assert sent.template.number == 1
    for change in (lambda: LetterTemplate.objects.filter(pk=second.pk).update(body="other"), lambda: sent.template.delete(),
                   lambda: Letter.objects.filter(pk=sent.pk).update(to="client"), lambda: sent.delete()):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


@pytest.mark.parametrize("body", ["Dear {name}", "{reference.__class__}", "{0}", "{", "a } b", "{due_on}"])
def test_a_text_that_would_stay_blank_is_refused(house, body):
    with pytest.raises(BlankUnknown):
        letters.write_version(code="answer", title="T", subject="S", body=body, by=cast.cleo(), at=NOON)


@pytest.mark.parametrize(("title", "subject", "body"), [("", "s", "b"), ("t", " ", "b"), ("t", "s", "\n"), ("t", "s" * 161, "b"), ("t", "s", "b" * 20_001)])
def test_a_letter_that_is_empty_or_too_long_is_refused(house, title, subject, body):
    with pytest.raises(letters.LetterEmpty):
        letters.write_version(code="answer", title=title, subject=subject, body=body, by=cast.cleo(), at=NOON)


def test_who_may_not_write_letters_is_refused(house):
    with pytest.raises(NotPermitted):
        letters.write_version(code="answer", title="T", subject="S", body="B", by=cast.staff("ezra", Role.AUDITOR), at=NOON)
    with pytest.raises(LetterUnknown):
        letters.write_version(code="farewell", title="T", subject="S", body="B", by=cast.cleo(), at=NOON)
    with pytest.raises(LetterUnknown):
        may_fill("farewell")


def test_a_value_is_never_read_as_a_text_with_blanks_and_a_subject_stays_one_line(ada):
    letters.write_version(code="answer", title="T", subject="About {text}", body="{text}", by=cast.cleo(), at=NOON)
    send(asked.request(person=ada), text="{reference}\r\nBcc: eve@elsewhere.example\n{url}")
    mail = OutgoingMail.objects.get(template="data_requests/letter")
    assert mail.subject == "About {reference} Bcc: eve@elsewhere.example {url}"
    assert "{url}" in mail.body


def test_a_letter_without_an_address_is_recorded_and_nothing_leaves(ada):
    letter = send(asked.request(person=ada), address="")
    assert (letter.to, OutgoingMail.objects.count()) == (letters.NOBODY, 0)


def test_who_is_known_hears_at_the_contact_on_file_whatever_address_was_given(ada):
    request = asked.request(person=ada, email=asked.EVE, agent_email=asked.EVE)
    assert letters.addressee(request, at=NOON) == letters.Addressee(letters.PERSON, asked.ADA)


def test_who_is_known_without_a_contact_hears_nothing_at_an_address_that_was_given(ada):
    ada.emails.all().delete()
    assert letters.addressee(asked.request(person=ada, email=asked.EVE), at=NOON) == letters.Addressee(letters.NOBODY)


def test_who_is_unknown_hears_at_the_address_that_was_given_once_a_day(house):
    request = asked.request(Kind.COMPLAINT, email=asked.EVE)
    for key in ("one", "two", "three"):
        send(request, to=letters.ASKER, address=asked.EVE, key=key)
    mails = OutgoingMail.objects.filter(template="data_requests/letter").order_by("pk")
    assert [mail.next_try_at for mail in mails] == [NOON, NOON + DAY, NOON + 2 * DAY]
    assert Receipt.objects.count() == 3


def test_an_answer_by_hand_ends_the_work_and_only_where_somebody_proved_who_asks(ada):
    waiting = asked.request(Kind.CORRECTION, person=ada)
    with pytest.raises(letters.ToProvenOnly):
        letters.by_hand(request=waiting, code="corrected", text="Your name is right now.", by=asked.dana(), at=NOON)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.letters.count()) == (State.RECEIVED, 0)
    letters.by_hand(request=waiting, code="question", text="Which name?", by=asked.dana(), at=NOON)
    with transaction.atomic():
        asked.brought(waiting, State.IN_WORK)
    letters.by_hand(request=waiting, code="corrected", text="Your name is right now.", by=asked.dana(), at=NOON)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.letters.count()) == (State.ANSWERING, 2)
    with pytest.raises(letters.LetterUnknown):
        letters.by_hand(request=waiting, code="erased", text="Nothing.", by=asked.dana(), at=NOON)
    with pytest.raises(letters.LetterEmpty):
        letters.by_hand(request=waiting, code="answer", text=" \n", by=asked.dana(), at=NOON)


@pytest.mark.parametrize("kind", [Kind.DELETION, Kind.CLOSING, Kind.ACCESS, Kind.CATEGORIES])
def test_no_letter_answers_what_has_to_be_carried_out(ada, kind):
    request = asked.brought(asked.request(kind, person=ada), State.IN_WORK)
    with pytest.raises(moving.NotForThisKind):
        letters.by_hand(request=request, code="answer", text="It is done.", by=asked.dana(), at=NOON)
    request.refresh_from_db()
    assert (request.state, request.letters.count(), OutgoingMail.objects.count()) == (State.IN_WORK, 0, 0)


def test_who_can_be_written_to_nowhere_is_refused(ada):
    ada.emails.all().delete()
    with pytest.raises(letters.NobodyToWriteTo):
        letters.by_hand(request=asked.request(person=ada), code="question", text="Where do you live?", by=asked.dana(), at=NOON)


def test_what_came_by_phone_is_acknowledged_by_a_letter_once(ada):
    request = asked.brought(asked.request(Kind.ACCESS, person=ada, channel=Channel.PHONE), State.IN_WORK)
    assert (letters.acknowledge_due(at=NOON + DAY), letters.acknowledge_due(at=NOON + DAY)) == (1, 0)
    request.refresh_from_db()
    assert request.acknowledged_at == NOON + DAY
    assert request.clocks.get(regime="ccpa_acknowledge").stopped_by_event == "acknowledged"
    mail = OutgoingMail.objects.get(template="data_requests/letter")
    assert mail.to_address == asked.ADA
    assert "April 22, 2026" in mail.body


def test_a_link_or_a_receipt_tells_that_it_arrived_and_no_letter_says_it_twice(ada):
    known = asked.request(Kind.ACCESS, person=ada)
    stranger, silent = asked.request(Kind.ACCESS, email=asked.EVE), asked.request(Kind.ACCESS, email="mallory@elsewhere.example")
    with transaction.atomic():
        proving.begin(moving.locked(known.pk), at=NOON)
    receipts.give(address=asked.EVE, about=stranger.reference, at=NOON)
    assert letters.acknowledge_due(at=NOON + DAY) == 2
    for row in (known, stranger, silent):
        row.refresh_from_db()
    assert (known.acknowledged_at, stranger.acknowledged_at, silent.acknowledged_at) == (NOON, NOON + DAY, None)
    assert not OutgoingMail.objects.filter(template="data_requests/letter").exists()


def test_who_is_unknown_and_told_by_phone_is_acknowledged_by_staff(house):
    request = asked.request(Kind.COMPLAINT, channel=Channel.PHONE, email="")
    assert letters.acknowledge_due(at=NOON) == 0
    letters.acknowledged_otherwise(request=request, by=asked.dana(), at=NOON)
    letters.acknowledged_otherwise(request=request, by=asked.dana(), at=NOON + DAY)
    request.refresh_from_db()
    assert request.acknowledged_at == NOON
    assert Event.objects.filter(verb="request.acknowledged").count() == 1
