"""The replay of the journal after a restore: in order, each act once, whatever is killed; stopped before a kind nobody knows."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from apps.audit.models import Event, Heartbeat, JournalEntry
from apps.audit.services import journal
from apps.backups.models import Backup, Restore
from apps.backups.services import register, repeating, replaying, restores
from apps.foundation.actors import SYSTEM
from apps.foundation.refusals import Refusal
from config.replay import HANDLERS as REAL
from tests.architecture.sources import CHECKOUT
from tests.backups.handlers import HANDLERS, beat_once_more

from .conftest import CRON, DAY, NOON, enter

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOON + 2 * DAY
ACTS = 6


def replay(**given):
    return replaying.replay(**{"handlers": HANDLERS, "by": SYSTEM, "at": LATER} | given)


@pytest.fixture
def restored(told, by_force):
    """Six acts, of which the restored database knows two."""
    for number in range(1, ACTS + 1):
        told("heart.beaten", f"HRT-{number}")
    by_force("DELETE FROM audit_journalentry WHERE sequence > 2")


def hearts():
    return dict(Heartbeat.objects.values_list("name", "at"))


def test_what_the_database_lacks_is_repeated_in_order_and_once(restored):
    seen = []
    done = replay(told=lambda line: seen.append(line.about))
    assert seen == ["HRT-3", "HRT-4", "HRT-5", "HRT-6"]
    assert (dict(done.repeated), done.marked) == ({"heart.beaten": 4}, 0)
    assert hearts() == {f"HRT-{number}": NOON for number in range(3, 7)}
    assert journal.status().in_step
    assert JournalEntry.objects.filter(sequence__isnull=False).count() == ACTS


def test_each_repetition_and_the_restore_are_recorded(restored):
    restore = replay().restore
    assert (restore.first_missing, restore.entries, restore.since, restore.found_at, restore.replayed_at) == (3, 4, NOON, LATER, LATER)
    assert (restore.found, restore.replayed) == ({"heart.beaten": 4}, {"heart.beaten": 4})
    verbs = list(Event.objects.filter(verb__startswith="restore.").order_by("id").values_list("verb", "object"))
    assert verbs == [
        ("restore.found", restore.reference),
        *(("restore.entry_replayed", f"HRT-{number}") for number in range(3, 7)),
        ("restore.replayed", restore.reference),
    ]
    assert Event.objects.filter(verb="restore.entry_replayed").first().facts == {
        "restore": restore.reference, "sequence": 6, "kind": "heart.beaten",
    }  # fmt: skip


def test_the_journal_learns_of_the_replay_and_goes_on(restored):
    restore = replay().restore
    assert journal.write_owed() == 1
    *_, last = journal.read()
    assert (last.sequence, last.kind, last.about) == (7, "restore.replayed", restore.reference)
    assert (last.body["first"], last.body["last"], last.body["entries"]) == (3, 6, 4)


def test_a_second_replay_has_nothing_to_do(restored):
    replay()
    assert replay().restore is None
    assert (Restore.objects.count(), hearts()["HRT-3"]) == (1, NOON)


def test_nothing_to_replay_where_nothing_is_lacking(told):
    told("heart.beaten", "HRT-1")
    assert (replay().restore, Restore.objects.count(), hearts()) == (None, 0, {})


def test_a_kind_without_a_handler_stops_it_before_anything_is_changed(told, by_force):
    told("heart.beaten", "HRT-1")
    told("heart.beaten", "HRT-2")
    told("moon.eclipsed", "MOO-1")
    by_force("DELETE FROM audit_journalentry WHERE sequence > 1")
    before = Event.objects.count()
    with pytest.raises(replaying.NoHandler, match=r"moon\.eclipsed") as refused:
        replay()
    assert "Nothing was changed" in refused.value.mend
    assert (hearts(), JournalEntry.objects.count(), Restore.objects.count(), Event.objects.count()) == ({}, 1, 0, before)


def test_an_act_that_the_backup_holds_is_marked_and_not_repeated(restored, by_force):
    by_force("UPDATE audit_journalentry SET sequence = NULL, digest = NULL WHERE sequence = 2")
    done = replay()
    assert (done.repeated.total(), done.marked, "HRT-2" in hearts()) == (4, 1, False)
    assert journal.status().in_step


def test_a_handler_that_refuses_stops_it_at_its_line_and_the_next_run_goes_on_there(restored):
    class Busy(Refusal):
        code, mend = "busy", "Wait a little."

    def refuse(line, *, at):
        beat_once_more(line, at=at)
        if line.about == "HRT-5":
            raise Busy("Somebody is at it.")

    with pytest.raises(replaying.Stopped, match=r"Entry 5 \(heart\.beaten HRT-5\) could not be replayed: Somebody is at it\.") as stopped:
        replay(handlers=HANDLERS | {"heart.beaten": refuse})
    assert stopped.value.mend == "Wait a little."
    assert set(hearts()) == {"HRT-3", "HRT-4"}
    assert (journal.status().code, Restore.objects.get().replayed_at) == ("database_restored", None)
    assert (replay().repeated.total(), hearts()["HRT-3"], set(hearts())) == (2, NOON, {"HRT-3", "HRT-4", "HRT-5", "HRT-6"})
    assert Restore.objects.get().replayed == {"heart.beaten": 4}


def test_what_comes_afterwards_is_done_with_the_last_line_or_not_at_all(restored):
    def fail(*, at):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replay(afterwards=(fail,))
    assert (set(hearts()), journal.status().in_step) == ({"HRT-3", "HRT-4", "HRT-5"}, False)
    done = []
    replay(afterwards=(lambda *, at: done.append(at),))
    assert (done, journal.status().in_step) == ([LATER], True)


def test_two_replays_at_once_are_one(restored):
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext('covenant_replay'))")
        with pytest.raises(replaying.ReplayRuns):
            replay()
        with other.cursor() as cursor:  # a server lets go of a closed connection's locks when it gets to it
            cursor.execute("SELECT pg_advisory_unlock(hashtext('covenant_replay'))")
    finally:
        other.close()
    assert replay().repeated.total() == 4


def test_a_lost_journal_is_not_replayed(told, open_journal):
    told("heart.beaten", "HRT-1")
    open_journal.write_bytes(open_journal.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(journal.JournalLost):
        replay()
    assert Restore.objects.count() == 0


def test_a_forged_line_stops_it_before_anything_is_changed(restored, open_journal):
    lines = open_journal.read_bytes().splitlines(keepends=True)
    lines[-1] = lines[-1].replace(b"HRT-6", b"HRT-7")
    open_journal.write_bytes(b"".join(lines))
    with pytest.raises(journal.JournalDamaged):
        replay()
    assert (hearts(), Restore.objects.count()) == ({}, 0)


def test_what_is_found_while_a_replay_ends_is_not_noted_as_a_second_restore(restored):
    gap = restores.look()
    replay()
    assert restores.found(gap=gap, at=LATER) is None
    assert Restore.objects.count() == 1


def test_the_database_keeps_a_closed_restore_as_it_is(restored):
    restore = replay().restore
    restore.replayed = {}
    with pytest.raises(Exception, match="only closed, once"), transaction.atomic():
        restore.save()
    with pytest.raises(Exception, match="is refused"), transaction.atomic():
        Restore.objects.all().delete()


# Killed


def teller(home, *death):
    environment = os.environ | {
        "DATABASE_URL": os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + connection.settings_dict["NAME"],
        "COVENANT_HOME": str(home), "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(CHECKOUT),
    }  # fmt: skip
    program = [sys.executable, str(Path(__file__).with_name("teller.py")), *map(str, death)]
    return subprocess.run(program, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_killed_before_within_and_after_each_line_it_ends_the_same_once(restored, home):
    deaths = [(when, number) for number in range(3, ACTS + 1) for when in ("before", "within", "after")]
    for death in deaths:
        died = teller(home, *death)
        assert died.returncode == -signal.SIGKILL, (death, died.stderr)
    last = teller(home)
    assert (last.returncode, last.stdout) == (0, "0 0\n"), last.stderr
    assert set(hearts()) == {f"HRT-{number}" for number in range(3, 7)}
    assert set(hearts().values()) == {NOON}  # a second time would show
    assert Event.objects.filter(verb="restore.entry_replayed").count() == 4
    assert [restore.replayed for restore in Restore.objects.all()] == [{"heart.beaten": 4}]
    assert journal.status().in_step


# The acts of this floor


def test_the_register_learns_of_backups_made_after_the_one_that_was_restored(open_journal, by_force):
    kept = enter(holds=["database", "files"], country="DE", country_reason="the clinic asked for it", sha256=bytes(32))
    gone = register.destroyed(backup=enter(place="tape:1"), by=CRON, at=NOON + DAY)
    journal.write_owed()
    fields = [field.name for field in Backup._meta.concrete_fields if field.name not in ("id", "country_reason")]
    before = list(Backup.objects.order_by("reference").values_list(*fields))
    by_force("DELETE FROM audit_journalentry")
    by_force("DELETE FROM backups_backup")

    assert replay(handlers=REAL).repeated.total() == 3
    assert [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in Backup.objects.order_by("reference").values_list(*fields)] == [
        tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in before
    ]
    reason = Backup.objects.get(reference=kept.reference).country_reason
    assert reason.startswith("recorded before a restore, its text was lost; SHA-256 ")
    assert Backup.objects.get(reference=gone.reference).destroyed_at == NOON + DAY


def test_an_older_backup_learns_of_an_earlier_restore(restored, by_force):
    first = replay().restore
    journal.write_owed()
    by_force("DELETE FROM audit_journalentry WHERE sequence > 6")
    by_force("DELETE FROM backups_restore")
    second = replay(handlers=REAL, at=LATER + DAY).restore
    assert {restore.reference: restore.replayed for restore in Restore.objects.all()} == {
        first.reference: {"heart.beaten": 4}, second.reference: {"restore.replayed": 1},
    }  # fmt: skip


def test_a_seal_that_was_named_has_nothing_to_repeat(open_journal, told, by_force):
    told("ledger.sealed", "seal-1", number=1, digest="ab" * 32)
    by_force("DELETE FROM audit_journalentry")
    assert replay(handlers=REAL).repeated == {"ledger.sealed": 1}
    assert REAL["ledger.sealed"] is repeating.seal_named


# The command


def say(*arguments):
    out = io.StringIO()
    call_command("replay", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def sealed_and_restored(told, by_force):
    told("ledger.sealed", "seal-1", number=1, digest="ab" * 32)
    told("ledger.sealed", "seal-2", number=2, digest="cd" * 32)
    by_force("DELETE FROM audit_journalentry WHERE sequence > 1")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(sealed_and_restored):
    said = say("--dry-run")
    assert "The database lacks 1 entries, the first of them entry 2 of 2026-03-08 12:00 UTC." in said
    assert [line.split() for line in said.splitlines() if "ledger.sealed" in line] == [["ledger.sealed", "1"]]
    assert (Restore.objects.count(), journal.status().code) == (0, "database_restored")


def test_the_command_replays_and_says_what_follows(sealed_and_restored):
    said = say()
    assert f"{Restore.objects.get().reference} is replayed" in said
    assert journal.status().in_step
    assert "nothing to replay" in say()
    assert "nothing to replay" in say("--dry-run")


def test_the_command_says_the_mend_of_what_stops_it(told, by_force):
    told("moon.eclipsed", "MOO-1")
    by_force("DELETE FROM audit_journalentry")
    for arguments in ([], ["--dry-run"]):
        with pytest.raises(CommandError, match=r"moon\.eclipsed.* Nothing was changed"):
            say(*arguments)
