"""A backup from before a destruction is really restored: the service stands still, the replay is killed at every line, and in
the end nothing that was destroyed is left, every hold stands, and the evidence of the first destruction is named.

The dump is pg_dump's, the restored database is a second one on the same server, and each host is a process of its own.
"""

import json
import signal
from datetime import UTC, datetime, timedelta

import pytest

from apps.audit.services import journal
from apps.foundation.keys import keystore
from apps.holds.services import matters, placing
from apps.retention.models import Cohort, Message, Rescheduling
from apps.retention.services import leaves, moving, rescheduling, sweep
from apps.staff.roles import Role
from tests import cast
from tests.faults.back_in_time import Restored, program

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

def require_mended(back: Restored, past: dict) -> None:
    """Nothing that was destroyed is left and all that is held is held, asked of the rows alone."""
    assert back.one("SELECT count(*) FROM message WHERE expiry = ANY(%s)", past["days"]) == 0
    assert back.rows("SELECT DISTINCT state FROM retention_cohort WHERE expiry_on = ANY(%s)", past["days"]) == [("destroyed",)]
    assert [keystore().was_destroyed(f"day/{day.isoformat()}") for day in past["days"]] == [True, True]
    assert dict(back.rows("SELECT day, reference FROM retention_destruction WHERE state = 'done'")) == past["works"]
    assert dict(back.rows("SELECT reference, state FROM holds_hold")) == {past["kept"]: "active", past["released"]: "released"}
    assert back.rows("SELECT reference FROM retention_earlydeletion") == [(past["gone"],)]
    assert back.rows("SELECT reference FROM backups_backup") == [(past["backup"],)]
    named = back.rows("SELECT facts -> 'certificates_lost' FROM audit_event WHERE verb = 'destruction.to_be_repeated' ORDER BY id")
    assert sorted(number for (numbers,) in named for number in numbers) == past["certificates"]
    fresh = back.rows("SELECT number FROM retention_certificate")
    assert len(fresh) == 2
    assert {number for (number,) in fresh} & set(past["certificates"]) == set()


def test_a_restored_backup_serves_nothing_until_the_journal_is_replayed(past, restore):
    back = restore(past["dump"])
    lacking = past["entries"] - back.one("SELECT count(*) FROM audit_journalentry WHERE sequence IS NOT NULL")
    assert back.one("SELECT count(*) FROM message WHERE expiry = ANY(%s)", past["days"]) == 10
    assert json.loads(back.does("serve")) == {
        "/admin/": [503, "database_restored"], "/privacy/": [503, "database_restored"], "/api/v1/messages": [503, "database_restored"],
        "/account/login/": [200, ""], "/healthz": [200, ""],
    }  # fmt: skip
    back.does("sweep")
    assert back.one("SELECT count(*) FROM retention_cohort WHERE state <> 'open'") == 0, "the worker did not stand still"

    said = back.manage("replay", "--dry-run")
    assert f"The database lacks {lacking} entries" in said
    assert back.one("SELECT count(*) FROM holds_hold") == 0
    said = back.manage("replay")
    assert "is replayed" in said
    assert {status for status, _code in json.loads(back.does("serve")).values()} <= {200, 302, 405}
    assert back.rows("SELECT DISTINCT state FROM retention_cohort WHERE expiry_on = ANY(%s)", past["days"]) == [("shredded",)]

    back.does("sweep")
    require_mended(back, past)
    assert json.loads(back.does("promises", "P06", "P22")) == []
    assert "found" not in back.manage("fsck").replace("nothing found", "")
    assert back.one("SELECT count(*) FROM backups_restore WHERE replayed_at IS NOT NULL") == 1


def test_a_replay_killed_before_within_and_after_every_line_ends_the_same_once(past, restore):
    back = restore(past["dump"])
    known = back.one("SELECT count(*) FROM audit_journalentry WHERE sequence IS NOT NULL")
    lines = range(known + 1, past["entries"] + 1)
    deaths = [("before", known + 1), *((when, number) for number in lines for when in ("within", "after"))]
    for when, number in deaths:  # before any other line is after the one before it
        died = back.host("-m", "tests.faults.restored", "replay", when, str(number))
        assert died.returncode == -signal.SIGKILL, (when, number, died.stdout, died.stderr)
        assert back.one("SELECT coalesce(max(sequence), 0) FROM audit_journalentry") == (number if when == "after" else number - 1)
    assert "nothing to replay" in back.manage("replay")
    back.does("sweep")
    require_mended(back, past)
    repeated = back.rows("SELECT facts ->> 'sequence', count(*) FROM audit_event WHERE verb = 'restore.entry_replayed' GROUP BY 1")
    assert {count for _sequence, count in repeated} == {1}
    assert len(repeated) == past["entries"] - known
    assert json.loads(back.does("promises", "P06", "P22")) == []


def test_a_backup_made_in_the_middle_of_a_destruction_goes_on_from_there(past, restore, tmp_path):
    """The intent is a row of the backup that its journal has; only the end is lacking."""
    now = datetime.now(UTC)
    clinic = Cohort.objects.filter(expiry_on=past["days"][0]).get().organization
    at = cast.NOON + 2 * cast.DAY
    cast.hand_over(clinic, [cast.message(n, at=at) for n in range(1, 4)], at=at, key="third")
    day = Cohort.objects.filter(organization=clinic).latest("expiry_on").expiry_on
    dump = tmp_path / "middle.dump"

    from_before = sweep.destroy.STEPS

    def dumping(_work_id, _at):
        program("pg_dump", "--format=custom", f"--file={dump}")

    steps = list(from_before)
    steps.insert([step.__name__ for step in steps].index("destroy_key"), dumping)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep.destroy, "STEPS", tuple(steps))
        sweep.sweep(at=now)
    journal.write_owed()
    assert Message.objects.on_days([day]).count() == 0

    back = restore(dump)
    assert back.one("SELECT state FROM retention_destruction WHERE day = %s", day) == "journalled"
    assert back.one("SELECT leased_until FROM retention_destruction WHERE day = %s", day) is not None
    assert back.one("SELECT count(*) FROM message WHERE expiry = %s", day) == 3
    assert "destruction.done" in back.manage("replay", "--dry-run")
    back.manage("replay")
    back.does("sweep")
    assert back.one("SELECT count(*) FROM message WHERE expiry = %s", day) == 0
    assert back.rows("SELECT state, count(*) FROM retention_destruction GROUP BY 1") == [("done", 3)]
    assert json.loads(back.does("promises", "P06", "P22")) == []


def test_what_stood_aside_is_not_had_back_stays_aside_and_does_not_keep_the_others_day_from_its_end(home, restore, tmp_path):
    """With the key of the day gone nobody can read it; a hold and an archive that is owed keep it all the same."""
    now = datetime.now(UTC)
    cast.house()
    hill, mercy, held = cast.hill_clinic(7), cast.client("Mercy General", archive="hosted"), cast.client("Held Clinic")
    for organization in (mercy, held):
        cast.rule(organization, 7)
    for organization in (hill, mercy, held):
        lines = [cast.message(n, conversation=f"c{n % 2}") for n in range(1, 6)]
        cast.hand_over(organization, lines, key=f"b{organization.pk}")
    dump = tmp_path / "march.dump"
    program("pg_dump", "--format=custom", f"--file={dump}")
    counsel = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Case 26-114", reason="Preservation letter", by=counsel, at=now)
    placing.place(matter=matter, organization=held, conversation=("product", "c1"), reason="asked by the court", by=counsel, at=now)
    sweep.sweep(at=now)
    journal.write_owed()
    assert dict(Cohort.objects.values_list("organization__name", "state")) == {
        "Hill Clinic": "destroyed", "Mercy General": "expired", "Held Clinic": "destroyed",
    }  # fmt: skip

    back = restore(dump)
    said = back.manage("replay")
    assert "10 messages that a hold, an archive or a review keeps stood aside" in said
    back.does("sweep")
    assert back.one("SELECT count(*) FROM message WHERE expiry = '2026-03-16'") == 0
    assert back.rows("SELECT state, last_error FROM retention_destruction") == [("done", "")]
    assert dict(back.rows("SELECT o.name, c.state FROM retention_cohort c JOIN accounts_organization o ON o.id = c.organization_id")) == {
        "Hill Clinic": "destroyed", "Mercy General": "expired", "Held Clinic": "expired",
    }  # fmt: skip
    assert back.rows(
        "SELECT o.name, b.ground, count(*) FROM retention_asidemessage a JOIN retention_asidebundle b ON b.id = a.bundle_id"
        " JOIN retention_cohort c ON c.id = a.cohort_id JOIN accounts_organization o ON o.id = c.organization_id GROUP BY 1, 2 ORDER BY 1"
    ) == [("Held Clinic", "hold", 5), ("Mercy General", "archive", 5)]
    assert back.rows("SELECT facts FROM audit_event WHERE verb = 'messages.unreadable_since_restore' ORDER BY id") == [
        ({"ground": "archive", "messages": 5},), ({"ground": "hold", "messages": 5},),
    ]  # fmt: skip
    assert json.loads(back.does("promises", "P22")) == []
    examined = [line.split(": ", 1)[1] for line in back.host("manage.py", "fsck").stdout.splitlines() if line.startswith("  ! ")]
    assert [why for why in examined if why != "It does not open with its key."] == [
        f"{back.one('SELECT reference FROM retention_destruction')} destroyed messages of it, and there is no certificate."
    ]
    assert len(examined) == 11


def test_what_was_rescheduled_since_the_backup_is_rescheduled_again_by_the_plan_that_two_persons_approved(home, restore, tmp_path):
    """The backup knows neither the plan nor the rule, nor that anybody asked."""
    now = datetime.now(UTC)
    cast.house()
    clinic = cast.client("Northgate")
    cast.rule(clinic, 40, at=now - timedelta(days=30))
    leaves.make_leaves(at=now)
    cast.hand_over(clinic, [cast.message(n, at=now - cast.DAY) for n in range(1, 6)], at=now)
    journal.write_owed()
    dump = tmp_path / "before.dump"
    program("pg_dump", "--format=custom", f"--file={dump}")
    [long] = Cohort.objects.values_list("expiry_on", flat=True)

    cast.rule(clinic, 20, at=now - timedelta(hours=3))  # in force since
    plan = rescheduling.preview(organization=clinic, at=now)
    row = rescheduling.propose(organization=clinic, through=plan["through"], shown=rescheduling.fingerprint(plan), by=cast.bo(), at=now)
    rescheduling.approve(rescheduling=row, by=cast.cleo(), at=now)
    assert moving.reschedule_due(at=now) == [row.reference]
    journal.write_owed()
    [short] = set(Cohort.objects.values_list("expiry_on", flat=True)) - {long}
    decided = Rescheduling.objects.values_list("reference", "proposed_by", "decided_by").get()

    back = restore(dump)
    assert back.rows("SELECT expiry, count(*) FROM message GROUP BY 1") == [(long, 5)]
    assert "rescheduling.approved" in back.manage("replay", "--dry-run")
    back.manage("replay")
    assert back.rows("SELECT reference, proposed_by, decided_by FROM retention_rescheduling WHERE state = 'approved'") == [decided]
    assert back.rows("SELECT expiry, count(*) FROM message GROUP BY 1") == [(long, 5)]
    back.does("reschedule")
    assert back.rows("SELECT expiry, count(*) FROM message GROUP BY 1") == [(short, 5)]
    assert back.rows("SELECT state, moved FROM retention_rescheduling") == [("done", 5)]
    assert "nothing to replay" in back.manage("replay")
    back.does("reschedule")
    assert back.one("SELECT count(*) FROM retention_move") == 1
    assert json.loads(back.does("promises", "P06", "P22")) == []
    assert "found" not in back.manage("fsck").replace("nothing found", "")
