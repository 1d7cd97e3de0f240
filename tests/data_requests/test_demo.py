"""The demo's requests are made by the real services: one for each thing that a newcomer should see."""

from apps.data_requests.models import DataRequest, Plan
from apps.data_requests.states import State
from apps.mail.models import OutgoingMail
from apps.staff.roles import Role
from config import demo_requests
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked


def test_the_demo_has_what_waits_for_proof_for_a_second_person_for_the_person_and_for_its_day(house):
    asked.dana(), cast.cleo(), cast.staff("ezra", Role.COUNSEL)
    clinic = cast.client()
    for number in range(5):
        cast.ada(clinic, email=f"ada{number}@client.example")
    demo_requests.make(now=NOON)
    states = sorted(DataRequest.objects.values_list("state", flat=True))
    assert states == sorted([
        State.IDENTIFYING, State.IDENTIFYING, State.IDENTIFYING, State.AWAITING_APPROVAL, State.ANNOUNCED, State.ANSWERING, State.DENIED, State.IN_WORK,
    ])  # fmt: skip
    assert Plan.objects.filter(void_at=None).count() == 2
    assert DataRequest.objects.late(NOON).count() == 0
    assert DataRequest.objects.in_progress().first().due_at < NOON + 3 * DAY
    assert OutgoingMail.objects.filter(template="data_requests/proof").count() > 0
