"""What the client says of the Message Data that a request is about: by its standing rule, or by the answer to a question of its own.

Without a rule the client is asked. Where there is nothing to decide on it is not: whatever arrives of an erased person later is stored
under a pseudonym then, which loses the client nothing.
"""

from datetime import datetime

from apps.data_requests.models import ClientQuestion, DataRequest
from apps.data_requests.services import client_questions
from apps.foundation.personal_data import Subject
from apps.retention.services import people
from apps.retention.states import OnErasure


def ask(request: DataRequest, subject: Subject, *, at: datetime) -> str:
    """The client that is waited for; empty where nobody has to be asked. The caller holds the request."""
    return subject.organization if client_questions.ask(request, subject, at=at) else ""


def awaited(request: DataRequest, organization: str) -> bool:
    """Whether the client is still to answer; a rule that it gave meanwhile answers too, and its day ends the waiting."""
    return client_questions.awaited(request, organization)


def on_erasure(request: DataRequest) -> str:
    """What becomes of the messages."""
    question = _question(request)
    if question is not None and question.answer in OnErasure.values:
        return question.answer
    if question is not None and question.lapsed_at is not None:
        return OnErasure.KEEP  # it was asked and has not answered: nothing of what is its own is touched, until it does
    organization = request.organization.reference if request.organization else ""
    rule = people.rule_of(organization).erasure
    return OnErasure.PSEUDONYMISE if rule == OnErasure.ASK else rule


def _question(request: DataRequest) -> ClientQuestion | None:
    return ClientQuestion.objects.filter(request=request).order_by("-pk").first()
