"""An examiner with everything: data files, WAL, a dump from before, broker, logs, and whatever keys are left.

Before a destruction the marked messages are found, with who wrote them, in which conversation, and the names, addresses and
content of their files; afterwards nothing of them, in nothing. The search itself is tried on marks that lie about in clear, so
that finding nothing means something.
"""

import base64
import contextlib
import hmac
import json
import logging
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db import connection

from apps.retention.importing.lines import Party
from apps.retention.models import Cohort
from apps.retention.services import sweep
from config.embedded.postgres import client_programs
from tests import cast
from tests.faults import deaths

#: what is marked: in clear, and as base64 makes of the file's content
BODY, WHO, TALK, FILE = "zebra-quartz-body-%d", "zebra-quartz-%d@marked.example", "zebra-quartz-talk-%d", "zebra-quartz-file-%d.pdf"
ADDRESS, CONTENT = "https://files.example/zebra-quartz-%d", b"zebra-quartz-content"
MARKS = [b"zebra-quartz", base64.b64encode(CONTENT).rstrip(b"=")[:-1]]
CLEAR = b"opal-heron"
BLOCK = 1 << 22


def files_with(needles: list[bytes], *folders: Path) -> set[str]:
    """Names of the files below `folders` in which any needle stands, read byte by byte, block by block."""
    overlap = max(map(len, needles)) - 1
    found = set()
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                before = b""
                while block := file.read(BLOCK):
                    if any(needle in before + block for needle in needles):
                        found.add(str(path))
                        break
                    before = block[-overlap:]
    return found


def numbered(n: int):
    """One marked message: its text, both who wrote and who got it, its conversation, a file of it and a link."""
    return cast.message(
        n, body=BODY % n, conversation=TALK % n, sender=Party(email=WHO % n), recipients=(Party(email=WHO % (n + 1)),),
        attachments=(
            {"name": FILE % n, "media_type": "application/pdf", "content": base64.b64encode(CONTENT).decode()},
            {"name": FILE % n, "address": ADDRESS % n},
        ),
    )  # fmt: skip


# --- the ciphertext, from the live table and from a dump of it -----------------------------------------------------------


def live_rows() -> list[tuple]:
    days = list(Cohort.objects.values_list("expiry_on", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, expiry, organization_id, policy_version_id, tags, ciphertext FROM message WHERE expiry = ANY(%s::date[])", [days])
        return [(n, day, org, version, [bytes(t) for t in tags], bytes(text)) for n, day, org, version, tags, text in cursor.fetchall()]


def rows_in(dump: bytes) -> Iterator[tuple]:
    """The rows of the message table as a plain dump of pg_dump has them."""
    columns, inside = [], False
    for line in dump.splitlines():
        if line.startswith(b"COPY public.message_"):
            columns, inside = line[line.index(b"(") + 1 : line.index(b")")].decode().split(", "), True
        elif line == rb"\.":
            inside = False
        elif inside:
            row = dict(zip(columns, line.split(b"\t"), strict=True))
            tags = [bytes.fromhex(tag.strip(b'"').lstrip(b"\\").decode()[1:]) for tag in row["tags"].strip(b"{}").split(b",")]
            yield (
                int(row["id"]), date.fromisoformat(row["expiry"].decode()), int(row["organization_id"]), int(row["policy_version_id"]),
                tags, bytes.fromhex(row["ciphertext"].lstrip(b"\\").decode()[1:]),
            )  # fmt: skip


def keys_left(home: Path) -> list[bytes]:
    """Every secret that opens of any file that lies about, by position and not by name or by our code.

    In clear where a file says so; else with each master key that is there, under the name that the file has or was meant for.
    """
    contents = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and not path.is_socket()}
    masters = [AESGCM(content[4:36]) for content in contents.values() if content[:4] == b"CVM1"]
    found = {content[4:36] for content in contents.values() if content[:4] == b"CVK1"}
    for path, content in contents.items():
        name = f"{path.parent.name}/{path.name.lstrip('.').split('.')[0]}"
        for master in masters if content[:4] == b"CVK2" else ():
            with contextlib.suppress(InvalidTag):
                found.add(master.decrypt(content[12:24], content[24:72], name.encode()))
    return sorted(found)


def read_with(keys: list[bytes], rows: list[tuple], organizations: dict[int, str]) -> tuple[set[str], set[str]]:
    """What opens and who is recognised, with any pair of the keys that are left: texts and files, people and conversations."""
    said, people = set(), set()
    derived: dict[tuple, tuple[AESGCM, bytes]] = {}
    for number, day, organization, version, tags, text in rows:
        whose = organizations[organization]
        info = b"|".join((b"covenant-message/1", whose.encode(), day.isoformat().encode()))
        for first in keys:
            for second in keys:
                pair = (first, second, info)
                if pair not in derived:
                    key, index = (
                        HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=what).derive(first + second) for what in (info, info + b"|index")
                    )
                    derived[pair] = (AESGCM(key), index)
                cipher, index = derived[pair]
                try:
                    plain = cipher.decrypt(text[:12], text[12:], f"{whose}|{day.isoformat()}|{number}|{version}".encode())
                except InvalidTag:
                    continue
                message = json.loads(plain[32:])
                said |= {message["body"], message["conversation"], *(one["name"] for one in message["attachments"])}
                said |= {one["address"] for one in message["attachments"] if one.get("address")}
                said |= {base64.b64decode(one["content"]).decode() for one in message["attachments"] if one.get("content")}
                n = int(message["body"].rpartition("-")[2])
                wanted = {WHO % n: ("email", WHO % n), TALK % n: ("conversation", f"product\x00{TALK % n}")}
                for name, (kind, value) in wanted.items():
                    if hmac.digest(index, f"{kind}\x00{value}".encode(), "sha256")[:16] in tags:
                        people.add(name)
    return said, people


def dump_of_everything() -> bytes:
    database = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        program = client_programs(int(cursor.fetchone()[0]) // 10_000) / "pg_dump"
    return subprocess.run(
        [str(program), "--no-password", f"host={database['HOST']} dbname={database['NAME']} user={database['USER']}"],
        capture_output=True, check=True, env=os.environ | {"PGPASSWORD": database["PASSWORD"]},
    ).stdout  # fmt: skip


def checkpoint() -> Path:
    """Everything is on disk now; where the data files lie."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT current_setting('data_directory')")
        return Path(cursor.fetchone()[0])


def in_any_row(needle: str) -> set[str]:
    """Tables with the mark in any column, histories, the admin's log, mail and sessions included; read as whoever owns them reads."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'")
        found = set()
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}" t WHERE t::text LIKE %s)', [f"%{needle}%"])
            if cursor.fetchone()[0]:
                found.add(table)
    return found


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("messages", [500, pytest.param(20_000, marks=pytest.mark.chaos)])
def test_what_was_destroyed_is_in_no_file_no_log_no_dump_and_opens_with_no_key_that_is_left(home, caplog, capfd, messages):
    caplog.set_level(logging.DEBUG)
    logging.getLogger(__name__).debug("as chatty as can be")
    cast.house()
    clinic = cast.hill_clinic(7)
    for start in range(1, messages + 1, 1_000):
        cast.hand_over(clinic, [numbered(n) for n in range(start, min(start + 1_000, messages + 1))], at=cast.NOON, key=f"b{start}")
    organizations = {clinic.pk: clinic.reference}
    servers = Path(os.environ["COVENANT_TEST_FOLDER"])
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE clear_mark AS SELECT 'opal-heron in clear'::text AS words")
    (home / "left-about.tmp").write_bytes(b"x" * (BLOCK - 4) + CLEAR)
    checkpoint()

    # before: nothing lies in clear but the marks we laid there, and with the keys everything is found
    assert str(home / "left-about.tmp") in files_with([CLEAR], home), "the search misses what lies across two blocks"
    assert files_with([CLEAR], servers), "the search finds nothing, not even what lies in clear"
    assert in_any_row("opal-heron") == {"clear_mark"}
    assert files_with(MARKS, home, servers) == set()
    rows, old_dump = live_rows(), dump_of_everything()
    some = [row[5][:64] for row in rows[:: max(1, len(rows) // 20)]]
    assert files_with(some, servers), "the rows are not in the data files"
    dumped = list(rows_in(old_dump))
    assert sorted(dumped) == sorted(rows)
    assert keys_left(home / "keystore") == [], "a copy of the keystore opens without the master key"
    said, people = read_with(keys_left(home), dumped, organizations)
    texts = (BODY, TALK, FILE, ADDRESS)
    assert said == {text % n for n in range(1, messages + 1) for text in texts} | {CONTENT.decode()}
    assert people == {name % n for n in range(1, messages + 1) for name in (WHO, TALK)}

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE clear_mark")
    (home / "left-about.tmp").unlink()
    now = datetime.now(UTC)
    sweep.sweep(at=now)
    assert [cohort.state for cohort in Cohort.objects.all()] == ["destroyed"]
    data = checkpoint()

    # after: the rows are in no table's file; what log and old dump still hold of them opens with no key that is left
    assert files_with(some, data / "base") == set()
    assert live_rows() == []
    assert len(keys_left(home)) >= 1
    assert read_with(keys_left(home), dumped, organizations) == (set(), set())
    # data files, WAL segments, the broker's files, the servers' logs, keystore, journal, mail, temporary files
    assert files_with(MARKS, home, servers) == set()
    assert in_any_row("zebra-quartz") == set()
    logs = caplog.text + "".join(capfd.readouterr())
    assert "chatty" in logs, "the logs are not kept, so nothing can be found in them"
    assert [mark for mark in MARKS if mark.decode() in logs] == []
    dump = dump_of_everything()
    assert b"CREATE TABLE" in dump
    assert [mark for mark in MARKS if mark in dump or mark in old_dump] == []
    assert list(rows_in(dump)) == []
    assert deaths.found(home, at=now) == []


@pytest.mark.django_db(transaction=True)
def test_the_planner_keeps_no_sample_of_ciphertext(home):
    """Nobody could read it, but neither would it go with its rows: statistics of an emptied table stay."""
    cast.house()
    cast.hand_over(cast.hill_clinic(7), [numbered(n) for n in range(1, 201)])
    some = [row[5][:64] for row in live_rows()[::10]]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE message")
    sweep.sweep(at=datetime.now(UTC))
    data = checkpoint()
    assert [cohort.state for cohort in Cohort.objects.all()] == ["destroyed"]
    assert files_with(some, data / "base") == set()
