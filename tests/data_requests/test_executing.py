"""An erasure from its plan to its search: approved by a second person, done once in every holding, resumed anywhere."""

import pytest

from apps.accounts.models import Person
from apps.data_requests.models import ErasedPerson, Step
from apps.data_requests.services import executing
from apps.data_requests.states import Kind, State, StepState
from tests import cast
from tests.data_requests import carried

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_house(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    cast.house()


def test_an_approved_erasure_ends_with_a_clean_search_and_nobody_left():
    ada = cast.ada(cast.client())
    request = carried.carried_out(ada)
    assert request.state == State.ANSWERING
    assert not Person.objects.filter(pk=ada.pk).exists()
    erased = ErasedPerson.objects.get(person_reference=ada.reference)
    assert erased.done_at is not None
    assert set(Step.objects.values_list("state", flat=True)) == {StepState.DONE}
    assert request.scans.get().is_clean


def test_what_a_person_asks_a_copy_of_is_collected_step_by_step_and_offered():
    ada = cast.ada(cast.client())
    request = carried.approved(ada, Kind.ACCESS)
    executing.work_due(at=carried.ASKED)
    request.refresh_from_db()
    assert request.state == State.ANSWERING
    assert Person.objects.filter(pk=ada.pk).exists()
    assert request.package.made_at is not None
    assert Step.objects.get(holding="accounts.people").collected > 0
