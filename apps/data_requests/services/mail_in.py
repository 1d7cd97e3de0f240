"""Mail that asks something about data is taken out of its mailbox into what the form and the product write too: an arrival, each mail once.

| comes | becomes |
|---|---|
| a mail that names a request which goes on, from an address that the request knows | a note there, for who works on it |
| any other mail that somebody wrote | an arrival; its kind is guessed from its words, and staff may say another |
| the same mail again, by whatever way | nothing more: it is known by its Message-ID and sender, else by what it says |
| a bounce or an automatic answer | a row that says so, and a note where our own mail came back; nobody answers it |
| what came over a list or by a machine | an arrival without an address to answer, so that no machine is written to |
| what can't be read under the caps | a row for staff; the mail goes into the folder for refused mail |

| killed | what happens |
|---|---|
| before the commit | nothing was taken; the mail lies there still and is taken by the next run |
| between the commit and its removal | the next run finds its row, and only removes it |
| while a mail is read, three times | that mail is refused unread, so that the others are not kept waiting |

A sender proves nobody: what a mail asks is done only after proof by a contact on file. It must never remove a mail before what it says is
committed, and never lose one that could not be read.
"""

import re
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts.details import normalise_email
from apps.communications.models import Mailbox
from apps.communications.receiving import reading
from apps.communications.receiving.mailbox import Box, Lying
from apps.communications.receiving.reading import Letter, LetterRefused
from apps.communications.services import mailboxes
from apps.communications.services.inquiries import finding
from apps.data_requests import guessing, hashing
from apps.data_requests.models import Arrival, DataRequest, RequestLink
from apps.data_requests.services import arriving, flooding, moving, wording
from apps.data_requests.states import OVER, ArrivalState, Channel
from apps.data_requests.words import Asked
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import sha256

CODE = "requests"
#: codes of arrivals that ask for nothing
FROM_OURSELVES, BOUNCE, AUTOMATIC = "from_ourselves", "bounce", "automatic"
IN_SUBJECT = re.compile(r"\bREQ-[0-9A-HJKMNP-TV-Z]{7}\b")
LONGEST_TEXT = 18_000
MAY_HAVE_BOUNCED = "A mail server sent our last mail back. Who asked may not have got it: try another way to reach them."


def read_mailbox(*, at: datetime) -> int:
    """Take up what lies in the mailbox of requests; returns how many mails. Without one in the settings there is nothing to do."""
    return mailboxes.read(code=CODE, url=settings.REQUEST_MAILBOX_URL, one=_one, at=at)


def _one(row: Mailbox, box: Box, lying: Lying, at: datetime) -> None:
    """One mail: taken, then removed; or a row that says why not, then set aside."""
    try:
        if not mailboxes.begin(row, box.validity, lying.uid):
            raise LetterRefused("Reading the mail ended its reader.", code=mailboxes.KILLS_ITS_READER)
        if lying.size > settings.INQUIRY_MAIL_BYTES:
            raise LetterRefused("The mail is too large.", code="too_large")
        data = box.fetch(lying.uid, settings.INQUIRY_MAIL_BYTES + 1)
        letter = reading.read(data)
    except LetterRefused as refusal:
        _without_words(_key("lying", row.code, str(box.validity), str(lying.uid)), ArrivalState.UNREADABLE, refusal.code, at)
        box.set_aside(lying.uid)
        return
    take(letter, content=sha256(data).hex(), at=at)
    box.remove(lying.uid)


def take(letter: Letter, *, content: str, at: datetime) -> Arrival:
    """Write down what one mail asks; the same mail again gives the row that is there."""
    key = _key("mail", letter.message_id or content, normalise_email(letter.sender))
    try:
        with transaction.atomic():
            known = Arrival.objects.filter(channel=Channel.EMAIL, external_key=key).first()
            return known or _take(letter, key, at)
    except IntegrityError:  # another worker took it at this moment
        return Arrival.objects.get(channel=Channel.EMAIL, external_key=key)


def _take(letter: Letter, key: str, at: datetime) -> Arrival:
    if normalise_email(letter.sender) == normalise_email(settings.DEFAULT_FROM_EMAIL):
        return _without_words(key, ArrivalState.DROPPED, FROM_OURSELVES, at)
    if letter.is_automatic:
        _note_bounce(letter, at)
        return _without_words(key, ArrivalState.DROPPED, BOUNCE if letter.is_bounce else AUTOMATIC, at)
    request = thread_of(letter)
    if request is not None:
        wording.note(request=request, text=f"By e-mail from an address that this request knows:\n\n{_said(letter)}", by=SYSTEM, at=at)
        return _without_words(key, ArrivalState.TAKEN, flooding.JOINED, at, request=request)
    asked = Asked(
        kind=guessing.kind_of(letter.subject, letter.text), text=_said(letter), email="" if letter.is_unanswerable else letter.sender
    )  # fmt: skip
    arrival = arriving.arrive(channel=Channel.EMAIL, asked=asked, from_address=letter.sender, external_key=key, at=at)
    doorbell.ring("arrivals.due")
    return arrival


def thread_of(letter: Letter) -> DataRequest | None:
    """The request that a mail goes on with, locked: it names it, and comes from the address that asked or one that we wrote to about it."""
    named = set(IN_SUBJECT.findall(letter.subject.upper())) | finding.named_by_our_mail(letter.references, "REQ-")
    digest = hashing.of_email(letter.sender)
    for reference in sorted(named):
        request = DataRequest.objects.filter(reference=reference).exclude(state__in=OVER).first()
        if request is not None and _knows(request, digest):
            locked = moving.locked(request.pk)
            return locked if locked.state not in OVER else None
    return None


def _knows(request: DataRequest, digest: bytes) -> bool:
    asked_from = request.address_digest is not None and bytes(request.address_digest) == digest
    return asked_from or RequestLink.objects.filter(request=request, contact_digest=digest).exists()


def _note_bounce(letter: Letter, at: datetime) -> None:
    """Our mail came back: whoever works on the request sees it. A machine's mail opens nothing and is not kept."""
    if not letter.is_bounce:
        return
    for reference in sorted(finding.named_by_our_mail(letter.references, "REQ-")):
        request = DataRequest.objects.filter(reference=reference).exclude(state__in=OVER).first()
        if request is not None:
            wording.note(request=moving.locked(request.pk), text=MAY_HAVE_BOUNCED, by=SYSTEM, at=at)


def _said(letter: Letter) -> str:
    """Subject, text and what came with it, for who reads it. Attachments themselves are never kept."""
    lines = [f"Subject: {letter.subject}", ""] if letter.subject else []
    if letter.is_unanswerable:
        lines = [f"From: {letter.sender} (a list or a machine, which gets no answer)", *lines]
    text = letter.text if len(letter.text) <= LONGEST_TEXT else f"{letter.text[:LONGEST_TEXT]}\n[cut here]"
    came_with = [f"\nCame with it, and was not kept: {', '.join(letter.attachments)}"] if letter.attachments else []
    return "\n".join([*lines, text, *came_with])


def _without_words(key: str, state: ArrivalState, code: str, at: datetime, *, request: DataRequest | None = None) -> Arrival:
    """A row that says what became of a mail, and nothing of what it says."""
    is_over = state != ArrivalState.UNREADABLE
    row, _is_new = Arrival.objects.get_or_create(
        channel=Channel.EMAIL, external_key=key,
        defaults={
            "state": state, "code": code, "request": request, "received_at": at,
            "settled_at": at if is_over else None, "settled_by": str(SYSTEM) if is_over else "",
        },
    )  # fmt: skip
    return row


def _key(*parts: str) -> str:
    return hashing.keyed(*parts).hex()
