"""Parts are read back line by line; what is wrong is a refusal with its own name, and nothing is unpacked without a limit."""

import io
import itertools
import threading

import pytest

from apps.retention.archives import reading, verify_archive
from tests.retention.archives import cases, written
from tests.retention.archives.written import IDENTITY, NAMES, OTHER_IDENTITY, header, row


def read(content, identities=(IDENTITY,), **limits):
    return list(reading.read_part(io.BytesIO(content), identities, **limits))


def part(*rows, first=None):
    lines = [verify_archive.canonical(first or header("ARC-9QX7F3K", 1, "")) + b"\n", *(line.line() for line in rows)]
    return written.packed(b"".join(lines))


def test_a_part_is_read_header_first_then_line_by_line(archive):
    with (archive / NAMES[1]).open("rb") as file:
        first, *lines = reading.read_part(file, [IDENTITY])
    assert (first["archive"], first["part"], first["organization"], first["expiry"]) == ("ARC-9QX7F3K", 2, "ORG-7F3K2MP", "2026-03-15")
    assert lines == [line.as_dict() for line in written.rows()[1]]


def test_whoever_found_what_they_wanted_may_stop_and_leaves_no_thread():
    rows = [row(number) for number in range(1, 30_000)]
    lines = reading.read_part(io.BytesIO(part(*rows)), [IDENTITY])
    assert [line["id"] for line in itertools.islice(lines, 1, 4)] == [1, 2, 3]
    lines.close()
    assert [thread for thread in threading.enumerate() if thread.name == "age"] == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda content: content[:40] + b"!" + content[41:], reading.PartFlipped),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), reading.PartFlipped),
        (lambda content: content + b"!", reading.PartFlipped),
        (lambda content: content[:100], reading.PartTruncated),
        (lambda content: b"", reading.PartTruncated),
        (lambda content: content[: content.index(b"\n---") + 65], reading.PartTruncated),
    ],
)
def test_changed_and_cut_parts_are_refused_under_their_names(change, kind):
    with pytest.raises(kind) as refused:
        read(change(part(row(1), row(2))))
    assert (refused.value.code, refused.value.mend) == (kind.code, verify_archive.MENDS[kind.code])


def test_a_wrong_identity_is_told_as_one():
    with pytest.raises(reading.NotOurKey) as refused:
        read(part(row(1)), [OTHER_IDENTITY])
    assert refused.value.mend == "Give the identity that belongs to the recipient the manifest names."
    assert read(part(row(1)), [OTHER_IDENTITY, IDENTITY])[1:] == [row(1).as_dict()]


def test_an_identity_that_is_none_is_refused_and_not_repeated():
    with pytest.raises(reading.FlawedArchive) as refused:
        read(part(row(1)), ["AGE-SECRET-KEY-1SECRET"])
    assert refused.value.code == "identity_unusable"
    assert "1SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lambda: part(written.Row(1, 0, b"\x07" * 32, b'{"a":1},"x":{"b":2}')), "line_unreadable"),
        (lambda: written.packed(b"{}\n"), "line_unreadable"),
        (lambda: written.packed(b"hello\n"), "line_unreadable"),
        (lambda: written.packed(b"[" * 100_000 + b"\n"), "line_unreadable"),
        (lambda: written.packed(b"\n" * 300_000), "line_unreadable"),
        (lambda: written.locked(b"hello"), "part_unreadable"),
        (lambda: part(first={"format": "covenant-archive/2"}), "line_unreadable"),
        (lambda: written.packed(verify_archive.canonical(header("ARC-9QX7F3K", 1, "")) + b"\n" + row(1).line().replace(b"Nr. 1", b"Nr. 2")), "line_altered"),
        (lambda: written.packed_from([b"x" * cases.MEGABYTE] * 100), "line_too_long"),
    ],
)
def test_whatever_else_a_part_holds_has_a_name_and_a_mend(content, code):
    with pytest.raises(reading.FlawedArchive) as refused:
        read(content())
    assert (refused.value.code, refused.value.mend) == (code, verify_archive.MENDS[code])


def test_a_part_unpacks_no_further_than_was_noted_when_it_was_written():
    content = part(*(row(number) for number in range(1, 50)))
    size = len(written.unpacked(content))
    assert len(read(content, largest=size)) == 50
    with pytest.raises(reading.FlawedArchive) as refused:
        read(content, largest=size - 1)
    assert refused.value.code == "unpacks_too_far"


def test_without_a_note_a_rough_limit_holds():
    bomb = written.packed_from(itertools.repeat(row(1).line() * 2_000, 400))
    with pytest.raises(reading.FlawedArchive) as refused:
        verify_archive_lines(bomb)
    assert refused.value.code == "unpacks_too_far"


def verify_archive_lines(content):
    try:
        verify_archive.read_lines(io.BytesIO(content), [IDENTITY], lambda raw: None)
    except verify_archive.Flaw as flaw:
        raise reading.refusal(flaw) from None


def test_a_message_of_nothing_but_blanks_that_fills_an_archive_is_no_bomb_where_its_size_was_noted():
    rows = [row(number, body=" " * 250_000) for number in range(1, 500)]
    content = part(*rows)
    assert len(content) * 1_000 < 500 * 250_000
    with pytest.raises(reading.FlawedArchive):
        read(content)
    assert len(read(content, largest=len(written.unpacked(content)))) == 500


class Breaking(io.BytesIO):
    """A place that goes away while it is read."""

    def read(self, size=-1):
        if self.tell() > 8_000:
            raise ConnectionResetError("the place went away")
        return super().read(min(size, 4_096))


def test_why_the_source_fails_is_told_as_it_is():
    content = part(*(row(number) for number in range(1, 2_000)))
    with pytest.raises(ConnectionResetError, match="the place went away"):
        list(reading.read_part(Breaking(content), [IDENTITY]))


def test_an_archive_in_which_nothing_is_wrong_gives_its_manifest(archive, key):
    assert reading.verify(archive, key=key, identities=[IDENTITY])["archive"] == "ARC-9QX7F3K"
    assert reading.verify(archive, key=key)["counts"]["lines"] == 65


@pytest.mark.parametrize(
    ("happens", "kind"),
    [
        (cases.a_part_between_is_dropped, reading.PartMissing),
        (cases.a_bit_in_the_body_is_flipped, reading.PartFlipped),
        (cases.a_part_ends_in_its_body, reading.PartTruncated),
        (cases.two_parts_are_swapped, reading.PartReordered),
        (cases.the_very_lines_are_encrypted_again, reading.PartReplaced),
        (cases.the_manifest_is_removed, reading.FlawedArchive),
    ],
)
def test_an_archive_that_is_not_as_it_was_signed_is_refused_by_its_first_flaw(archive, key, happens, kind):
    happens(archive, {})
    with pytest.raises(reading.FlawedArchive) as refused:
        reading.verify(archive, key=key, identities=[IDENTITY])
    assert type(refused.value) is kind
    assert refused.value.code == refused.value.flaws[0].code
    assert refused.value.mend == verify_archive.MENDS[refused.value.code]


def test_all_flaws_come_with_the_worst_one(archive, key):
    cases.a_pipe_stands_in_the_place_of_a_part(archive, {})
    cases.a_part_between_is_dropped(archive, {})
    with pytest.raises(reading.PartMissing) as refused:
        reading.verify(archive, key=key)
    assert {flaw.code for flaw in refused.value.flaws} == {"part_missing", "path_unreadable"}


def test_every_kind_of_flaw_has_a_mend_of_its_own():
    assert set(reading.KINDS) <= set(verify_archive.MENDS)
    assert len(set(verify_archive.MENDS.values())) > len(verify_archive.MENDS) - 8
