"""The register of backups: nothing enters without an end, a country and a way to be destroyed; what is entered stays."""

import io
from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.audit.models import Event, JournalEntry
from apps.audit.services import journal
from apps.backups.models import Backup
from apps.backups.services import register
from apps.backups.states import Standing
from apps.foundation.clock import day_of

from .conftest import CRON, DAY, NOON, PLACE, enter

pytestmark = pytest.mark.django_db


def test_a_backup_is_entered_with_its_end_and_the_journal_learns_it():
    backup = enter(holds=["database", "files"], sha256=bytes(range(32)))
    assert Backup.objects.values("holds_database", "holds_files", "holds_keystore", "kept_until", "country", "destroyed_at").get() == {
        "holds_database": True, "holds_files": True, "holds_keystore": False, "kept_until": date(2026, 4, 12), "country": "US",
        "destroyed_at": None,
    }  # fmt: skip
    event = Event.objects.get(verb="backup.registered")
    assert (event.object, event.actor) == (backup.reference, "system:command-line")
    assert JournalEntry.objects.values("kind", "about", "body").get() == {
        "kind": "backup.registered",
        "about": backup.reference,
        "body": {
            "holds": ["database", "files"], "made_at": "2026-03-08T12:00:00+00:00", "place": PLACE, "country": "US",
            "kept_until": "2026-04-12", "method": "lifecycle", "sha256": bytes(range(32)).hex(), "by": "system:command-line",
            "reason_digest": "",
        },
    }  # fmt: skip


@pytest.mark.parametrize(("given", "code"), [
    ({"holds": []}, "backup_holds_nothing"),
    ({"holds": ["passwords"]}, "backup_holds_nothing"),
    ({"place": "the cellar, second shelf"}, "backup_place_not_plain"),
    ({"place": ""}, "backup_place_not_plain"),
    ({"country": "us"}, "backup_country_not_known"),
    ({"country": "USA"}, "backup_country_not_known"),
    ({"country": "DE"}, "backup_in_another_country"),
    ({"country": "DE", "country_reason": "  "}, "backup_in_another_country"),
    ({"method": "forgotten"}, "backup_method_not_known"),
    ({"sha256": b"short"}, "backup_digest_not_sha256"),
    ({"kept_until": date(2026, 3, 7)}, "backup_life_not_possible"),
    ({"kept_until": date(2036, 3, 7)}, "backup_life_not_possible"),
    ({"made_at": NOON + DAY, "kept_until": date(2026, 4, 1)}, "backup_life_not_possible"),
])  # fmt: skip
def test_what_is_refused_leaves_nothing(given, code):
    with pytest.raises(register.Refusal) as refused:
        enter(**given)
    assert (refused.value.code, bool(refused.value.mend)) == (code, True)
    assert (Backup.objects.count(), Event.objects.count(), JournalEntry.objects.count()) == (0, 0, 0)


def test_another_country_is_entered_with_its_reason_whose_text_stays_out_of_the_journal():
    backup = enter(country="DE", country_reason="the clinic in Munich asked for it")
    assert backup.country_reason == "the clinic in Munich asked for it"
    assert "Munich" not in str(JournalEntry.objects.get().body)
    assert len(JournalEntry.objects.get().body["reason_digest"]) == 64


def test_a_reason_for_the_united_states_is_not_kept():
    assert enter(country_reason="for nothing").country_reason == ""


def test_the_same_dump_at_the_same_place_is_entered_once():
    first = enter(sha256=bytes(32))
    assert enter(sha256=bytes(32), at=NOON + DAY).pk == first.pk
    assert enter(sha256=bytes(32), place="tape:vault-3/0117").pk != first.pk
    assert (Backup.objects.count(), JournalEntry.objects.count()) == (2, 2)


def test_a_destroyed_backup_says_when_and_by_whom_and_the_first_word_stands():
    backup = enter()
    ended = register.destroyed(backup=backup, by=CRON, at=NOON + 36 * DAY, when=NOON + 35 * DAY)
    again = register.destroyed(backup=backup, by=CRON, at=NOON + 40 * DAY)
    assert (ended.destroyed_at, again.destroyed_at, again.destroyed_by) == (NOON + 35 * DAY, NOON + 35 * DAY, "system:command-line")
    assert list(Event.objects.filter(verb="backup.destroyed").values_list("facts__late", flat=True)) == [False]
    assert JournalEntry.objects.get(kind="backup.destroyed").body == {"when": "2026-04-12T12:00:00+00:00", "by": "system:command-line"}


@pytest.mark.parametrize("when", [NOON - DAY, NOON + 3 * DAY])
def test_nothing_is_destroyed_before_it_was_made_or_in_the_future(when):
    with pytest.raises(register.NotYetDestroyed):
        register.destroyed(backup=enter(), by=CRON, at=NOON + DAY, when=when)
    assert Backup.objects.get().destroyed_at is None


def test_a_backup_stands_as_its_days_say():
    backup = enter()
    assert [backup.standing(day_of(NOON + days * DAY)) for days in (0, 35, 36)] == [Standing.KEPT, Standing.KEPT, Standing.OVERDUE]
    assert list(Backup.objects.overdue(day_of(NOON + 36 * DAY))) == [backup]
    register.destroyed(backup=backup, by=CRON, at=NOON + 36 * DAY)
    backup.refresh_from_db()
    assert backup.standing(day_of(NOON + 36 * DAY)) == Standing.DESTROYED
    assert list(Backup.objects.overdue(day_of(NOON + 36 * DAY))) == []


@pytest.mark.parametrize("statement", [
    "UPDATE backups_backup SET kept_until = kept_until + 300",
    "UPDATE backups_backup SET destroyed_at = now(), destroyed_by = 'system:x', place = 'elsewhere'",
    "DELETE FROM backups_backup",
    "TRUNCATE backups_backup",
])  # fmt: skip
def test_the_database_does_not_rewrite_the_register(statement):
    enter()
    with pytest.raises(DatabaseError, match="restrict_violation|is refused|only marked"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Backup.objects.values_list("place", "destroyed_at").get() == (PLACE, None)


def test_what_is_destroyed_does_not_come_back():
    backup = register.destroyed(backup=enter(), by=CRON, at=NOON)
    backup.destroyed_at, backup.destroyed_by = None, ""
    with pytest.raises(DatabaseError), transaction.atomic():
        backup.save()


@pytest.mark.parametrize(("column", "value"), [("country", "de"), ("country", "DE"), ("destroyed_by", "system:x"), ("holds_database", False)])
def test_the_database_refuses_what_the_policy_forbids(column, value):
    backup = Backup(made_at=NOON, place=PLACE, kept_until=NOON.date(), method="removed", registered_at=NOON, registered_by="system:x")
    setattr(backup, column, value)
    with pytest.raises(IntegrityError), transaction.atomic():
        backup.save()


# The commands


def say(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_the_job_that_makes_backups_registers_and_ends_them(open_journal, tmp_path):
    dump = tmp_path / "nightly.dump"
    dump.write_bytes(b"PGDMP")
    asked = ["register_backup", "--holds", "database", "--place", PLACE, "--kept-days", "35", "--method", "removed", "--digest-of", str(dump)]
    reference = say(*asked).strip()
    assert say(*asked).strip() == reference
    backup = Backup.objects.get(reference=reference)
    assert (backup.kept_until - backup.made_at.date()).days == 35
    assert bytes(backup.sha256).hex() == "b5a26a21290c39819235a235b8ed66b3bd98ed90c8316c8949bfbb7419cac878"
    assert f"{reference} destroyed at" in say("destroyed_backup", reference.lower())
    assert [line.kind for line in journal.read()] == ["journal.opened", "backup.registered", "backup.destroyed"]


def test_the_commands_say_what_is_wrong_and_the_mend(open_journal, tmp_path):
    asked = ["register_backup", "--holds", "database", "--place", PLACE, "--kept-days", "35", "--method", "removed"]
    with pytest.raises(CommandError, match="needs the reason for it .* Keep it in the United States"):
        say(*asked, "--country", "DE")
    with pytest.raises(CommandError, match="64 hexadecimal digits"):
        say(*asked, "--sha256", "abc")
    with pytest.raises(CommandError, match="The dump can't be read: No such file"):
        say(*asked, "--digest-of", str(tmp_path / "nowhere"))
    with pytest.raises(CommandError, match="No backup has that reference"):
        say("destroyed_backup", "BKP-NOTHERE")
    assert Backup.objects.count() == 0
