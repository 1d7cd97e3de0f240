"""From the approval of a request for a copy to the end of the file: every part by the services that do it in production."""

import re
from datetime import timedelta

import pytest
from django.core import mail

from apps.accounts.services.subjects import subject_of
from apps.audit.models import Event
from apps.data_requests import words
from apps.data_requests.models import DataRequest, Package, Step
from apps.data_requests.services import closing, executing
from apps.data_requests.services.packages import delivering, ending, sealing
from apps.data_requests.states import Kind, Outcome, State, StepKind, StepState
from apps.foundation.keys import keystore
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked, carried
from tests.data_requests.packages.opened import read

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(house, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    return cast.ada(cast.client())


def link(kind: str) -> str:
    """As it stands in the newest mail that left."""
    return re.search(rf"/requests/{kind}/([A-Za-z0-9_-]{{43}})/", mail.outbox[-1].body)[1]


def test_a_copy_from_its_approval_to_the_end_of_the_file(ada):
    request = carried.approved(ada, Kind.ACCESS)
    executing.work_due(at=NOON + MINUTE)

    request = DataRequest.objects.get(pk=request.pk)
    assert request.state == State.ANSWERING
    steps = Step.objects.filter(plan__request=request, kind=StepKind.COLLECT)
    assert set(steps.values_list("state", flat=True)) == {StepState.DONE}
    package = Package.objects.get(request=request)
    collected = dict(steps.values_list("holding", "collected"))
    assert {one["code"]: one["rows"] for one in package.holdings} == {code: rows for code, rows in collected.items() if rows}

    outbox.send_due(at=NOON + 2 * MINUTE)
    offer = link("ready")
    closing.finish_when_answered(at=NOON + 3 * MINUTE)
    request.refresh_from_db()
    assert (request.state, request.outcome, request.words) == (State.COMPLETED, Outcome.WHOLE, None)
    assert not keystore().exists(words.secret_of(request.reference))
    assert not OutgoingMail.objects.exclude(body="").exists()

    delivering.ask_anew(offer, at=NOON + DAY)
    outbox.send_due(at=NOON + DAY + MINUTE)
    assert mail.outbox[-1].to == [asked.ADA]
    content = b"".join(delivering.stream(delivering.begin(link("fetch"), at=NOON + DAY + 2 * MINUTE)))
    assert read(content).data["person"] == ada.reference

    ending.end_due(at=NOON + 9 * DAY)
    assert not sealing.path_of(package.reference).exists()
    assert not keystore().exists(sealing.secret_of(package.reference))
    verbs = [event.verb for event in Event.objects.filter(object=request.reference, verb__contains="package").order_by("pk")]
    assert verbs == [f"request.package_{what}" for what in ("begun", "made", "offered", "fetched", "destroyed")]


def test_the_kinds_of_data_go_the_same_way(ada):
    request = carried.approved(ada, Kind.CATEGORIES)
    executing.work_due(at=NOON + MINUTE)
    outbox.send_due(at=NOON + 2 * MINUTE)

    delivering.ask_anew(link("ready"), at=NOON + 3 * MINUTE)
    outbox.send_due(at=NOON + 3 * MINUTE)
    package = read(b"".join(delivering.stream(delivering.begin(link("fetch"), at=NOON + 4 * MINUTE))))

    assert (package.data["request"], package.data["sections"]) == (request.reference, [])
    assert b"Lovell" not in package.content
    for content in package.files.values():
        assert b"Lovell" not in content


def test_a_package_that_waits_ends_when_its_person_is_erased(ada):
    carried.approved(ada, Kind.ACCESS)
    executing.work_due(at=NOON + MINUTE)
    package = Package.objects.get()
    assert ending.count(subject_of(ada), NOON) == 1

    erasing = carried.approved(ada, Kind.DELETION, at=NOON + MINUTE)
    executing.work_due(at=carried.due(erasing))

    package.refresh_from_db()
    assert package.destroyed_at is not None
    assert not sealing.path_of(package.reference).exists()
    assert keystore().was_destroyed(sealing.secret_of(package.reference))
