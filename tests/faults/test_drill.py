"""The exercise of a restore on a real copy: it says what would come back, leaves the live system alone and nothing behind."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.audit.models import Event
from apps.backups.copies import homes
from apps.backups.models import Drill
from apps.backups.states import Outcome
from apps.foundation.keys import FileKeystore, inspection, keystore, rotation
from apps.retention.models import AsideMessage, Cohort
from apps.retention.services import sweep
from config import drill as drill_exercise
from config.management.commands import drill_restore
from tests import cast
from tests.architecture.sources import CHECKOUT
from tests.faults import back_in_time
from tests.faults.back_in_time import program, server

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def drill(*arguments: str) -> str:
    out = io.StringIO()
    call_command("drill_restore", *arguments, stdout=out)
    return out.getvalue()


def databases() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database")
        return {name for (name,) in cursor.fetchall()}


def everything() -> dict[str, str]:
    """A digest of each table of the live database but the record of the drill itself."""
    with connection.cursor() as cursor:
        tables = [table for table in connection.introspection.table_names(cursor) if table not in ("backups_drill", "audit_event")]
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{table}', md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {table} t" for table in tables)
        )
        return dict(cursor.fetchall())


def files(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.fixture
def clean(home):
    """Before and after: no scratch database, no copy of this home."""
    assert [name for name in databases() if "drill" in name] == []
    yield
    assert [name for name in databases() if "drill" in name] == []
    assert homes.left_behind(home) == []


def test_a_drill_with_last_months_backup_destroys_in_the_copy_and_leaves_the_live_system_as_it_was(past, home, clean):
    before, lying = everything(), files(home)
    said = json.loads(drill("--dump", str(past["dump"]), "--json"))
    assert (said["outcome"], said["findings"], said["guard"]) == ("well", [], "database_restored")
    assert said["lacking"] > 5
    assert said["replayed"]["destruction.done"] == 2
    assert said["looked_at"] == {"destructions": 2, "early_deletions": 1, "holds": 2, "people": 0, "promises": said["looked_at"]["promises"]}
    assert said["swept"]["destroyed"] == 2
    assert (everything(), files(home)) == (before, lying)
    row = Drill.objects.get()
    assert (row.reference, row.outcome, row.entries, row.report["findings"]) == (said["drill"], Outcome.WELL, said["lacking"], [])
    assert bytes(row.dump_sha256).hex() == said["dump"]
    assert [event.verb for event in Event.objects.filter(object=row.reference).order_by("id")] == ["drill.started", "drill.ended"]


def test_a_drill_with_a_fresh_dump_says_in_plain_words_that_all_is_well(past, clean):
    said = drill()
    assert "The copy was in step with the journal." in said
    assert "Nothing that was destroyed came back, and every hold stands." in said
    assert said.rstrip().endswith("The copy is removed.")
    assert Drill.objects.get().dump_sha256 is None


def test_plain_and_packed_dumps_are_restored_as_well(past, tmp_path, clean):
    plain = tmp_path / "plain.sql"
    program("pg_dump", "--no-owner", f"--file={plain}")
    packed = tmp_path / "plain.sql.gz"
    program("pg_dump", "--no-owner", "--compress=gzip", f"--file={packed}")
    assert [json.loads(drill("--dump", str(dump), "--json"))["outcome"] for dump in (plain, packed)] == ["well", "well"]


def test_what_the_replay_can_not_send_away_is_found_and_ends_with_one(past, clean, monkeypatch):
    """Somebody put the rows and the key of a destroyed day back into the live system: so a restore brings them back too."""
    day = past["days"][0]
    store = keystore()
    for copy in store.copies:
        copy.mark(f"day/{day.isoformat()}").unlink()
    store.ensure(f"day/{day.isoformat()}")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "INSERT INTO message (id, expiry, organization_id, segment, policy_version_id, source_tag, tags, proof, ciphertext)"
            " SELECT 1, %s, organization_id, 0, policy_version_id, source_tag, tags, proof, ciphertext FROM message LIMIT 1", [day],
        )
        cursor.execute("SET session_replication_role = origin")
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("drill_restore", "--json", stdout=out)
    assert ended.value.code == 1
    said = json.loads(out.getvalue())
    work = past["works"][day]
    assert {f"{work}: 1 rows of {day.isoformat()} are back", f"{work}: the secret day/{day.isoformat()} is in the keystore again"} <= set(
        said["findings"]
    )
    assert Drill.objects.get().outcome == Outcome.FOUND


def test_what_stood_aside_after_the_backup_is_found_to_be_lost_with_it(home, tmp_path, clean):
    cast.house()
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 4)])
    dump = tmp_path / "march.dump"
    program("pg_dump", "--format=custom", f"--file={dump}")
    sweep.sweep(at=datetime.now(UTC))
    cohort = Cohort.objects.get()
    assert AsideMessage.objects.filter(cohort=cohort).count() == 3
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("drill_restore", "--dump", str(dump), "--json", stdout=out)
    assert json.loads(out.getvalue())["findings"] == [f"{cohort.reference}: 3 messages that are kept could not be read any more"]


def test_a_hold_that_is_lost_is_found(past, clean):
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM holds_hold WHERE reference = %s", [past["kept"]])
        cursor.execute("SET session_replication_role = origin")
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("drill_restore", stdout=out)
    assert f"  ! {past['kept']} is missing and should be active" in out.getvalue()


@pytest.mark.parametrize("content", [b"", b"DROP TABLE nowhere;\n", b"PGDMP and nothing else", b"\x1f\x8bno gzip"])
def test_a_dump_that_can_not_be_restored_is_said_recorded_and_cleaned_up(home, tmp_path, clean, content):
    cast.house()
    dump = tmp_path / "bad.dump"
    dump.write_bytes(content)
    with pytest.raises(CommandError):
        drill("--dump", str(dump))
    assert Drill.objects.get().outcome == Outcome.FAILED


def test_a_dump_that_is_not_there_is_said(home, tmp_path):
    cast.house()
    with pytest.raises(CommandError, match="can't be read: No such file"):
        drill("--dump", str(tmp_path / "nowhere"))
    assert Drill.objects.count() == 0


# The scratch database


@pytest.fixture
def given():
    """An empty database on the same server, as an operator would make one; its address and its name."""
    name = "given_for_drill"
    with psycopg.connect(**server(), autocommit=True) as line:
        line.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        line.execute(f"CREATE DATABASE {name}")
    yield os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + name, name
    with psycopg.connect(**server(), autocommit=True) as line:
        line.execute(f"DROP DATABASE {name} WITH (FORCE)")


def tables_in(name: str) -> list[tuple]:
    with psycopg.connect(**server(name)) as line:
        return line.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT LIKE 'pg\\_%'"
            " AND n.nspname <> 'information_schema'"
        ).fetchall()


def test_a_given_database_is_used_and_given_back_empty(past, given):
    url, name = given
    assert json.loads(drill("--database-url", url, "--json"))["outcome"] == "well"
    assert tables_in(name) == []
    with psycopg.connect(**server(name)) as line:
        assert line.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'covenant_drill'").fetchone() == (0,)
    assert json.loads(drill("--database-url", url, "--json"))["outcome"] == "well"


def test_a_database_with_something_in_it_and_the_live_one_are_refused_untouched(past, given, home):
    url, name = given
    with psycopg.connect(**server(name), autocommit=True) as line:
        line.execute("CREATE TABLE precious AS SELECT 1 AS one")
    before = everything()
    with pytest.raises(CommandError, match="not empty"):
        drill("--database-url", url)
    assert tables_in(name) == [("public", "precious")]
    live = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + connection.settings_dict["NAME"]
    with pytest.raises(CommandError, match="is the live one"):
        drill("--database-url", live)
    assert everything() == before
    assert homes.left_behind(home) == []


# Killed


def start(home: Path, *arguments: str) -> subprocess.Popen:
    environment = os.environ | {
        "DATABASE_URL": os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + connection.settings_dict["NAME"],
        "COVENANT_HOME": str(home), "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "manage.py", "drill_restore", *arguments], cwd=CHECKOUT, env=environment, stdout=subprocess.DEVNULL)


def wait_until(condition, what: str) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, f"waited for: {what}"
        time.sleep(0.01)


@pytest.mark.parametrize("moment", ["database", "home"])
def test_a_killed_drill_is_cleaned_up_by_the_next_one(past, home, clean, moment):
    running = start(home)
    there = {"database": lambda: any(name.startswith("covenant_drill_") for name in databases()), "home": lambda: homes.left_behind(home)}
    wait_until(there[moment], moment)
    running.send_signal(signal.SIGKILL)
    running.wait(30)
    killed = Drill.objects.get()
    assert (killed.outcome, killed.scratch in databases()) == (Outcome.RUNNING, True)
    wait_until(lambda: _is_free(), "the killed drill's lock")
    assert json.loads(drill("--json"))["outcome"] == "well"
    killed.refresh_from_db()
    assert (killed.outcome, killed.scratch in databases()) == (Outcome.KILLED, False)


def _is_free() -> bool:
    """The server lets go of the lock of a killed process as soon as it notices."""
    with psycopg.connect(**server()) as line:
        return line.execute("SELECT pg_try_advisory_lock(hashtext('covenant_drill'))").fetchone()[0]


def test_two_drills_at_once_are_one(past):
    with psycopg.connect(**server()) as line:
        line.execute("SELECT pg_advisory_lock(hashtext('covenant_drill'))")
        with pytest.raises(CommandError, match="Another drill is running"):
            drill()
    assert Drill.objects.count() == 0


# The copy of the home


@pytest.fixture
def apart(home, settings, monkeypatch, tmp_path_factory):
    """The keystore's copies and its master key lie on three volumes, none of them in the home, the key beside other people's files."""
    volumes = tmp_path_factory.mktemp("volumes")
    settings.KEYSTORE_DIRECTORIES = [str(volumes / "one" / "secrets"), str(volumes / "two" / "secrets")]
    settings.KEYSTORE_MASTER_KEY_FILE = str(volumes / "etc" / "wraps-7.pem")
    monkeypatch.setenv("KEYSTORE_DIRECTORIES", ",".join(settings.KEYSTORE_DIRECTORIES))
    monkeypatch.setenv("KEYSTORE_MASTER_KEY_FILE", settings.KEYSTORE_MASTER_KEY_FILE)
    (volumes / "etc").mkdir(mode=0o700)
    (volumes / "etc" / "other.pem").write_text("somebody else's")
    return volumes


def test_a_drill_copies_a_keystore_that_lies_outside_of_the_home_and_leaves_it_as_it_was(home, apart, tmp_path, clean):
    past = back_in_time.make_past(tmp_path)
    before, lying, secrets = everything(), files(home), files(apart)
    assert not list(home.glob("keystore*"))
    said = json.loads(drill("--dump", str(past["dump"]), "--json"))
    assert (said["outcome"], said["findings"], said["replayed"]["destruction.done"], said["swept"]["destroyed"]) == ("well", [], 2, 2)
    assert (everything(), files(home), files(apart)) == (before, lying, secrets)


def test_a_rotated_master_key_of_any_name_opens_the_copy_and_nothing_beside_it_is_taken_along(home, apart):
    cast.house()
    store = keystore()
    secret = store.ensure("day/2026-03-15")
    rotation.rotate(store, settle=0)
    copy = homes.make(home, store, "DRL-TEST")
    try:
        assert sorted(str(path.relative_to(copy)) for path in copy.glob("master/*")) == ["master/master-8.key"]
        assert FileKeystore((copy / "keystore", copy / "keystore-second"), copy / "master" / "master-1.key").get("day/2026-03-15") == secret
        assert inspection.inspect(FileKeystore((copy / "keystore", copy / "keystore-second"), copy / "master" / "master-1.key")).is_sound
        assert {path.stat().st_mode & 0o077 for path in [copy, *copy.rglob("*")]} == {0}
    finally:
        homes.remove(copy)


def test_a_copy_of_the_keystore_that_is_out_of_reach_does_not_keep_a_drill_from_copying_the_rest(home):
    cast.house()
    store = keystore()
    secret = store.ensure("day/2026-03-15")
    shutil.rmtree(home / "keystore")
    copy = homes.make(home, store, "DRL-TEST")
    try:
        copied = FileKeystore((copy / "keystore", copy / "keystore-second"), copy / "master" / "master-1.key")
        assert (copied.get("day/2026-03-15"), (copy / "keystore").exists()) == (secret, False)
    finally:
        homes.remove(copy)


def test_the_copy_follows_links_stands_alone_and_leaves_the_keys_of_places_out(home, tmp_path):
    cast.house()
    store = keystore()
    secret = store.ensure("day/2026-03-15")
    store.ensure("place/TGT-1")
    elsewhere = tmp_path / "volume"
    (home / "keystore").rename(elsewhere)
    (home / "keystore").symlink_to(elsewhere)
    (home / "run").mkdir()
    (home / "run" / "services.env").write_text("DATABASE_URL=x")
    copy = homes.make(home, keystore(), "DRL-TEST")
    try:
        homes.require_alone(copy)
        copied = type(store)((copy / "keystore", copy / "keystore-second"), copy / "master" / "master-1.key")
        assert copied.get("day/2026-03-15") == secret
        assert not (copy / "keystore" / "place").exists()
        assert sorted(path.name for path in copy.iterdir()) == ["journal", "keystore", "keystore-second", "master", "signing"]
        assert {path.stat().st_mode & 0o077 for path in [copy, *copy.rglob("*")]} == {0}
        assert homes.left_behind(home) == [copy]
    finally:
        homes.remove(copy)
    assert homes.left_behind(home) == []
    assert store.get("day/2026-03-15") == secret


def test_a_copy_that_leads_out_of_itself_is_refused(home, tmp_path):
    cast.house()
    copy = homes.make(home, keystore(), "DRL-TEST")
    try:
        (copy / "keystore" / "day").mkdir(parents=True, exist_ok=True)
        (copy / "keystore" / "day" / "2026-03-15").symlink_to(tmp_path / "secret")
        with pytest.raises(homes.CopyReachesOut):
            homes.require_alone(copy)
    finally:
        homes.remove(copy)


def test_the_exercise_refuses_to_run_anywhere_but_in_a_copy(home, monkeypatch):
    cast.house()
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"live_home": str(home), "known": []})))
    with pytest.raises(CommandError, match="outside of a copy"):
        drill("--inside")


def test_the_exercise_refuses_a_keystore_that_lies_outside_of_the_copy(home, tmp_path, settings, monkeypatch):
    cast.house()
    settings.COVENANT_HOME = homes.make(home, keystore(), "DRL-TEST")
    try:
        drill_exercise.require_copy(home)
        monkeypatch.setattr(drill_exercise, "keystore", lambda: FileKeystore((tmp_path / "elsewhere",), tmp_path / "master-1.key"))
        with pytest.raises(homes.CopyReachesOut, match="keystore of the exercise lies outside"):
            drill_exercise.require_copy(home)
    finally:
        homes.remove(settings.COVENANT_HOME)


def test_the_address_that_the_exercise_is_given_names_the_same_server():
    assert drill_restore._url(drill_restore.Server.of(connection.settings_dict)).rpartition("/")[0].split("@")[1] == (
        f"/{connection.settings_dict['HOST']}"
    )
    over_tcp = drill_restore.Server({"host": "db.example", "port": 5433, "user": "a b", "password": "p@ss/w", "dbname": "x", "sslmode": "require"})
    assert drill_restore._url(over_tcp) == "postgres://a%20b:p%40ss%2Fw@db.example:5433/x?sslmode=require"
