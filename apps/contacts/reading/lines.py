"""Content lines, as vCard and iCalendar share them: unfolded, taken apart and counted in one pass, before any parser sees them.

Every step takes time and memory in proportion to the file, whatever it holds.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.contacts.reading.bounds import Bounds, OutOfBounds

NAME = re.compile(rb"(?:[A-Za-z0-9-]{1,64}\.)?([A-Za-z0-9-]{1,64})(?=[;:])")
HEAD = re.compile(rb'(?:[^":]|"[^"]*")*:')
ENCODED = b"QUOTED-PRINTABLE"
HEAD_LOOKED_AT = 512  # where the word for an encoding would stand


@dataclass(frozen=True)
class Line:
    """One content line. The name is in capitals and without its group."""

    name: str
    head: bytes  # name and parameters as written
    value: bytes
    depth: int  # how many components it lies in; of BEGIN and END, itself counted
    component: str  # the innermost


def unwrapped(data: bytes) -> bytes:
    """The same in UTF-8, or whatever its lines say that they are in."""
    for mark, encoding in ((codecs.BOM_UTF8, ""), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data[len(mark) :] if not encoding else data.decode(encoding, "replace").encode("utf-8", "replace")
    return data


def unfolded(data: bytes, bounds: Bounds) -> Iterator[bytes]:
    """Logical lines: a line that begins with a blank belongs to the one before, as does what follows a soft break of quoted-printable."""
    if len(data) > bounds.largest:
        raise OutOfBounds("too_large")
    if max(data.count(b"\n"), data.count(b"\r")) > bounds.most_lines:
        raise OutOfBounds("too_many")
    encoded_so_far = 0
    parts: list[bytes] = []
    length = 0
    is_encoded = False
    for line in data.splitlines():
        if parts and (line[:1] in (b" ", b"\t") or (is_encoded and parts[-1].endswith(b"="))):
            if is_encoded and parts[-1].endswith(b"="):
                parts[-1] = parts[-1][:-1]
                line = line.removeprefix(b" ")
            elif line:
                line = line[1:]
        elif parts:
            yield b"".join(parts)
            parts, length = [], 0
        if not parts:
            head, _colon, _value = line[:HEAD_LOOKED_AT].partition(b":")
            is_encoded = ENCODED in head.upper()
        parts.append(line)
        length += len(line)
        encoded_so_far += len(line) if is_encoded else 0
        if length > bounds.longest_line:
            raise OutOfBounds("line_too_long")
        if encoded_so_far > bounds.largest_encoded:
            raise OutOfBounds("too_much_encoded")
    if parts:
        yield b"".join(parts)


def counted(data: bytes, bounds: Bounds, *, wanted: frozenset[str]) -> Iterator[Line]:
    """BEGIN and END of every component, and each line of a wanted name inside one. OutOfBounds("unreadable") where they don't match."""
    inside: list[str] = []
    components = properties = 0
    for whole in unfolded(unwrapped(data), bounds):
        found = NAME.match(whole)
        if not found:
            continue  # an empty line, or a picture whose lines are not folded
        name = found[1].decode("ascii").upper()
        if name == "BEGIN":
            components += 1
            inside.append(_component(whole))
            if len(inside) > bounds.deepest:
                raise OutOfBounds("too_deep")
            if components > bounds.most_components:
                raise OutOfBounds("too_many")
            yield Line(name, whole[:5], whole[6:], len(inside), inside[-1])
        elif name == "END":
            if not inside or inside[-1] != _component(whole):
                raise OutOfBounds("unreadable")
            yield Line(name, whole[:3], whole[4:], len(inside), inside[-1])
            inside.pop()
        elif inside:
            properties += 1
            if properties > bounds.most_properties:
                raise OutOfBounds("too_many")
            if name in wanted:
                if len(whole) > bounds.longest_read:
                    raise OutOfBounds("line_too_long")
                yield _line(name, whole, inside)
    if inside:
        raise OutOfBounds("unreadable")


def parameters(head: bytes) -> dict[str, str]:
    """Of a line's head, by their names in capitals; a value without a name, as in vCard 2.1, under itself."""
    found = {}
    for part in _parts(head)[1:]:
        name, equals, value = part.decode("utf-8", "replace").partition("=")
        found[name.strip().upper()] = value.strip().strip('"') if equals else name.strip()
    return found


def _parts(head: bytes) -> Iterable[bytes]:
    return head.split(b";") if b'"' not in head else re.split(rb';(?=(?:[^"]*"[^"]*")*[^"]*$)', head[:HEAD_LOOKED_AT])


def _component(whole: bytes) -> str:
    return whole.partition(b":")[2].strip().decode("ascii", "replace").upper()[:64]


def _line(name: str, whole: bytes, inside: list[str]) -> Line:
    head = HEAD.match(whole)
    cut = head.end() if head else whole.index(b":") + 1 if b":" in whole else len(whole)
    return Line(name, whole[: cut - 1], whole[cut:], len(inside), inside[-1])
