"""Where besides its tables a person is found: sessions, large objects, samples, files of every kind, the broker and the cache."""

import gzip
import io
import json
import zipfile

import pytest
import redis
import zstandard
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from apps.data_requests.scanning import broker, files
from tests.data_requests.scanning.conftest import IDA

EMAIL, NAME = IDA.emails[0], IDA.names[0]


def test_a_session_is_unpacked(house, found):
    session = SessionStore()
    session["filter"] = {"searched": [f"somebody {EMAIL}"]}
    session.save()

    assert found() == {("django_session.session_data", "e-mail address")}


def test_a_large_object_is_looked_through(house, found):
    with connection.cursor() as cursor:
        cursor.execute("SELECT lo_from_bytea(0, %s)", [b"x" * 5000 + b" " + EMAIL.encode()])
        cursor.execute("SELECT lo_from_bytea(0, %s)", [gzip.compress(NAME.encode())])

    assert found() == {("large objects", "e-mail address"), ("large objects", "name")}


def test_the_planners_samples_are_taken_anew_once_the_rows_are_gone(unlisted, found):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO unlisted (a_text) SELECT %s FROM generate_series(1, 50)", [EMAIL])
        cursor.execute("INSERT INTO unlisted (a_text) SELECT 'other' FROM generate_series(1, 50)")
        cursor.execute("ANALYZE unlisted")
        cursor.execute("DELETE FROM unlisted WHERE a_text <> 'other'")
        cursor.execute("SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'unlisted' AND attname = 'a_text'")
        assert EMAIL in cursor.fetchone()[0]

    assert found() == set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'unlisted' AND attname = 'a_text'")
        assert cursor.fetchone()[0] == "{other}"


def test_samples_of_rows_that_are_there_are_a_finding_too(unlisted, found):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO unlisted (a_text) SELECT %s FROM generate_series(1, 50)", [EMAIL])
        cursor.execute("ANALYZE unlisted")

    assert found() == {("unlisted.a_text", "e-mail address"), ("planner's samples of unlisted.a_text", "e-mail address")}


def test_samples_of_a_table_that_is_empty_by_now_are_forgotten(unlisted, found):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO unlisted (a_text) SELECT %s FROM generate_series(1, 50)", [EMAIL])
        cursor.execute("ANALYZE unlisted")
        cursor.execute("DELETE FROM unlisted")
        cursor.execute("ANALYZE unlisted")
        cursor.execute("SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'unlisted' AND attname = 'a_text'")
        assert EMAIL in cursor.fetchone()[0], "the planner keeps what it knew of a table that is empty"

    assert found() == set()


def test_samples_of_an_index_in_which_nothing_is_by_now_are_forgotten_and_the_index_stays(unlisted, found):
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX in_part ON unlisted (lower(a_text)) WHERE a_text <> ''")
        cursor.execute("INSERT INTO unlisted (a_text) SELECT %s FROM generate_series(1, 50)", [EMAIL])
        cursor.execute("ANALYZE unlisted")
        cursor.execute("UPDATE unlisted SET a_text = ''")
        cursor.execute("ANALYZE unlisted")
        cursor.execute("SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'in_part'")
        assert EMAIL.lower() in cursor.fetchone()[0], "the planner keeps what it knew of an index in which nothing is any more"
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'in_part'")
        before = cursor.fetchone()

    assert found() == set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'in_part'")
        assert cursor.fetchone() == before


def zipped(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.json", content)
    return made.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        lambda text: text.encode(), lambda text: json.dumps({"to": text}).encode(), lambda text: text.encode("utf-16"),
        lambda text: gzip.compress(b"x" * 100_000 + b" " + text.encode()), lambda text: zipped(text.encode()),
        lambda text: zstandard.compress(b"y" * 100_000 + b" " + text.encode()), lambda text: b"\x00" * (files.BLOCK - 5) + text.encode(),
        lambda text: b"\xff" * (3 * files.BLOCK - 1) + text.upper().encode(),
    ],
    ids=["plain", "JSON", "UTF-16", "gzip", "zip", "zstandard", "across two blocks", "across other blocks"],
)  # fmt: skip
@pytest.mark.parametrize(("text", "what"), [(EMAIL, "e-mail address"), (NAME, "name")])
def test_files_of_every_kind_are_looked_through(house, found, content, text, what):
    folder = house / "spool" / "deep"
    folder.mkdir(parents=True)
    (folder / "piece.bin").write_bytes(content(text))

    assert found() == {("file spool/deep/piece.bin", what)}


def test_the_name_of_a_file_is_looked_at_and_not_said(house, found):
    (house / "mail").mkdir(exist_ok=True)
    (house / "mail" / f"{EMAIL}.log").write_text("nothing")

    assert found() == {("file mail", "e-mail address")}


def test_a_bomb_is_not_unpacked_to_its_end_and_is_said_to_be_unread(house, found):
    (house / "bomb.gz").write_bytes(gzip.compress(bytes(300 << 20), 1))

    assert found() == {("file bomb.gz", "could not be read")}


def test_what_only_begins_like_an_archive_is_said_to_be_unread(house, found):
    (house / "half.zip").write_bytes(b"PK\x03\x04 and no end")

    assert found() == {("file half.zip", "could not be read")}


def test_the_databases_own_files_are_left_out(house, found):
    (house / "postgres" / "base").mkdir(parents=True)
    (house / "postgres" / "base" / "16384").write_text(EMAIL)

    assert found() == set()


@pytest.mark.parametrize(
    "put",
    [
        lambda server, text: server.set("k", text), lambda server, text: server.rpush("k", "a", text), lambda server, text: server.hset("k", "f", text),
        lambda server, text: server.sadd("k", text), lambda server, text: server.zadd("k", {text: 1}), lambda server, text: server.set(text, "x"),
        lambda server, text: server.xadd("k", {"f": text}),
    ],
    ids=["text", "list", "hash", "set", "sorted set", "key", "stream"],
)  # fmt: skip
@pytest.mark.parametrize(("name", "url"), [("broker", "CELERY_BROKER_URL"), ("cache", "CACHE_URL")])
def test_keys_of_every_kind_in_broker_and_cache(house, found, put, name, url):
    with redis.Redis.from_url(broker._plain(getattr(settings, url))) as server:
        put(server, f"to {EMAIL}")
        try:
            assert found() == {(name, "e-mail address")}
        finally:
            server.delete("k", f"to {EMAIL}")
    assert found() == set()
