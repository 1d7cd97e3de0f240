"""A backup from before a destruction is really restored: the service stands still, the replay is killed at every line, and in
the end nothing that was destroyed is left, every hold stands, and the evidence of the first destruction is named.

The dump is pg_dump's, the restored database is a second one on the same server, and each host is a process of its own.
"""

import json
import signal
from datetime import UTC, datetime

import psycopg
import pytest

from apps.audit.services import journal
from apps.foundation.keys import keystore
from apps.retention.models import Cohort, Message
from apps.retention.services import sweep
from tests import cast
from tests.faults.back_in_time import Restored, program, server

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
    assert back.rows("SELECT DISTINCT state FROM retention_cohort WHERE expiry_on = ANY(%s)", past["days"]) == [("expired",)]

    back.does("sweep")
    require_mended(back, past)
    assert json.loads(back.does("promises", "P06", "P22")) == []
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
    assert back.one("SELECT count(*) FROM message WHERE expiry = %s", day) == 3
    assert "destruction.done" in back.manage("replay", "--dry-run")
    back.manage("replay")
    with psycopg.connect(**server(back.name)) as line:  # the lease that the killed host had
        line.execute("UPDATE retention_destruction SET leased_until = NULL WHERE day = %s", [day])
    back.does("sweep")
    assert back.one("SELECT count(*) FROM message WHERE expiry = %s", day) == 0
    assert back.rows("SELECT state, count(*) FROM retention_destruction GROUP BY 1") == [("done", 3)]
    assert json.loads(back.does("promises", "P06", "P22")) == []
