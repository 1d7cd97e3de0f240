"""An erasure of somebody whom a hold keeps: what stays is excused, by the hold's reference and no row more; the rest is searched as ever."""

import pytest

from apps.data_requests.models import Remainder
from apps.data_requests.services import scanning, whom
from apps.data_requests.states import State
from apps.holds.services import matters, placing
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import carried
from tests.data_requests.holdings import everything
from tests.gate import given

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_a_hold_keeps_is_excused_and_a_row_that_nobody_kept_is_not(home):
    cast.house()
    clinic = cast.client()
    carried.client_says(clinic, at=NOON - DAY)
    person = everything.person(clinic, "Zaphirine", "Quillvane")
    matter = matters.open_matter(title="Docket", reason="A court asks.", by=given.ezra(), at=NOON - DAY)
    hold = placing.place(matter=matter, reason="The court names it.", person=person, by=given.ezra(), at=NOON - DAY)

    request = carried.carried_out(person)

    scan = request.scans.order_by("-number").first()
    assert (scan.findings, request.state) == ([], State.ANSWERING)
    assert Remainder.objects.filter(request=request).exists()
    assert {f"stays: hold {hold.reference}"} <= {one["because"] for one in scan.excused}

    left = Remainder.objects.filter(request=request, holding="accounts.reach").get()
    left.rows -= 1
    left.save()
    again = scanning.scan(request, whom.known(request, at=NOON).subject, at=NOON)
    assert {one["place"].partition(".")[0] for one in again.findings} >= {"accounts_personemail"}
