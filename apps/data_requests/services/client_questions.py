"""A client is asked what becomes of a person's messages, which are its own data: told by mail, reminded, and answered, by its service or by staff.

| what | when |
|---|---|
| its standing rule answers | at once, and it is not written to |
| its contact is written to, and its clock starts | where there are messages and no rule |
| the person hears who decides | where there are messages |
| it is reminded | each week until it answers |
| its day passes | the request goes on without it: nothing of the client's is touched or handed over |
| it answers, also late | the request goes on; what had been left to the client is done as it says |

The mail names the person by the reference that the client's service got when it registered them, and nothing else. It must never take an
answer that does not fit what was asked, nor change one that was given.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.accounts import details
from apps.accounts.models import Organization, ServiceToken
from apps.accounts.services import tokens
from apps.audit.services import ledger
from apps.data_requests.models import ClientQuestion, DataRequest, Remainder
from apps.data_requests.services import clocks, letters, moving
from apps.data_requests.states import ERASES, OVER, ClientAnswer, Regime
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.personal_data import Subject
from apps.foundation.refusals import Refusal
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.services.rendering import AddressUnusable
from apps.mail.states import State as MailState
from apps.retention.services import people
from apps.retention.states import OnAccess, OnErasure
from apps.staff.models import StaffMember
from apps.staff.services import presence

ANSWER = "data_requests.answer_clientquestion"
MAIL = "data_requests/client_question"
#: on what a client decides
HOLDING = "retention.messages"
EVERY = timedelta(days=7)
AT_A_TIME = 200
LONGEST_EVIDENCE = 300

ON_ERASURE = (ClientAnswer.ERASE, ClientAnswer.PSEUDONYMISE, ClientAnswer.KEEP)
ON_ACCESS = (ClientAnswer.RELEASE, ClientAnswer.WITHHOLD)


class QuestionUnknown(Refusal):
    """Nobody was asked under that reference."""

    code = "question_unknown"
    mend = "Copy the reference from the mail that asked, like CLQ-7F3K2M9."


class QuestionAnswered(Refusal):
    """The client has answered this already, and otherwise."""

    code = "question_answered"
    mend = "An answer stands once it is given: what it said may have been done by now."


class AnswerUnfit(Refusal):
    """That is no answer to what was asked."""

    code = "answer_unfit"
    mend = "Of an erasure: erase, pseudonymise or keep. Of a copy: release or withhold."


def fitting(request: DataRequest) -> tuple[ClientAnswer, ...]:
    """The answers that there are to what a request asks."""
    return ON_ERASURE if request.kind in ERASES else ON_ACCESS


def ask(request: DataRequest, subject: Subject, *, at: datetime) -> bool:
    """Ask the client of the person, once; whether it is waited for. The caller holds the request.

    Its standing rule answers in its place, also where it came after the question.
    """
    if not subject.organization:
        return False
    question = ClientQuestion.objects.select_for_update().filter(request=request, organization=subject.organization).first()
    if question is not None and (question.answer or question.lapsed_at):
        return False
    rule = people.rule_of(subject.organization)
    said = rule.erasure if request.kind in ERASES else rule.access
    if said not in (OnErasure.ASK, OnAccess.ASK):
        _by_rule(request, question, subject.organization, said, rule.reference, at)
        if people.count(subject, at):
            _tell_who_decides(request, Organization.objects.get(reference=subject.organization), at)
        return False
    if question is None and not people.count(subject, at):
        return False
    if question is None:
        _put(request, subject, at)
    return True


def awaited(request: DataRequest, organization: str) -> bool:
    """Whether the client is still to answer; a rule that it gave meanwhile answers too."""
    question = ClientQuestion.objects.filter(request=request, organization=organization).first()
    if question is not None and (question.answer or question.lapsed_at):
        return False
    rule = people.rule_of(organization)
    return (rule.erasure if request.kind in ERASES else rule.access) in (OnErasure.ASK, OnAccess.ASK)


def _by_rule(request: DataRequest, question: ClientQuestion | None, organization: str, said: str, rule: str, at: datetime) -> None:
    question = question or ClientQuestion(request=request, organization=organization, due_at=at)
    question.by_rule = True
    _answered(request, question, said, by=SYSTEM, evidence=rule, at=at)


def _put(request: DataRequest, subject: Subject, at: datetime) -> None:
    """Its clock, its mail, and a word to the person."""
    client = Organization.objects.get(reference=subject.organization)
    clock = clocks.start(request, Regime.CLIENT_ANSWER, at=at)
    question = ClientQuestion.objects.create(request=request, organization=client.reference, asked_at=at, due_at=clock.due_at)
    mailed = _mail(question, client, subject.reference, 0, at)
    ledger.record(
        "request.client_asked", by=SYSTEM, about=request.reference, at=at,
        facts={"question": question.reference, "organization": client.reference, "due_at": question.due_at, "mailed": mailed},
    )  # fmt: skip
    _tell_who_decides(request, client, at)
    doorbell.ring("requests.due")


def _tell_who_decides(request: DataRequest, client: Organization, at: datetime) -> None:
    """The person hears whose word counts on their messages, once."""
    who = letters.addressee(request, at=at)
    letters.send(
        request, code="client_decides", to=who.to, address=who.address, context={"organization": client.name},
        once_key=f"{request.reference}/client_decides", by=SYSTEM, at=at,
    )  # fmt: skip


def _mail(question: ClientQuestion, client: Organization, person: str, turn: int, at: datetime) -> bool:
    """To the client's contact; False where its address can't be used, which the list shows."""
    answers = [{"code": answer.value, "words": answer.label} for answer in fitting(question.request)]
    context = {
        "question": question.reference, "organization": client.reference, "person": person, "is_erasure": question.request.kind in ERASES,
        "answers": answers, "due_on": letters.long_day(question.due_at), "is_again": turn > 0,
        "url": f"{settings.BASE_URL.rstrip('/')}/api/v1/client-questions/{question.reference}/answer",
    }  # fmt: skip
    try:
        outbox.queue(
            template=MAIL, to=client.contact_email, context=context, about=question.request.reference,
            once_key=f"client-question-{question.reference}-{turn}", at=at,
        )  # fmt: skip
    except AddressUnusable:
        return False
    return True


def remind_due(*, at: datetime) -> int:
    """Remind whoever has not answered for a week; returns how many were."""
    late = ClientQuestion.objects.filter(answered_at=None, lapsed_at=None, asked_at__lte=at - EVERY, due_at__gt=at).exclude(request__state__in=OVER)
    return sum(_remind(pk, at) for pk in late.exclude(reminded_at__gt=at - EVERY).order_by("due_at", "id").values_list("pk", flat=True)[:AT_A_TIME])


@transaction.atomic
def _remind(pk: int, at: datetime) -> bool:
    question = ClientQuestion.objects.select_for_update(of=("self",), skip_locked=True).select_related("request").filter(pk=pk).first()
    if question is None or question.answered_at or (question.reminded_at and question.reminded_at > at - EVERY):
        return False
    client = Organization.objects.get(reference=question.organization)
    turn = max(1, (at - question.asked_at) // EVERY)
    mailed = _mail(question, client, question.request.person_reference, turn, at)
    question.reminded_at = at
    question.save(update_fields=["reminded_at"])
    facts = {"question": question.reference, "organization": client.reference, "turn": turn, "mailed": mailed}
    ledger.record("request.client_reminded", by=SYSTEM, about=question.request.reference, at=at, facts=facts)
    return True


def lapse_due(*, at: datetime) -> int:
    """Go on without those whose day has passed; returns how many."""
    over = ClientQuestion.objects.filter(answered_at=None, lapsed_at=None, due_at__lte=at).order_by("due_at", "id")
    return sum(_lapse(*row, at) for row in over.values_list("pk", "request_id")[:AT_A_TIME])


@transaction.atomic
def _lapse(pk: int, request_id: int, at: datetime) -> bool:
    request = moving.locked(request_id)
    question = ClientQuestion.objects.select_for_update().get(pk=pk)
    if question.answered_at or question.lapsed_at:
        return False
    question.lapsed_at = at
    question.save(update_fields=["lapsed_at"])
    ledger.record(
        "request.client_silent", by=SYSTEM, about=request.reference, at=at, facts={"question": question.reference, "organization": question.organization}
    )
    _go_on(request, "lapsed", at)
    return True


@transaction.atomic
def record_answer(*, question: ClientQuestion, answer: str, evidence: str, by: StaffMember, at: datetime) -> ClientQuestion:
    """Write down what the client answered, and where that lies."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, ANSWER)
    return _take(question, answer, evidence=details.line(evidence, field="evidence", longest=LONGEST_EVIDENCE), by=member.actor, at=at)


@transaction.atomic
def answer_by_service(reference: str, *, answer: str, token: ServiceToken, at: datetime) -> ClientQuestion:
    """The client's own service answers. Raises QuestionUnknown, also for another client's."""
    question = of_client(token).filter(reference=reference).first()
    if question is None:
        raise QuestionUnknown
    tokens.require_organization(token, question.organization)
    return _take(question, answer, evidence=token.reference, by=token.actor, at=at)


def of_client(token: ServiceToken):
    """What the client of a token was asked, the newest first; what its rule answered too."""
    rows = ClientQuestion.objects.select_related("request").order_by("-id")
    return rows.filter(organization=token.organization.reference) if token.organization_id else rows


def _take(question: ClientQuestion, answer: str, *, evidence: str, by: Actor, at: datetime) -> ClientQuestion:
    request = moving.locked(question.request_id)
    question = ClientQuestion.objects.select_for_update(of=("self",)).get(pk=question.pk)
    if answer not in fitting(request):
        raise AnswerUnfit
    if question.answer == answer:
        return question
    if question.answer:
        raise QuestionAnswered
    _answered(request, question, answer, by=by, evidence=evidence, at=at)
    return question


def _answered(request: DataRequest, question: ClientQuestion, answer: str, *, by: Actor, evidence: str, at: datetime) -> None:
    question.answer, question.answered_at = ClientAnswer(answer), at
    question.recorded_by, question.evidence = str(by), evidence
    question.save()
    ledger.record(
        "request.client_answered", by=by, about=request.reference, at=at,
        facts={
            "question": question.reference, "organization": question.organization, "answer": str(answer), "by_rule": question.by_rule,
            "late": question.lapsed_at is not None,
        },
    )  # fmt: skip
    _go_on(request, "client_answered", at)


def _go_on(request: DataRequest, event: str, at: datetime) -> None:
    """The clock stops, and what waited is due: the request's next step, or what had been left to the client.

    The mails that asked name the person; nobody needs them any more, and what has not left is not sent.
    """
    clocks.stop(request, Regime.CLIENT_ANSWER, event, at)
    mails = OutgoingMail.objects.filter(about=request.reference, template=MAIL, emptied_at=None)
    outbox.take_back(mails=mails.values_list("pk", flat=True), at=at)
    mails.filter(state=MailState.SENT).update(to_address="", subject="", body="", unsubscribe_url="", in_reply_to="", emptied_at=at)
    if request.leased_until is None or request.leased_until <= at:
        request.next_try_at = None
        request.save(update_fields=["next_try_at"])
    Remainder.objects.filter(request=request, holding=HOLDING, ended_at=None).update(next_try_at=at)
    doorbell.ring("requests.due")
