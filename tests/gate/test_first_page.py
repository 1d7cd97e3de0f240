"""The first page shows what left by recipient over thirty days, to who may see it; and an exception that waits is somebody's work today."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.foundation.actors import SYSTEM
from apps.gate.models import Disclosure, disclosure_reference
from apps.gate.services import exceptions, withdrawals
from apps.gate.services.deciding import Recipient, Refused, decide
from apps.staff.roles import PERMISSIONS, Role
from config import gate_panel
from tests.cast import DAY, NOON
from tests.gate import agreed, given

pytestmark = pytest.mark.django_db


@pytest.fixture
def left(package, clinic, ada):
    for days in (40, 29, 2, 0):
        decide(package=package(), by=SYSTEM, at=NOON - days * DAY)
    decide(package=given.to_client(clinic), by=SYSTEM, at=NOON)
    decide(package=given.to_person(ada), by=SYSTEM, at=NOON)
    with pytest.raises(Refused):
        decide(package=package(purpose="sale"), by=SYSTEM, at=NOON)


def browser(role: Role) -> Client:
    client = Client()
    client.force_login(given.member(f"one-{role}", role))
    return client


def test_the_panel_counts_what_left_in_thirty_days_by_recipient(left, cirrus, clinic):
    panel = gate_panel.left(None, NOON)

    assert [(row["name"], row["recipient"], row["number"], row["last"]) for row in panel["rows"]] == [
        ("Cirrus Hosting", cirrus.reference, 3, NOON), (clinic.name, clinic.reference, 1, NOON),
    ]  # fmt: skip
    assert (panel["people"], panel["refused"], panel["more"]) == (1, 1, 0)
    assert "3 to service providers, 1 to clients, 1 to people themselves" in panel["chart"]


def test_the_panel_is_filled_by_as_many_queries_however_much_left(left):
    costs = []
    for _turn in range(2):
        with CaptureQueriesContext(connection) as asked:
            gate_panel.left(None, NOON + timedelta(hours=1))
        costs.append(len(asked))
        for row in list(Disclosure.objects.filter(recipient_kind="provider")):
            row.pk, row.reference, row._state.adding = None, disclosure_reference(), True
            row.save(force_insert=True)

    assert costs == [4, 4]


def test_the_first_page_shows_it_to_who_may_see_disclosures(left, ada):
    with time_machine.travel(NOON + timedelta(hours=1)):
        pages = {role: browser(role).get(reverse("admin:index")).text for role in Role}

    assert {role for role, text in pages.items() if "What left by day" in text} == {role for role in Role if "gate.view_disclosure" in PERMISSIONS[role]}
    assert [role for role, text in pages.items() if ada.reference in text] == []


def test_an_exception_that_is_asked_for_is_the_work_of_who_may_approve_it(cirrus):
    asked = exceptions.ask(
        recipient=Recipient.provider(cirrus.reference), country="CA", starts_at=NOON, ends_at=NOON + DAY, reason="Its second site.",
        by=given.dana(), at=NOON,
    )  # fmt: skip
    with time_machine.travel(NOON + timedelta(hours=1)):
        page = browser(Role.COMPLIANCE_OFFICER).get(reverse("admin:index")).text

    assert "Decide on an exception for a country" in page
    assert reverse("admin:gate_countryexception_change", args=[asked.pk]) in page


def test_who_may_confirm_an_erasure_sees_what_is_open_and_what_of_it_is_late(house, ada):
    somebody = given.provider("Somebody Else", role="independent")
    agreed.purpose(somebody)
    agreed.give(ada)
    agreed.handed_over(somebody, ada)
    agreed.withdraw(ada)
    withdrawals.look_after(at=NOON)
    text, url = "Get erasures after withdrawals confirmed", reverse("admin:gate_withdrawalnotice_changelist") + "?due=open"
    with time_machine.travel(NOON + timedelta(hours=1)):
        page = browser(Role.COMPLIANCE_OFFICER).get(reverse("admin:index")).text
        auditor = browser(Role.AUDITOR).get(reverse("admin:index")).text
    with time_machine.travel(NOON + timedelta(days=21)):
        late = browser(Role.COMPLIANCE_OFFICER).get(reverse("admin:index")).text

    assert (text in page, url in page, "reminded every week" in page) == (True, True, True)
    assert text not in auditor
    assert "1 of them overdue" in late
