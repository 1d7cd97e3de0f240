"""A hold is placed by one person and is in force the moment it commits; from then on every destruction finds it.

| order | why |
|---|---|
| who places it is locked | a right counts at the moment of the act |
| wait for destructions (standstill) | a hold comes before the last look of a destruction or after it, never in between |
| the matter is locked | it may be closing |
| row, ledger and what the journal is owed, in one transaction | no effect without its record |

It must never put a conversation's name where it is kept for good: the journal gets a salted digest, and the words encrypted.
"""

from datetime import date, datetime
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from apps.accounts import details
from apps.accounts.models import Organization, Person
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.refusals import Refusal
from apps.holds import standstill, texts
from apps.holds.models import Hold, Matter
from apps.holds.states import MatterState
from apps.staff.models import StaffMember
from apps.staff.services import presence

PLACE = "holds.add_hold"
LONGEST_CONVERSATION, LONGEST_REASON = 200, 500

#: what makes two holds of a matter the same
SCOPE = ("organization_id", "person_reference", "conversation_source", "conversation_id", "sent_from", "sent_until")


class Conversation(NamedTuple):
    """How the sending system names a conversation. The id means nothing without its source."""

    source: str
    id: str


class MatterClosed(Refusal):
    """The matter is closed; nothing can be held for it any more."""

    code = "matter_closed"
    mend = "Open a new matter, and place the hold for that."


class HoldWithoutScope(Refusal):
    """The hold does not say what to keep."""

    code = "hold_without_scope"
    mend = "Name an organization, a person, a conversation or days of sending."


class ConversationWithoutOrganization(Refusal):
    """A conversation is named by its system and its id, and is one of an organization."""

    code = "conversation_without_organization"
    mend = "Give the organization, the system and the id of the conversation, or none of system and id."


class ScopeContradictsItself(Refusal):
    """Nothing could ever fall under this hold."""

    code = "scope_contradicts_itself"
    mend = "Correct the scope."


class NobodyLeftToHold(Refusal):
    """The person was erased a moment ago."""

    code = "nobody_left_to_hold"
    mend = "What is left of them stands in the evidence of the erasure. Hold their organization or a conversation instead."


class AlreadyHeld(Refusal):
    """The matter already has a hold in force on exactly this."""

    code = "already_held"
    mend = "Nothing needs to be done: it is kept."


@transaction.atomic
def place(
    *, matter: Matter, organization: Organization | None = None, person: Person | None = None,
    conversation: Conversation | tuple[str, str] | None = None, sent_from: date | None = None, sent_until: date | None = None,
    reason: str, by: StaffMember, at: datetime,
) -> Hold:  # fmt: skip
    """Place a hold. In force at once, also on what still arrives; the same asked twice by the same person is one hold."""
    placer = presence.lock(by)[by.pk]
    presence.require_right(placer, PLACE)
    standstill.wait_for_destructions()
    if person is not None and not Person.objects.select_for_update(no_key=True).filter(pk=person.pk).exists():
        raise NobodyLeftToHold(f"{person.reference} is no longer there.")
    hold = fitted(
        matter=Matter.objects.select_for_update().get(pk=matter.pk), organization=organization, person=person,
        conversation=conversation, sent_from=sent_from, sent_until=sent_until, reason=reason,
    )  # fmt: skip
    standing = _standing(hold)
    if standing is not None:
        if (standing.placed_by, standing.reason) == (str(placer.actor), hold.reason):
            return standing
        raise AlreadyHeld(f"{standing.reference} keeps exactly this for {hold.matter.reference} already.")
    hold.placed_by, hold.placed_at = str(placer.actor), at
    hold.save(force_insert=True)
    facts = {"matter": hold.matter.reference} | scope_facts(hold)
    ledger.record("hold.placed", by=placer, about=hold.reference, at=at, facts=facts)
    journal.owe(
        "hold.placed", about=hold.reference, at=at, body=facts | {"by": hold.placed_by, "words": _words(hold)}
    )
    doorbell.ring("journal.owed")
    doorbell.ring("holds.changed")
    return hold


def fitted(
    *, matter: Matter, organization: Organization | None, person: Person | None,
    conversation: Conversation | tuple[str, str] | None, sent_from: date | None, sent_until: date | None, reason: str,
) -> Hold:  # fmt: skip
    """The hold as it would be placed, not saved; refuses what can't be placed."""
    if matter.state != MatterState.OPEN:
        raise MatterClosed(f"{matter.reference} is closed.")
    source, conversation_id = conversation or ("", "")
    if not (organization or person or source or conversation_id or sent_from or sent_until):
        raise HoldWithoutScope
    if bool(source) != bool(conversation_id) or (source and organization is None):
        raise ConversationWithoutOrganization
    if person and organization and person.organization_id not in (None, organization.pk):
        raise ScopeContradictsItself(f"{person.reference} does not belong to {organization.reference}.")
    if sent_from and sent_until and sent_from >= sent_until:
        raise ScopeContradictsItself("The first day of sending does not lie before the end.")
    return Hold(
        matter=matter, organization=organization, person=person, person_reference=person.reference if person else "",
        conversation_source=details.source(source) if source else "", conversation_id=_as_sent(conversation_id),
        sent_from=sent_from, sent_until=sent_until, reason=details.line(reason, field="reason", longest=LONGEST_REASON),
    )  # fmt: skip


def what_it_does(hold: Hold) -> list[str]:
    """What placing this hold would mean, one sentence each, for who is about to place it."""
    days = settings.HOLD_RELEASE_GRACE_DAYS
    grace = "a day" if days == 1 else f"{days} days"
    return [
        f"Kept for {hold.matter.reference}: {hold.scope_in_words}; what is stored now, and what still arrives.",
        "It is in force at once. From then on nothing of it is destroyed or erased, whatever else asks for it.",
        "When its day comes it is hidden and set apart; nobody can read it but by an export of the matter, which takes a second person.",
        "What is destroyed already can't be had back. A destruction that is at work right now ends first.",
        f"It ends only by a release, which takes a reason and a second person and is final; {grace} later what it kept falls due.",
    ]


def scope_facts(hold: Hold) -> dict:
    """What a hold keeps as ledger and journal hold it: references, days, and a digest of the conversation."""
    return {
        "organization": hold.organization.reference if hold.organization_id else "",
        "person": hold.person_reference,
        "conversation": texts.conversation_digest(hold.salt, hold.conversation_source, hold.conversation_id),
        "sent_from": hold.sent_from.isoformat() if hold.sent_from else "",
        "sent_until": hold.sent_until.isoformat() if hold.sent_until else "",
    }


def _as_sent(conversation_id: str) -> str:
    """The id exactly as the sending system writes it, since its messages are found by it; only looked at."""
    if conversation_id:
        details.line(conversation_id, field="conversation", longest=LONGEST_CONVERSATION)
    return conversation_id


def _standing(hold: Hold) -> Hold | None:
    """The hold in force of the same matter on exactly the same, if there is one."""
    same = {name: getattr(hold, name) for name in SCOPE if getattr(hold, name) is not None}
    nothing = {f"{name}__isnull": True for name in SCOPE if getattr(hold, name) is None}
    return Hold.objects.active().filter(matter_id=hold.matter_id, **same, **nothing).first()


def _words(hold: Hold) -> list[str]:
    words = {
        "reason": hold.reason, "source": hold.conversation_source, "conversation": hold.conversation_id,
        "salt": bytes(hold.salt).hex(),
    }  # fmt: skip
    return texts.seal(words, matter=hold.matter.reference, about=hold.reference)
