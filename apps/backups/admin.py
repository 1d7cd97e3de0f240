"""Backups are registered and marked destroyed; restores and drills are looked at. What is registered is never rewritten."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.backups.forms import BackupForm
from apps.backups.models import Backup, Drill, Restore
from apps.backups.services import register
from apps.backups.states import Outcome, Standing
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip
from apps.foundation.clock import day_of

TONES = {Standing.KEPT: "ok", Standing.OVERDUE: "bad", Standing.DESTROYED: "plain"}
STEADY = {
    Outcome.RUNNING: "wait", Outcome.WELL: "ok", Outcome.FOUND: "bad", Outcome.FAILED: "warn", Outcome.KILLED: "warn",
}  # fmt: skip


@admin.register(Backup)
class BackupAdmin(CovenantAdmin):
    form = BackupForm
    list_display = ("reference", "state", "kept_until", "contents", "place", "country", "made_at", "destroyed_at")
    list_filter = ("method", "made_at", "kept_until")
    search_fields = ("=reference", "=place")
    search_help_text = "The whole reference of a backup, or the whole place where it lies."
    unmasked_fields = ("country_reason", "registered_by", "destroyed_by")
    readonly_fields = ("state", "contents")
    empty_note = "No backup is registered. Whoever makes one registers it with manage.py register_backup, or here, with the day on which it ends."
    acts = (
        Act(
            "destroyed", "Mark as destroyed", "backups.mark_destroyed",
            explain=lambda backup: [
                f"You say that the backup at {backup.place} is gone: {backup.get_method_display()}.",
                "That you said it, and when, is recorded in the ledger and the journal. It can't be taken back.",
            ],
            run=lambda request, backup, _form: (
                f"{register.destroyed(backup=backup, by=request.user, at=clock.now())} is marked as destroyed."
            ),
            applies=lambda backup: backup.destroyed_at is None,
        ),
    )  # fmt: skip

    @admin.display(description="state")
    def state(self, backup: Backup) -> SafeString:
        standing = backup.standing(day_of(clock.now()))
        return chip(standing.label, TONES[standing])

    @admin.display(description="holds")
    def contents(self, backup: Backup) -> str:
        return ", ".join(backup.holds) + ("" if backup.holds_keystore else ", keystore excluded")

    def get_fields(self, request: HttpRequest, obj: Backup | None = None) -> tuple[str, ...]:
        if obj is None:
            return (*BackupForm.Meta.fields, "digest")
        return (
            "reference", "state", "contents", "made_at", "place", "country", "country_reason", "kept_until", "method", "sha256",
            "registered_at", "registered_by", "destroyed_at", "destroyed_by",
        )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Backup | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Backup, form: BackupForm, change: bool) -> None:
        saved = register.register(**form.as_asked(), by=request.user, at=clock.now())
        obj.pk, obj.reference = saved.pk, saved.reference


class ForReading(CovenantAdmin):
    """Written by the machine alone."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Restore)
class RestoreAdmin(ForReading):
    list_display = ("reference", "state", "found_at", "since", "entries", "replayed_at")
    list_filter = ("found_at",)
    search_fields = ("=reference",)
    fields = ("reference", "state", "found_at", "since", "first_missing", "entries", "found", "replayed_at", "replayed")
    empty_note = "The database was never found to be restored from a backup."

    @admin.display(description="state")
    def state(self, restore: Restore) -> SafeString:
        return chip("to be replayed", "bad") if restore.replayed_at is None else chip("replayed", "ok")


@admin.register(Drill)
class DrillAdmin(ForReading):
    list_display = ("reference", "outcome", "started_at", "ended_at", "by", "entries", "dump_sha256")
    list_filter = ("outcome", "started_at")
    search_fields = ("=reference",)
    chips = {"outcome": STEADY}
    unmasked_fields = ("by",)
    fields = ("reference", "outcome", "started_at", "ended_at", "by", "dump_sha256", "scratch", "entries", "report")
    empty_note = "No restore was drilled yet. manage.py drill_restore tries one on a copy and says what it would bring back."
