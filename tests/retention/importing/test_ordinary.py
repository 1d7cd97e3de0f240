"""The quick look at ordinary lines never takes one otherwise than the close one does, and takes most of them."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.retention.importing import ndjson, ordinary
from apps.retention.importing.lines import Incoming

SAMPLE = Path(__file__).parents[2] / "data" / "messages.ndjson"
MESSAGE = {
    "id": "m1", "conversation": "c1", "sent_at": "2026-03-08T12:00:00Z", "sender": {"id": "u1", "name": "Ada"},
    "recipients": [{"email": "bo@mercy.example"}, {"id": "u2"}], "body": "hello",
}  # fmt: skip


def quick(raw: bytes, people=None) -> Incoming | None:
    return ordinary.message(1, raw, {} if people is None else people, ndjson._party)


def close(raw: bytes):
    return ndjson._line(1, raw)


def written(**fields) -> bytes:
    return json.dumps(MESSAGE | fields).encode()


def with_field_twice(inside: str) -> bytes:
    return json.dumps(MESSAGE).replace(inside, f"{inside}, {inside}").encode()


@pytest.mark.parametrize(
    "raw",
    [
        written(),
        written(body='two\nlines, "quoted", a tab\tand €'),
        written(**{"class": "clinical", "thread": "m0", "edited_at": "2026-03-08T14:00:01.25+02:00", "attachments": None}),
        written(thread=None, edited_at="2026-03-08T12:00:01.250Z"),
        written(recipients=[]),
        written(recipients=[{"id": "u2", "name": "Bo"}, {"id": "u3"}, {"id": "u2"}]),
        written(sender={"id": "u1", "email": "a@b.example", "name": ""}),
    ],
)
def test_an_ordinary_line_is_read_as_the_close_look_reads_it(raw):
    assert isinstance(close(raw), Incoming)
    assert quick(raw) in (close(raw), None)


def test_most_lines_are_ordinary():
    with SAMPLE.open("rb") as file:
        found = [quick(raw) for raw in file.read().splitlines()]
    assert sum(line is not None for line in found) > 30
    assert quick(written()) == close(written())
    assert quick(written(body='two\nlines, "quoted"')) == close(written(body='two\nlines, "quoted"'))


@pytest.mark.parametrize(
    "raw",
    [
        with_field_twice('"id": "m1"'),
        with_field_twice('"id": "u1"'),
        with_field_twice('"email": "bo@mercy.example"'),
        written(body='\\"id": "m1"').replace(b'"id": "m1", "conversation"', b'"id": "m1", "id": "m1", "conversation"'),
        json.dumps(MESSAGE).replace('"body": "hello"', '"body": "hello", "body": null').encode(),
        json.dumps(MESSAGE).replace('"body": "hello"', '"body": 1.5, "body": "hello"').encode(),
        json.dumps(MESSAGE).replace('"id": "u2"', '"id": NaN, "id": "u2"').encode(),
        written(body="a\x00b"),
        written(body="\ud800"),
        written(id="a\nb"),
        written(id="a\x7fb"),
        written(id=1),
        written(body=1),
        written(other="x"),
        written(sender={"id": "u1", "other": "x"}),
        written(sender={"id": "u1", "other": None}),
        written(sender={"id": 1}),
        written(sender={"name": "Ada"}),
        written(sender=["id"]),
        written(recipients={}),
        written(recipients=""),
        written(recipients=[{"id": f"u{n}"} for n in range(1_001)]),
        written(edited_at="2026-03-08T11:00:00Z"),
        written(deleted_at="2026-03-08T13:00:00Z"),
        written(sent_at="2026-02-30T12:00:00Z"),
        written(body="€" * 87_382),
        written()[:-1],
        b"[]",
        b"7",
        b"\xff",
        b'{"id": "m1"}',
        b"[" * 9_000,
    ],
)
def test_what_would_be_refused_is_never_taken_by_the_quick_look(raw):
    people = {}
    assert quick(written(), people) is not None
    assert quick(raw, people) is None


def test_somebody_seen_before_is_not_taken_for_somebody_with_an_unknown_field():
    people = {}
    assert quick(written(sender={"id": "u1"}), people).sender.source_id == "u1"
    assert quick(written(sender={"id": "u1", "role": "admin"}), people) is None
    raw = written(sender={"id": "u1", "name": None})
    assert quick(raw, people) == close(raw)


# The first text of a run makes Hypothesis build its table of characters, which takes seconds on a slow machine.
PATIENT = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(), max_size=12) | st.sampled_from(['"', "\\", '\\"', "id", '"id": "m1"'])
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
SOMEBODY = st.dictionaries(st.sampled_from(["id", "email", "name", "role"]), st.sampled_from(["u1", "a@b.example", None, ""]) | VALUE, max_size=4)
PAIRS = st.lists(
    st.one_of(
        *(st.tuples(st.just(name), st.just(value)) for name, value in MESSAGE.items()),
        st.tuples(st.sampled_from(["id", "conversation", "body", "class", "thread", "attachments"]), TEXT | VALUE),
        st.tuples(st.just("sender"), SOMEBODY),
        st.tuples(st.just("recipients"), st.lists(SOMEBODY, max_size=4)),
        st.tuples(st.sampled_from(["sent_at", "edited_at", "deleted_at"]), st.sampled_from(["2026-03-08T12:00:00Z", "2026-03-08T12:00:00.5Z", ""])),
        st.tuples(TEXT, VALUE),
    ),
    max_size=3,
)


@PATIENT
@given(PAIRS, st.booleans(), st.integers(0, 6))
@example([("body", "x")], True, 6)
def test_whatever_is_written_both_looks_agree(pairs, ascii_only, cut):
    """Objects are written pair by pair, so that the same field may stand in them twice."""
    base = [*list(MESSAGE.items())[:cut], *pairs, *list(MESSAGE.items())[cut:]]
    dumps = json.JSONEncoder(ensure_ascii=ascii_only).encode
    raw = ("{" + ", ".join(f"{dumps(name)}: {dumps(value)}" for name, value in base) + "}").encode("utf-8", "surrogatepass")
    people = {}
    for _again in range(2):
        assert quick(raw, people) in (close(raw), None)
    read = list(ndjson.read(io.BytesIO(raw + b"\n" + raw), longest_line=2**20))
    assert [line._replace(number=1) if isinstance(line, Incoming) else line for line in read][:1] == [close(raw)]
