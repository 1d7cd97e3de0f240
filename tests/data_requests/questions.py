"""Acts that write to a client because it decides on messages; tests/mail reads what arrives."""

from django.db import transaction

from apps.accounts.services.subjects import subject_of
from apps.data_requests.models import ClientQuestion
from apps.data_requests.services import client_questions, moving
from apps.data_requests.states import Kind
from tests import cast
from tests.cast import NOON
from tests.data_requests import carried


def asked(kind: str = Kind.DELETION, at=NOON) -> ClientQuestion:
    """Ada's client has a rule of life, messages of hers, and has said nothing once for all."""
    clinic = cast.hill_clinic(90)
    ada = cast.ada(clinic)
    cast.hand_over(clinic, [cast.message(1)])
    request = carried.asked(ada, kind, at)
    with transaction.atomic():
        client_questions.ask(moving.locked(request.pk), subject_of(ada), at=at)
    return ClientQuestion.objects.get()


def a_question():
    question = asked()
    client = question.request.organization
    return NOON, [client.contact_email, client.reference, question.reference, question.request.person_reference, "March 28, 2026", "pseudonymise"]
