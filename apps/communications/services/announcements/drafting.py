"""An announcement is drafted by one person and asked for; from then on its words stay, or it goes back to being a draft.

It must never take a text message: nobody delivers them for us yet. And it must never hold anything about a person: the words are the same
for everybody, so that who approves them reads exactly what each reader gets.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts import details
from apps.accounts.models import PersonEmail
from apps.audit.services import ledger
from apps.communications.models import Announcement, Circular
from apps.communications.models.announcements import MOST_WORDS
from apps.communications.states import ANNOUNCED, CIRCULAR_MOVES, CircularState
from apps.consents.purposes import ANNOUNCING, Channel
from apps.consents.services import asking
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence

DRAFT, APPROVE = "communications.add_announcement", "communications.approve_announcement"
FURTHEST = timedelta(days=366)


class NoProviderForTexts(Refusal):
    """Text messages can't be sent yet: there is no provider for them."""

    code = "no_provider_for_texts"
    mend = "Announce it by e-mail or in the product. Who allowed text messages is asked for nothing more; their consent stays as it is."


class KindUnknown(Refusal):
    """An announcement is about a release, a patch or an update, by e-mail or in the product."""

    code = "kind_unknown"
    mend = "Choose one of the kinds and channels that the form names."


class WordsNotFit(Refusal):
    """The words are empty, too long, or hold signs that can't be printed."""

    code = "words_not_fit"
    mend = f"Write plain text of at most {MOST_WORDS:,} characters."


class MomentNotFit(Refusal):
    """The moment lies in the past, or more than a year ahead."""

    code = "moment_not_fit"
    mend = "Choose a moment within a year from now, or none: then it goes out as soon as it is approved."


class NotADraft(Refusal):
    """Its words were handed in for approval, so they stay."""

    code = "not_a_draft"
    mend = "Take it back to being a draft first; a second person then reads it anew."


@dataclass(frozen=True)
class Reach:
    """Whom an announcement would reach now."""

    allowed: int
    reached: int

    def __str__(self) -> str:
        if not self.allowed:
            return "Nobody allows announcements by this channel now, so it would go to nobody."
        if self.reached == self.allowed:
            return f"{_people(self.allowed)} {'allows' if self.allowed == 1 else 'allow'} it now."
        return f"{_people(self.allowed)} {'allows' if self.allowed == 1 else 'allow'} it now; {self.reached:,} of them have an e-mail address."


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def estimate(*, channel: str, at: datetime) -> Reach:
    """How many people an announcement by this channel would reach, were it sent now."""
    audience = asking.audience_ids(purpose=ANNOUNCING[Channel(channel)], at=at)
    allowed = audience.count()
    if channel != Channel.EMAIL:
        return Reach(allowed, allowed)
    with_address = PersonEmail.objects.filter(person__in=audience.order_by()).values("person").distinct().count()
    return Reach(allowed, with_address)


def digest_of(circular: Circular) -> bytes:
    """What an approval is bound to: what it is about, how it goes, and every word. Not its moment, which may be set later."""
    return sha256(canonical([circular.reference, circular.kind, circular.channel, circular.purpose_id, circular.subject, circular.words]))


def asked_for(circular: Circular) -> Approval | None:
    """The open request for this announcement, if there is one."""
    return Approval.objects.waiting().filter(act=APPROVE, subject=circular.reference).select_related("asked_by").first()


@transaction.atomic
def draft(
    *, kind: str, channel: str, subject: str, words: str, send_at: datetime | None = None, by: StaffMember, at: datetime
) -> Announcement:  # fmt: skip
    """Write a new announcement. Nothing goes out before somebody else has approved it."""
    writer = _writer(by)
    if channel == Channel.SMS:
        raise NoProviderForTexts
    if kind not in ANNOUNCED or channel not in (Channel.EMAIL, Channel.IN_APP):
        raise KindUnknown
    row = Announcement(kind=kind, channel=channel, purpose_id=ANNOUNCING[Channel(channel)], drafted_by=str(writer.actor), created_at=at)
    row.subject, row.words, row.send_at = _subject(subject), _words(words), moment(send_at, at)
    row.save(force_insert=True)
    ledger.record("announcement.drafted", by=writer, about=row.reference, at=at, facts=facts(row))
    return row


@transaction.atomic
def reword(*, circular: Circular, subject: str, words: str, send_at: datetime | None = None, by: StaffMember, at: datetime) -> Announcement:
    """Change the words of a draft."""
    writer = _writer(by)
    row = locked(circular)
    if row.state != CircularState.DRAFT:
        raise NotADraft
    row.subject, row.words, row.send_at = _subject(subject), _words(words), moment(send_at, at)
    row.save(update_fields=["subject", "words", "send_at"])
    ledger.record("announcement.reworded", by=writer, about=row.reference, at=at, facts=facts(row))
    return row


@transaction.atomic
def ask(*, circular: Circular, by: StaffMember, at: datetime) -> Announcement:
    """Ask for exactly these words to go out. From now on they stay."""
    asker = _writer(by)
    row = locked(circular)
    if row.state == CircularState.ASKED:
        raise approvals.AlreadyAsked
    require_move(CIRCULAR_MOVES, row.state, CircularState.ASKED)
    approval = approvals.ask(act=APPROVE, subject=row.reference, digest=digest_of(row), by=asker, at=at)
    row.state, row.asked_by, row.asked_at = CircularState.ASKED, str(asker.actor), at
    row.save(update_fields=["state", "asked_by", "asked_at"])
    ledger.record("announcement.asked", by=asker, about=row.reference, at=at, facts=facts(row) | {"approval": approval.reference})
    return row


@transaction.atomic
def back_to_draft(*, circular: Circular, by: StaffMember, at: datetime) -> Announcement:
    """Take back what was asked for, to change its words: the request is void."""
    writer = _writer(by)
    row = locked(circular)
    require_move(CIRCULAR_MOVES, row.state, CircularState.DRAFT)
    approval = asked_for(row)
    if approval is not None:
        approvals.void(approval=approval, at=at)
    row.state, row.asked_by, row.asked_at = CircularState.DRAFT, "", None
    row.save(update_fields=["state", "asked_by", "asked_at"])
    ledger.record("announcement.taken_back", by=writer, about=row.reference, at=at)
    return row


def moment(send_at: datetime | None, at: datetime) -> datetime | None:
    """A moment at which it may go out, or MomentNotFit."""
    if send_at is not None and not at <= send_at <= at + FURTHEST:
        raise MomentNotFit
    return send_at


def facts(circular: Circular) -> dict:
    """What the ledger keeps: what it is and the digest of its words, never the words."""
    return {"kind": circular.kind, "channel": circular.channel, "digest": digest_of(circular).hex()}


def locked(circular: Circular) -> Announcement:
    return Announcement.objects.select_for_update(of=("self",), no_key=True).get(pk=circular.pk)


def _writer(by: StaffMember) -> StaffMember:
    writer = presence.lock(by)[by.pk]
    presence.require_right(writer, DRAFT)
    return writer


def _subject(text: str) -> str:
    return details.line(text, field="subject", longest=150)


def _words(text: str) -> str:
    words = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    unprintable = any(unicodedata.category(sign) in ("Cc", "Cs", "Co") and sign not in "\n\t" for sign in words)
    if not words or len(words) > MOST_WORDS or unprintable:
        raise WordsNotFit
    return words
