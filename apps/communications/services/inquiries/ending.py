"""An inquiry ends: its rows go, then its secret, so that it can't be read from a backup either. The ledger and the journal say so.

Order (DESIGN): the rows and the record commit first, then the secret is destroyed; what a killed worker left is destroyed by the next
sweep. What a hold keeps stays apart, unused, and is asked about at every sweep until the hold is over. It must never erase an inquiry
before the end that was written when it was closed, nor one whose person a hold keeps.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.audit.journal_file import Line
from apps.audit.services import journal, ledger
from apps.communications import texts
from apps.communications.models import Inquiry
from apps.communications.services.inquiries import finding, opening, receiving, working
from apps.communications.states import INQUIRY_MOVES, InquiryState
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import KeyDestroyed, KeyMissing, SealBroken, forget, keystore
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.holds import standstill
from apps.holds.services import asking

UNOPENABLE = (SealBroken, KeyMissing, KeyDestroyed)


def sweep(*, at: datetime) -> int:
    """Close what went quiet, erase what is past its life, destroy the secrets that are left; returns how many were erased."""
    working.close_quiet(before=at - timedelta(days=settings.INQUIRY_CLOSED_AFTER_DAYS), at=at)
    due = list(Inquiry.objects.past_their_life(at).values_list("pk", flat=True))
    erased = sum(_end(pk, at) for pk in due)
    receiving.forget_old(at=at)
    destroy_left_secrets(at=at)
    return erased


@transaction.atomic
def _end(pk: int, at: datetime) -> bool:
    """Erase one, or keep it apart for the hold that keeps it."""
    inquiry = Inquiry.objects.past_their_life(at).select_for_update(no_key=True, of=("self",)).filter(pk=pk).first()
    if inquiry is None:
        return False
    if not _is_kept(inquiry, at):
        erase(inquiry, at=at)
        return True
    if inquiry.state != InquiryState.KEPT:
        require_move(INQUIRY_MOVES, inquiry.state, InquiryState.KEPT)
        inquiry.state = InquiryState.KEPT
        inquiry.save(update_fields=["state"])
        ledger.record("inquiry.kept_for_hold", by=SYSTEM, about=inquiry.reference, at=at)
    return False


def _is_kept(inquiry: Inquiry, at: datetime) -> bool:
    """Whether a hold keeps who wrote; one on everybody keeps strangers too. The answer stands until the transaction ends."""
    if inquiry.person_id is None:
        _know_person(inquiry)
    if inquiry.person is None:
        standstill.keep_new_holds_out()
        return asking.in_force(at).filter(person_reference="", conversation_id="", organization=None).exists()
    try:
        asking.require_free(person=inquiry.person, at=at)
    except asking.UnderHold:
        return True
    return False


def _know_person(inquiry: Inquiry) -> None:
    """Who wrote may have registered since, and a hold may keep them."""
    try:
        inquiry.person = finding.person_of(texts.open_sender(inquiry))
    except UNOPENABLE:
        return
    if inquiry.person is not None:
        inquiry.save(update_fields=["person"])


def erase(inquiry: Inquiry, *, at: datetime) -> None:
    """The rows go with their record, in the caller's transaction; the secret goes on commit."""
    reference, messages = inquiry.reference, inquiry.messages.count()
    facts = {"messages": messages, "closed_at": inquiry.closed_at, "ends_at": inquiry.ends_at}
    inquiry.delete()
    journal.owe("inquiry.erased", about=reference, body={"messages": messages}, at=at)
    ledger.record("inquiry.erased", by=SYSTEM, about=reference, at=at, facts=facts)
    doorbell.ring("journal.owed")
    transaction.on_commit(lambda: _destroy_secret(reference), robust=True)


def _destroy_secret(reference: str) -> None:
    store, secret = keystore(), texts.secret_of(reference)
    if store.exists(secret):
        store.destroy(secret)
    forget(store.identity, secret)


@transaction.atomic
def destroy_left_secrets(*, at: datetime) -> int:
    """Destroy the secrets of inquiries that are gone: erased before a worker was killed, or gone with their person."""
    opening.lock_secrets(shared=False)
    left = set(keystore().names("inquiry")) - {texts.SENDERS}
    left -= {texts.secret_of(reference) for reference in Inquiry.objects.values_list("reference", flat=True)}
    done = 0
    for name in sorted(left):
        try:
            _destroy_secret(name.partition("/")[2])
        except Refusal:  # a copy is out of reach: the next sweep tries again, and the check of the keystore says so
            continue
        done += 1
    return done


def inquiry_erased(line: Line, *, at: datetime) -> None:
    """After a restore: the inquiry that was erased goes again. Its secret is gone, so nobody can have read it meanwhile."""
    inquiry = Inquiry.objects.select_for_update(no_key=True, of=("self",)).filter(reference=line.about).first()
    if inquiry is None:
        return
    inquiry.delete()
    ledger.record("inquiry.erased_again", by=SYSTEM, about=line.about, at=at)
    transaction.on_commit(lambda: _destroy_secret(line.about), robust=True)
