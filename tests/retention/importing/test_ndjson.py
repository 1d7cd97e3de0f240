"""Our own format, line by line: what is taken, what is refused and in which words, and where the reader stands."""

import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.foundation.digests import canonical
from apps.retention.importing import ndjson
from apps.retention.importing.lines import Deletion, Incoming, Party, Refused, as_message

SAMPLE = Path(__file__).parents[2] / "data" / "messages.ndjson"
LONGEST = 10_000
NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
MESSAGE = {
    "id": "m1",
    "conversation": "c1",
    "sent_at": "2026-03-08T12:00:00Z",
    "sender": {"id": "u1"},
    "recipients": [{"email": "bo@mercy.example", "name": "Bo"}],
    "body": "hello",
}
DELETION = {"id": "m1", "sent_at": "2026-03-08T12:00:00Z", "deleted_at": "2026-03-08T12:05:00Z"}


def read(content, longest_line=LONGEST, **more):
    return ndjson.read(io.BytesIO(content), longest_line=longest_line, **more)


def one(content):
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    (line,) = read(raw)
    return line


def refusal(content):
    line = one(content)
    assert isinstance(line, Refused), line
    return line.code, line.why


def changed(**fields):
    return MESSAGE | fields


def test_a_message_becomes_what_was_sent():
    assert one(changed(thread="m0", **{"class": "clinical"})) == Incoming(
        number=1,
        id="m1",
        conversation="c1",
        conversation_class="clinical",
        sent_at=NOON,
        sender=Party(source_id="u1"),
        recipients=(Party(email="bo@mercy.example", name="Bo"),),
        body="hello",
        thread="m0",
    )


def test_a_deletion_becomes_what_was_deleted():
    assert one(DELETION | {"class": "clinical"}) == Deletion(1, "m1", NOON, NOON + timedelta(minutes=5), "clinical")


def test_the_sample_of_forty_clinical_messages_goes_in_whole():
    with SAMPLE.open("rb") as file:
        lines = list(ndjson.read(file, longest_line=LONGEST))
    assert [type(line) for line in lines] == [Incoming] * 40
    assert sum(line.edited_at is not None for line in lines) == 1
    assert sum(len(line.attachments) for line in lines) == 1


@pytest.mark.parametrize(
    ("content", "code", "why"),
    [
        (b"\xff\xfe", "not_utf8", "Not UTF-8 (byte 1 of the line)."),
        (b"{oops", "not_json", "Not JSON (character 2 of the line)."),
        (b"[]", "wrong_type", "A line must be a JSON object."),
        (b"[" * 9_000, "too_deep", "Nested too deeply to be read."),
        (b'{"id": NaN}', "not_json", "NaN and Infinity are not JSON."),
        (b'{"id": ' + b"9" * 5_000 + b"}", "number_out_of_range", "A number is out of range."),
        (b'{"id": "a", "id": "b"}', "duplicate_field", "An object names the same field twice; which one counts is not clear."),
        (changed(attachments=[{"size": 1.5}]), "not_whole_number", "Numbers with a fraction or an exponent are not taken; use whole numbers."),
        ({}, "missing_field", "Missing: id, conversation, sent_at, sender, recipients, body."),
        (changed(sender=None), "missing_field", "Missing: sender."),
        (changed(sender={"name": "Bo"}), "missing_field", "sender needs an id or an email."),
        (changed(edited="2026-03-08T12:00:00Z"), "unknown_field", "Not a field: edited."),
        (changed(**{"Ann Smith": 1}), "unknown_field", "Not a field: (unnameable)."),
        (changed(id=7), "wrong_type", "id must be a text."),
        (changed(id=" "), "empty_field", "id is empty."),
        (changed(id="x" * 201), "too_long", "id is longer than 200 characters."),
        (changed(id="a\nb"), "unstorable_text", "id has control characters."),
        (changed(body="a\x00b"), "unstorable_text", "body has a character that can't be stored (NUL or half a surrogate pair)."),
        (changed(body="\ud800"), "unstorable_text", "body has a character that can't be stored (NUL or half a surrogate pair)."),
        (changed(body=["hello"]), "wrong_type", "body must be a text."),
        (changed(sent_at="2026-03-08T12:00:00"), "bad_time", "sent_at must be a time like 2026-03-08T12:00:00Z, with Z or an offset from UTC."),
        (changed(sent_at="2026-02-30T12:00:00Z"), "bad_time", "sent_at names a day or an hour that does not exist."),
        (changed(sent_at="0001-01-01T00:00:00+02:00"), "bad_time", "sent_at names a day or an hour that does not exist."),
        (changed(sent_at="1969-12-31T23:59:59Z"), "bad_time", "sent_at must lie between the years 1970 and 2999."),
        (changed(sent_at=1_700_000_000), "wrong_type", "sent_at must be a text."),
        (changed(edited_at="2026-03-08T11:59:59Z"), "bad_time", "edited_at lies before sent_at."),
        (DELETION | {"deleted_at": "2026-03-08T11:00:00Z"}, "bad_time", "deleted_at lies before sent_at."),
        (DELETION | {"body": "hello"}, "unknown_field", "Not a field: body."),
        (changed(recipients={"id": "u2"}), "wrong_type", "recipients must be a list."),
        (changed(recipients=[{"email": "nobody"}]), "bad_email", "recipients.email is not an e-mail address."),
        (changed(recipients=["u2"]), "wrong_type", "recipients must be an object with id or email."),
        (changed(attachments=[{"size": -1}]), "number_out_of_range", "attachments.size is out of range."),
        (changed(attachments=[{"size": True}]), "wrong_type", "attachments.size must be a whole number."),
        (changed(attachments=[{"contents": "…"}]), "unknown_field", "Not a field of attachments: contents."),
        (changed(attachments=[{"name": "a", "content": "…"}]), "bad_base64", "attachments.content is not base64."),
        (changed(attachments=[{"name": "a", "content": "QQ"}]), "bad_base64", "attachments.content is not base64."),
        (changed(attachments=[{"name": "a", "content": 1}]), "wrong_type", "attachments.content must be a text in base64."),
        (changed(attachments=[{"content": "QUJD"}]), "missing_field", "Missing of attachments: name."),
        (changed(attachments=[{"name": "a", "content": "QUJD", "size": 4}]), "size_differs", "attachments.size is not the size of its content."),
    ],
)  # fmt: skip
def test_a_line_that_is_not_as_described_is_refused_with_its_reason(content, code, why):
    assert refusal(content) == (code, why)


def test_a_thousand_recipients_are_taken_and_one_more_is_not():
    people = [{"id": f"u{n}"} for n in range(1_001)]
    (taken, refused) = read(
        b"\n".join(json.dumps(changed(recipients=people[:n])).encode() for n in (1_000, 1_001)), longest_line=100_000
    )
    assert len(taken.recipients) == 1_000
    assert (refused.code, refused.why) == ("too_many_recipients", "More than 1000 recipients.")


def test_a_body_is_measured_in_bytes_of_utf8():
    (taken, refused) = read(
        b"\n".join(json.dumps(changed(body="€" * n)).encode() for n in (87_381, 87_382)), longest_line=2**20
    )
    assert len(taken.body) == 87_381
    assert (refused.code, refused.why) == ("too_long", "body is larger than 262144 bytes.")


def test_a_recipient_named_twice_is_one():
    twice = [{"id": "u2", "name": "Bo"}, {"id": "u3"}, {"id": "u2"}]
    assert one(changed(recipients=twice)).recipients == (Party("u2", None, "Bo"), Party("u3"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-08T12:00:00Z", NOON),
        ("2026-03-08t14:00:00.000000+02:00", NOON),
        ("2026-03-08 05:00:00-07:00", NOON),
        ("2026-03-08T12:00:00.5Z", NOON + timedelta(microseconds=500_000)),
        ("2026-03-08T12:00:00.123456999Z", NOON + timedelta(microseconds=123_456)),
    ],
)
def test_a_time_is_read_to_the_microsecond_whatever_its_offset(written, meant):
    assert one(changed(sent_at=written)).sent_at == meant


def test_a_refusal_repeats_nothing_of_the_line():
    secret = "Margaret has diabetes"
    lines = [
        changed(sent_at=secret), changed(recipients=[{"email": secret}]), changed(**{secret: 1}), changed(id=secret + "\n"),
        changed(sender=secret), {secret: secret},
    ]  # fmt: skip
    for line in lines:
        _code, why = refusal(line)
        assert "Margaret" not in why


def test_after_each_line_the_reader_says_how_far_it_is():
    content = b'{"a"}\n\n  \r\n' + json.dumps(MESSAGE).encode() + b"\r\n" + json.dumps(DELETION).encode()
    reader = read(content, total=len(content))
    seen = [(line.number, reader.end_offset, reader.sha256.hexdigest()) for line in reader]
    ends = [6, content.rindex(b"\r\n") + 2, len(content)]
    assert seen == [
        (number, end, hashlib.sha256(content[:end]).hexdigest()) for number, end in zip((1, 4, 5), ends, strict=True)
    ]
    assert (reader.bytes_read, reader.bytes_total, reader.source) == (len(content), len(content), "ndjson")


def test_reading_goes_on_from_a_checkpoint_with_the_same_numbers():
    content = b"".join(json.dumps(changed(id=f"m{n}")).encode() + b"\n" for n in range(5))
    whole = list(read(content))
    reader = read(content)
    next(reader), next(reader)
    stream = io.BytesIO(content)
    assert ndjson.digest_of_first(stream, reader.end_offset).digest() == reader.sha256.digest()
    rest = ndjson.read(stream, longest_line=LONGEST, start_number=reader.number, start_offset=reader.end_offset)
    assert list(rest) == whole[2:]
    assert rest.end_offset == len(content)


def test_a_line_too_long_is_passed_over_and_the_next_one_is_read():
    content = b'{"body": "' + b"x" * 300_000 + b'"}\n' + json.dumps(MESSAGE).encode()
    refused, message = read(content)
    assert refused == Refused(1, "line_too_long", "The line is longer than 10000 bytes.", "line")
    assert (message.number, message.id) == (2, "m1")


def test_a_line_of_exactly_the_limit_is_read_with_and_without_its_end():
    raw = json.dumps(MESSAGE).encode()
    for content in (raw, raw + b"\n"):
        assert [type(line) for line in read(content, longest_line=len(raw))] == [Incoming]
        assert [line.code for line in read(content, longest_line=len(raw) - 1)] == ["line_too_long"]


def test_a_byte_order_mark_at_the_start_is_no_mistake():
    assert one(b"\xef\xbb\xbf" + json.dumps(MESSAGE).encode()).id == "m1"


def test_nothing_in_is_nothing_out():
    assert list(read(b"")) == []
    assert list(read(b"\n\n \n")) == []


def test_the_message_that_is_kept_has_no_floats_and_its_times_are_utc_to_the_microsecond():
    line = one(
        changed(sent_at="2026-03-08T14:00:00.25+02:00", edited_at="2026-03-08T12:00:01Z", attachments=[{"size": 5}])
    )
    assert as_message(line) == {
        "id": "m1",
        "conversation": "c1",
        "class": None,
        "sent_at": "2026-03-08T12:00:00.250000Z",
        "sender": {"id": "u1", "email": None, "name": None, "owned_by_organization": False},
        "recipients": [{"id": None, "email": "bo@mercy.example", "name": "Bo", "owned_by_organization": False}],
        "body": "hello",
        "attachments": [{"size": 5}],
        "thread": None,
        "edited_at": "2026-03-08T12:00:01.000000Z",
    }
    assert canonical(as_message(line))


# The first text of a run makes Hypothesis build its table of characters, which takes seconds on a slow machine.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
ALMOST = st.fixed_dictionaries(
    {},
    optional={
        name: st.just(value) | JSON for name, value in (MESSAGE | DELETION | {"class": "a", "attachments": []}).items()
    },
)


@PATIENT
@given(st.lists(st.binary(max_size=60) | ALMOST.map(lambda line: json.dumps(line).encode()), max_size=5))
@example([b'{"id": {"a": [' * 3_000])
@example([b'{"\\ud800": 1}', b'"\\ud800"', b"-", b"1E400", b"\x00"])
def test_no_bytes_bring_the_reader_down_and_every_line_is_answered(pieces):
    content = b"\n".join(pieces)
    reader = read(content)
    lines = list(reader)
    assert reader.end_offset == len(content)
    full = [
        n
        for n, raw in enumerate(content.split(b"\n"), 1)
        if raw.removeprefix(b"\xef\xbb\xbf" if n == 1 else b"").strip()
    ]
    assert [line.number for line in lines] == full
    for line in lines:
        if isinstance(line, Incoming):
            assert canonical(as_message(line)).decode()


@PATIENT
@given(st.binary(max_size=400), st.lists(st.integers(1, 30), min_size=1))
def test_lines_are_the_same_however_the_stream_hands_out_its_bytes(content, sizes):
    class Dribble(io.BytesIO):
        turn = 0

        def read(self, _size=-1):
            self.turn += 1
            return super().read(sizes[self.turn % len(sizes)])

    assert list(ndjson.read(Dribble(content), longest_line=50)) == list(read(content, longest_line=50))
