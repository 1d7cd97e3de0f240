"""Ingest through the service, from lines to committed rows, beside COPY of finished rows and bulk_create of finished rows.

BENCH_INGEST (default 200,000) messages a round, three rounds into the same three leaves. The service reads lines, checks them, finds
their life, matches their people, looks for duplicates, encrypts, tags, proves, writes and accounts for them; COPY and bulk_create
are handed rows of the same sizes that need nothing but storing. bulk_create gets a tenth of them, for it takes as long.
"""

import io
import json
from datetime import date, timedelta

import pytest
from django.db import connection

from apps.accounts.models import Organization
from apps.accounts.services import registration
from apps.foundation.actors import SYSTEM
from apps.retention.importing import ndjson
from apps.retention.models import Cohort, Message
from apps.retention.services import batches, ingest, leaves
from tests import cast
from tests.bench import filling
from tests.bench.conftest import compare, size

MESSAGES = size("BENCH_INGEST", 200_000)
ROUNDS = 3
MATCHED = 200  # of filling.PEOPLE: persons the organization has registered, found by their address


def lines(first: int, count: int) -> bytes:
    """Our own format, as a messaging service would send it."""
    encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
    made = filling.messages(count, first=first, sent_at=cast.NOON - timedelta(hours=1))
    return b"".join(
        encode({
            "id": one["id"], "conversation": one["conversation"], "sent_at": one["sent_at"].replace(".000000Z", "Z"),
            "sender": _party(one["sender"]), "recipients": [_party(party) for party in one["recipients"]], "body": one["body"],
        }).encode() + b"\n" for one in made
    )  # fmt: skip


def _party(party: dict) -> dict:
    number = int(party["id"][1:])
    return {"id": party["id"], "name": party["name"]} | ({"email": f"p{number}@client.example"} if number < MATCHED else {})


def through_the_service(organization: Organization, content: bytes, key: str) -> None:
    batch = batches.open_batch(organization=organization, source="product", key=key, by=SYSTEM, at=cast.NOON)
    reader = ndjson.read(io.BytesIO(content), longest_line=2**20)
    done = ingest.feed(batch=batch, reader=reader, by=SYSTEM, now=lambda: cast.NOON)
    assert (done.accepted, done.refused) == (MESSAGES, 0)


def finished_rows(day: date, into: date) -> bytes:
    """The newest rows of one leaf as a COPY of another would take them: other numbers, tags and day, all else to the byte."""
    with connection.cursor() as cursor, cursor.copy(
        f"COPY (SELECT id + 1000000000, '{into}'::date, organization_id, segment, policy_version_id, substr(sha256(source_tag), 1, 16),"
        f" tags, proof, ciphertext FROM message WHERE expiry = '{day}' ORDER BY id DESC LIMIT {MESSAGES}) TO STDOUT (FORMAT BINARY)"
    ) as copy:
        return b"".join(bytes(block) for block in copy)


def copy_in(content: bytes) -> None:
    with connection.cursor() as cursor, cursor.copy("COPY message FROM STDIN (FORMAT BINARY)") as copy:
        view = memoryview(content)
        for start in range(0, len(content), 2**16):
            copy.write(view[start : start + 2**16])


@pytest.mark.django_db(transaction=True)
def bench_ingest(home):
    cast.house()
    clinic = cast.hill_clinic(7)
    for number in range(MATCHED):
        registration.register_person(
            organization=clinic, given_name="P", family_name=f"No {number}", emails=[f"p{number}@client.example"], by=SYSTEM,
            at=cast.NOON - 150 * cast.DAY,
        )  # fmt: skip
    day = (cast.NOON + timedelta(days=8)).date()
    copied, created = day + timedelta(days=1), day + timedelta(days=2)
    leaves.make_leaves(at=cast.NOON, days=[day, copied, created])
    race = compare(f"ingest of {MESSAGES:,} messages", unit="rows/s")
    for number in range(ROUNDS):
        content = lines(number * MESSAGES, MESSAGES)
        race.time("the service", lambda: through_the_service(clinic, content, f"b{number}"), amount=MESSAGES)  # noqa: B023
        finished = finished_rows(Cohort.objects.get().expiry_on, copied)
        race.time("COPY of the finished rows", lambda: copy_in(finished), amount=MESSAGES)  # noqa: B023
        few = MESSAGES // 10
        rows = list(Message.objects.on_days([copied]).order_by("-id")[:few])
        for row in rows:
            row.id, row.expiry = row.id + 2_000_000_000, created
        race.time("bulk_create of the finished rows", lambda: Message.objects.bulk_create(rows, batch_size=1_000), amount=few)  # noqa: B023
    race.ratio("the service", "COPY of the finished rows", "at least 0.5 of its rows/s")
    race.ratio("the service", "bulk_create of the finished rows", "at least 6 times its rows/s")
