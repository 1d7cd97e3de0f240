"""A request ends: its answer left, its words become unreadable, its evidence is made, and 24 months later its record goes too.

| step | when |
|---|---|
| an erasure is answered | it is in ANSWERING and no answer was written; other kinds are answered by who worked on them |
| completed | the answer has left, or was given up, or there was nobody to send it to |
| emptied, with the request's secret | in the transaction of the end; the secret right after it. What was denied or called back: when its letter left |
| forgotten | its day has come, and no hold keeps the person |

Killed between the commit and the end of a secret, the next sweep destroys what is left. It must never complete a request that was not
answered, never leave a word that can be read behind one that is over, and never forget a record before its day.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from apps.audit.services import ledger
from apps.data_requests import words
from apps.data_requests.inventory import HOLDINGS
from apps.data_requests.letters import ANSWERS
from apps.data_requests.models import DataRequest, Letter
from apps.data_requests.services import clocks, evidence, letters, merging, moving, opening
from apps.data_requests.services.sweeping import each
from apps.data_requests.states import ERASES, OVER, DenialReason, Kind, Outcome, State, StepKind
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import forget, keystore
from apps.foundation.personal_data import Subject
from apps.foundation.refusals import Refusal
from apps.holds.services import asking
from apps.mail.models import OutgoingMail
from apps.mail.states import State as MailState

A_SWEEP = 500
#: a mail that could not leave is looked at by staff first; then the answer counts as given up
GIVEN_UP_AFTER = timedelta(days=3)
OF_REQUESTS = "request/REQ-"
TITLES = {holding.code: holding.title for holding in HOLDINGS}
GROUNDS = {"hold": "a legal hold", "archive": "an archive that the client paid for", "contract": "a contract", "law": "a law"}


def finish_when_answered(*, at: datetime) -> int:
    """Answer what was erased, complete what was answered, empty what is over; returns how many requests were completed."""
    each(_answer, _unanswered(), at)
    done = each(_complete, DataRequest.objects.answering().values_list("pk", flat=True)[:A_SWEEP], at)
    each(_empty_over, DataRequest.objects.over_with_words().values_list("pk", flat=True)[:A_SWEEP], at)
    return done


def _unanswered() -> list[int]:
    rows = DataRequest.objects.answering().filter(kind__in=ERASES).exclude(letters__template__code__in=ANSWERS)
    return list(rows.values_list("pk", flat=True)[:A_SWEEP])


def _answer(pk: int, at: datetime) -> bool:
    request = moving.locked(pk)
    if request.state != State.ANSWERING or request.letters.filter(template__code__in=ANSWERS).exists():
        return False
    kept = list(request.remainders.filter(ended_at__isnull=True).order_by("holding", "pk"))
    context = {"holdings": _erased_from(request)}
    if kept:
        context["kept"] = "\n".join(f"- {_title(one.holding)}: kept for {GROUNDS[one.ground]}{_until(one.until)}." for one in kept)
    who = letters.addressee(request, at=at)
    letters.send(
        request, code="erased_in_part" if kept else "erased", to=who.to, address=who.address, context=context,
        once_key=f"{request.reference}/answer", by=SYSTEM, at=at,
    )  # fmt: skip
    return True


def _erased_from(request: DataRequest) -> str:
    """What was erased, by holding; never how much, which would say something about the person."""
    plan = request.plans.filter(void_at__isnull=True).first()
    steps = plan.steps.filter(kind=StepKind.ERASE).order_by("number") if plan else []
    titles = [_title(step.holding) for step in steps if step.erased or step.anonymised]
    return "\n".join(f"- {title}" for title in titles) or "- nothing: nothing was held any more"


def _title(code: str) -> str:
    return TITLES.get(code, code)


def _until(moment: datetime | None) -> str:
    return f", until {letters.long_day(moment)} at the latest" if moment else ", until that ends"


def _complete(pk: int, at: datetime) -> bool:
    request = moving.locked(pk)
    answers = request.letters.filter(template__code__in=ANSWERS)
    if request.state != State.ANSWERING or not answers.exists() or not _has_left(request, at):
        return False
    request.answered_at = _answered_at(list(answers))
    if request.remainders.filter(ended_at__isnull=True).exists():
        request.outcome = Outcome.PART
    clocks.happened(request, clocks.ANSWERED, at=request.answered_at)
    clocks.happened(request, clocks.DONE, at=request.answered_at)
    moving.move(request, State.COMPLETED, by=SYSTEM, at=at, facts={"answered_at": request.answered_at})
    evidence.make(request, at=at)
    _empty(request, at)
    if request.kind in ERASES:
        _end_others(request, at)
    return True


def _answered_at(answers: list[Letter]) -> datetime:
    """When the answer left; where none could leave, when it was written."""
    mails = OutgoingMail.objects.filter(once_key__in=[letters.once_key(letter) for letter in answers], state=MailState.SENT)
    return mails.aggregate(last=Max("sent_at"))["last"] or max(letter.sent_at for letter in answers)


def _has_left(request: DataRequest, at: datetime) -> bool:
    """No mail about it is on its way any more; one that could not leave waits for staff some days, and counts as given up then."""
    unsent = OutgoingMail.objects.filter(about=request.reference)
    on_its_way = unsent.filter(state=MailState.QUEUED).exists()
    return not on_its_way and not unsent.filter(state=MailState.PARKED, emptied_at=None, next_try_at__gt=at - GIVEN_UP_AFTER).exists()


def _end_others(request: DataRequest, at: datetime) -> None:
    """What else the same person had asked for: nothing is held any more. A complaint is still answered by who works on it."""
    if not request.person_reference:
        return
    others = DataRequest.objects.in_progress().filter(person_reference=request.person_reference, person=None)
    waiting = (State.RECEIVED, State.IDENTIFYING, State.COOLING_OFF, State.IN_WORK, State.AWAITING_APPROVAL)
    for other in others.exclude(kind=Kind.COMPLAINT).filter(state__in=waiting).order_by("pk"):
        row = moving.locked(other.pk)
        row.denial_reason, row.denial_basis = DenialReason.NOT_HELD, f"All that was held was erased by {request.reference}."
        moving.move(row, State.DENIED, by=SYSTEM, at=at, facts={"reason": row.denial_reason, "by": request.reference})


def _empty_over(pk: int, at: datetime) -> bool:
    request = moving.locked(pk)
    if request.state not in OVER or merging.goes_on(request).state not in OVER or not _has_left(request, at):
        return False
    _empty(request, at)
    return True


def _empty(request: DataRequest, at: datetime) -> None:
    """No word of it can be read from the commit on: rows emptied now, the secrets right after, what lies in backups with them."""
    for row in (request, *request.merged.select_for_update(of=("self",)).order_by("pk")):
        row.words = None
        row.save(update_fields=["words"])
        row.notes.filter(words__isnull=False).update(words=None)
        # what was given up is emptied too: it must not leave weeks later
        OutgoingMail.objects.filter(about=row.reference, state__in=(MailState.SENT, MailState.PARKED), emptied_at=None).update(
            to_address="", subject="", body="", unsubscribe_url="", in_reply_to="", emptied_at=at
        )
        ledger.record("request.emptied", by=SYSTEM, about=row.reference, at=at)
        transaction.on_commit(lambda reference=row.reference: _destroy_secret(reference), robust=True)


def _destroy_secret(reference: str) -> None:
    store, secret = keystore(), words.secret_of(reference)
    store.destroy(secret)
    forget(store.identity, secret)


@transaction.atomic
def destroy_left_secrets(*, at: datetime) -> int:
    """Destroy the secrets of requests whose words are gone, or that never came to be; returns how many."""
    opening.lock_secrets(shared=False)
    left = {name for name in keystore().names("request") if name.startswith(OF_REQUESTS)}
    left -= {words.secret_of(reference) for reference in DataRequest.objects.filter(words__isnull=False).values_list("reference", flat=True)}
    done = 0
    for name in sorted(left):
        try:
            _destroy_secret(name.partition("/")[2])
        except Refusal:  # a copy is out of reach: the next sweep tries again, and the check of the keystore says so
            continue
        done += 1
    return done


def forget_old(*, at: datetime) -> int:
    """Records whose day has come go, with all that belongs to them; returns how many. What a hold keeps stays as long as the hold."""
    due = DataRequest.objects.past_their_life(at).filter(merged=None).values_list("pk", flat=True)[:A_SWEEP]
    return each(_forget, due, at)


def _forget(pk: int, at: datetime) -> bool:
    request = moving.locked(pk)
    if request.state not in OVER or request.kept_until > at or _is_held(request, at):
        return False
    reference, kind, closed_at = request.reference, request.kind, request.closed_at
    request.arrivals.all().delete()
    request.delete()
    ledger.record("request.forgotten", by=SYSTEM, about=reference, at=at, facts={"kind": kind, "closed_at": closed_at})
    return True


def _is_held(request: DataRequest, at: datetime) -> bool:
    """Whether a hold keeps whose request it was. None can come before this transaction ends."""
    organization = request.organization.reference if request.organization else ""
    return bool(asking.keepers(subject=Subject(pk=request.person_id or 0, reference=request.person_reference, organization=organization), at=at))
