"""Backups in the admin: registered by an administrator, looked at by who answers for them, rewritten by nobody."""

import pytest
from django.urls import reverse

from apps.audit.models import Event
from apps.backups.models import Backup, Drill, Restore
from apps.foundation import clock
from apps.staff.roles import Role

from .conftest import DAY, NOON, PLACE, enter

pytestmark = pytest.mark.django_db

LIST = "admin:backups_backup_changelist"
SEES = {Role.ADMINISTRATOR, Role.COMPLIANCE_OFFICER, Role.AUDITOR, Role.RECORDS_MANAGER}


def asked(**given):
    today = clock.now()
    return {
        "holds_database": "on", "made_at_0": f"{today:%Y-%m-%d}", "made_at_1": "00:00:00", "place": PLACE, "country": "US", "country_reason": "",
        "kept_until": f"{today + 30 * DAY:%Y-%m-%d}", "method": "lifecycle", "digest": "",
    } | given  # fmt: skip


@pytest.mark.parametrize("role", list(Role))
def test_who_sees_the_register_and_who_adds_to_it(browser_of, role):
    browser = browser_of(role)
    pages = {name: browser.get(reverse(f"admin:backups_{name}")).status_code for name in
             ("backup_changelist", "restore_changelist", "drill_changelist", "backup_add")}  # fmt: skip
    seen = 200 if role in SEES else 403
    assert pages == {
        "backup_changelist": seen, "restore_changelist": seen, "drill_changelist": seen,
        "backup_add": 200 if role == Role.ADMINISTRATOR else 403,
    }  # fmt: skip


def test_empty_lists_say_how_they_fill(browser_of):
    browser = browser_of(Role.AUDITOR)
    assert "manage.py register_backup" in browser.get(reverse(LIST)).text
    assert "never found to be restored" in browser.get(reverse("admin:backups_restore_changelist")).text
    assert "manage.py drill_restore" in browser.get(reverse("admin:backups_drill_changelist")).text


def test_an_administrator_registers_a_backup_by_the_service(browser_of):
    browser = browser_of(Role.ADMINISTRATOR)
    answer = browser.post(reverse("admin:backups_backup_add"), asked(digest="ab" * 32))
    assert answer.status_code == 302, answer.context["errors"]
    backup = Backup.objects.get()
    assert (backup.holds, backup.place, bytes(backup.sha256).hex()) == (["database"], PLACE, "ab" * 32)
    assert backup.registered_by == str(browser.member.actor)
    assert Event.objects.get(verb="backup.registered").actor == str(browser.member.actor)


@pytest.mark.parametrize(("given", "said"), [
    ({"country": "DE"}, "Keep it in the United States, or give the reason"),
    ({"country": "de", "country_reason": ""}, "Keep it in the United States, or give the reason"),
    ({"place": "the cellar"}, "Write it like an address"),
    ({"kept_until": "2020-01-01"}, "Correct the day until which it is kept"),
    ({"digest": "abc"}, "Give the 64 digits"),
    ({"holds_database": ""}, "Say what it holds"),
])  # fmt: skip
def test_what_is_refused_is_said_on_the_form_with_its_mend(browser_of, given, said):
    answer = browser_of(Role.ADMINISTRATOR).post(reverse("admin:backups_backup_add"), asked(**given))
    assert (answer.status_code, said in answer.text) == (200, True), answer.text
    assert Backup.objects.count() == 0


def test_each_state_is_a_chip(browser_of):
    enter(place="tape:old")
    enter(at=clock.now(), place="tape:new")
    page = browser_of(Role.AUDITOR).get(reverse(LIST)).text
    assert '<span class="chip chip-bad">past its life</span>' in page
    assert '<span class="chip chip-ok">kept</span>' in page
    assert page.count("keystore excluded") == 2


def test_marking_as_destroyed_asks_first_and_is_final(browser_of):
    backup = enter()
    browser = browser_of(Role.ADMINISTRATOR)
    place = reverse("admin:backups_backup_destroyed", args=[backup.pk])
    assert "It can&#x27;t be taken back" in browser.get(place).text
    assert browser.post(place, {"once": "x"}).status_code == 302
    backup.refresh_from_db()
    assert (backup.destroyed_at is not None, backup.destroyed_by) == (True, str(browser.member.actor))
    assert browser_of(Role.COMPLIANCE_OFFICER).post(place, {"once": "y"}).status_code == 403


def test_nobody_changes_what_is_registered(browser_of):
    backup = enter()
    page = reverse("admin:backups_backup_change", args=[backup.pk])
    assert browser_of(Role.ADMINISTRATOR).post(page, asked(place="elsewhere:1")).status_code == 403
    assert Backup.objects.get().place == PLACE


def test_restores_and_drills_are_only_looked_at(browser_of):
    restore = Restore.objects.create(found_at=NOON, first_missing=4, entries=2, since=NOON, found={"destruction.done": 2})
    drill = Drill.objects.create(started_at=NOON, by="system:command-line")
    browser = browser_of(Role.ADMINISTRATOR)
    assert '<span class="chip chip-bad">to be replayed</span>' in browser.get(reverse("admin:backups_restore_changelist")).text
    assert "destruction.done" in browser.get(reverse("admin:backups_restore_change", args=[restore.pk])).text
    assert '<span class="chip chip-wait">running</span>' in browser.get(reverse("admin:backups_drill_change", args=[drill.pk])).text
    for model in ("restore", "drill"):
        assert browser.get(reverse(f"admin:backups_{model}_add")).status_code == 403
