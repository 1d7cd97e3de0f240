"""What staff do with an inquiry: read it, take it or hand it over, write a note, answer, close it and open it again.

It must never answer to another address than the one that asked, nor work on what is past its life and kept for a hold alone.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from apps.accounts.services.looking import Reason, ReasonMissing
from apps.audit.services import ledger
from apps.communications import texts
from apps.communications.models import Inquiry, InquiryMessage, ReceivedMail
from apps.communications.services.inquiries import opening
from apps.communications.states import INQUIRY_MOVES, InquiryState, MessageKind, Outcome
from apps.communications.texts import Words
from apps.consents.months import months_later
from apps.foundation.actors import SYSTEM
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox
from apps.staff.models import StaffMember
from apps.staff.services import presence

WORK, ANSWER, REVEAL = "communications.work_inquiry", "communications.answer_inquiry", "communications.reveal_inquiry"
SETTLE = "communications.settle_receivedmail"
LONGEST_ANSWER = 20_000


class PastItsLife(Refusal):
    """This inquiry is past its life; a hold alone keeps it, and nobody uses it."""

    code = "inquiry_kept"
    mend = "Nothing needs to be done: it is erased when the hold is over. Who writes again begins a new inquiry."


class TextEmpty(Refusal):
    """There is nothing in it."""

    code = "text_empty"
    mend = f"Write what you want to say, in {LONGEST_ANSWER:,} characters at most."


class IsClosed(Refusal):
    """This inquiry is closed."""

    code = "inquiry_closed"
    mend = "Open it again first."


class OwnerCannot(Refusal):
    """Whoever is to have it may not work on inquiries."""

    code = "owner_cannot"
    mend = "Choose somebody whose role lets them answer inquiries."


class NothingToLookAt(Refusal):
    """That mail was taken, or somebody has looked at it."""

    code = "nothing_to_look_at"
    mend = "Reload the list."


@dataclass(frozen=True)
class Read:
    """One message, opened."""

    message: InquiryMessage
    words: Words


@dataclass(frozen=True)
class Opened:
    """An inquiry as somebody reads it."""

    sender: str
    messages: tuple[Read, ...]


def opened(inquiry: Inquiry) -> Opened:
    """The words of an inquiry, for a look that was recorded (`look`). Raises PastItsLife where it may not be read."""
    _require_in_use(inquiry)
    messages = inquiry.messages.order_by("number").select_related("inquiry")
    return Opened(texts.open_sender(inquiry), tuple(Read(message, texts.open_words(message)) for message in messages))


@transaction.atomic
def look(*, inquiry: Inquiry, by: StaffMember, at: datetime, reason: str = Reason.PERSON_ASKED) -> Opened:
    """Record that somebody reads an inquiry, and open it."""
    reader = presence.lock(by)[by.pk]
    presence.require_right(reader, REVEAL)
    if reason not in Reason.values:
        raise ReasonMissing
    said = opened(inquiry)
    ledger.record("inquiry.read", by=reader, about=inquiry.reference, at=at, facts={"messages": len(said.messages), "reason": str(reason)})
    return said


@transaction.atomic
def hand_over(*, inquiry: Inquiry, to: StaffMember, by: StaffMember, at: datetime) -> Inquiry:
    """Give an inquiry an owner, oneself or somebody else; twice is once."""
    members = presence.lock(by, to)
    giver, taker = members[by.pk], members[to.pk]
    presence.require_right(giver, WORK)
    if not taker.is_active or not taker.has_perm(ANSWER):
        raise OwnerCannot
    row = _locked(inquiry)
    if row.owner != str(taker.actor):
        row.owner = str(taker.actor)
        row.save(update_fields=["owner"])
        ledger.record("inquiry.handed_over", by=giver, about=row.reference, at=at, facts={"to": row.owner})
    return row


@transaction.atomic
def note(*, inquiry: Inquiry, text: str, by: StaffMember, at: datetime) -> InquiryMessage:
    """A note among colleagues; it goes to nobody, and ends with the inquiry."""
    writer = presence.lock(by)[by.pk]
    presence.require_right(writer, WORK)
    row = _locked(inquiry)
    message = opening.write(row, Words("", _typed(text)), kind=MessageKind.NOTE, by=str(writer.actor), at=at)
    ledger.record("inquiry.noted", by=writer, about=row.reference, at=at, facts={"number": message.number})
    return message


@transaction.atomic
def answer(*, inquiry: Inquiry, text: str, by: StaffMember, at: datetime) -> InquiryMessage:
    """Answer by e-mail to the address that asked, in the thread of its last mail; who answers an inquiry of nobody's takes it."""
    writer = presence.lock(by)[by.pk]
    presence.require_right(writer, ANSWER)
    row = _locked(inquiry)
    if row.state == InquiryState.CLOSED:
        raise IsClosed
    if row.state != InquiryState.ANSWERED:
        require_move(INQUIRY_MOVES, row.state, InquiryState.ANSWERED)
    asked = texts.open_words(row.messages.filter(kind=MessageKind.RECEIVED).select_related("inquiry").latest("number"))
    subject = asked.subject or row.reference
    message = opening.write(row, Words(subject, _typed(text)), kind=MessageKind.ANSWER, by=str(writer.actor), at=at)
    row.state, row.answered_at, row.owner = InquiryState.ANSWERED, at, row.owner or str(writer.actor)
    row.save(update_fields=["state", "answered_at", "owner"])
    mail = outbox.queue(
        template="communications/inquiry_answer", to=texts.open_sender(row), about=row.reference, at=at,
        once_key=f"{row.reference}/{message.number}", in_reply_to=asked.message_id,
        context={"inquiry": row, "subject": _without_reference(subject, row.reference), "text": _typed(text), "is_by_mail": bool(asked.message_id)},
    )  # fmt: skip
    ledger.record("inquiry.answered", by=writer, about=row.reference, at=at, facts={"number": message.number, "mail": mail.reference})
    return message


@transaction.atomic
def close(*, inquiry: Inquiry, by: StaffMember, at: datetime) -> Inquiry:
    """Close an inquiry: from now on its life runs, and at its end it is erased."""
    closer = presence.lock(by)[by.pk]
    presence.require_right(closer, WORK)
    row = _locked(inquiry)
    require_move(INQUIRY_MOVES, row.state, InquiryState.CLOSED)
    return _close(row, by=closer, at=at)


@transaction.atomic
def reopen(*, inquiry: Inquiry, by: StaffMember, at: datetime) -> Inquiry:
    """Open a closed inquiry again; its life begins anew when it is closed."""
    opener = presence.lock(by)[by.pk]
    presence.require_right(opener, WORK)
    row = _locked(inquiry)
    require_move(INQUIRY_MOVES, row.state, InquiryState.OPEN)
    row.state, row.closed_at, row.closed_by, row.ends_at = InquiryState.OPEN, None, "", None
    row.save(update_fields=["state", "closed_at", "closed_by", "ends_at"])
    ledger.record("inquiry.reopened", by=opener, about=row.reference, at=at)
    return row


def close_quiet(*, before: datetime, at: datetime) -> int:
    """Close what was answered before that moment and not taken up since; returns how many."""
    return sum(_close_if_quiet(pk, before, at) for pk in list(Inquiry.objects.gone_quiet(before).values_list("pk", flat=True)))


@transaction.atomic
def _close_if_quiet(pk: int, before: datetime, at: datetime) -> bool:
    row = Inquiry.objects.gone_quiet(before).select_for_update(no_key=True, of=("self",)).filter(pk=pk).first()
    if row is not None:
        _close(row, by=SYSTEM, at=at)
    return row is not None


@transaction.atomic
def settle(*, mail: ReceivedMail, by: StaffMember, at: datetime) -> ReceivedMail:
    """Say that a mail that could not be read was looked at."""
    looker = presence.lock(by)[by.pk]
    presence.require_right(looker, SETTLE)
    row = ReceivedMail.objects.select_for_update().get(pk=mail.pk)
    if row.outcome != Outcome.REFUSED or row.looked_at is not None:
        raise NothingToLookAt
    row.looked_at, row.looked_by = at, str(looker.actor)
    row.save(update_fields=["looked_at", "looked_by"])
    ledger.record("received_mail.looked_at", by=looker, about=f"mail/{row.pk}", at=at, facts={"code": row.code})
    return row


def _close(row: Inquiry, *, by: StaffMember | object, at: datetime) -> Inquiry:
    who = by.actor if isinstance(by, StaffMember) else by
    row.state, row.closed_at, row.closed_by = InquiryState.CLOSED, at, str(who)
    row.ends_at = months_later(at, settings.INQUIRY_KEEP_MONTHS)
    row.save(update_fields=["state", "closed_at", "closed_by", "ends_at"])
    ledger.record("inquiry.closed", by=who, about=row.reference, at=at, facts={"ends_at": row.ends_at})
    return row


def _locked(inquiry: Inquiry) -> Inquiry:
    row = Inquiry.objects.select_for_update(no_key=True, of=("self",)).get(pk=inquiry.pk)
    _require_in_use(row)
    return row


def _require_in_use(inquiry: Inquiry) -> None:
    if inquiry.state == InquiryState.KEPT:
        raise PastItsLife


def _typed(text: str) -> str:
    typed = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not typed or len(typed) > LONGEST_ANSWER:
        raise TextEmpty
    return typed


def _without_reference(subject: str, reference: str) -> str:
    """The subject as it was asked, without the “Re:” and the reference that an answer gets anew."""
    bare = subject.replace(f"[{reference}]", "").strip()
    while bare[:3].casefold() == "re:":
        bare = bare[3:].strip()
    return bare or "your inquiry"
