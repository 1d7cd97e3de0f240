"""Mail is taken out of the mailbox into inquiries, each once, whatever is killed.

| killed | what happens |
|---|---|
| before the commit | nothing was taken; the mail lies there still and is taken by the next run |
| between the commit and its removal from the mailbox | the next run finds its row by UIDVALIDITY and UID, and only removes it |
| while a mail is read, three times | that mail is refused unread, so that the others are not kept waiting |

Two mailboxes, or two workers, may bring the same mail: it is known by its Message-ID and sender. It must never remove a mail before
what it says is committed, and never lose one that could not be read.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts.details import normalise_email
from apps.audit.services import ledger
from apps.communications import texts
from apps.communications.models import Inquiry, Mailbox, ReceivedMail
from apps.communications.receiving import reading
from apps.communications.receiving.mailbox import Box, Lying
from apps.communications.receiving.reading import Letter, LetterRefused
from apps.communications.services import mailboxes
from apps.communications.services.inquiries import finding, opening
from apps.communications.states import Channel, InquiryState, MessageKind, Outcome
from apps.communications.texts import Words
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import sha256
from apps.foundation.refusals import Refusal

CODE = "inquiries"
MAY_HAVE_BOUNCED = "A mail server sent our last mail back. Who asked may not have got it: try another way to reach them."


class SeenBefore(Refusal):
    """Another worker has taken that mail at this moment."""

    code = "seen_before"
    mend = "Nothing needs to be done."


def read_mailbox(*, at: datetime) -> int:
    """Take up what lies in the mailbox; returns how many mails. Without a mailbox in the settings there is nothing to do."""
    return mailboxes.read(code=CODE, url=settings.INQUIRY_MAILBOX_URL, one=_one, at=at)


def _one(row: Mailbox, box: Box, lying: Lying, at: datetime) -> None:
    """One mail: taken, then removed. Where it was taken before, only removed."""
    known = ReceivedMail.objects.filter(mailbox=row, uid_validity=box.validity, uid=lying.uid).first()
    if known is None:
        try:
            known = take(box_row=row, box=box, lying=lying, at=at)
        except SeenBefore:
            return
    if known.outcome == Outcome.REFUSED:
        box.set_aside(lying.uid)
    else:
        box.remove(lying.uid)


def take(*, box_row: Mailbox, box: Box, lying: Lying, at: datetime) -> ReceivedMail:
    """Read one mail and write down what became of it, with what it says. Raises SeenBefore where another worker was faster."""
    try:
        return _take(box_row, box, lying, at)
    except IntegrityError:
        raise SeenBefore from None


def _take(box_row: Mailbox, box: Box, lying: Lying, at: datetime) -> ReceivedMail:
    try:
        if not mailboxes.begin(box_row, box.validity, lying.uid):
            raise LetterRefused("Reading the mail ended its reader.", code=mailboxes.KILLS_ITS_READER)
        if lying.size > settings.INQUIRY_MAIL_BYTES:
            raise LetterRefused("The mail is too large.", code="too_large")
        data = box.fetch(lying.uid, settings.INQUIRY_MAIL_BYTES + 1)
        letter = reading.read(data)
    except LetterRefused as refusal:
        return _write(box_row, box, lying, Outcome.REFUSED, at, code=refusal.code)
    return _take_in(box_row, box, lying, letter, sha256(data).hex(), at)


@transaction.atomic
def _take_in(row: Mailbox, box: Box, lying: Lying, letter: Letter, content: str, at: datetime) -> ReceivedMail:
    if normalise_email(letter.sender) == normalise_email(settings.DEFAULT_FROM_EMAIL):
        return _write(row, box, lying, Outcome.AUTOMATIC, at, code="from_ourselves")
    if letter.is_automatic:
        _note_bounce(letter, at)
        return _write(row, box, lying, Outcome.AUTOMATIC, at, code="bounce" if letter.is_bounce else "automatic")
    digest = texts.keyed("mail", letter.message_id or content, normalise_email(letter.sender))
    if ReceivedMail.objects.filter(digest=digest).exists():
        return _write(row, box, lying, Outcome.DOUBLE, at)
    words = Words(letter.subject, letter.text, letter.attachments, letter.message_id)
    thread = finding.thread_of(letter)
    thread = thread and Inquiry.objects.select_for_update(no_key=True, of=("self",)).filter(pk=thread.pk).exclude(state=InquiryState.KEPT).first()
    if thread is None:
        inquiry = opening.begin(channel=Channel.MAIL, sender=letter.sender, words=words, tell=not letter.is_unanswerable, at=at)
        return _write(row, box, lying, Outcome.OPENED, at, inquiry=inquiry, digest=digest)
    opening.add(inquiry=thread, words=words, at=at)
    return _write(row, box, lying, Outcome.JOINED, at, inquiry=thread, digest=digest)


def _note_bounce(letter: Letter, at: datetime) -> None:
    """Our mail came back: whoever works on the inquiry sees it. A machine's mail opens nothing and is not kept."""
    if not letter.is_bounce:
        return
    named = finding.named_by_our_mail(letter.references)
    inquiries = Inquiry.objects.select_for_update(no_key=True, of=("self",)).filter(reference__in=named, state=InquiryState.ANSWERED)
    for inquiry in inquiries.order_by("pk"):
        opening.write(inquiry, Words("", MAY_HAVE_BOUNCED), kind=MessageKind.NOTE, by=str(SYSTEM), at=at)
        inquiry.state = InquiryState.OPEN
        inquiry.save(update_fields=["state"])
        ledger.record("inquiry.bounced", by=SYSTEM, about=inquiry.reference, at=at)


def _write(
    row: Mailbox, box: Box, lying: Lying, outcome: Outcome, at: datetime, *, code: str = "", inquiry: Inquiry | None = None,
    digest: bytes | None = None,
) -> ReceivedMail:  # fmt: skip
    return ReceivedMail.objects.create(
        mailbox=row, uid_validity=box.validity, uid=lying.uid, size=lying.size, outcome=outcome, code=code, inquiry=inquiry, digest=digest,
        received_at=at,
    )  # fmt: skip


def forget_old(*, at: datetime) -> int:
    """What became of mails that belong to no inquiry is of no use after some days; the mails are gone by then."""
    before = at - timedelta(days=settings.INQUIRY_REFUSED_DAYS)
    return ReceivedMail.objects.of_no_inquiry(before).delete()[0]
