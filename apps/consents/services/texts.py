"""Purposes and their texts: proposed and drafted by one, published by a second person, and never changed again.

A text is published by what its digest says and nothing else; the digest covers the purpose too (title, who gets the data, what for),
so that the approval of the first text opens exactly the purpose that was read. It must never widen what people allowed before: whoever
said yes to an older text stays with its words and categories until they say yes to the new one.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from apps.audit.services import ledger
from apps.consents.models import ConsentPurpose, PurposeText
from apps.consents.purposes import Kind
from apps.consents.states import TEXT_MOVES, TextState
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.policies.vocabulary import CATEGORIES
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence

PUBLISH = "consents.publish_purposetext"
DRAFT = "consents.change_purposetext"
PROPOSE = "consents.add_consentpurpose"
CLOSE = "consents.close_consentpurpose"
LONGEST_LIFE_MONTHS = 120


class PurposeTaken(Refusal):
    """There is a purpose of that code already, and a code is used once."""

    code = "purpose_taken"
    mend = "Draft a new text for the purpose that exists, or use another code."


class TextNotReady(Refusal):
    """The text can't be asked for as it stands."""

    code = "text_not_ready"
    mend = "Complete it and try again."


class TextNotAsked(Refusal):
    """Nobody asks for this text to be published."""

    code = "text_not_asked"
    mend = "Ask for it first; a second person then approves it."


class PurposeNotOpen(Refusal):
    """Nobody can give this purpose, so there is nothing to close."""

    code = "purpose_not_open"
    mend = "Reload the page: somebody may have closed it already."


def digest_of(text: PurposeText) -> bytes:
    """SHA-256 of the canonical text, with the purpose that it is about."""
    purpose = text.purpose
    said = {
        "purpose": purpose.code, "kind": str(purpose.kind), "channel": str(purpose.channel), "title": purpose.title,
        "recipient": purpose.recipient, "disclosure_purpose": str(purpose.disclosure_purpose), "number": text.number, "words": text.words,
        "collected": text.collected, "lost_without": text.lost_without, "categories": sorted(text.categories), "months": text.months,
    }  # fmt: skip
    return sha256(canonical(said))


def text_before(text: PurposeText) -> PurposeText | None:
    """The text that was published last before this one."""
    return PurposeText.objects.published().filter(purpose_id=text.purpose_id, number__lt=text.number).order_by("-number").first()


def asked_for(text: PurposeText) -> Approval | None:
    """The open request to publish this text in the words that it has now."""
    approval = Approval.objects.waiting().filter(act=PUBLISH, subject=text.reference).select_related("asked_by").first()
    return approval if approval is not None and bytes(approval.digest) == digest_of(text) else None


@transaction.atomic
def propose(*, code: str, title: str, recipient: str, disclosure_purpose: str, by: StaffMember, at: datetime) -> ConsentPurpose:
    """A further purpose, under which data goes to somebody. Closed until a second person approves its first text."""
    proposer = presence.lock(by)[by.pk]
    presence.require_right(proposer, PROPOSE)
    if ConsentPurpose.objects.filter(pk=code).exists():
        raise PurposeTaken
    purpose = ConsentPurpose.objects.create(
        code=code, kind=Kind.DISCLOSURE, title=" ".join(title.split()), recipient=recipient, disclosure_purpose=disclosure_purpose,
        proposed_by=str(proposer.actor), proposed_at=at,
    )  # fmt: skip
    facts = {"recipient": recipient, "disclosure_purpose": disclosure_purpose}
    ledger.record("consent_purpose.proposed", by=proposer, about=purpose.code, at=at, facts=facts)
    return purpose


@transaction.atomic
def draft(
    *, purpose: ConsentPurpose, words: str, collected: str, lost_without: str, categories: Iterable[str], months: int | None,
    by: StaffMember, at: datetime,
) -> PurposeText:  # fmt: skip
    """Write the next text of a purpose, or another draft in the place of the one there is. Nobody is shown a draft."""
    author = presence.lock(by)[by.pk]
    presence.require_right(author, DRAFT)
    ConsentPurpose.objects.select_for_update().get(pk=purpose.pk)
    last = PurposeText.objects.published().filter(purpose=purpose).order_by("-number").first()
    PurposeText.objects.filter(purpose=purpose, state=TextState.DRAFT).delete()
    text = PurposeText(
        purpose=purpose, number=last.number + 1 if last else 1, words=words.strip(), collected=collected.strip(),
        lost_without=lost_without.strip(), categories=sorted(set(categories)), months=months, drafted_by=str(author.actor), drafted_at=at,
    )  # fmt: skip
    _require_ready(text)
    text.save()
    ledger.record("consent_text.drafted", by=author, about=text.reference, at=at, facts={"digest": digest_of(text).hex()})
    return text


@transaction.atomic
def ask(*, text: PurposeText, by: StaffMember, at: datetime) -> Approval:
    """Ask for a draft to be published. A second person approves exactly the words it has now."""
    asker = presence.lock(by)[by.pk]
    presence.require_right(asker, DRAFT)
    locked = _locked(text)
    require_move(TEXT_MOVES, locked.state, TextState.PUBLISHED)
    approval = approvals.ask(act=PUBLISH, subject=locked.reference, digest=digest_of(locked), by=asker, at=at)
    facts = {"approval": approval.reference, "digest": digest_of(locked).hex()}
    ledger.record("consent_text.asked", by=asker, about=locked.reference, at=at, facts=facts)
    return approval


@transaction.atomic
def publish(*, text: PurposeText, by: StaffMember, at: datetime) -> PurposeText:
    """Approve what somebody else asked for and drafted; in force at once and for good. The first text opens its purpose."""
    approval = _require_asked(text)
    approver = presence.lock(by, approval.asked_by)[by.pk]
    locked = _locked(text)
    require_move(TEXT_MOVES, locked.state, TextState.PUBLISHED)
    if locked.drafted_by == str(approver.actor):
        raise approvals.OwnRequest
    digest = digest_of(locked)
    approvals.approve(approval=approval, digest=digest, by=approver, at=at)
    locked.state, locked.digest, locked.published_by, locked.published_at = TextState.PUBLISHED, digest, str(approver.actor), at
    locked.save(update_fields=["state", "digest", "published_by", "published_at"])
    purpose = locked.purpose
    if not purpose.is_open:
        purpose.is_open, purpose.opened_at, purpose.closed_at = True, purpose.opened_at or at, None
        purpose.save(update_fields=["is_open", "opened_at", "closed_at"])
    facts = {"digest": digest.hex(), "approval": approval.reference, "categories": locked.categories, "months": locked.months}
    ledger.record("consent_text.published", by=approver, about=locked.reference, at=at, facts=facts)
    return locked


@transaction.atomic
def reject(*, text: PurposeText, by: StaffMember, at: datetime) -> PurposeText:
    """Reject what somebody else asked for. The draft stays, to be written anew."""
    approval = _require_asked(text)
    approver = presence.lock(by, approval.asked_by)[by.pk]
    locked = _locked(text)
    approvals.reject(approval=approval, digest=digest_of(locked), by=approver, at=at)
    ledger.record("consent_text.rejected", by=approver, about=locked.reference, at=at, facts={"approval": approval.reference})
    return locked


@transaction.atomic
def close(*, purpose: ConsentPurpose, by: StaffMember, at: datetime) -> ConsentPurpose:
    """Nobody is asked for it any more, and nobody can give it. What stands goes on until it is withdrawn or over."""
    closer = presence.lock(by)[by.pk]
    presence.require_right(closer, CLOSE)
    locked = ConsentPurpose.objects.select_for_update().get(pk=purpose.pk)
    if not locked.is_open:
        raise PurposeNotOpen
    locked.is_open, locked.closed_at = False, at
    locked.save(update_fields=["is_open", "closed_at"])
    ledger.record("consent_purpose.closed", by=closer, about=locked.code, at=at)
    return locked


def _locked(text: PurposeText) -> PurposeText:
    return PurposeText.objects.select_for_update(of=("self", "purpose")).select_related("purpose").get(pk=text.pk)


def _require_asked(text: PurposeText) -> Approval:
    approval = asked_for(text)
    if approval is None:
        raise TextNotAsked(f"Nobody asks for {text} as it is now.")
    return approval


def _require_ready(text: PurposeText) -> None:
    if not (text.words and text.collected and text.lost_without):
        raise TextNotReady("It has to say what for, what is collected, and what is lost without it.")
    unknown = sorted(set(text.categories) - CATEGORIES.keys())
    if unknown or not text.categories:
        raise TextNotReady("It has to name data categories of the vocabulary, and no others.")
    if text.months is not None and not 1 <= text.months <= LONGEST_LIFE_MONTHS:
        raise TextNotReady(f"A consent lasts between one and {LONGEST_LIFE_MONTHS} months, or until it is withdrawn.")
