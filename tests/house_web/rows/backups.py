"""Backups, restores that were found, and drills."""

from datetime import timedelta

from apps.backups.models import Backup, Drill, Restore
from apps.backups.services import drilling, register, restores
from apps.backups.states import Outcome
from apps.foundation.actors import SYSTEM
from tests.cast import DAY, NOON
from tests.house_web.rows.declared import Rows, Scene


def backup(number: int) -> Backup:
    made_at = NOON + number * DAY
    return register.register(
        holds=["database"], made_at=made_at, place=f"s3://backups.example/{number}", kept_until=(made_at + 5 * DAY).date(), method="lifecycle",
        by=SYSTEM, at=made_at,
    )  # fmt: skip


def restore(number: int) -> Restore:
    """Noted and closed, but for the last one."""
    for standing in Restore.objects.open():
        restores.close(restore=standing, last=standing.first_missing, at=NOON + timedelta(hours=number))
    gap = restores.Gap(first=number + 1, last=number + 1, since=NOON)
    gap.acts["destruction.done"] = 1
    return restores.note(gap=gap, at=NOON)


def drill(number: int) -> Drill:
    """Begun, and but for the last one ended, without the copies between."""
    this = drilling.begin(dump_sha256=None, given=None, by=SYSTEM, at=NOON + timedelta(hours=number))
    return drilling.end(this, Outcome.WELL, {"findings": []}, by=SYSTEM, at=NOON + timedelta(hours=number, minutes=1)) if number else this


ROWS = {Backup: Rows(backup, scans=("=place",)), Restore: Rows(restore), Drill: Rows(drill)}

SCENES = {(Backup, "destroyed"): Scene(lambda _member: backup(0))}
