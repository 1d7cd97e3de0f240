"""What can become of an archive, each with the names under which it must be found: with the identity, and without.

Three kinds: what happens to files, what an attacker writes (who has the public key, so that all of it opens), and what we
would have signed wrongly ourselves. Each changes the archive in `folder`, whose manifest is `document`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.foundation.digests import canonical
from apps.retention.archives import manifest
from tests.retention.archives import written
from tests.retention.archives.written import NAMES

FIRST, SECOND, THIRD = NAMES
MANIFEST = "manifest.json"
MEGABYTE = 1 << 20
OTHER, STRANGER = "other", "stranger"  # archives beside: of the same organization, and of another one


@dataclass(frozen=True)
class Case:
    """One thing that can happen, and what is found: pairs of name and file."""

    happens: Callable[[Path, dict], None]
    found: set
    found_without: set
    code: int = 1

    @property
    def name(self) -> str:
        return self.happens.__name__


CASES: dict[str, Case] = {}


def found(*pairs, without=None, code=1):
    """Declare what must be found; `without` an identity the same, unless told."""

    def declared(happens):
        CASES[happens.__name__] = Case(happens, set(pairs), set(pairs if without is None else without), code)
        return happens

    return declared


def changed(folder, name, change):
    path = folder / name
    path.write_bytes(change(path.read_bytes()))


def flipped(place):
    def change(content):
        at = place if place >= 0 else len(content) + place
        return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]

    return change


# What happens to files


@found(code=0)
def nothing(folder, document):
    pass


@found(("part_flipped", SECOND))
def a_bit_in_the_name_of_the_format_is_flipped(folder, document):
    changed(folder, SECOND, flipped(3))


@found(("part_flipped", SECOND))
def a_bit_in_the_key_of_the_header_is_flipped(folder, document):
    changed(folder, SECOND, flipped(60))


@found(("part_flipped", SECOND))
def a_bit_in_the_checksum_of_the_header_is_flipped(folder, document):
    changed(folder, SECOND, lambda content: flipped(content.index(b"\n---") + 10)(content))


@found(("part_flipped", SECOND))
def a_bit_in_the_nonce_is_flipped(folder, document):
    changed(folder, SECOND, lambda content: flipped(content.index(b"\n---") + 52)(content))


@found(("part_flipped", SECOND))
def a_bit_in_the_body_is_flipped(folder, document):
    changed(folder, SECOND, flipped(-300))


@found(("part_flipped", SECOND))
def a_bit_in_the_tag_is_flipped(folder, document):
    changed(folder, SECOND, flipped(-1))


@found(("part_missing", FIRST))
def the_first_part_is_dropped(folder, document):
    (folder / FIRST).unlink()


@found(("part_missing", SECOND))
def a_part_between_is_dropped(folder, document):
    (folder / SECOND).unlink()


@found(("part_missing", THIRD))
def the_last_part_is_dropped(folder, document):
    (folder / THIRD).unlink()


@found(("part_reordered", FIRST), ("part_reordered", SECOND))
def two_parts_are_swapped(folder, document):
    (folder / FIRST).rename(folder / "aside")
    (folder / SECOND).rename(folder / FIRST)
    (folder / "aside").rename(folder / SECOND)


@found(("part_reordered", THIRD))
def a_part_stands_there_twice(folder, document):
    (folder / THIRD).write_bytes((folder / FIRST).read_bytes())


@found(("part_missing", SECOND), ("part_added", "part-00007.jsonl.zst.age"))
def a_part_is_renamed(folder, document):
    (folder / SECOND).rename(folder / "part-00007.jsonl.zst.age")


@found(("part_truncated", THIRD))
def a_part_is_empty(folder, document):
    (folder / THIRD).write_bytes(b"")


@found(("part_truncated", THIRD))
def a_part_ends_in_its_header(folder, document):
    changed(folder, THIRD, lambda content: content[:150])


@found(("part_truncated", THIRD))
def a_part_ends_in_its_body(folder, document):
    changed(folder, THIRD, lambda content: content[:-100])


@found(("part_truncated", THIRD))
def a_part_lacks_its_last_byte(folder, document):
    changed(folder, THIRD, lambda content: content[:-1])


@found(("part_lengthened", FIRST))
def something_is_appended_to_a_part(folder, document):
    changed(folder, FIRST, lambda content: content + b"\n")


@found(("part_foreign", SECOND), without=[("part_exchanged", SECOND)])
def a_part_of_another_archive_of_the_organization_stands_there(folder, document):
    (folder / SECOND).write_bytes((folder.parent / OTHER / SECOND).read_bytes())


@found(("part_exchanged", SECOND))
def a_part_of_another_organization_stands_there(folder, document):
    (folder / SECOND).write_bytes((folder.parent / STRANGER / SECOND).read_bytes())


@found(("part_added", "part-00004.jsonl.zst.age"))
def a_part_is_added(folder, document):
    (folder / "part-00004.jsonl.zst.age").write_bytes(written.packed(b"{}\n"))


@found(("part_added", "\ufffd[2J.age"))
def a_file_is_added_whose_name_would_write_to_the_terminal(folder, document):
    (folder / "\x1b[2J.age").write_bytes(b"")


@found(("path_unreadable", THIRD), code=2)
def a_pipe_stands_in_the_place_of_a_part(folder, document):
    (folder / THIRD).unlink()
    os.mkfifo(folder / THIRD)


@found(("path_unreadable", THIRD), code=2)
def a_folder_stands_in_the_place_of_a_part(folder, document):
    (folder / THIRD).unlink()
    (folder / THIRD).mkdir()


@found(("part_missing", FIRST), ("part_flipped", SECOND), ("part_truncated", THIRD))
def all_parts_are_wrong_each_in_its_way(folder, document):
    the_first_part_is_dropped(folder, document)
    a_bit_in_the_body_is_flipped(folder, document)
    a_part_lacks_its_last_byte(folder, document)


@found(("manifest_missing", MANIFEST), code=2)
def the_manifest_is_removed(folder, document):
    (folder / MANIFEST).unlink()


@found(("manifest_unreadable", MANIFEST), code=2)
def the_manifest_is_cut(folder, document):
    changed(folder, MANIFEST, lambda content: content[:-40])


@found(("manifest_unreadable", MANIFEST), code=2)
def the_manifest_is_a_pipe(folder, document):
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)


@found(*(("part_foreign", name) for name in NAMES), without=[("part_exchanged", name) for name in NAMES])
def the_manifest_is_that_of_another_archive(folder, document):
    (folder / MANIFEST).write_bytes((folder.parent / OTHER / MANIFEST).read_bytes())


# What an attacker writes who has the public key


@found(("manifest_changed", MANIFEST))
def the_manifest_forgets_a_part(folder, document):
    document["parts"].pop()
    changed(folder, MANIFEST, lambda content: canonical({**_signed(content), "manifest": document}))
    (folder / THIRD).unlink()


@found(("manifest_changed", MANIFEST))
def the_manifest_is_signed_by_another_key_under_our_name(folder, document):
    ours = bytes.fromhex(_signed((folder / MANIFEST).read_bytes())["signature"]["key"])
    (folder / MANIFEST).write_bytes(written.signed_by(Ed25519PrivateKey.generate(), document, named=ours))


@found(("manifest_of_another_key", MANIFEST))
def the_manifest_is_signed_by_another_key(folder, document):
    (folder / MANIFEST).write_bytes(written.signed_by(Ed25519PrivateKey.generate(), document))


@found(("part_replaced", FIRST), without=[("part_exchanged", FIRST)])
def a_message_is_altered_with_its_proof_and_the_part_encrypted_again(folder, document):
    lines = _lines(folder, FIRST)
    lines[5] = written.row(5, body="I never said that").line()
    (folder / FIRST).write_bytes(written.packed(b"".join(lines)))


@found(("part_replaced", FIRST), without=[("part_exchanged", FIRST)])
def a_line_is_doubled_and_the_part_encrypted_again(folder, document):
    lines = _lines(folder, FIRST)
    (folder / FIRST).write_bytes(written.packed(b"".join([*lines, lines[-1]])))


@found(("part_replaced", FIRST), without=[("part_exchanged", FIRST)])
def the_very_lines_are_encrypted_again(folder, document):
    (folder / FIRST).write_bytes(written.packed(b"".join(_lines(folder, FIRST))))


@found(("part_replaced", FIRST), without=[("part_exchanged", FIRST)])
def something_that_is_no_part_is_encrypted_in_its_place(folder, document):
    (folder / FIRST).write_bytes(written.packed(b"hello\n"))


@found(("part_unreadable", FIRST), without=[("part_exchanged", FIRST)])
def something_that_is_not_packed_is_encrypted_in_its_place(folder, document):
    (folder / FIRST).write_bytes(written.locked(b"hello"))


@found(("unpacks_too_far", FIRST), without=[("part_exchanged", FIRST)])
def a_part_unpacks_to_a_gigabyte(folder, document):
    lines = b"".join(_lines(folder, FIRST))
    (folder / FIRST).write_bytes(written.packed_from([lines, *([b"{}\n" * (MEGABYTE // 3)] * 1_000)]))


@found(("line_too_long", FIRST), without=[("part_exchanged", FIRST)])
def a_part_has_a_line_of_a_hundred_megabytes(folder, document):
    lines = b"".join(_lines(folder, FIRST))
    (folder / FIRST).write_bytes(written.packed_from([lines, *([b"x" * MEGABYTE] * 100), b"\n"]))


# What we would have signed wrongly ourselves


@found(("line_duplicated", SECOND), ("part_reordered", THIRD), without=[])
def a_line_is_doubled_and_signed(folder, document):
    lines = _lines(folder, SECOND)
    written.put_in(folder, document, 2, written.packed(b"".join([*lines, lines[-3]])))


@found(("line_altered", THIRD), without=[])
def an_altered_message_is_signed_with_its_old_proof(folder, document):
    lines = _lines(folder, THIRD)
    lines[2] = lines[2].replace(b"Nr. 62", b"Nr. 26")
    written.put_in(folder, document, 3, written.packed(b"".join(lines)))


@found(("line_unreadable", THIRD), without=[])
def a_line_that_hides_a_second_message_is_signed(folder, document):
    lines = _lines(folder, THIRD)
    first = written.row(61, segment=1)
    hidden = first.message + b',"message":' + first.message
    lines[1] = written.Row(61, 1, first.salt, hidden).line()
    written.put_in(folder, document, 3, written.packed(b"".join(lines)))


@found(("line_unreadable", THIRD), without=[])
def a_policy_version_that_the_header_does_not_name_is_signed(folder, document):
    lines = _lines(folder, THIRD)
    lines[1] = lines[1].replace(b'"policy_version":3', b'"policy_version":4')
    written.put_in(folder, document, 3, written.packed(b"".join(lines)))


@found(("unpacks_too_far", THIRD), without=[])
def a_part_that_unpacks_further_than_it_says_is_signed(folder, document):
    plain = b"".join(_lines(folder, THIRD))
    written.put_in(folder, document, 3, written.packed(plain), plain_bytes=len(plain) - 1)


@found(("line_too_long", THIRD), without=[])
def a_line_of_a_hundred_megabytes_is_signed(folder, document):
    plain = b"".join(_lines(folder, THIRD))
    part = written.packed_from([plain, *([b"x" * MEGABYTE] * 100), b"\n"])
    written.put_in(folder, document, 3, part, plain, plain_bytes=200 * MEGABYTE)


@found(("part_miscounted", THIRD), without=[])
def a_wrong_count_of_lines_is_signed(folder, document):
    plain = b"".join(_lines(folder, THIRD))
    written.put_in(folder, document, 3, written.packed(plain), lines=4)


@found(("part_unreadable", THIRD), without=[])
def a_part_that_breaks_off_in_its_packing_is_signed(folder, document):
    content = zstandard.ZstdCompressor(level=1).compress(b"".join(_lines(folder, THIRD)))[:-20]
    written.put_in(folder, document, 3, written.locked(content), b"\n")


@found(("part_unreadable", THIRD), without=[])
def a_part_with_more_behind_its_packing_is_signed(folder, document):
    content = zstandard.ZstdCompressor(level=1).compress(b"".join(_lines(folder, THIRD)))
    written.put_in(folder, document, 3, written.locked(content + content), b"".join(_lines(folder, THIRD)))


@found(("part_unreadable", THIRD), without=[])
def a_part_without_its_last_line_end_is_signed(folder, document):
    written.put_in(folder, document, 3, written.packed(b"".join(_lines(folder, THIRD))[:-1]))


@found(("part_foreign", SECOND), ("part_reordered", THIRD), without=[])
def a_part_of_another_archive_is_signed(folder, document):
    written.put_in(folder, document, 2, (folder.parent / OTHER / SECOND).read_bytes())


@found(("part_reordered", SECOND), ("part_reordered", THIRD), without=[])
def the_parts_are_signed_in_another_order(folder, document):
    second, third = (folder / SECOND).read_bytes(), (folder / THIRD).read_bytes()
    written.put_in(folder, document, 2, third)
    written.put_in(folder, document, 3, second)


@found(("segment_differs", ""), without=[])
def a_message_that_was_sealed_is_in_no_part_and_that_is_signed(folder, document):
    lines = _lines(folder, THIRD)
    written.put_in(folder, document, 3, written.packed(b"".join(lines[:-1])))


@found(("segment_differs", ""), without=[])
def another_edition_than_the_sealed_one_is_signed(folder, document):
    lines = _lines(folder, THIRD)
    lines[-1] = written.row(65, segment=1, edition=9).line()
    written.put_in(folder, document, 3, written.packed(b"".join(lines)))


@found(("segment_differs", ""), without=[])
def a_segment_that_was_never_sealed_is_signed(folder, document):
    document["segments"].pop()
    document["counts"]["messages"] -= 5
    written.signed_again(folder, document)


@found(("manifest_inconsistent", MANIFEST))
def counts_that_do_not_add_up_are_signed(folder, document):
    document["counts"]["lines"] += 1
    written.signed_again(folder, document)


@found(("format_unknown", MANIFEST), code=2)
def another_format_is_signed(folder, document):
    document["format"] = "covenant-archive/2"
    written.signed_again(folder, document)


def _signed(content):
    return manifest.verify_archive.parse(content)


def _lines(folder, name):
    return written.unpacked((folder / name).read_bytes()).splitlines(keepends=True)
