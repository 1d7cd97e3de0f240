"""What a person is handed of their messages: what they wrote and received and is still alive, decrypted, others left out of it.

Only where the client releases it, by its answer or its standing rule; else who decides is said, and nothing more. Messages whose day
is over, or that stand aside, are readable for nobody: they are counted. It must never hold more than one cohort's rows in memory.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from apps.accounts.models import Organization
from apps.foundation.personal_data import Collected, Subject
from apps.retention.services.people import finding, whose
from apps.retention.services.people.counting import count
from apps.retention.services.people.redacting import Redacting
from apps.retention.services.people.rules import rule_of
from apps.retention.services.people.whose import Whose
from apps.retention.states import AsideGround, OnAccess

#: rows decrypted at once
CHUNK = 200
RELEASED, DECIDES, KEPT = "Messages you wrote or received", "Messages: who decides on them", "Messages that are kept apart"
REASONS = {
    AsideGround.HOLD: "A legal hold names them. They are kept apart, unused and unread.",
    AsideGround.ARCHIVE: "They wait for the archive of the organization, and can't be read here any more.",
    AsideGround.REVIEW: "The organization looks them through before they are destroyed; they can't be read here any more.",
}
FILES_OF_OTHERS = "Somebody else sent it, and what is in a file can't be looked through for others' data."


def collect(subject: Subject, at: datetime, answer: str = "") -> Iterator[Collected]:
    """The person's messages, as the client's `answer` says, else its standing rule."""
    organization = Organization.objects.filter(reference=subject.organization).first() if subject.organization else None
    if organization is None:
        return
    them = whose.of(subject)
    said = answer or rule_of(organization).access
    if said != OnAccess.RELEASE:
        yield Collected(DECIDES, [_who_decides(subject, organization, said, at)])
        return
    redacting = Redacting(subject, them)
    yield Collected(RELEASED, _messages(subject, them, redacting, at), redactions=redacting)
    kept: Counter[str] = Counter()
    for bundle, rows in finding.set_aside(subject, them):
        kept[bundle.ground] += len(rows)
    if kept:
        yield Collected(KEPT, [{"Messages": number, "Why": REASONS[AsideGround(ground)]} for ground, number in sorted(kept.items())])


def _who_decides(subject: Subject, organization: Organization, said: str, at: datetime) -> dict:
    told = {
        OnAccess.WITHHOLD: "It does not release them to us to hand over. Ask it yourself.",
        OnAccess.ASK: "It was asked and has not answered yet. Ask it yourself.",
    }
    return {
        "Who decides": organization.name, "Why": "We store these messages for it and on its word alone.",
        "What it says": told[OnAccess(said)], "Messages": count(subject, at),
    }  # fmt: skip


def _messages(subject: Subject, them: Whose, redacting: Redacting, at: datetime) -> Iterator[dict]:
    for look, places in finding.live(subject, them, at):
        numbers = [place.id for place in places]
        for begin in range(0, len(numbers), CHUNK):
            for _source_tag, row in finding.rows(look, numbers[begin : begin + CHUNK]):
                message, _salt = look.opener.open(row.ciphertext, number=row.id, policy_version=row.policy_version)
                if them.took_part(message):
                    yield _told(message, look, them, redacting)


def _told(message: dict, look: finding.Look, them: Whose, redacting: Redacting) -> dict:
    sender, *recipients = redacting.parties(message)
    wrote = them.is_them(message["source"], message["sender"])
    return {
        "Sent": message["sent_at"],
        "Edited": message["edited_at"],
        "From": sender,
        "To": recipients,
        "Text": redacting.text(message["body"], message),
        "Attachments": [_attachment(attachment, message, wrote, redacting) for attachment in message["attachments"]],
        "Conversation": look.opener.conversation_tag(message["source"], message["conversation"]).hex()[:12],
        "Stored until": look.cohort.expiry_on.isoformat(),
    }


def _attachment(attachment: dict, message: dict, wrote: bool, redacting: Redacting) -> dict:
    """What is known of a file; what is in it only where the person sent it."""
    told = {name: attachment[name] for name in ("kind", "media_type", "size") if attachment.get(name) is not None}
    for name in ("name", "title", "text"):
        if attachment.get(name):
            told[name] = redacting.text(str(attachment[name]), message)
    for name in ("content", "address"):
        if attachment.get(name):
            if wrote:
                told[name] = attachment[name]
            else:
                redacting.left_out(f"{name} of an attachment", FILES_OF_OTHERS)
    return told
