"""`data.json`, written as it is read, and `redactions.json`: the package for machines."""

from collections.abc import Iterator
from typing import Any

from apps.data_requests.packages import FORMAT, pieces
from apps.data_requests.packages.contents import Contents, Section


def write(contents: Contents) -> Iterator[bytes]:
    """The document in pieces; together they are one JSON value in UTF-8."""
    head = {
        "format": FORMAT, "package": contents.package, "request": contents.request, "person": contents.person, "title": contents.title,
        "made_at": contents.made_at, "operator": contents.operator, "contact": contents.contact, "policy": contents.policy,
    }  # fmt: skip
    yield pieces.dumps(head).removesuffix("}").encode() + b',\n"overview":['
    yield from _sections(contents.overview)
    yield b'],\n"sections":['
    yield from _sections(contents.sections)
    yield b'],\n"not_handed_over":' + pieces.dumps([vars(one) for one in contents.left_out]).encode() + b"}\n"


def _sections(sections: tuple[Section, ...]) -> Iterator[bytes]:
    for place, section in enumerate(sections):
        yield b",\n" if place else b"\n"
        yield from _section(section)


def _section(section: Section) -> Iterator[bytes]:
    head = {"holding": section.code, "title": section.title, "about": section.lead, **section.facts}
    yield pieces.dumps(head).removesuffix("}").encode() + b',"tables":['
    tables, rows, files = 0, 0, []
    for kind, value in section.open():
        if kind == pieces.TABLE:
            yield (b"]}" if tables else b"") + (b"," if tables else b"") + b'\n{"title":' + pieces.dumps(value["title"]).encode() + b',"rows":['
            tables, rows = tables + 1, 0
        elif kind == pieces.ROW:
            yield (b",\n" if rows else b"\n") + pieces.dumps(value).encode()
            rows += 1
        elif kind == pieces.FILE:
            files.append(value["name"])
    yield (b"]}" if tables else b"") + b'],"files":' + pieces.dumps(files).encode() + b"}"


def redactions(contents: Contents) -> bytes:
    """What was left out, of rows and of holdings."""
    found: list[dict[str, Any]] = []
    for section in contents.sections:
        found += [{"holding": section.code, **value} for kind, value in section.open() if kind == pieces.REDACTION]
    said = {
        "format": FORMAT, "package": contents.package, "redacted": found, "not_handed_over": [vars(one) for one in contents.left_out],
    }  # fmt: skip
    return pieces.dumps(said).encode() + b"\n"
