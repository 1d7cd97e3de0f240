"""Writing archives on one core: from the database to a part that was read back, beside COPY piped to zstd and beside json with gzip.

BENCH_ARCHIVED (default 200,000) messages for the whole way, and BENCH_ARCHIVE_SIZES (default 100000,1000000) for the writer alone in
processes of their own, whose memory must not grow. What our way does beyond the others: it decrypts, compares every message with its
proof, encrypts, hashes, and reads back.
"""

import contextlib
import gzip
import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from django.db import connection, transaction

from apps.foundation.digests import canonical
from apps.foundation.keys import keystore
from apps.policies.services.force import version_in_force
from apps.retention import envelope
from apps.retention.archives import age_keys, container
from apps.retention.models import Message
from apps.retention.services import arrivals, leaves
from tests import cast
from tests.bench.conftest import note, size

MESSAGES = size("BENCH_ARCHIVED", 200_000)
SIZES = [int(size) for size in os.environ.get("BENCH_ARCHIVE_SIZES", "100000,1000000").split(",")]
CHECKOUT = Path(__file__).resolve().parents[2]
WORDS = [sha256(bytes([n % 256, n // 256])).hexdigest()[: 3 + n % 7] for n in range(4_000)]
_IDENTITY, RECIPIENT = age_keys.age_identity(b"\x07" * 32)
ROWS = "SELECT id, segment, policy_version_id, proof, ciphertext FROM message WHERE expiry = '{day}' AND organization_id = {organization} ORDER BY id"


def message(number: int) -> dict:
    """About 300 bytes of canonical JSON, of which a third does not repeat."""
    return {
        "id": f"m{number}", "conversation": f"ward-{number % 50}", "class": None, "sent_at": f"2026-03-08T12:{number % 60:02d}:00.000000Z",
        "sender": {"email": f"p{number % 300}@client.example", "person": None}, "recipients": [], "attachments": [], "thread": None,
        "body": " ".join(WORDS[(number * 7_919 + step * step * 31) % len(WORDS)] for step in range(14)), "source": "product",
    }  # fmt: skip


@pytest.fixture
def one_core():
    """This process and its database connection on one and the same core."""
    before = os.sched_getaffinity(0)
    core = {max(before)}
    os.sched_setaffinity(0, core)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        with contextlib.suppress(OSError):
            os.sched_setaffinity(cursor.fetchone()[0], core)
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture
def stored(home, transactional_db):
    """A cohort of messages as ingest stores them: organization, day, and the envelope that opens them."""
    cast.house()
    clinic, day = cast.hill_clinic(7), (cast.NOON + timedelta(days=7)).date()
    leaves.make_leaves(at=cast.NOON, days=[day])
    sealer = envelope.for_cohort(keystore(), organization=clinic.reference, expiry=day, create=True)
    version = version_in_force(cast.NOON).pk
    for first in range(1, MESSAGES + 1, 20_000):
        numbers = range(first, min(first + 20_000, MESSAGES + 1))
        rows = [(number, sealer.seal(message(number), number=number, policy_version=version)) for number in numbers]
        with transaction.atomic():
            arrivals.copy_in(rows, day=day, organization_id=clinic.pk, segment=0, policy_version=version)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE message")
    return clinic, day, sealer, version


def _header(version: int = 1) -> dict:
    return container.part_header(
        archive="ARC-BENCH00", part=1, organization="ORG-BENCH00", expiry=cast.NOON.date(), policy_versions=[version], previous="",
        made_at=cast.NOON,
    )  # fmt: skip


def _archived(path: Path, clinic, day, sealer, version) -> None:
    """Read, decrypt, JSON lines, zstandard, age, hash; then read back."""
    with (
        path.open("wb") as sink,
        container.PartWriter(sink, [RECIPIENT], _header(version)) as part,
        transaction.atomic(),
        connection.connection.cursor(name="bench", binary=True) as cursor,
    ):
        cursor.execute(ROWS.format(day=day, organization=clinic.pk))
        while rows := cursor.fetchmany(5_000):
            for number, segment, policy_version, proof, ciphertext in rows:
                salt, body = sealer.open_raw(ciphertext, number=number, policy_version=policy_version)
                part.add_raw(number, segment, policy_version, salt, proof, body)
        facts = part.close()
    assert facts.lines == MESSAGES
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    assert digest.hexdigest() == facts.sha256


def _copied(path: Path, clinic, day, form: str = "") -> None:
    with path.open("wb") as sink:
        zstd = subprocess.Popen(["zstd", "-q", "-c"], stdin=subprocess.PIPE, stdout=sink)
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY (SELECT * FROM message WHERE expiry = '{day}' AND organization_id = {clinic.pk}) TO STDOUT {form}") as copy,
        ):
            for block in copy:
                zstd.stdin.write(block)
        zstd.stdin.close()
        assert zstd.wait() == 0


def _dumped(path: Path, clinic, day, sealer) -> None:
    with gzip.open(path, "wb") as sink:
        for row in Message.objects.on_days([day]).filter(organization_id=clinic.pk).order_by("id").iterator(chunk_size=2_000):
            body, salt = sealer.open(bytes(row.ciphertext), number=row.id, policy_version=row.policy_version_id)
            line = {
                "id": row.id, "segment": row.segment, "policy_version": row.policy_version_id, "salt": salt.hex(),
                "proof": bytes(row.proof).hex(), "message": body,
            }  # fmt: skip
            sink.write(json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")


@pytest.mark.skipif(not shutil.which("zstd"), reason="No zstd on this machine. Mend: apt-get install zstd")
def bench_from_the_database_to_a_proven_part(stored, one_core, tmp_path, measure):
    clinic, day, sealer, version = stored
    measure(
        f"archive of {MESSAGES:,} messages of {len(canonical(message(MESSAGES)))} bytes, one core", rounds=3,
        ours=lambda: _archived(tmp_path / "part", clinic, day, sealer, version),
        copy_text_to_zstd=lambda: _copied(tmp_path / "copied", clinic, day),
        copy_binary_to_zstd=lambda: _copied(tmp_path / "copied", clinic, day, "(FORMAT BINARY)"),
    )  # fmt: skip
    measure(
        f"archive of {MESSAGES:,} messages, iterator with json and gzip", rounds=1,
        iterator_json_gzip=lambda: _dumped(tmp_path / "dumped", clinic, day, sealer),
    )  # fmt: skip


ALONE = """
import gzip, json, os, re, sys, time
from tests.bench import bench_archive_format as bench
way, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
rows = [(bench.canonical(bench.message(n)), os.urandom(32)) for n in range(1, 10_001)]
rows = [(body, salt, bench.container.leaf_hash(salt, body)) for body, salt in rows]
began = time.perf_counter()
if way == "ours":
    with open(path, "wb") as sink, bench.container.PartWriter(sink, [bench.RECIPIENT], bench._header()) as part:
        for number in range(count):
            body, salt, proof = rows[number % 10_000]
            part.add_raw(number, 0, 1, salt, proof, body)
        part.close()
else:
    with gzip.open(path, "wb") as sink:
        for number in range(count):
            body, salt, proof = rows[number % 10_000]
            line = {"id": number, "segment": 0, "policy_version": 1, "salt": salt.hex(), "proof": proof.hex(), "message": json.loads(body)}
            sink.write(json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\\n")
took = (time.perf_counter() - began) * 1000
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])  # ru_maxrss keeps the peak of who started us
print(took, peak / 1024)
"""


def bench_the_writer_alone(tmp_path):
    for count in SIZES:
        for way in ("ours", "json_gzip"):
            done = subprocess.run(
                [sys.executable, "-c", "import django; django.setup()\n" + ALONE, way, str(count), str(tmp_path / "part")],
                cwd=CHECKOUT, env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}, capture_output=True, text=True, check=True,
            )  # fmt: skip
            took, peak = map(float, done.stdout.split())
            note(f"writing {count:,} lines, one core", way, took)
            note(f"peak memory of writing {count:,} lines", way, peak, "MB")
