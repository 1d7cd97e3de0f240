"""A clock that jumped stops destruction until a person confirms it (invariant 9).

A clock a day ahead would destroy a day early, and nothing brings that back. So before anything irreversible the present is
compared with the last heartbeat, the database's own clock and the journal's last entry. Hiding goes on: it can be undone.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import heartbeat, journal, ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.refusals import Refusal
from apps.retention.models import ClockDoubt
from apps.staff.models import StaffMember

HEART = "sweep"


class ClockInDoubt(Refusal):
    """The clock does not agree with what it is compared with; nothing is destroyed until a person confirms it."""

    code = "clock_in_doubt"
    mend = "Check the time of every machine. If it is right, confirm it in the admin under clock doubts."


def _database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def compare(*, at: datetime) -> list[tuple[str, datetime]]:
    """What the clock disagrees with, as (name, what it says). A jump is over 26 h, against the database's clock over an hour.

    The database runs beside us, so its clock must agree closely; heartbeat and journal may be as old as a weekend's stop.
    """
    jump = timedelta(hours=settings.CLOCK_JUMP_HOURS)
    seen: list[tuple[str, datetime | None, timedelta]] = [
        ("heartbeat", heartbeat.last(HEART), jump),
        ("database", _database_now(), timedelta(minutes=settings.CLOCK_DATABASE_TOLERANCE_MINUTES)),
    ]
    last_entry = journal.status().last_at
    if last_entry and last_entry > at:  # the journal may be silent for weeks, but it can't be of the future
        seen.append(("journal", last_entry, jump))
    return [(name, other) for name, other, tolerance in seen if other and abs(at - other) > tolerance]


def watch(*, at: datetime) -> bool:
    """Compare, raise a doubt where it disagrees, beat otherwise. True where the clock may be trusted for a destruction."""
    for name, other in compare(at=at):
        _raise_doubt(name, other, at)
    if ClockDoubt.objects.filter(confirmed_at=None).exists():
        return False
    heartbeat.beat(HEART, at=at)
    return True


@transaction.atomic
def _raise_doubt(name: str, other: datetime, at: datetime) -> None:
    if ClockDoubt.objects.select_for_update().filter(against=name, confirmed_at=None).exists():
        return
    doubt = ClockDoubt.objects.create(against=name, clock_said=at, other_said=other, raised_at=at)
    ledger.record(
        "clock.doubted", by=SYSTEM, about=f"clock-doubt-{doubt.pk}", at=at,
        facts={"against": name, "clock_said": at.isoformat(), "other_said": other.isoformat()},
    )  # fmt: skip


@transaction.atomic
def confirm(*, doubt: ClockDoubt, by: StaffMember, at: datetime) -> ClockDoubt:
    """A person confirms that the clock is right now. Refused while it still disagrees with the database's clock."""
    doubt = ClockDoubt.objects.select_for_update().get(pk=doubt.pk)
    if doubt.confirmed_at:
        return doubt
    if any(name == "database" for name, _other in compare(at=at)):
        raise ClockInDoubt("The clock of this machine and the database's still differ by more than is safe.")
    doubt.confirmed_at, doubt.confirmed_by = at, str(by.actor)
    doubt.save(update_fields=["confirmed_at", "confirmed_by"])
    if not ClockDoubt.objects.filter(confirmed_at=None).exists():
        heartbeat.beat(HEART, at=at)
    ledger.record("clock.confirmed", by=by.actor, about=f"clock-doubt-{doubt.pk}", at=at, facts={"against": doubt.against})
    return doubt
