"""A file that comes with a message is a part of it: one key, one proof, one end, and no byte shared with another cohort."""

import base64
import json
import os
from datetime import date

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts.services import tokens
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import canonical, leaf_hash
from apps.foundation.keys import KeyDestroyed, keystore
from apps.retention import envelope
from apps.retention.importing import ndjson
from apps.retention.models import AsideMessage, Cohort, Message
from apps.retention.services import aside, dry_run, leaves, reading, reviews, sweep
from apps.retention.services.reading import MessageGone
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

EXPIRY = date(2026, 3, 16)
MORNING_AFTER = NOON + 8 * DAY
FILE = b"%PDF-1.7 " + bytes(range(256)) * 16  # with every byte there is, and enough of them to be found again


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def with_file(content: bytes = FILE, **given) -> dict:
    return {"name": "plan.pdf", "media_type": "application/pdf", "content": base64.b64encode(content).decode()} | given


def stored(day: date = EXPIRY) -> Message:
    return Message.objects.on_days([day]).get()


def read(clinic, number=1, at=NOON) -> dict:
    return reading.read_message(organization=clinic, source="product", message_id=f"m{number}", sent_at=NOON, at=at)


def test_a_file_is_encrypted_with_its_message_covered_by_its_proof_and_read_back():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1, attachments=(with_file(),))])
    row = stored()
    opener = envelope.for_cohort(keystore(), organization=clinic.reference, expiry=EXPIRY)
    message, salt = opener.open(row.ciphertext, number=row.id, policy_version=row.policy_version_id)
    assert message["attachments"] == [with_file()]
    assert bytes(row.proof) == leaf_hash(salt, canonical(message))
    changed = message | {"attachments": [with_file(FILE[:-1] + b"x")]}
    assert bytes(row.proof) != leaf_hash(salt, canonical(changed))
    assert base64.b64decode(read(clinic)["attachments"][0]["content"]) == FILE


def test_a_file_stands_nowhere_in_clear_and_two_cohorts_with_the_same_file_share_no_stored_bytes():
    clinic, other = cast.hill_clinic(), cast.client("Lake Clinic")
    cast.rule(other, 7)
    for organization in (clinic, other):
        cast.hand_over(organization, [cast.message(1, attachments=(with_file(),))])
    cast.hand_over(clinic, [cast.message(2, at=NOON - DAY, attachments=(with_file(),))], key="b2")
    texts = [bytes(row.ciphertext) for row in Message.objects.on_days([EXPIRY, date(2026, 3, 15)])]
    assert len(texts) == 3
    assert min(map(len, texts)) > len(FILE) * 4 // 3  # each has the whole file for itself
    windows = [{text[at : at + 16] for at in range(len(text) - 16)} for text in texts]
    assert [len(a & b) for a, b in ((windows[0], windows[1]), (windows[0], windows[2]), (windows[1], windows[2]))] == [0, 0, 0]
    marks = [FILE[:24].hex(), base64.b64encode(FILE).decode()[:32], base64.b64encode(FILE).decode()[:32].encode().hex()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = 'public'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        assert {"message", "retention_batch", "audit_event"} <= set(tables)
        held = {}
        for table in tables:
            cursor.execute(f'SELECT coalesce(string_agg(t::text, chr(10)), \'\') FROM "{table}" t')
            held[table] = cursor.fetchone()[0]
    assert held["message"]
    assert [(table, mark) for table, rows in held.items() for mark in marks if mark in rows] == []


def test_a_file_dies_with_its_message():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1, attachments=(with_file(),))])
    sweep.sweep(at=MORNING_AFTER)
    assert not Message.objects.on_days([EXPIRY]).exists()
    with pytest.raises(KeyDestroyed):
        keystore().get("day/2026-03-16")
    with pytest.raises(MessageGone):
        read(clinic, at=MORNING_AFTER)


def test_a_file_steps_aside_with_its_message_under_the_same_proof_and_large_ones_in_smaller_chunks(monkeypatch):
    monkeypatch.setattr(aside, "CHUNK_BYTES", 3 * len(FILE))
    clinic = cast.hill_clinic()
    reviews.ask(organization=clinic, by=cast.bo(), at=NOON)
    cast.hand_over(clinic, [cast.message(n, attachments=(with_file(),)) for n in range(1, 8)])
    proofs = {bytes(row.proof) for row in Message.objects.on_days([EXPIRY])}
    assert dry_run.look(at=MORNING_AFTER).kept == {"review": 7}
    sweep.sweep(at=MORNING_AFTER)
    assert {bytes(row.proof) for row in AsideMessage.objects.all()} == proofs
    row = AsideMessage.objects.select_related("bundle", "cohort__organization").first()
    opener = aside.envelope_of(row.bundle, row.cohort)
    message, _salt = opener.open(bytes(row.ciphertext), number=row.pk, policy_version=row.policy_version_id)
    assert base64.b64decode(message["attachments"][0]["content"]) == FILE


def test_chunks_end_by_rows_and_by_bytes_and_always_take_one(monkeypatch):
    monkeypatch.setattr(aside, "CHUNK", 3)
    monkeypatch.setattr(aside, "CHUNK_BYTES", 10)
    assert aside.chunk_end([]) == (None, None)
    assert aside.chunk_end([(1, 1), (2, 1), (3, 1)]) == (3, None)
    assert aside.chunk_end([(1, 1), (2, 1), (3, 1), (4, 1)]) == (3, 3)
    assert aside.chunk_end([(1, 6), (2, 6)]) == (1, 1)
    assert aside.chunk_end([(1, 60)]) == (1, None)
    assert aside.chunk_end([(1, 60), (2, 1)]) == (1, 1)


def test_another_file_under_the_same_id_is_an_edit_or_is_refused():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1, attachments=(with_file(),))])
    same = cast.hand_over(clinic, [cast.message(1, attachments=(with_file(),))], key="b2")
    other = cast.hand_over(clinic, [cast.message(1, attachments=(with_file(b"other"),))], key="b3")
    edit = cast.hand_over(clinic, [cast.message(1, attachments=(with_file(b"other"),), edited_at=NOON + DAY / 24)], key="b4", at=NOON + DAY)
    assert [batch.kinds for batch in (same, other, edit)] == [
        {"message|duplicate": 1}, {"message|refused: same_id_other_words": 1}, {"message|replaced": 1},
    ]  # fmt: skip
    assert base64.b64decode(read(clinic)["attachments"][0]["content"]) == b"other"


# --- by the API


@pytest.fixture
def live_clinic():
    organization = cast.hill_clinic(7)
    leaves.make_leaves(at=timezone.now())
    return organization


def post(client, organization, body: bytes, batch="b1"):
    token = tokens.issue(name="messaging", scopes=["messages"], organization=None, by=SYSTEM, at=NOON)[1]
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post(
        f"/api/v1/messages?organization={organization.reference}&batch={batch}", body, content_type="application/x-ndjson", headers=headers
    )
    return answer.json(), headers


def line(number: int, attachments: list, sent_at: str) -> bytes:
    said = {"id": f"a{number}", "conversation": "c", "sent_at": sent_at, "sender": {"email": "x@y.example"}, "recipients": [], "body": "hi"}
    return json.dumps(said | {"attachments": attachments}).encode() + b"\n"


def test_a_file_of_megabytes_comes_in_by_the_api_and_goes_out_as_it_came(client, live_clinic):
    large, sent_at = os.urandom(3_000_000), timezone.now().isoformat()
    said, headers = post(client, live_clinic, line(1, [with_file(large, size=3_000_000), {"name": "b", "address": "https://files.example/b"}], sent_at))
    assert (said["accepted"], said["refused_lines"]) == (1, [])
    wanted = {"organization": live_clinic.reference, "id": "a1", "sent_at": sent_at}
    found = client.post("/api/v1/messages/read", json.dumps(wanted), content_type="application/json", headers=headers).json()
    assert base64.b64decode(found["attachments"][0].pop("content")) == large
    assert found["attachments"] == [
        {"name": "plan.pdf", "media_type": "application/pdf", "size": 3_000_000}, {"name": "b", "address": "https://files.example/b"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("attachments", "code"),
    [
        ([with_file(b"x" * 1001)], "attachments_too_large"),
        ([with_file(b"x" * 600), with_file(b"x" * 401)], "attachments_too_large"),
        ([with_file(b"x" * 600), with_file(b"x" * 400)], None),
        ([with_file(b"")], None),
        ([{"name": "plan.pdf", "content": "not base64!"}], "bad_base64"),
        ([with_file(b"abc", size=4)], "size_differs"),
        ([{"content": "QUJD"}], "missing_field"),
    ],
)
def test_the_limit_is_a_setting_and_what_does_not_fit_is_told_with_its_line_while_the_rest_goes_in(client, settings, live_clinic, attachments, code):
    settings.RETENTION_LARGEST_ATTACHMENTS_BYTES = 1000
    now = timezone.now().isoformat()
    said, _headers = post(client, live_clinic, line(1, attachments, now) + line(2, [], now))
    told = [(row["line"], row["code"]) for row in said["refused_lines"]]
    assert (said["accepted"], told) == ((2, []) if code is None else (1, [(1, code)]))
    assert [row["why"] for row in said["refused_lines"] if "1000 bytes" not in row["why"]] == [] or code != "attachments_too_large"
    assert Cohort.objects.count() == 1


def test_the_same_bytes_are_stored_the_same_way_however_their_base64_was_written():
    assert ndjson.lines.attachment_content("QUI=", "x") == "QUI="
    assert ndjson.lines.attachment_content("QUJ=", "x") == "QUI="  # the last two bits of it mean nothing
    assert [ndjson.lines.content_size({"content": text}) for text in ("", "QQ==", "QUI=", "QUJD")] == [0, 1, 2, 3]


def test_the_api_describes_files(client):
    said = client.get("/api/v1/openapi.json").json()
    body = said["paths"]["/api/v1/messages"]["post"]["requestBody"]
    assert "`content` is the file itself in base64" in body["description"]
    assert "10,485,760 bytes" in body["description"]
    assert json.loads(body["content"]["application/x-ndjson"]["example"])["attachments"][0]["name"] == "plan.txt"
