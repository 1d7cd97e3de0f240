"""Acts that send the mails of this floor that belong to no other part of it."""

from datetime import datetime

from apps.accounts.models import Person
from apps.data_requests.services import alarming, letters
from apps.data_requests.states import Kind
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked


def a_letter() -> tuple[datetime, list[str]]:
    """Dana asks Ada something."""
    request = asked.request(Kind.CORRECTION, person=cast.ada(cast.client()))
    letter = letters.by_hand(request=request, code="question", text="Which of the two names is right?", by=asked.dana(), at=NOON)
    assert Person.objects.get().pk == request.person_id
    return NOON, [asked.ADA, request.reference, letter.reference, "Which of the two names is right?", "a correction"]


def a_day_that_is_near() -> tuple[datetime, list[str]]:
    """Nobody owns a request, and its day comes near."""
    dana, at = asked.dana(), NOON + 36 * DAY
    request = asked.request(Kind.COMPLAINT)
    alarming.warn_and_alarm(at=at)
    return at, [dana.email, request.reference, "nobody's", "2026-04-22", "near"]
