"""The journal: written once whatever is killed, in step with the database or refused with the mend."""

import json
import os
import signal
import stat
import time
from uuid import uuid4

import pytest
from django.db import transaction

from apps.audit import journal_file
from apps.audit.models import Event, Installation, JournalEntry
from apps.audit.services import journal, ledger
from apps.foundation import signing
from apps.foundation.digests import canonical, sha256

from .conftest import NOON


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


def test_a_new_journal_is_private_and_bound_to_its_installation(open_journal):
    [line] = journal.read()
    assert (line.sequence, line.kind, line.installation) == (0, "journal.opened", Installation.objects.get().installation_id)
    assert line.body == {"format": 1, "public_key": signing.public_key("journal").hex()}
    assert stat.S_IMODE(open_journal.stat().st_mode) == 0o600
    assert stat.S_IMODE(open_journal.parent.stat().st_mode) == 0o700
    assert journal.open_journal(NOON).digest == line.digest  # twice is once
    assert len(lines_of(open_journal)) == 1


def test_a_line_can_be_checked_by_anybody_with_the_key_alone(open_journal, written):
    entry = written(1)[0]
    opening, raw = open_journal.read_bytes().splitlines()
    content = json.loads(raw)
    assert {name: content[name] for name in ("sequence", "entry", "kind", "about", "body", "at")} == {
        "sequence": 1, "entry": str(entry.pk), "kind": "destruction.done", "about": "COH-1", "body": {"messages": 3},
        "at": "2026-03-08T12:00:00.000000+00:00",
    }  # fmt: skip
    assert content["previous"] == sha256(opening).hex()
    assert bytes(entry.digest) == sha256(raw)
    signature = bytes.fromhex(content.pop("signature"))
    assert signing.is_signed(signing.public_key("journal"), canonical(content), signature)


def test_an_entry_is_written_once_however_often_it_is_asked_for(open_journal, owe):
    entry = owe()
    assert [journal.write(entry.pk).sequence for _ in range(3)] == [1, 1, 1]
    assert len(lines_of(open_journal)) == 2


def test_what_is_owed_is_written_oldest_first(open_journal, owe):
    late = owe(about="COH-1")
    with transaction.atomic():
        early = journal.owe("x.y", about="COH-0", body={}, at=NOON.replace(hour=1))
    assert journal.status().owed == 2
    assert journal.write_owed() == 2
    assert journal.write_owed() == 0
    assert [line.entry for line in journal.read()][1:] == [early.pk, late.pk]


def test_entries_of_one_moment_are_written_in_the_order_of_their_acts(open_journal, owe):
    entries = [owe(about=f"COH-{number}") for number in range(20)]
    assert {entry.created_at for entry in entries} == {NOON}
    assert {entry.pk.version for entry in entries} == {7}
    journal.write_owed()
    assert [line.entry for line in journal.read()][1:] == [entry.pk for entry in entries]


def test_a_line_is_never_written_inside_a_transaction(open_journal, owe):
    entry = owe()
    with pytest.raises(RuntimeError), transaction.atomic():
        journal.write(entry.pk)
    assert len(lines_of(open_journal)) == 1


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_owed_only_together_with_its_act():
    with pytest.raises(ledger.NotInTransaction):
        journal.owe("x.y", about="COH-1", body={}, at=NOON)


@pytest.mark.parametrize("body", [{"name": "Ada Lovelace"}, {"a": [{"b": "ada@example.com"}]}, {"x": 1.5}])
def test_the_journal_takes_no_free_text(owe, body):
    with pytest.raises(ValueError, match="must be a code|not plain"):
        owe(**body)
    assert JournalEntry.objects.count() == 0


def test_a_journal_in_step_says_so(open_journal, written, owe):
    written(3)
    owe()
    assert journal.status() == journal.JournalStatus(True, "", "", 3, 3, NOON, code="", owed=1)
    journal.require_in_step()


def test_the_journal_of_a_database_without_one_is_opened_by_prepare(home, transactional_db):
    status = journal.status()
    assert (status.in_step, status.code) == (False, "journal_not_opened")
    assert "manage.py prepare" in status.mend


# Killed


def test_killed_between_line_and_row_the_line_is_found_again(open_journal, owe, another_process):
    entry = owe()
    killed = another_process("die-before-mark", entry.pk)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert JournalEntry.objects.get().sequence is None
    assert len(lines_of(open_journal)) == 2
    assert journal.status().in_step
    assert journal.write(entry.pk).sequence == 1
    assert len(lines_of(open_journal)) == 2
    assert bytes(JournalEntry.objects.get().digest) == list(journal.read())[1].digest
    assert journal.status().in_step


def test_killed_before_the_line_the_sweep_writes_it(open_journal, owe, another_process):
    entry = owe()
    killed = another_process("die-before-line", entry.pk)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(lines_of(open_journal)) == 1
    sweeper = another_process("sweep")
    assert sweeper.communicate(timeout=60)[0] == "1\n"
    assert [line.entry for line in journal.read()][1:] == [entry.pk]
    assert journal.status().in_step


def test_killed_within_the_line_the_torn_tail_is_cut_recorded_and_written_anew(open_journal, owe, written, another_process):
    written(2)
    whole = open_journal.read_bytes()
    entry = owe(about="COH-9")
    killed = another_process("die-in-line", entry.pk)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    torn = open_journal.read_bytes()[len(whole) :]
    assert len(torn) > 100
    assert journal.status().in_step  # nothing written is lost; the entry is still owed
    assert journal.write(entry.pk).sequence == 3
    assert open_journal.read_bytes().startswith(whole)
    assert [line.about for line in journal.read()][1:] == ["COH-1", "COH-2", "COH-9"]
    assert [event.facts for event in Event.objects.filter(verb="journal.torn_tail_cut")] == [
        {"after_line": 3, "bytes": len(torn), "sha256": sha256(torn).hex()}
    ]


def test_a_torn_tail_is_recorded_once_even_if_the_cut_was_killed(open_journal, owe, monkeypatch):
    with open_journal.open("ab") as file:
        file.write(b'{"about":"CO')
    entry = owe()

    def die(_writer):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(journal_file.Writer, "cut_torn_line", die)
        with pytest.raises(KeyboardInterrupt):
            journal.write(entry.pk)
    assert journal.write(entry.pk).sequence == 1
    assert Event.objects.filter(verb="journal.torn_tail_cut").count() == 1


def test_a_line_that_lost_only_its_newline_is_kept(open_journal, written, owe):
    written(2)
    whole = open_journal.read_bytes()
    os.truncate(open_journal, len(whole) - 1)
    assert journal.write(owe().pk).sequence == 3
    assert open_journal.read_bytes().startswith(whole)
    assert Event.objects.filter(verb="journal.torn_tail_cut").count() == 0
    assert journal.status().in_step


def test_zeros_of_a_power_cut_are_a_torn_tail(open_journal, written, owe):
    written(1)
    with open_journal.open("ab") as file:
        file.write(bytes(4096))
    assert journal.write(owe().pk).sequence == 2
    assert journal.status().in_step


def test_a_line_cut_off_that_the_database_knows_is_damage_and_is_not_healed(open_journal, written, owe):
    written(2)
    os.truncate(open_journal, open_journal.stat().st_size - 40)
    before = open_journal.read_bytes()
    with pytest.raises(journal.JournalDamaged):
        journal.write(owe().pk)
    assert open_journal.read_bytes() == before
    assert journal.status().code == "journal_lost"


def test_a_full_disk_leaves_the_journal_as_it_was(open_journal, written, owe, another_process):
    written(1)
    before = open_journal.read_bytes()
    entry = owe()
    process = another_process("full-disk", entry.pk)
    assert process.communicate(timeout=60)[0] == "journal_unwritable\n"
    assert open_journal.read_bytes() == before
    assert journal.write(entry.pk).sequence == 2
    assert journal.status().in_step


def test_two_writers_at_once_write_each_entry_once(open_journal, owe, another_process):
    entries = [owe(about=f"COH-{number}").pk for number in range(60)]
    writers = [another_process("write", *entries), another_process("write", *reversed(entries)), another_process("sweep")]
    for writer in writers:
        _out, trouble = writer.communicate(timeout=120)
        assert (writer.returncode, trouble) == (0, "")
    lines = list(journal.read())
    assert [line.sequence for line in lines] == list(range(61))
    assert {line.entry for line in lines[1:]} == set(entries)
    assert journal.status().in_step
    assert journal.status().file_entries == 60


# Out of step


def test_a_flipped_byte_is_noticed_and_named(open_journal, written, owe):
    written(3)
    raw = open_journal.read_bytes()
    place = raw.index(b'"about":"COH-2"') + 12
    stamps = open_journal.stat()
    open_journal.write_bytes(raw[:place] + b"7" + raw[place + 1 :])
    os.utime(open_journal, ns=(stamps.st_atime_ns, stamps.st_mtime_ns + 1))
    status = journal.status()
    assert (status.in_step, status.code) == (False, "journal_damaged")
    assert status.problem == "Line 3 of the journal was altered: the line after it names another digest."
    with pytest.raises(journal.JournalDamaged):
        list(journal.read())


def test_a_flipped_byte_is_noticed_within_a_minute_even_where_the_time_of_change_was_put_back(open_journal, written, monkeypatch):
    written(3)
    assert journal.status().in_step
    raw, stamps = open_journal.read_bytes(), open_journal.stat()
    with open_journal.open("r+b") as file:
        file.seek(raw.index(b'"about":"COH-2"') + 12)
        file.write(b"7")
    os.utime(open_journal, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    monkeypatch.setattr(journal_file, "REHASH_SECONDS", 0)
    assert journal.status().code == "journal_damaged"


def test_a_flipped_byte_in_the_last_line_breaks_its_signature(open_journal, written):
    written(2)
    raw = open_journal.read_bytes()
    place = raw.rindex(b'"COH-2"') + 5
    open_journal.write_bytes(raw[:place] + b"7" + raw[place + 1 :])
    assert journal.status().problem == "Line 3 of the journal is not signed by this installation's key."


def test_a_dropped_line_is_noticed(open_journal, written):
    written(3)
    lines = lines_of(open_journal)
    open_journal.write_bytes(b"".join(lines[:2] + lines[3:]))
    status = journal.status()
    assert (status.code, status.problem) == (
        "journal_damaged",
        "Line 3 of the journal says it is number 3: lines were removed or put in.",
    )


def test_a_journal_cut_short_is_lost(open_journal, written, owe):
    written(3)
    lines = lines_of(open_journal)
    open_journal.write_bytes(b"".join(lines[:-1]))
    status = journal.status()
    assert (status.in_step, status.code) == (False, "journal_lost")
    assert status.problem == "The journal ends at entry 2; the database knows of entry 3."
    assert "Put back the newest copy" in status.mend
    with pytest.raises(journal.JournalLost):
        journal.write(owe().pk)
    assert len(lines_of(open_journal)) == 3
    open_journal.write_bytes(b"".join(lines))
    assert journal.status().in_step
    assert journal.write_owed() == 1


def test_a_missing_journal_is_lost_and_not_begun_anew(open_journal, written, owe):
    written(1)
    entry = owe()
    open_journal.unlink()
    assert journal.status().code == "journal_lost"
    for attempt in (lambda: journal.open_journal(NOON), lambda: journal.write(entry.pk), lambda: list(journal.read())):
        with pytest.raises(journal.JournalLost):
            attempt()
    assert not open_journal.exists()


def test_a_line_whose_entry_has_no_row_means_a_restored_database(open_journal, written, owe, by_force):
    entries = written(3)
    by_force("DELETE FROM audit_journalentry WHERE sequence >= 2")
    status = journal.status()
    assert (status.in_step, status.code) == (False, "database_restored")
    assert status.problem == "The database does not know 2 of the journal's entries, the first of them entry 2."
    with pytest.raises(journal.DatabaseRestored):
        journal.require_in_step()
    entry = owe()
    with pytest.raises(journal.DatabaseRestored):
        journal.write(entry.pk)
    assert [line.entry for line in journal.read()][1:] == [row.pk for row in entries]  # a replay can read it all


def test_a_row_that_stands_differently_in_the_journal_is_named(written, by_force):
    written(2)
    by_force("UPDATE audit_journalentry SET digest = sha256('x') WHERE sequence = 2")
    status = journal.status()
    assert (status.code, status.problem) == ("journal_damaged", "Entry 2 stands differently in journal and database.")


def test_the_journal_of_another_installation_is_refused(open_journal, written, owe, by_force):
    written(1)
    entry = owe()
    by_force("UPDATE audit_installation SET installation_id = %s", [uuid4()])
    assert journal.status().code == "journal_foreign"
    for attempt in (lambda: journal.open_journal(NOON), lambda: journal.write(entry.pk), lambda: list(journal.read())):
        with pytest.raises(journal.JournalForeign):
            attempt()


def test_a_journal_signed_by_another_key_is_refused(open_journal, written, home):
    written(2)
    key = home / "signing" / "journal.pem"
    key.rename(home / "old-key")
    signing.create_missing()
    journal_file._known.clear()
    assert journal.status().problem == "Line 3 of the journal is not signed by this installation's key."


@pytest.mark.parametrize("content", [b"", b"\n", b"not json\n", b"[1]\n", b"{}\n", b"\xff\xfe\n", b'{"a":1}\n', b"[" * 100_000 + b"\n"])
def test_a_file_that_is_no_journal_is_damage(open_journal, content):
    open_journal.write_bytes(content)
    assert journal.status().code == "journal_damaged"


def test_a_rewritten_journal_can_not_pass_without_the_key(open_journal, written):
    """Even with every digest made right again."""
    written(2)
    forged, previous = [], bytes(32).hex()
    for raw in open_journal.read_bytes().splitlines():
        content = json.loads(raw) | {"previous": previous}
        content["about"] = content["about"].replace("COH-2", "COH-3")
        forged.append(canonical(content))
        previous = sha256(forged[-1]).hex()
    open_journal.write_bytes(b"\n".join(forged) + b"\n")
    assert journal.status().code == "journal_damaged"


def test_what_another_process_wrote_is_read_on_without_parsing_again(written, monkeypatch):
    written(5)
    assert journal.status().in_step
    parsed = []
    original = journal_file.parse
    monkeypatch.setattr(journal_file, "parse", lambda raw: parsed.append(raw) or original(raw))
    assert journal.status().in_step
    assert parsed == []


@pytest.mark.slow
def test_status_of_a_hundred_thousand_lines_is_fast_enough_for_each_minute(open_journal, by_force):
    own = Installation.objects.get().installation_id
    previous, rows = next(journal.read()).digest, []
    with open_journal.open("ab") as file:
        for sequence in range(1, 100_001):
            entry = uuid4()
            line = journal_file.compose(
                installation=own, sequence=sequence, entry=entry, kind="destruction.done", about=f"COH-{sequence}",
                body={"messages": 3}, at=NOON, previous=previous,
            )  # fmt: skip
            file.write(line + b"\n")
            previous = sha256(line)
            rows.append(
                JournalEntry(id=entry, kind="destruction.done", about=f"COH-{sequence}", body={"messages": 3}, created_at=NOON,
                             sequence=sequence, digest=previous)
            )  # fmt: skip
    JournalEntry.objects.bulk_create(rows, batch_size=5000)
    assert journal.status().file_entries == 100_000
    with transaction.atomic():
        entry = journal.owe("x.y", about="COH-1", body={}, at=NOON)
    began = time.monotonic()
    journal.write(entry.pk)
    wrote = time.monotonic() - began
    began = time.monotonic()
    status = journal.status()
    looked = time.monotonic() - began
    assert status.in_step
    assert status.file_entries == 100_001
    print(f"write {wrote:.3f} s, status {looked:.3f} s")
    assert wrote < 0.5
    assert looked < 2


