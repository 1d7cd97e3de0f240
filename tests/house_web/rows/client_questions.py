"""What clients were asked: one that is waited for, one that answered, one that was gone on without."""

from datetime import timedelta

from django.db import transaction

from apps.accounts.services.subjects import subject_of
from apps.data_requests.models import ClientQuestion
from apps.data_requests.services import client_questions, moving
from apps.data_requests.states import Kind
from apps.retention.models import RetentionRule
from apps.staff.roles import Role
from tests import cast
from tests.cast import NOON
from tests.data_requests import carried
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import PRESENT, Rows, Scene


def question(number: int = 0, kind: str = Kind.DELETION) -> ClientQuestion:
    person = accounts.person(number)
    if not RetentionRule.objects.approved().filter(organization=person.organization).exists():
        cast.rule(person.organization, 3000)
    address = person.emails.first().address
    lines = [cast.message(1, id=f"asked-{number}", at=NOON, sender=cast.Party(email=address))]
    cast.hand_over(person.organization, lines, key=f"asked-{number}")
    asked_at = PRESENT - timedelta(days=30 if number == 2 else 1, hours=3 - number)
    request = carried.asked(person, kind, asked_at)
    with transaction.atomic():
        client_questions.ask(moving.locked(request.pk), subject_of(person), at=asked_at)
    row = ClientQuestion.objects.get(request=request)
    if number == 1:
        client_questions.record_answer(
            question=row, answer="keep", evidence="Its letter of March 3", by=accounts.member("dana", Role.PRIVACY_ANALYST), at=PRESENT
        )
    if number == 2:
        client_questions.lapse_due(at=PRESENT)
    return ClientQuestion.objects.get(pk=row.pk)


ROWS = {ClientQuestion: Rows(question)}

SCENES = {
    (ClientQuestion, "answer_erasure"): Scene(lambda _member: question(), {"answer": "pseudonymise", "evidence": "Its mail of March 3."}),
    (ClientQuestion, "answer_copy"): Scene(lambda _member: question(kind=Kind.ACCESS), {"answer": "release", "evidence": "Its mail of March 3."}),
}
