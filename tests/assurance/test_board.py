"""The promise board as staff see it: all promises, what was found, who may check them now, nothing to edit."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from apps.assurance.models import Finding, Run
from apps.assurance.services import board, checking
from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.foundation.promises import PROMISES, Check, Looked, Violation
from apps.staff.models import StaffMember
from apps.staff.roles import PERMISSIONS, Role

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
BOARD = "/admin/assurance/promise/"
RUN = "/admin/assurance/promise/act/run/"


def member(role: str) -> StaffMember:
    return StaffMember.objects.create(
        username=role, email=f"{role}@covenant.example", full_name="Bo Example", roles=[role]
    )


def browser(role: str = Role.AUDITOR) -> Client:
    client = Client()
    client.force_login(member(role), backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def find(*objects, promise="P06", at=NOON):
    code = f"{promise.lower()}_planted"
    violations = tuple(Violation(one, "expired and readable") for one in objects)
    check = Check(promise, code, "what it proves", lambda _at: Looked(5, violations))
    return checking.run(codes=[promise], by=SYSTEM, at=at, checks=(check,))


def test_before_the_first_run_the_board_shows_every_promise_and_says_that_none_was_checked():
    page = browser().get(BOARD)

    assert page.status_code == 200
    assert [code for code in PROMISES if f'id="{code}"' not in page.text] == []
    assert "The promises were not checked yet." in page.text
    assert "Not checked yet" in page.text


def test_the_board_shows_findings_with_object_reason_and_since():
    find("COH-7F3K2MX")

    page = browser().get(BOARD).text

    assert "COH-7F3K2MX" in page
    assert "expired and readable" in page
    assert "since 8 Mar 2026, 12:00 UTC" in page


def test_the_board_lists_five_findings_of_a_promise_and_counts_the_rest():
    find(*(f"COH-{number}" for number in range(8)))

    page = browser().get(BOARD).text

    assert [number for number in range(8) if f"COH-{number}" in page] == [0, 1, 2, 3, 4]
    assert "and 3 more" in page


def test_the_board_names_the_parts_that_nothing_proves_yet():
    checking.run(by=SYSTEM, at=NOON)

    page = browser().get(BOARD).text

    waiting = [line for one in board.lines() for line in one.waiting]
    assert [line.waits_for for line in waiting if line.waits_for.split("'")[0].split("&")[0] not in page] == []


def test_the_board_takes_the_same_queries_with_one_finding_and_with_many(django_assert_max_num_queries):
    client = browser()
    client.get(BOARD)
    find("COH-1")
    with django_assert_max_num_queries(14) as first:
        client.get(BOARD)
    find("COH-1", "COH-2", "COH-3", at=NOON + timedelta(days=1))
    with django_assert_max_num_queries(14) as second:
        client.get(BOARD)

    assert len(first) == len(second)


def test_the_page_of_a_promise_shows_what_is_gone_and_what_its_checks_saw():
    find("COH-7F3K2MX")
    find(at=NOON + timedelta(days=1))

    page = browser().get(f"{BOARD}P06/change/").text

    assert "Found before, gone since" in page
    assert "COH-7F3K2MX" in page
    assert "p06_planted" in page


def test_the_page_of_a_promise_that_does_not_exist_is_not_found():
    assert browser().get(f"{BOARD}P99/change/").status_code == 404


@pytest.mark.parametrize("role", list(Role))
def test_who_may_check_the_promises_follows_from_the_roles(role):
    client = browser(role)
    allowed = "assurance.run_promises" in PERMISSIONS[role]

    assert client.get(RUN).status_code == (200 if allowed else 403)
    assert (RUN in client.get(BOARD).text) is allowed
    answer = client.post(RUN, {"once": "a"})

    assert answer.status_code == (302 if allowed else 403)
    assert Run.objects.count() == (1 if allowed else 0)


def test_checking_now_records_who_asked_and_a_second_click_checks_once():
    client = browser()
    for _click in range(2):
        client.post(RUN, {"once": "the same form"})

    run = Run.objects.get()
    asked = StaffMember.objects.get()
    assert run.by == f"staff:{asked.reference}"
    assert Event.objects.get(verb="assurance.checked").actor == f"staff:{asked.reference}"
    assert run.reference in client.get(BOARD).text


def test_the_confirmation_changes_nothing():
    browser().get(RUN)

    assert Run.objects.count() == 0


@pytest.mark.parametrize(("standing", "shown"), [("open", ["COH-2"]), ("gone", ["COH-1"]), ("", ["COH-2", "COH-1"])])
def test_findings_are_listed_by_standing(standing, shown):
    find("COH-1")
    find("COH-2", at=NOON + timedelta(days=1))

    page = browser().get("/admin/assurance/finding/", {"standing": standing} if standing else {})

    assert [finding.object for finding in page.context["cl"].result_list] == shown


def test_findings_are_listed_by_promise_and_leave_as_csv():
    find("COH-1")
    find("PVR-2", promise="P26")
    client = browser()

    page = client.get("/admin/assurance/finding/", {"of": "P26"})
    csv = b"".join(client.get("/admin/assurance/finding/export.csv").streaming_content).decode()

    assert [finding.object for finding in page.context["cl"].result_list] == ["PVR-2"]
    assert "COH-1" in csv
    assert "PVR-2" in csv


def test_a_run_shows_what_each_of_its_checks_saw():
    run = find("COH-1")

    page = browser().get(reverse("admin:assurance_run_change", args=[run.pk])).text

    assert "p06_planted" in page
    assert "system:covenant" in page


@pytest.mark.parametrize("name", ["promise", "finding", "run"])
def test_nobody_adds_changes_or_deletes(name):
    find("COH-1")
    client = browser(Role.COMPLIANCE_OFFICER)
    key = {"promise": "P06", "finding": Finding.objects.get().pk, "run": Run.objects.get().pk}[name]

    assert client.get(f"/admin/assurance/{name}/add/").status_code == 403
    assert client.post(f"/admin/assurance/{name}/{key}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/assurance/{name}/{key}/change/", {"why": "x"}).status_code in (403, 405)


def test_a_stranger_is_sent_to_the_sign_in():
    assert Client().get(BOARD).status_code == 302
