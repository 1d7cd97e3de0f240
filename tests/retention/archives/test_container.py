"""A part is written as it was taken in, in constant memory, and never looks finished when it is not."""

import io
import json
import subprocess
import sys
import threading
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.foundation.digests import canonical, leaf_hash
from apps.retention.archives import age_keys, container, reading, verify_archive
from apps.retention.archives.age_streams import AgeWriter, GivenUp
from tests.retention.archives import written
from tests.retention.archives.written import IDENTITY, RECIPIENT, header, row

CHECKOUT = Path(__file__).parents[3]
HEADER = header("ARC-9QX7F3K", 1, "")
SALT = b"\x07" * 32


def fill(sink, rows, recipients=(RECIPIENT,)):
    with container.PartWriter(sink, recipients, HEADER) as part:
        for line in rows:
            part.add_raw(*line.raw())
        return part.close()


def part_of(*rows, sink=None, recipients=(RECIPIENT,)):
    sink = io.BytesIO() if sink is None else sink
    return fill(sink, rows, recipients), sink


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "age"]


def test_a_part_holds_its_header_and_then_its_lines_as_canonical_json():
    rows = [row(number) for number in range(1, 4)]
    _facts, sink = part_of(*rows)
    assert written.unpacked(sink.getvalue()).splitlines() == [canonical(HEADER), *(canonical(line.as_dict()) for line in rows)]


def test_what_a_part_is_told_to_be_is_what_was_written():
    facts, sink = part_of(row(1), row(2, segment=1), row(3))
    part, plain = sink.getvalue(), written.unpacked(sink.getvalue())
    assert facts.as_dict() == {
        "number": 1, "name": "part-00001.jsonl.zst.age", "segments": [0, 1], "lines": 3,
        "bytes": len(part), "sha256": sha256(part).hexdigest(), "plain_bytes": len(plain),
        "plain_sha256": sha256(plain).hexdigest(), "start_sha256": sha256(part[:128]).hexdigest(),
    }  # fmt: skip


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(), VALUES, max_size=5), st.integers(1, 2**59), st.integers(0, 9_999), st.binary(min_size=32, max_size=32)
)
def test_a_spliced_line_is_the_canonical_json_of_its_fields_whatever_the_message_holds(message, number, segment, salt):
    line = written.Row(number, segment, salt, canonical(message))
    sink = io.BytesIO()
    with container.PartWriter(sink, [RECIPIENT], HEADER) as part:
        part.add_raw(*line.raw())
        part.add(line.as_dict())
        part.close()
    _header, *lines = written.unpacked(sink.getvalue()).split(b"\n")
    assert lines == [canonical(line.as_dict())] * 2 + [b""]
    assert list(reading.read_part(io.BytesIO(sink.getvalue()), [IDENTITY]))[1:] == [line.as_dict()] * 2


def test_a_part_of_several_blocks_is_whole_whatever_the_sizes_of_its_messages():
    rows = [row(number, body="x" * (number * 7_919 % 300_000)) for number in range(1, 60)]
    facts, sink = part_of(*rows)
    assert facts.plain_bytes > 8 * container.BLOCK
    assert [line["id"] for line in list(reading.read_part(io.BytesIO(sink.getvalue()), [IDENTITY], largest=facts.plain_bytes))[1:]] == list(range(1, 60))


def test_a_part_without_lines_is_a_part():
    facts, sink = part_of()
    assert (facts.lines, facts.segments) == (0, [])
    assert list(reading.read_part(io.BytesIO(sink.getvalue()), [IDENTITY])) == [HEADER]


def test_each_recipient_opens_the_part_and_nobody_else():
    _facts, sink = part_of(row(1), recipients=(RECIPIENT, written.OTHER_RECIPIENT))
    for identity in (IDENTITY, written.OTHER_IDENTITY):
        assert list(reading.read_part(io.BytesIO(sink.getvalue()), [identity]))[1:] == [row(1).as_dict()]
    nobody, _ = age_keys.age_identity(b"\x01" * 32)
    with pytest.raises(reading.NotOurKey):
        list(reading.read_part(io.BytesIO(sink.getvalue()), [nobody]))


def test_a_message_that_does_not_match_its_proof_gets_into_no_part():
    sink = io.BytesIO()
    with pytest.raises(container.ProofDiffers), container.PartWriter(sink, [RECIPIENT], HEADER) as part:
        part.add_raw(1, 0, 3, SALT, leaf_hash(SALT, b'{"body":"a"}'), b'{"body":"b"}')
    assert_unfinished(sink.getvalue())


def test_a_message_that_no_reader_would_take_is_refused_by_the_writer():
    longest = canonical({"body": "x" * verify_archive.LARGEST_LINE})
    with pytest.raises(container.LineTooLong), container.PartWriter(io.BytesIO(), [RECIPIENT], HEADER) as part:
        part.add_raw(1, 0, 3, SALT, leaf_hash(SALT, longest), longest)


def test_the_longest_line_that_is_written_is_read():
    body = "x" * (verify_archive.LARGEST_LINE - len(row(1, body="-").line()) + 1)
    facts, sink = part_of(row(1, body=body))
    assert facts.plain_bytes - len(canonical(HEADER)) - 1 == verify_archive.LARGEST_LINE
    assert list(reading.read_part(io.BytesIO(sink.getvalue()), [IDENTITY]))[1]["message"]["body"] == body


def test_what_is_not_canonical_json_breaks_no_line_in_two():
    message = b'{\n"body":"a"}'
    with container.PartWriter(io.BytesIO(), [RECIPIENT], HEADER) as part:
        part.add_raw(1, 0, 3, SALT, leaf_hash(SALT, message), message)
        with pytest.raises(ValueError, match="holds a line end"):
            part.close()


def test_a_message_of_a_policy_version_that_the_header_does_not_name_is_a_defect():
    with pytest.raises(ValueError, match="policy version"), container.PartWriter(io.BytesIO(), [RECIPIENT], HEADER) as part:
        part.add_raw(1, 0, 4, SALT, leaf_hash(SALT, b"{}"), b"{}")


def assert_unfinished(content):
    assert content.startswith(b"age-encryption.org/v1\n") or content == b""
    with pytest.raises((reading.PartTruncated, reading.PartFlipped)):
        list(reading.read_part(io.BytesIO(content), [IDENTITY]))


def test_a_part_that_is_given_up_can_not_be_opened_to_its_end_and_leaves_no_thread():
    def rows():
        yield from (row(number, body=sha256(bytes([number % 256])).hexdigest() * 9) for number in range(1, 3_000))
        raise KeyError("the database went away")

    sink = io.BytesIO()
    with pytest.raises(KeyError):
        fill(sink, rows())
    assert_unfinished(sink.getvalue())
    assert threads() == []


def test_a_part_that_is_forgotten_leaves_no_thread_either():
    part = container.PartWriter(io.BytesIO(), [RECIPIENT], HEADER)
    part.add_raw(*row(1).raw())
    assert len(threads()) == 1
    del part
    assert threads() == []


class Failing(io.RawIOBase):
    """Takes so many bytes and then fails."""

    def __init__(self, takes, error):
        self.takes, self.error = takes, error

    def write(self, data):
        if self.takes < len(data):
            raise self.error
        self.takes -= len(data)
        return len(data)


@pytest.mark.parametrize("takes", [0, 400, 200_000])
def test_why_a_sink_fails_is_told_as_it_is_and_leaves_no_thread(takes):
    error = ConnectionResetError("the place went away")
    with pytest.raises(ConnectionResetError) as told:
        fill(Failing(takes, error), (row(number) for number in range(1, 5_000)))
    assert told.value is error
    assert threads() == []


class Recovering(io.BytesIO):
    """Fails once, in the middle."""

    failed = 0

    def write(self, data):
        if self.tell() > 60_000 and not self.failed:
            self.failed += 1
            raise ConnectionResetError
        return super().write(data)


def test_a_sink_that_failed_is_not_written_to_again_though_it_would_take_more():
    sink = Recovering()
    with pytest.raises(ConnectionResetError):
        fill(sink, (row(number) for number in range(1, 5_000)))
    assert len(sink.getvalue()) < 70_000
    assert_unfinished(sink.getvalue())


def test_a_full_disk_is_told_as_it_is():
    """Also where it is full at the last write only, of which the library of age says nothing."""
    with open("/dev/full", "wb", buffering=0) as sink, pytest.raises(OSError, match="No space left on device"):
        fill(sink, [row(1)])


class Dribbling(io.BytesIO):
    """A raw file may take less than it is given."""

    def write(self, data):
        return super().write(data[:1_000])


def test_a_sink_that_takes_a_little_at_a_time_gets_everything():
    facts, sink = part_of(*(row(number) for number in range(1, 400)), sink=Dribbling())
    assert sha256(sink.getvalue()).hexdigest() == facts.sha256
    assert len(list(reading.read_part(io.BytesIO(sink.getvalue()), [IDENTITY]))) == 400


def test_a_file_for_nobody_and_a_recipient_that_is_none_are_refused_before_anything_is_written():
    sink = io.BytesIO()
    with pytest.raises(ValueError, match="never be opened"):
        container.PartWriter(sink, [], HEADER)
    with pytest.raises(age_keys.NotARecipient):
        container.PartWriter(sink, [IDENTITY], HEADER)
    assert sink.getvalue() == b""
    assert threads() == []


def test_nothing_is_taken_any_more_once_the_writing_was_given_up():
    writer = AgeWriter(io.BytesIO(), [RECIPIENT], start_bytes=128)
    writer.give_up()
    with pytest.raises(GivenUp):
        writer.write(b"more")
    with pytest.raises(GivenUp):
        writer.close()


def test_a_header_names_the_part_before_it_unless_it_is_the_first():
    with pytest.raises(ValueError, match="the one before"):
        header("ARC-9QX7F3K", 2, "")
    with pytest.raises(ValueError, match="the one before"):
        header("ARC-9QX7F3K", 1, "ab" * 32)
    assert header("ARC-9QX7F3K", 2, "ab" * 32) == {
        "format": "covenant-archive/1", "archive": "ARC-9QX7F3K", "part": 2, "organization": "ORG-7F3K2MP", "expiry": "2026-03-15",
        "policy_versions": [3], "previous": "ab" * 32, "made_at": "2026-03-15T00:04:20.123456Z",
    }  # fmt: skip


def test_where_an_archive_stands_is_said_by_organization_and_day():
    folder = container.folder_name(organization="ORG-7F3K2MP", expiry=written.EXPIRY, archive="ARC-9QX7F3K")
    assert (folder, container.part_name(12)) == ("ORG-7F3K2MP/2026-03-15/ARC-9QX7F3K", "part-00012.jsonl.zst.age")


WRITE = """
import re, sys
from tests.retention.archives.written import RECIPIENT, header, row
from apps.retention.archives import container
rows = [row(number) for number in range(1, 1_001)]
with open(sys.argv[2], "wb") as sink, container.PartWriter(sink, [RECIPIENT], header("ARC-9QX7F3K", 1, "")) as part:
    for _round in range(int(sys.argv[1])):
        for line in rows:
            part.add_raw(*line.raw())
    facts = part.close()
print(facts.lines, re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


def test_a_part_ten_times_as_long_takes_no_more_memory(tmp_path):
    peaks = []
    for rounds in (10, 100):
        done = subprocess.run(
            [sys.executable, "-c", WRITE, str(rounds), str(tmp_path / "part")], cwd=CHECKOUT, capture_output=True, text=True, check=True
        )
        lines, peak = map(int, done.stdout.split())
        assert lines == rounds * 1_000
        peaks.append(peak)
    assert peaks[1] < 1.2 * peaks[0]


def test_a_part_tells_nothing_in_clear():
    _facts, sink = part_of(row(1, body="unmistakable words"))
    assert json.dumps("unmistakable words")[1:-1].encode() not in sink.getvalue()
    assert b"ORG-7F3K2MP" not in sink.getvalue()
