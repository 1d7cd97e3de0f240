"""What a restored database lacks: noticed at a glance, told in order, taken over line by line; nothing forged gets in."""

import pytest
from django.db import transaction

from apps.audit import journal_ends, journal_file
from apps.audit.journal_file import JournalDamaged
from apps.audit.models import JournalEntry
from apps.audit.services import journal, ledger, restoring, sealing


def adopt(line):
    with transaction.atomic():
        return restoring.adopt(line)


@pytest.fixture
def restored(written, by_force):
    """Five entries, of which the restored database knows two."""

    def back_to(sequence=2, count=5):
        entries = written(count)
        by_force("DELETE FROM audit_journalentry WHERE sequence > %s", [sequence])
        return entries

    return back_to


def test_the_ends_agree_as_long_as_the_newest_row_is_the_last_line(open_journal, written, owe):
    assert restoring.ends_agree()  # nothing but the opening line
    written(3)
    owe()
    assert restoring.ends_agree()


def test_a_glance_costs_one_query_however_long_the_journal_is(open_journal, written, django_assert_num_queries):
    written(40)
    with django_assert_num_queries(1):
        assert restoring.ends_agree()


def test_the_first_and_last_line_are_found_without_the_lines_between(open_journal, written, monkeypatch):
    written(12)
    monkeypatch.setattr(journal_ends, "BLOCK", 64)  # far shorter than a line
    first, last = journal_ends.first_and_last()
    assert [first, last] == [line for line in journal.read() if line.sequence in (0, 12)]


def test_an_unfinished_line_is_not_the_last_one(open_journal, written):
    written(2)
    with open(open_journal, "ab") as file:
        file.write(b'{"about":"COH-')
    assert restoring.ends_agree()
    assert journal_ends.first_and_last()[1].sequence == 2


@pytest.mark.parametrize("statement", [
    "DELETE FROM audit_journalentry WHERE sequence = 3",
    "UPDATE audit_journalentry SET digest = sha256('x') WHERE sequence = 3",
    "UPDATE audit_journalentry SET sequence = 4 WHERE sequence = 3",
    "UPDATE audit_installation SET installation_id = gen_random_uuid()",
    "DELETE FROM audit_installation",
])  # fmt: skip
def test_the_ends_do_not_agree_after(written, by_force, statement):
    written(3)
    by_force(statement)
    assert not restoring.ends_agree()


@pytest.mark.parametrize("content", [b"", b"\n", b"no line", b"no json\n", b"{}\n"])
def test_the_ends_of_a_file_that_is_no_journal_agree_with_nothing(open_journal, written, content):
    written(1)
    open_journal.write_bytes(content)
    assert not restoring.ends_agree()
    open_journal.unlink()
    assert not restoring.ends_agree()


def test_a_last_line_that_was_put_in_by_hand_agrees_with_nothing(open_journal, written, by_force):
    written(2)
    lines = open_journal.read_bytes().splitlines(keepends=True)
    forged = lines[2].replace(b'"messages":3', b'"messages":4')
    open_journal.write_bytes(b"".join([*lines[:2], forged]))
    by_force("UPDATE audit_journalentry SET digest = sha256(%s) WHERE sequence = 2", [forged.rstrip(b"\n")])
    assert not restoring.ends_agree()


def test_nothing_is_lacking_where_both_tell_the_same_story(open_journal, written, owe):
    written(3)
    owe()
    assert list(restoring.lacking()) == []


def test_what_the_restored_database_lacks_is_told_in_order(restored):
    entries = restored()
    assert [(one.line.sequence, one.line.entry, one.act_is_known) for one in restoring.lacking()] == [
        (number, entries[number - 1].pk, False) for number in (3, 4, 5)
    ]


def test_a_row_that_was_not_marked_yet_when_the_backup_was_made_counts_with_its_act(restored, by_force, monkeypatch):
    entries = restored(sequence=4)
    by_force("UPDATE audit_journalentry SET sequence = NULL, digest = NULL WHERE sequence = 2")
    monkeypatch.setattr(restoring, "ROWS_A_QUERY", 1)
    assert [(one.line.sequence, one.act_is_known) for one in restoring.lacking()] == [(2, True), (5, False)]
    assert adopt(next(restoring.lacking()).line) is False
    assert JournalEntry.objects.get(pk=entries[1].pk).sequence == 2


def test_a_line_taken_over_is_the_row_it_once_was_and_twice_is_once(restored):
    entries = restored()
    lines = [one.line for one in restoring.lacking()]
    assert [adopt(line) for line in [*lines, *lines]] == [True] * 3 + [False] * 3
    fields = ("id", "kind", "about", "body", "created_at", "sequence", "digest")
    as_it_was = [tuple(getattr(entry, name) for name in fields) for entry in entries]
    as_it_is = list(JournalEntry.objects.order_by("sequence").values_list(*fields))
    assert [(*row[:-1], bytes(row[-1])) for row in as_it_is] == as_it_was
    assert journal.status().in_step
    assert restoring.ends_agree()


def test_after_everything_is_taken_over_the_journal_goes_on_behind_its_last_line(restored, owe):
    restored()
    owed = owe("COH-9")
    with pytest.raises(journal.DatabaseRestored):
        journal.write(owed.pk)
    for one in restoring.lacking():
        adopt(one.line)
    assert journal.write(owed.pk).sequence == 6


def test_a_line_is_taken_over_only_together_with_what_is_repeated(restored):
    restored()
    line = next(restoring.lacking()).line
    with pytest.raises(ledger.NotInTransaction):
        restoring.adopt(line)


def test_a_line_that_says_something_else_than_its_row_is_not_taken_over(restored, by_force):
    restored(sequence=3)
    by_force("UPDATE audit_journalentry SET sequence = NULL, digest = NULL, about = 'COH-X' WHERE sequence = 3")
    with pytest.raises(JournalDamaged, match="Entry 3 stands differently"):
        adopt(next(restoring.lacking()).line)
    assert JournalEntry.objects.filter(sequence=3).count() == 0


def test_a_forged_line_among_the_lacking_ones_is_refused_before_it_is_given_out(restored, open_journal):
    restored()
    lines = open_journal.read_bytes().splitlines(keepends=True)
    lines[-1] = lines[-1].replace(b'"messages":3', b'"messages":4')
    open_journal.write_bytes(b"".join(lines))
    given = restoring.lacking()
    with pytest.raises(JournalDamaged, match="Line 6 of the journal is not signed"):
        list(given)
    journal_file._known.clear()


def test_the_journal_of_another_installation_is_not_told(restored, by_force):
    restored()
    by_force("UPDATE audit_installation SET installation_id = gen_random_uuid()")
    with pytest.raises(journal.JournalForeign):
        list(restoring.lacking())


def test_a_seal_that_a_replayed_restore_left_behind_is_not_missed_but_one_before_it_is(open_journal, owe):
    for number in (1, 2):
        journal.write(owe(f"seal-{number}", kind="ledger.sealed", number=number, digest="ab" * 32).pk)
    assert [problem for problem in sealing.verify().problems if "missing in the database" in problem] == [
        "Seal 1 is named in the journal and missing in the database.", "Seal 2 is named in the journal and missing in the database.",
    ]  # fmt: skip
    journal.write(owe("RST-1", kind="restore.replayed", first=2, last=2).pk)
    assert [problem for problem in sealing.verify().problems if "missing in the database" in problem] == [
        "Seal 1 is named in the journal and missing in the database."
    ]
