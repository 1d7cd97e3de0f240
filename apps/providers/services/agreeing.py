"""Agreements: handed in with their document, checked clause by clause, confirmed by a second person, renewed, ended at once.

An agreement counts only when all that its kind must say was found in it (clauses.py) and somebody else than who asked confirmed
that. It must never take a document that is no PDF, nor let a renewal leave its predecessor's line without one that counts.
"""

from datetime import date, datetime

from django.db import transaction

from apps.accounts import details
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import NotAMove, require_move
from apps.foundation.refusals import Refusal
from apps.providers import clauses
from apps.providers.models import Agreement, Document, Provider
from apps.providers.models.agreements import LARGEST_DOCUMENT
from apps.providers.querysets import CONFIRM
from apps.providers.services import locking
from apps.providers.states import AGREEMENT_MOVES, COUNTS, AgreementKind, AgreementState, ProviderState
from apps.staff.models import StaffMember
from apps.staff.services import approvals

PROPOSE, CHANGE, END = "providers.add_agreement", "providers.change_agreement", "providers.end_agreement"
LONGEST_TITLE = 120


class NotAPdf(Refusal):
    """The file is no PDF."""

    code = "not_a_pdf"
    mend = "Hand it in as PDF, as it was signed."


class DocumentTooLarge(Refusal):
    """The file is larger than 20 MB."""

    code = "document_too_large"
    mend = "Hand in a smaller scan of it."


class ClausesMissing(Refusal):
    """Not all that the agreement must say was found in it."""

    code = "clauses_missing"
    mend = "Read it again and tick what it says; where a clause is missing, have the agreement changed and hand in the new one."


class NotARenewal(Refusal):
    """A renewal is of the same provider and kind, and begins after what it renews."""

    code = "not_a_renewal"
    mend = "Hand it in without naming one that it renews, or correct its kind or first day."


class DaysBackwards(Refusal):
    """An agreement ends after it begins."""

    code = "days_backwards"
    mend = "Correct its days; “until” is the day after its last."


class ProviderEnded(Refusal):
    """The provider is ended for good."""

    code = "provider_is_ended"
    mend = "Propose the provider anew."


def keep_document(content: bytes, *, by: StaffMember, at: datetime) -> Document:
    """Keep a PDF, in the caller's transaction."""
    if len(content) > LARGEST_DOCUMENT:
        raise DocumentTooLarge
    if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-1024:]:
        raise NotAPdf
    return Document.objects.create(content=content, digest=sha256(content), size=len(content), added_by=str(by.actor), added_at=at)


@transaction.atomic
def propose(
    *, provider: Provider, kind: str, title: str, starts_on: date, ends_on: date | None, content: bytes, by: StaffMember, at: datetime,
    supersedes: Agreement | None = None,
) -> Agreement:  # fmt: skip
    """Hand an agreement in. It counts for nothing until it was checked and confirmed by a second person."""
    proposer = locking.acting(by, PROPOSE)
    provider = locking.provider(provider.pk)
    require_not_ended(provider)
    if ends_on is not None and ends_on <= starts_on:
        raise DaysBackwards
    if supersedes is not None:
        supersedes = Agreement.objects.get(pk=supersedes.pk)
        _require_renewable(supersedes, provider, kind, starts_on)
    agreement = Agreement(
        provider=provider, kind=AgreementKind(kind), title=details.line(title, field="title", longest=LONGEST_TITLE), starts_on=starts_on,
        ends_on=ends_on, supersedes=supersedes, document=keep_document(content, by=proposer, at=at), proposed_by=str(proposer.actor), proposed_at=at,
    )  # fmt: skip
    agreement.line = supersedes.line if supersedes is not None else agreement.reference
    locking.add(agreement, by=proposer, at=at, reason="proposed")
    ledger.record(
        "agreement.proposed", by=proposer, about=agreement.reference, at=at,
        facts={"provider": provider.reference, "kind": agreement.kind, "from": starts_on, "until": ends_on, "document": bytes(agreement.document.digest),
               "renews": supersedes.reference if supersedes else ""},
    )  # fmt: skip
    return agreement


def _require_renewable(old: Agreement, provider: Provider, kind: str, starts_on: date) -> None:
    renewed = old.renewals.exclude(state=AgreementState.REJECTED).exists()
    if renewed or old.state != AgreementState.CONFIRMED:
        raise NotARenewal(f"{old.reference} is not confirmed, or has its renewal already.")
    if (old.provider_id, old.kind) != (provider.pk, kind) or starts_on <= old.starts_on:
        raise NotARenewal


@transaction.atomic
def tick(*, agreement: Agreement, found: list[str], by: StaffMember, at: datetime) -> Agreement:
    """Say which of the required clauses were found in it. A request to confirm it as it was is void."""
    actor = locking.acting(by, CHANGE)
    agreement = locking.belonging(agreement)
    if agreement.state != AgreementState.PROPOSED:
        raise NotAMove(f"{agreement.reference} was decided already.")
    known = [clause.code for clause in clauses.REQUIRED[agreement.kind]]
    ticked = [code for code in known if code in found]
    if ticked == agreement.clauses:
        return agreement
    agreement.clauses = ticked
    locking.save(agreement, ["clauses"], by=actor, at=at, reason="clauses ticked")
    locking.void(CONFIRM, agreement.reference, at=at)
    ledger.record("agreement.checked", by=actor, about=agreement.reference, at=at, facts={"found": len(ticked), "required": len(known)})
    return agreement


def digest_of(agreement: Agreement) -> bytes:
    """What a confirmation is bound to: the document, its days, its kind and what was found in it."""
    ends_on = agreement.ends_on.isoformat() if agreement.ends_on else ""
    return sha256(
        canonical([
            agreement.reference, agreement.provider_id, agreement.kind, agreement.title, agreement.line, agreement.starts_on.isoformat(), ends_on,
            bytes(agreement.document.digest).hex(), agreement.clauses,
        ])
    )  # fmt: skip


@transaction.atomic
def ask(*, agreement: Agreement, by: StaffMember, at: datetime) -> Agreement:
    """Ask that a second person reads it against the checklist and confirms it."""
    asker = locking.acting(by, PROPOSE)
    agreement = locking.belonging(agreement)
    require_move(AGREEMENT_MOVES, agreement.state, AgreementState.CONFIRMED)
    _require_complete(agreement)
    approvals.ask(act=CONFIRM, subject=agreement.reference, digest=digest_of(agreement), by=asker, at=at)
    ledger.record("agreement.confirmation_asked", by=asker, about=agreement.reference, at=at)
    return agreement


@transaction.atomic
def confirm(*, agreement: Agreement, by: StaffMember, at: datetime) -> Agreement:
    """Confirm an agreement that somebody else asked for. What it renews counts until its first day."""
    approval = locking.require_waiting(CONFIRM, agreement.reference)
    approver = locking.deciding(by, approval)
    agreement = locking.belonging(agreement)
    approvals.approve(approval=approval, digest=digest_of(agreement), by=approver, at=at)
    require_not_ended(agreement.provider)
    _require_complete(agreement)
    if agreement.supersedes_id is not None:
        _supersede(agreement, by=approver, at=at)
    agreement.confirmation_asked_by, agreement.confirmed_by, agreement.confirmed_at = str(approval.asked_by.actor), str(approver.actor), at
    _move(agreement, AgreementState.CONFIRMED, "confirmation_asked_by", "confirmed_by", "confirmed_at", by=approver, at=at)
    facts = {"provider": agreement.provider.reference, "kind": agreement.kind, "asked_by": agreement.confirmation_asked_by}
    ledger.record("agreement.confirmed", by=approver, about=agreement.reference, at=at, facts=facts)
    return agreement


def _supersede(agreement: Agreement, *, by: StaffMember, at: datetime) -> None:
    old = Agreement.objects.select_for_update(of=("self",)).get(pk=agreement.supersedes_id)
    if old.state != AgreementState.CONFIRMED:
        raise NotARenewal(f"{old.reference} was ended or renewed meanwhile.")
    if old.ends_on is None or old.ends_on > agreement.starts_on:
        old.ends_on = agreement.starts_on
    _move(old, AgreementState.SUPERSEDED, "ends_on", by=by, at=at)
    ledger.record("agreement.superseded", by=by, about=old.reference, at=at, facts={"by": agreement.reference, "until": old.ends_on})


@transaction.atomic
def reject(*, agreement: Agreement, by: StaffMember, at: datetime) -> Agreement:
    """Put an agreement away that somebody else asked to confirm; it never counts."""
    approval = locking.require_waiting(CONFIRM, agreement.reference)
    approver = locking.deciding(by, approval)
    agreement = locking.belonging(agreement)
    approvals.reject(approval=approval, digest=digest_of(agreement), by=approver, at=at)
    _move(agreement, AgreementState.REJECTED, by=approver, at=at)
    ledger.record("agreement.rejected", by=approver, about=agreement.reference, at=at)
    return agreement


@transaction.atomic
def end(*, agreement: Agreement, by: StaffMember, at: datetime) -> Agreement:
    """End an agreement before its time: from this moment on nothing leaves on it."""
    actor = locking.acting(by, END)
    agreement = locking.belonging(agreement)
    agreement.ended_by, agreement.ended_at = str(actor.actor), at
    _move(agreement, AgreementState.ENDED, "ended_by", "ended_at", by=actor, at=at)
    ledger.record("agreement.ended", by=actor, about=agreement.reference, at=at, facts={"provider": agreement.provider.reference})
    journal.owe("agreement.ended", about=agreement.reference, at=at, body={"by": agreement.ended_by})
    doorbell.ring("journal.owed")
    return agreement


@transaction.atomic
def read_document(*, document: Document, about: str, by: StaffMember, at: datetime) -> bytes:
    """The document's bytes; that somebody took it is recorded. People stand in it."""
    ledger.record("document.read", by=by, about=about, at=at, facts={"document": document.reference, "digest": bytes(document.digest)})
    return bytes(document.content)


def require_not_ended(provider: Provider) -> None:
    """Nothing is added to a provider that is over."""
    if provider.state == ProviderState.ENDED:
        raise ProviderEnded


def counts(agreement: Agreement) -> bool:
    """Whether it was confirmed and not ended; its days are another question."""
    return agreement.state in COUNTS


def _require_complete(agreement: Agreement) -> None:
    lacking = clauses.missing(agreement.kind, agreement.clauses)
    if lacking:
        raise ClausesMissing(f"Not found in {agreement.reference}: {'; '.join(str(clause) for clause in lacking)}.")


def _move(agreement: Agreement, state: AgreementState, *fields: str, by: StaffMember, at: datetime) -> None:
    require_move(AGREEMENT_MOVES, agreement.state, state)
    agreement.state = state
    locking.save(agreement, ["state", *fields], by=by, at=at, reason=state.label)
