"""Where in the database a person is found: in columns of every kind, of tables that nobody listed, in partitions, by number, tag and hash."""

import json

import pytest
from django.db import connection

from apps.accounts.services.subjects import subject_of
from apps.data_requests.scanning import catalogue, looking, tables
from apps.foundation.personal_data import Subject
from tests import cast
from tests.data_requests.scanning.conftest import IDA

EMAIL = IDA.emails[0]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("a_text", f"x {EMAIL} y"), ("a_varchar", EMAIL.upper()), ("a_char", EMAIL), ("a_json", json.dumps({"a": [{"b": EMAIL}]})),
        ("a_jsonb", json.dumps({EMAIL: 1})), ("a_bytea", b"\x00" + EMAIL.encode() + b"\xff"), ("texts", ["a", EMAIL]), ("bytes", [b"a", EMAIL.encode()]),
        ("a_domain", EMAIL), ("domains", [EMAIL]), ("a_bytea", EMAIL.encode("utf-16-le")),
    ],
)  # fmt: skip
def test_columns_of_every_kind_of_a_table_that_nobody_listed(unlisted, found, column, value):
    unlisted(column, value)

    assert found() == {(f"unlisted.{column}", "e-mail address")}


def test_ids_that_are_addresses_of_machines_or_uuids(unlisted, found):
    ids = Subject(pk=1, reference="", identities=(("x", "6f1c2a52-8a0e-4b0c-9a43-2c1b6a0f7e11"), ("x", "2001:db8::8a2e:370")))
    unlisted("a_uuid", "6f1c2a52-8a0e-4b0c-9a43-2c1b6a0f7e11")
    assert found(ids) == {("unlisted.a_uuid", "id from elsewhere")}

    unlisted("an_inet", "2001:db8::8a2e:370")
    assert found(ids) == {("unlisted.an_inet", "id from elsewhere")}


def test_every_table_of_the_database_is_looked_at_and_every_column_that_can_hold_text(house):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND (data_type IN ('text', 'character varying', 'jsonb', 'json', 'bytea',"
            " 'uuid', 'inet') OR data_type = 'ARRAY' AND udt_name IN ('_text', '_varchar', '_bytea'))"
        )
        there = set(cursor.fetchall())
    roots = {row[0] for row in there if row[0] == "message"}
    seen = {(table.name, column) for table in catalogue.tables() for column in (*table.texts, *table.bytes, *table.byte_lists)}

    assert len(there) > 400
    assert {row for row in there if row[0] not in roots} - seen == set()


def test_a_partition_is_named_by_its_table_and_other_schemas_are_looked_at(house, found):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE parted (day date, words text) PARTITION BY RANGE (day)")
        cursor.execute("CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')")
        cursor.execute("INSERT INTO parted VALUES ('2026-01-05', %s)", [EMAIL])
        cursor.execute("CREATE SCHEMA elsewhere")
        cursor.execute("CREATE MATERIALIZED VIEW elsewhere.copied AS SELECT words FROM parted")

    assert found() == {("parted.words", "e-mail address"), ("elsewhere.copied.words", "e-mail address")}


def test_a_row_is_found_by_the_number_of_the_person_also_in_histories(house, found):
    ada = cast.ada(cast.hill_clinic(7))
    only_the_row = Subject(pk=ada.pk, reference="")

    assert found(only_the_row) == {
        ("accounts_person.id", "row number"), ("accounts_historicalperson.id", "row number"), ("accounts_personemail.person_id", "row number"),
        ("accounts_historicalpersonemail.person_id", "row number"),
    }  # fmt: skip


def test_messages_are_found_by_the_tags_of_their_participants(house):
    clinic = cast.hill_clinic(7)
    cast.hand_over(clinic, [cast.message(1), cast.message(2), cast.message(3, sender=cast.Party(email="bea@client.example"))])
    ben = Subject(pk=0, reference="", organization=clinic.reference, emails=("ben@client.example",))
    bea = Subject(pk=0, reference="", organization=clinic.reference, emails=("bea@client.example",))

    assert {(one.place, one.what, one.count) for one in looking.search(ben).found} == {("message.tags", "tag of a participant", 3)}
    assert {(one.place, one.what, one.count) for one in looking.search(bea).found} == {("message.tags", "tag of a participant", 1)}


def test_a_person_of_the_register_is_found_in_messages_by_their_reference(house):
    clinic = cast.hill_clinic(7)
    ada = cast.ada(clinic)
    cast.hand_over(clinic, [cast.message(1)])

    assert ("message.tags", "tag of a participant", 1) in {(one.place, one.what, one.count) for one in looking.search(subject_of(ada)).found}


def test_hashes_are_found_with_and_without_a_key(unlisted, found):
    from_us = {what: needle for what, needle in looking.terms.of_subject(IDA).raw if len(needle) == 32}
    for digest in from_us.values():
        unlisted("a_bytea", b"before" + digest)
        assert len(found()) == 1
        unlisted("a_text", digest.hex().upper())
        assert len(found()) == 1
        unlisted("bytes", [digest])
        assert len(found()) == 1
    assert from_us


@pytest.mark.parametrize(("column", "value"), [("a_text", f"x {EMAIL.upper()} y"), ("a_bytea", EMAIL.encode("utf-16-le")), ("bytes", [EMAIL.encode()]),
                                               ("a_text", "Zélia Quark-Hobbs"), ("a_text", "zelia.quark+tag@client.example"),
                                               ("a_jsonb", json.dumps({"n": "Zélia Quark-Hobbs"}))])  # fmt: skip
def test_a_large_table_is_read_through_before_and_says_the_same(unlisted, found, column, value, monkeypatch):
    monkeypatch.setattr(tables, "LARGE", 0)
    monkeypatch.setattr(tables, "BLOCK", 64)
    unlisted(column, value)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO unlisted (a_text, a_bytea) SELECT repeat('nothing ', 20), '\\x00ff'::bytea FROM generate_series(1, 50)")

    assert found() == {(f"unlisted.{column}", "name" if "Quark-H" in str(value) else "e-mail address")}
