"""The restore guard: nothing is served from a restored database but what was found and what mends it; nearly free otherwise."""

import time

import pytest
from django.db import connections
from django.test import Client

from apps.audit import journal_file
from apps.audit import tasks as audit_tasks
from apps.audit.models import Event, Heartbeat
from apps.audit.services import journal
from apps.backups.models import Restore
from apps.mail import tasks as mail_tasks
from config import guard

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = ["/", "/privacy/", "/admin/", "/admin/accounts/person/", "/account/password/reset/", "/account/2fa/", "/nowhere", "/repair/"]


@pytest.fixture(autouse=True)
def looks(monkeypatch):
    """It looks at every question, as it does every few seconds."""
    guard.watch.forget()
    monkeypatch.setattr(guard, "LOOK_SECONDS", -1)
    journal_file._known.clear()
    yield
    guard.watch.rest()


@pytest.fixture
def in_step(told):
    told("destruction.intended", "DES-1", day="2026-03-01")
    told("destruction.done", "DES-1", day="2026-03-01")
    told("hold.placed", "HLD-1")
    told("destruction.done", "DES-2", day="2026-03-02")


@pytest.fixture
def restored(in_step, by_force):
    """The database was put back to where it knew one of four entries."""
    by_force("DELETE FROM audit_journalentry WHERE sequence > 1")


def test_as_long_as_both_tell_the_same_story_every_page_is_served(in_step):
    assert Client().get("/account/login/").status_code == 200
    assert Client().get("/admin/").status_code == 302
    assert guard.watch.now() is None


def test_a_new_installation_without_a_journal_is_served():
    assert Client().get("/account/login/").status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_a_restored_database_serves_only_the_repair_page(restored, page):
    answer = Client().get(page)
    assert answer.status_code == 503
    assert "Covenant stands still" in answer.text
    assert "The database does not know 3 of the journal&#x27;s entries, the first of them entry 2." in answer.text
    assert "2026-03-08 at 12:00 UTC" in answer.text
    assert [words in answer.text for words in ("destructions done", "holds placed", "manage.py replay --dry-run")] == [True] * 3
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.headers["Retry-After"], answer.headers["X-Frame-Options"]) == ("60", "DENY")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.cookies == {}


def test_it_counts_by_kind_what_the_database_does_not_know(restored):
    standstill = guard.watch.now()
    assert standstill.unknown == (("destructions done", 2), ("holds placed", 1))
    assert standstill.since.isoformat() == "2026-03-08T12:00:00+00:00"


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_the_api_answers_with_the_mend_in_its_own_form(restored, method):
    answer = getattr(Client(), method)("/api/v1/messages?organization=ORG-1&batch=b")
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert (error["code"], "manage.py replay" in error["mend"], sorted(error)) == ("database_restored", True, ["code", "mend", "what"])
    assert answer.headers["Retry-After"] == "60"


@pytest.mark.parametrize("page", ["/healthz", "/static/covenant/pages.css", "/static/covenant/repair.css", "/account/login/"])
def test_probes_what_pages_are_drawn_with_and_sign_in_are_reached_all_the_same(restored, page):
    assert Client().get(page).status_code == 200


def test_ready_says_no_and_the_mend(restored):
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "manage.py replay" in answer.json()["parts"]["journal"]["mend"]


def test_who_signs_in_sees_the_repair_page_too(restored, browser_of):
    answer = browser_of("administrator").get("/admin/")
    assert (answer.status_code, "Covenant stands still" in answer.text) == (503, True)


def test_the_restore_is_noted_once_however_often_it_is_found(restored):
    for _ in range(3):
        Client().get("/admin/")
    restore = Restore.objects.get()
    assert (restore.first_missing, restore.entries, restore.found, restore.replayed_at) == (
        2, 3, {"destruction.done": 2, "hold.placed": 1}, None,
    )  # fmt: skip
    assert Event.objects.filter(verb="restore.found").count() == 1


def test_it_opens_by_itself_when_the_right_database_is_back(restored, by_force):
    assert Client().get("/admin/").status_code == 503
    for line in list(journal.read())[2:]:
        by_force(
            "INSERT INTO audit_journalentry (id, kind, about, body, created_at, sequence, digest) VALUES (%s, %s, %s, '{}', %s, %s, %s)",
            [line.entry, line.kind, line.about, line.at, line.sequence, line.digest],
        )
    assert Client().get("/admin/").status_code == 302


@pytest.mark.parametrize(("what", "code"), [("cut", "journal_lost"), ("gone", "journal_lost"), ("altered", "journal_damaged")])
def test_a_lost_or_damaged_journal_serves_the_repair_page_with_its_own_mend(in_step, open_journal, what, code):
    lines = open_journal.read_bytes().splitlines(keepends=True)
    if what == "gone":
        open_journal.unlink()
    else:
        open_journal.write_bytes(b"".join(lines[:-1]) if what == "cut" else b"".join([*lines[:2], lines[2].replace(b"DES-1", b"DES-9"), *lines[3:]]))
    guard.watch.forget()
    answer = Client().get("/admin/")
    assert (answer.status_code, answer.headers["Covenant-Standstill"]) == (503, code)
    assert "manage.py replay" not in answer.text
    assert "copy of the journal file" in answer.text
    assert Restore.objects.count() == 0


def test_the_journal_of_another_installation_serves_the_repair_page(in_step, by_force):
    by_force("UPDATE audit_installation SET installation_id = gen_random_uuid()")
    answer = Client().get("/admin/")
    assert (answer.status_code, answer.headers["Covenant-Standstill"]) == (503, "journal_foreign")


def test_a_forged_end_of_the_journal_is_not_offered_for_a_replay(restored, open_journal):
    lines = open_journal.read_bytes().splitlines(keepends=True)
    lines[-2] = lines[-2].replace(b"HLD-1", b"HLD-9")
    open_journal.write_bytes(b"".join(lines))
    guard.watch.forget()
    assert Client().get("/admin/").headers["Covenant-Standstill"] == "journal_damaged"


def test_a_database_that_does_not_answer_is_said_and_looked_at_again(in_step):
    connection = connections["default"]
    right = connection.settings_dict["HOST"]
    connection.close()
    connection.settings_dict["HOST"] = "/nowhere"
    try:
        answer = Client().get("/admin/")
    finally:
        connection.close()
        connection.settings_dict["HOST"] = right
    assert (answer.status_code, answer.headers["Covenant-Standstill"]) == (503, "database_down")
    assert "nowhere" not in answer.text
    assert Client().get("/admin/").status_code == 302


# Tasks


def test_no_task_works_on_a_restored_database_but_those_that_only_tell(restored, caplog):
    with pytest.MonkeyPatch.context() as patch:
        sent = []
        patch.setattr(mail_tasks.outbox, "send_due", lambda **_at: sent.append("mail"))
        mail_tasks.send_due()
        audit_tasks.seal_ledger()
        audit_tasks.heartbeat()
    assert sent == []
    assert Event.objects.filter(verb="ledger.sealed").count() == 0
    assert Heartbeat.objects.filter(name="worker").count() == 1


def test_every_task_of_ours_stands_still_by_its_class():
    own = [audit_tasks.heartbeat, mail_tasks.send_due]
    assert [isinstance(task._get_current_object(), guard.StandingStillTask) for task in own] == [True, True]


# What it costs


def test_between_two_looks_a_request_asks_nothing(in_step, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(guard, "LOOK_SECONDS", 2)
    assert guard.watch.now() is None
    with django_assert_num_queries(0):
        assert guard.watch.now() is None


def test_a_look_is_one_query_and_only_every_minute_a_close_one(in_step, django_assert_num_queries):
    assert guard.watch.now() is None
    with django_assert_num_queries(1):
        assert guard.watch.now() is None


def test_a_thousand_questions_between_two_looks_take_less_than_a_hundredth_of_a_second(in_step, monkeypatch):
    monkeypatch.setattr(guard, "LOOK_SECONDS", 60)
    guard.watch.now()
    began = time.perf_counter()
    for _ in range(1000):
        guard.watch.now()
    assert time.perf_counter() - began < 0.01
