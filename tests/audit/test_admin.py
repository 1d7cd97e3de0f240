"""The ledger, the journal and the seals in the admin: found, read, verified, and never changed."""

import pytest
from django.db import transaction
from django.urls import reverse

from apps.audit.models import Event
from apps.audit.services import journal, ledger, sealing
from apps.foundation.actors import SYSTEM, Actor
from apps.staff.roles import PERMISSIONS, Role

from .conftest import NOON

LISTS = ("audit_event", "audit_journalentry", "audit_ledgerseal")


@pytest.fixture
def some_events(open_journal):
    with transaction.atomic():
        ledger.record("cohort.destroyed", by=SYSTEM, about="COH-1", at=NOON, facts={"messages": 3})
        ledger.record("person.revealed", by=Actor("staff", "STF-1"), about="PER-1", at=NOON, detail={"why": "Ada asked"})
        journal.owe("destruction.done", about="DES-1", body={}, at=NOON)
    journal.write_owed()
    sealing.seal(at=NOON)


@pytest.mark.parametrize("model", LISTS)
def test_a_list_and_each_row_can_be_read_by_an_auditor(some_events, browser_of, model):
    browser = browser_of("auditor")
    listed = browser.get(reverse(f"admin:{model}_changelist"))
    assert listed.status_code == 200
    first = listed.context["cl"].result_list[0]
    page = browser.get(reverse(f"admin:{model}_change", args=[first.pk]))
    assert page.status_code == 200
    assert b"Ada asked" not in page.content + listed.content


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("model", LISTS)
def test_nobody_can_add_change_or_delete(some_events, browser_of, model, role):
    browser = browser_of(role)
    row = Event.objects.order_by("id").first() if model == "audit_event" else None
    before = list(Event.objects.values())
    assert browser.post(reverse(f"admin:{model}_add"), {}).status_code == 403
    if row:
        assert browser.post(reverse(f"admin:{model}_change", args=[row.pk]), {"verb": "x"}).status_code == 403
        assert browser.post(reverse(f"admin:{model}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert list(Event.objects.values()) == before


def test_an_event_is_said_in_words_and_its_detail_as_kept_or_erased(some_events, browser_of):
    ledger.erase_detail(Event.objects.get(verb="person.revealed"), by=SYSTEM, at=NOON, ground="erasure.request")
    page = browser_of("auditor").get(reverse("admin:audit_event_changelist")).content.decode()
    assert "The system – cohort: destroyed – COH-1" in page
    assert "Staff STF-1 – person: revealed – PER-1" in page
    assert "erased" in page


@pytest.mark.parametrize(
    ("asked", "found"),
    [("verb=cohort.destroyed", ["cohort.destroyed"]), ("actor=staff:STF-1", ["person.revealed"]),
     ("object=COH-1", ["cohort.destroyed"]), ("verb=nothing", []), ("verb=cohort.destroyed&object=PER-1", [])],
)  # fmt: skip
def test_the_ledger_is_filtered_by_verb_actor_and_object(some_events, browser_of, asked, found):
    answer = browser_of("auditor").get(reverse("admin:audit_event_changelist") + "?" + asked)
    assert answer.status_code == 200
    assert [event.verb for event in answer.context["cl"].result_list] == found


def test_a_filter_keeps_the_others(some_events, browser_of):
    page = browser_of("auditor").get(reverse("admin:audit_event_changelist") + "?verb=cohort.destroyed").content.decode()
    assert '<input type="hidden" name="verb" value="cohort.destroyed">' in page


def test_the_list_of_the_journal_says_whether_it_is_in_step(some_events, browser_of, open_journal):
    browser, address = browser_of("auditor"), reverse("admin:audit_journalentry_changelist")
    page = browser.get(address).content.decode()
    assert "The journal and the database are in step: 1 entry on disk, 1 still to be written." in page
    open_journal.write_bytes(open_journal.read_bytes().splitlines(keepends=True)[0])
    page = browser.get(address).content.decode()
    assert "The journal ends at entry 0; the database knows of entry 1." in page
    assert "Put back the newest copy" in page


def test_verifying_changes_nothing_shows_what_was_found_and_is_recorded(some_events, browser_of, by_force):
    browser, address = browser_of("auditor"), reverse("admin:audit_ledgerseal_verify")
    assert browser.get(address).status_code == 200
    assert Event.objects.filter(verb="ledger.verified").count() == 0
    answer = browser.post(address)
    assert answer.status_code == 200
    assert "1 seal and 2 entries were compared" in answer.content.decode()
    event = Event.objects.get(verb="ledger.verified")
    assert event.actor == f"staff:{browser.member.reference}"
    assert event.facts == {"ok": True, "in_step": True, "events": 2, "seals": 1}
    altered = Event.objects.order_by("id").first()
    by_force("UPDATE audit_event SET verb = 'x.z' WHERE id = %s", [altered.pk])
    assert f"{altered} was altered after seal 1." in browser.post(address).content.decode()


@pytest.mark.parametrize("role", [role for role in Role if "audit.view_ledgerseal" not in PERMISSIONS[role]])
def test_who_may_not_see_the_seals_may_not_verify(some_events, browser_of, role):
    assert browser_of(role).post(reverse("admin:audit_ledgerseal_verify")).status_code == 403


def test_the_ledger_is_exported_by_those_who_may(some_events, browser_of):
    address = reverse("admin:audit_event_export")
    answer = browser_of("auditor").get(address)
    text = b"".join(answer.streaming_content).decode()
    assert "cohort.destroyed" in text
    assert "Ada asked" not in text
    assert browser_of("records_manager").get(address).status_code == 403
