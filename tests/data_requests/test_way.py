"""The way of a request as it is drawn: what is behind it, where it stands, what is to come, and where its plan and proof are."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.data_requests.admin import way
from apps.data_requests.models import DataRequest
from apps.data_requests.states import Kind, State
from tests import cast
from tests.cast import NOON
from tests.data_requests import asked, carried

LEFT = "to come"


@pytest.mark.parametrize(
    ("kind", "state", "stages"),
    [
        (Kind.DELETION, State.RECEIVED, ["now", LEFT, LEFT, LEFT, LEFT, LEFT, LEFT, LEFT]),
        (Kind.DELETION, State.COOLING_OFF, ["done", "now", LEFT, LEFT, LEFT, LEFT, LEFT, LEFT]),
        (Kind.MINOR, State.AWAITING_APPROVAL, ["done", "done", "now", LEFT, LEFT, LEFT, LEFT]),
        (Kind.CLOSING, State.SCANNING, ["done", "done", "done", "done", "done", "done", "now", LEFT]),
        (Kind.ACCESS, State.RUNNING, ["done", "done", "done", "done", "now", LEFT]),
        (Kind.CORRECTION, State.ANSWERING, ["done", "done", "done", "now"]),
        (Kind.COMPLAINT, State.COMPLETED, ["done", "done", "done"]),
        (Kind.ACCESS, State.COMPLETED, ["done", "done", "done", "done", "done", "done"]),
    ],
)
def test_each_stage_is_behind_it_or_where_it_stands_or_to_come(kind, state, stages):
    assert [what for _name, what in way.stages(DataRequest(kind=kind, state=state))] == stages


def test_what_ended_early_says_how_and_nothing_of_what_would_have_come():
    denied = DataRequest(kind=Kind.DELETION, state=State.DENIED, verified_at=NOON)
    assert way.stages(denied) == [("Received", "done"), ("Proof", "done"), ("Denied", "now")]
    merged = DataRequest(kind=Kind.COMPLAINT, state=State.MERGED)
    assert way.stages(merged) == [("Received", "done"), ("Joined an earlier one", "now")]


@pytest.mark.django_db
def test_the_page_of_a_request_leads_to_its_plan_and_says_where_it_stands_to_who_hears_it(house):
    plan = carried.planned(cast.ada(cast.client()))
    visitor = Client()
    visitor.force_login(asked.dana())
    page = visitor.get(reverse("admin:data_requests_datarequest_change", args=[plan.request_id])).content.decode()
    assert reverse("admin:data_requests_plan_change", args=[plan.pk]) in page
    assert f"0 of {plan.steps.count()} steps done" in page
    assert page.count('aria-current="step"') == 1
    assert '<li class="now" aria-current="step">In work' in page
    assert reverse("admin:data_requests_datarequest_change", args=[plan.request_id]) in visitor.get(
        reverse("admin:data_requests_plan_change", args=[plan.pk])
    ).content.decode()
