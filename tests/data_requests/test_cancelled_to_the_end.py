"""From the cancelled registration, and from the minor whom nobody represents, to the day on which nothing is left of them."""

import pytest

from apps.accounts.models import MinorCase, Person
from apps.accounts.services import closing, minors
from apps.audit.models import Event
from apps.data_requests.models import DataRequest, ErasedPerson
from apps.data_requests.services import approving, executing, from_below, planning
from apps.data_requests.states import State
from apps.foundation.actors import SYSTEM
from apps.mail.models import OutgoingMail
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests.asked import dana
from tests.data_requests.carried import client_says, due

pytestmark = [pytest.mark.usefixtures("house"), pytest.mark.django_db(transaction=True)]


def cancelled():
    return closing.close_person(person=cast.ada(cast.client()), how="person", by=SYSTEM, at=NOON)


def unrepresented():
    person = cast.ada(cast.client())
    minors.ask_removal(case=minors.report(person=person, how="report", by=SYSTEM, at=NOON), by=cast.cleo(), at=NOON)
    return person


@pytest.mark.parametrize("begin", [cancelled, unrepresented])
def test_they_are_erased_once_two_people_said_so_and_the_case_goes_with_them(begin):
    person = begin()
    client_says(person.organization, at=NOON)
    from_below.take_due(at=NOON + DAY)
    request = DataRequest.objects.get()
    planning.make_plan(request, by=SYSTEM, at=NOON + DAY)
    approving.ask(request, by=dana(), at=NOON + DAY)
    approving.approve(request, by=cast.staff("cora", Role.COMPLIANCE_OFFICER), at=NOON + DAY)
    assert Person.objects.filter(pk=person.pk).exists()

    executing.work_due(at=due(request))

    request.refresh_from_db()
    assert (Person.objects.count(), MinorCase.objects.count()) == (0, 0)
    assert (request.person, request.person_reference, request.state) == (None, person.reference, State.ANSWERING)
    assert ErasedPerson.objects.get().person_reference == person.reference
    assert from_below.take_due(at=NOON + 30 * DAY) == 0
    assert Event.objects.filter(object=person.reference, verb__in=("person.closed", "person.suspended")).exists()
    assert OutgoingMail.objects.filter(about=request.reference).exists()
