"""Each check of P06 on holds: kept on what the services made, red on a violation planted by raw SQL, which it names."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from apps.assurance.services import checking
from apps.audit.services import journal
from apps.foundation.promises import PROMISES
from apps.holds import promises
from apps.holds.services import releasing
from apps.staff.models import StaffMember
from tests.cast import DAY, NOON

pytestmark = pytest.mark.django_db(transaction=True)

SOON = NOON + timedelta(minutes=11)
every_check = pytest.mark.parametrize("check", promises.CHECKS, ids=lambda check: check.code)


@pytest.fixture
def held(place, clinic, ada, mercy):
    """Two holds in force, in the journal's file."""
    holds = [
        place(organization=clinic, person=ada, conversation=("slack", "Frühstück"), sent_from=date(2026, 1, 1)),
        place(organization=mercy),
    ]  # fmt: skip
    journal.write_owed()
    return holds


@pytest.fixture
def released(held, release):
    """The first of them released, its release in the journal's file."""
    done = release(held[0])
    journal.write_owed()
    return done


def named(looked):
    return [(violation.object, violation.why) for violation in looked.violations]


def rewrite(home, change):
    """Change the journal's file by hand, keeping each line readable."""
    path = home / "journal" / "journal.ndjson"
    lines = [change(json.loads(line)) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines if line is not None))


@every_check
def test_a_check_that_has_nothing_to_look_at_says_so(check, house):
    looked = check.run(NOON)
    assert (looked.rows, looked.violations) == (0, ())


@every_check
def test_what_the_services_did_keeps_every_promise(check, released):
    for at in (NOON, SOON, NOON + 6 * DAY, NOON + 30 * DAY):
        looked = check.run(at)
        assert (looked.rows > 0, looked.violations) == (True, ())


@every_check
def test_a_check_reads_only_and_names_a_promise_that_exists(check, released):
    outcome = checking.look(check, SOON)
    assert (outcome.state, outcome.error, check.promise in PROMISES) == ("kept", "", True)


@every_check
def test_a_person_who_was_let_go_after_the_end_breaks_no_promise(check, place, release, ada, cleo):
    release(place(person=ada))
    releasing.let_go(person=ada, by=cleo, at=NOON + 8 * DAY)
    ada.delete()
    journal.write_owed()
    looked = check.run(NOON + 9 * DAY)
    assert (looked.rows > 0, looked.violations) == (True, ())


# Released by two, for a reason, with a grace


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("released_by = release_asked_by", "was released by who asked for it"),
        ("released_by = ''", "was released, and nobody knows by whom or at whose request"),
        ("released_by = 'staff:STF-0000000'", "was released without an approval of somebody else"),
        ("release_reason = ' '", "was released without a reason"),
        ("kept_until = NULL", "was released without a grace"),
        ("kept_until = released_at + interval '1 hour'", "was released with less than a day of grace"),
        ("kept_until = released_at + interval '3 days'", "was released otherwise than the journal says"),
        ("released_at = released_at - interval '9 days'", "was released otherwise than the journal says"),
    ],
)
def test_a_release_that_was_tampered_with_is_named(released, by_force, change, why):
    by_force("ALTER TABLE holds_hold DROP CONSTRAINT nobody_releases_the_hold_they_asked_to_release")
    by_force("ALTER TABLE holds_hold DROP CONSTRAINT a_released_hold_says_who_when_and_why")
    try:
        assert by_force(f"UPDATE holds_hold SET {change} WHERE id = %s", released.pk) == 1
        assert (released.reference, why) in named(promises.every_release_took_two_and_kept_its_grace(SOON))
    finally:
        put_constraints_back(by_force)


def put_constraints_back(by_force):
    by_force("UPDATE holds_hold SET released_by = 'x', kept_until = released_at + interval '7 days' WHERE state = 'released'")
    by_force(
        "ALTER TABLE holds_hold ADD CONSTRAINT nobody_releases_the_hold_they_asked_to_release"
        " CHECK (released_by = '' OR NOT (released_by = release_asked_by AND released_by IS NOT NULL))"
    )
    by_force(
        "ALTER TABLE holds_hold ADD CONSTRAINT a_released_hold_says_who_when_and_why CHECK ("
        "(state = 'active' AND released_by = '' AND released_at IS NULL AND kept_until IS NULL) OR"
        " (state = 'released' AND released_at IS NOT NULL AND kept_until IS NOT NULL AND released_by <> '' AND release_asked_by <> ''))"
    )


def test_a_hold_that_was_simply_set_to_released_is_named(held, by_force):
    by_force(
        "UPDATE holds_hold SET state = 'released', released_by = 'staff:a', release_asked_by = 'staff:b', release_reason = 'x',"
        " release_asked_at = placed_at, released_at = placed_at, kept_until = placed_at + interval '7 days' WHERE id = %s", held[1].pk,
    )  # fmt: skip
    assert named(promises.every_release_took_two_and_kept_its_grace(SOON)) == [
        (held[1].reference, "was released without an approval of somebody else"),
        (held[1].reference, "was released, and the journal knows nothing of it"),
    ]


@pytest.mark.parametrize("change", ["decided_by_id = asked_by_id", "verdict = 'rejected'", "act = 'holds.add_hold'", "subject = 'HLD-1'"])
def test_a_release_whose_approval_is_no_approval_is_named(released, by_force, change):
    if "decided_by" in change:
        asker = StaffMember.objects.get(username="ezra")
        change = f"decided_by_id = {asker.pk}, verdict = 'withdrawn'"
    assert by_force(f"UPDATE staff_approval SET {change}") == 1
    assert named(promises.every_release_took_two_and_kept_its_grace(SOON)) == [
        (released.reference, "was released without an approval of somebody else")
    ]


# What it keeps


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("conversation_id = 'lunch'", "conversation"),
        ("conversation_source = 'teams'", "conversation"),
        ("conversation_source = '', conversation_id = ''", "conversation"),
        ("salt = decode(repeat('00', 32), 'hex')", "conversation"),
        ("sent_from = '2026-02-01'", "sent_from"),
        ("sent_from = NULL", "sent_from"),
        ("sent_until = '2026-03-01'", "sent_until"),
        ("organization_id = (SELECT id FROM accounts_organization WHERE name = 'Mercy General')", "organization"),
        ("person_id = NULL, person_reference = ''", "person"),
    ],
)
def test_a_scope_that_was_changed_is_named_by_its_part(held, by_force, change, part):
    assert by_force(f"UPDATE holds_hold SET {change} WHERE id = %s", held[0].pk) == 1
    assert named(promises.nothing_held_changed_its_scope(SOON)) == [
        (held[0].reference, f"no longer keeps what the journal says: {part}"),
        (held[0].reference, f"no longer keeps what the ledger says: {part}"),
    ]


def test_a_scope_changed_together_with_what_the_journal_was_told_is_named_by_the_ledger(held, by_force):
    by_force("UPDATE holds_hold SET sent_from = '2026-02-01' WHERE id = %s", held[0].pk)
    by_force(
        "UPDATE audit_journalentry SET body = jsonb_set(body, '{sent_from}', '\"2026-02-01\"') WHERE about = %s", held[0].reference
    )
    assert named(promises.nothing_held_changed_its_scope(SOON)) == [
        (held[0].reference, "no longer keeps what the ledger says: sent_from")
    ]


def test_a_hold_that_points_to_another_person_than_it_names_is_named(held, clinic, by_force):
    stranger = clinic.people.create(given_name="S", registered_at=NOON, policy_version=clinic.policy_version)
    by_force("UPDATE holds_hold SET person_id = %s WHERE id = %s", stranger.pk, held[0].pk)
    assert named(promises.nothing_held_changed_its_scope(SOON)) == [(held[0].reference, "points to another person than it names")]


def test_a_hold_that_neither_journal_nor_ledger_knows_is_named(held, by_force):
    by_force("DELETE FROM audit_journalentry WHERE about = %s", held[1].reference)
    by_force("DELETE FROM audit_event WHERE object = %s", held[1].reference)
    assert named(promises.nothing_held_changed_its_scope(SOON)) == [
        (held[1].reference, "neither journal nor ledger knows what it kept when it was placed")
    ]


# In the journal


def test_a_hold_put_in_by_hand_of_which_the_journal_knows_nothing_is_named(held, by_force):
    by_force("DELETE FROM audit_journalentry WHERE about = %s", held[1].reference)
    assert named(promises.every_hold_in_force_stands_in_the_journal(SOON)) == [
        (held[1].reference, "is in force, and the journal is not even owed a line about it")
    ]


def test_a_line_that_is_owed_for_long_is_named_and_one_owed_since_a_minute_is_not(place, clinic):
    hold = place(organization=clinic)
    check = promises.every_hold_in_force_stands_in_the_journal
    assert named(check(NOON + timedelta(minutes=1))) == []
    assert named(check(SOON)) == [(hold.reference, "is in force, and the journal still lacks its line")]


def test_a_line_taken_out_of_the_file_is_named(held, home):
    rewrite(home, lambda line: None if line["about"] == held[0].reference else line)
    assert named(promises.every_hold_in_force_stands_in_the_journal(SOON)) == [
        (held[0].reference, "is in force, and the journal's file has no line about it")
    ]


def test_a_line_changed_in_the_file_is_named(held, home):
    def change(line):
        if line["about"] == held[0].reference:
            line["body"]["sent_from"] = "2026-02-01"
        return line

    rewrite(home, change)
    assert named(promises.every_hold_in_force_stands_in_the_journal(SOON)) == [
        (held[0].reference, "its line in the journal's file is another one")
    ]


def test_a_missing_file_is_named_for_each_hold(held, home):
    (home / "journal" / "journal.ndjson").unlink()
    found = named(promises.every_hold_in_force_stands_in_the_journal(SOON))
    assert found == [(hold.reference, "is in force, and the journal's file is missing") for hold in held]


def test_a_hold_removed_from_the_database_is_named_by_the_journal(held, by_force):
    by_force("DELETE FROM holds_hold WHERE id = %s", held[0].pk)
    assert named(promises.every_hold_in_force_stands_in_the_journal(SOON)) == [
        (held[0].reference, "was placed as the journal says, and the database does not know it")
    ]


def test_the_last_hold_removed_with_all_its_rows_is_still_named(place, clinic, by_force):
    hold = place(organization=clinic)
    journal.write_owed()
    by_force("DELETE FROM holds_hold")
    by_force("DELETE FROM audit_journalentry")
    looked = promises.every_hold_in_force_stands_in_the_journal(SOON)
    assert (looked.rows, [violation.object for violation in looked.violations]) == (1, [hold.reference])


def test_a_released_hold_that_holds_again_is_named(released, by_force):
    by_force(
        "UPDATE holds_hold SET state = 'active', released_by = '', released_at = NULL, kept_until = NULL WHERE id = %s", released.pk
    )
    assert named(promises.every_hold_in_force_stands_in_the_journal(SOON)) == [
        (released.reference, "is in force, and the journal says that it was released")
    ]


def test_a_line_written_between_reading_the_file_and_reading_the_rows_is_not_missed(held, place, ada, monkeypatch):
    """The file is read first; what came in between is looked up once more."""
    read = promises._lines
    late = []

    def first_without_the_newest():
        lines = read()
        if not late:
            late.append(max(lines, key=lambda entry: lines[entry]["sequence"]))
            lines.pop(late[0])
        return lines

    monkeypatch.setattr(promises, "_lines", first_without_the_newest)
    assert promises.every_hold_in_force_stands_in_the_journal(SOON).violations == ()
    assert late


def test_the_checks_use_nothing_of_the_services_they_check():
    text = Path(promises.__file__).read_text()
    assert [word for word in ("holds.services", "holds.texts", "holds.models", "audit.", "querysets") if f"apps.{word}" in text] == []
