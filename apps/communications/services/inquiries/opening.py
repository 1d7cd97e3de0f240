"""What people write is taken in: a new inquiry, or a further message of theirs in one that is known. Sealed before it is stored.

| comes | becomes |
|---|---|
| by the form | an inquiry under the reference that the form brought; the same form sent twice is one |
| by e-mail that names an inquiry of the same sender | a message there; a closed one opens again |
| by any other e-mail | an inquiry of its own |

Who writes is told once a day at most that it came: an address that was typed by somebody else must not be flooded through us. What they
wrote is never sent back to them by a machine.
"""

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max

from apps.accounts import details
from apps.audit.services import ledger
from apps.communications import texts
from apps.communications.models import Inquiry, InquiryMessage
from apps.communications.services.inquiries import finding
from apps.communications.states import INQUIRY_MOVES, Channel, InquiryState, MessageKind, Topic
from apps.communications.texts import Words
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox
from apps.policies.services.force import version_in_force

LONGEST_SUBJECT, LONGEST_TYPED = 120, 10_000
#: of the advisory lock that keeps a new secret, whose row is not committed yet, from being taken for one that was left
NEW_SECRETS = 0x434F_0901


class TopicUnknown(Refusal):
    """That is none of the topics."""

    code = "topic_unknown"
    mend = "Choose one from the list."


class TextMissing(Refusal):
    """There is nothing to read in it."""

    code = "text_missing"
    mend = f"Write what you want to say, in {LONGEST_TYPED:,} characters at most."


class FormUsed(Refusal):
    """This form was sent before, with another address."""

    code = "form_used"
    mend = "Open the form anew and send it once."


@transaction.atomic
def from_form(*, reference: str, email: str, topic: str, subject: str, text: str, at: datetime) -> Inquiry:
    """Take in what somebody typed into the form that carried `reference`. The same again changes nothing."""
    if topic not in Topic.values:
        raise TopicUnknown
    sender = details.email(email)
    typed = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not typed or len(typed) > LONGEST_TYPED:
        raise TextMissing
    words = Words(details.line(subject, field="subject", longest=LONGEST_SUBJECT), typed.encode("utf-8", "replace").decode())
    _one_at_a_time(reference)
    known = Inquiry.objects.select_for_update(no_key=True, of=("self",)).filter(reference=reference).first()
    if known is None:
        return begin(channel=Channel.FORM, topic=topic, sender=sender, words=words, reference=reference, tell=True, at=at)
    if bytes(known.sender_digest) != texts.sender_digest(sender) or known.state == InquiryState.KEPT:
        raise FormUsed
    if words not in [texts.open_words(message) for message in known.messages.filter(kind=MessageKind.RECEIVED).select_related("inquiry")]:
        add(inquiry=known, words=words, at=at)
    return known


def begin(
    *, channel: Channel, sender: str, words: Words, at: datetime, topic: str = Topic.OTHER, reference: str = "", tell: bool = False
) -> Inquiry:
    """A new inquiry with its first message, in the caller's transaction; `tell` sends the sender its reference."""
    lock_secrets(shared=True)
    inquiry = Inquiry(
        topic=topic, channel=channel, person=finding.person_of(sender), sender_digest=texts.sender_digest(sender), opened_at=at, heard_at=at,
        policy_version=version_in_force(at), **({"reference": reference} if reference else {}),
    )  # fmt: skip
    inquiry.sender = texts.seal_sender(sender, reference=inquiry.reference)
    inquiry.save(force_insert=True)
    write(inquiry, words, kind=MessageKind.RECEIVED, at=at)
    ledger.record(
        "inquiry.opened", by=SYSTEM, about=inquiry.reference, at=at,
        facts={"channel": str(channel), "topic": str(topic), "person": inquiry.person.reference if inquiry.person else ""},
    )  # fmt: skip
    if tell:
        _tell(inquiry, sender, words, at)
    return inquiry


def add(*, inquiry: Inquiry, words: Words, at: datetime) -> InquiryMessage:
    """A further message of the sender, in the caller's transaction, who has locked the inquiry. It waits for us again."""
    if inquiry.state != InquiryState.OPEN:
        require_move(INQUIRY_MOVES, inquiry.state, InquiryState.OPEN)
    inquiry.state, inquiry.heard_at = InquiryState.OPEN, at
    inquiry.closed_at, inquiry.closed_by, inquiry.ends_at = None, "", None
    if inquiry.person_id is None:
        inquiry.person = finding.person_of(texts.open_sender(inquiry))
    inquiry.save(update_fields=["state", "heard_at", "closed_at", "closed_by", "ends_at", "person"])
    message = write(inquiry, words, kind=MessageKind.RECEIVED, at=at)
    ledger.record("inquiry.heard", by=SYSTEM, about=inquiry.reference, at=at, facts={"number": message.number})
    return message


def write(inquiry: Inquiry, words: Words, *, kind: MessageKind, at: datetime, by: str = "") -> InquiryMessage:
    """The next message of an inquiry that nobody else writes to: it is new, or the caller has locked it."""
    number = (inquiry.messages.aggregate(highest=Max("number"))["highest"] or 0) + 1
    return InquiryMessage.objects.create(
        inquiry=inquiry, number=number, kind=kind, words=texts.seal_words(words, reference=inquiry.reference, number=number),
        attachments=len(words.attachments), written_by=by, at=at, policy_version=version_in_force(at),
    )  # fmt: skip


def _tell(inquiry: Inquiry, sender: str, words: Words, at: datetime) -> None:
    """That it came and what happens next, to one address once a day at most."""
    once = texts.keyed("told", sender.casefold(), day_of(at).isoformat()).hex()[:40]
    outbox.queue(
        template="communications/inquiry_received", to=sender, context={"inquiry": inquiry}, about=inquiry.reference,
        once_key=f"inquiry-received/{once}", at=at, in_reply_to=words.message_id,
    )  # fmt: skip


def lock_secrets(*, shared: bool) -> None:
    """Who makes secrets holds it with others, who destroys those that were left holds it alone."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}(%s)", [NEW_SECRETS])


def _one_at_a_time(reference: str) -> None:
    """The same form sent twice at once is worked on one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [NEW_SECRETS & 0x7FFFFFFF, reference])
