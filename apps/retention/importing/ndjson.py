"""Our own format: one JSON object a line, a message or a deletion.

| field | message | deletion | what |
|---|---|---|---|
| id | yes | yes | the sender's own id of the message, 200 characters at most |
| sent_at | yes | yes | RFC 3339 with its offset |
| conversation | yes | - | id of the conversation |
| sender | yes | - | an object with `id` or `email` (or both), and `name` if known |
| recipients | yes | - | a list of such objects, 1,000 at most; may be empty |
| body | yes | - | the text, 256 KiB at most; may be empty |
| class | may | may | conversation class; it chooses the rule of life |
| thread | may | - | id of the message this one answers |
| edited_at | may | - | when the body was last changed; a later one replaces an earlier |
| attachments | may | - | a list of objects: kind, id, name, title, text, media_type, size, address (never fetched), content |
| deleted_at | - | yes | when it was deleted; makes the line a deletion |

`content` is a file's bytes in base64; its attachment has a `name`, and a `size`, if it says one, that fits. The files of a
message together may have as many bytes as the setting RETENTION_LARGEST_ATTACHMENTS_BYTES says. They are a part of the
message: encrypted, hashed, edited, archived and destroyed with it.

An optional field may be null. A field that is not in the table is refused by its name rather than dropped in silence: a
misspelt `edited_at` would lose an edit. Empty lines are skipped. Memory stays the same whatever the length of a line.
"""

import hashlib
import re
from typing import Any, BinaryIO

from apps.retention.importing import lines, ordinary, strict_json
from apps.retention.importing.lines import (
    Deletion,
    Incoming,
    Line,
    Party,
    Refused,
    UnfitLine,
)

CHUNK = 64 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NEEDED = ("id", "conversation", "sent_at", "sender", "recipients", "body")
OPTIONAL = ("class", "thread", "edited_at", "attachments")
DELETION_NEEDED = ("id", "sent_at", "deleted_at")
DELETION_OPTIONAL = ("class",)
PARTY_FIELDS = ("id", "email", "name")
_FIELD_NAME = re.compile(r"[A-Za-z_]{1,40}")


def read(
    stream: BinaryIO, *, longest_line: int, total: int | None = None, start_number: int = 0, start_offset: int = 0
) -> "NdjsonReader":
    """Read `stream` line by line, from where it stands.

    To go on after a checkpoint, seek the stream to its offset and pass both numbers of the checkpoint.
    """
    return NdjsonReader(
        stream, longest_line=longest_line, total=total, start_number=start_number, start_offset=start_offset
    )


def digest_of_first(stream: BinaryIO, length: int) -> "hashlib._Hash":
    """SHA-256 over the next `length` bytes: tells whether a file is still the one a checkpoint was taken on."""
    digest = hashlib.sha256()
    while length > 0:
        chunk = stream.read(min(CHUNK, length))
        if not chunk:
            break
        digest.update(chunk)
        length -= len(chunk)
    return digest


class NdjsonReader:
    """Iterates over lines. After each, `number`, `end_offset` and `sha256` stand exactly behind that line.

    Errors of the stream itself (a connection that broke) are raised as they are: what came before them is whole.
    """

    source = "ndjson"

    def __init__(self, stream: BinaryIO, *, longest_line: int, total: int | None, start_number: int, start_offset: int):
        self.number = start_number
        self.bytes_total = total
        self._stream = stream
        self._longest = longest_line
        self._digest = hashlib.sha256()
        self._chunk = b""
        self._before = start_offset  # where the chunk begins
        self._at = self._hashed = 0  # in the chunk
        self._people: ordinary.People = {}

    @property
    def end_offset(self) -> int:
        return self._before + self._at

    @property
    def bytes_read(self) -> int:
        return self.end_offset

    @property
    def sha256(self) -> "hashlib._Hash":
        """Over all bytes up to here; brought up to date when somebody asks, which is once a chunk and not once a line."""
        if self._hashed < self._at:
            self._digest.update(memoryview(self._chunk)[self._hashed : self._at])
            self._hashed = self._at
        return self._digest

    def __iter__(self) -> "NdjsonReader":
        return self

    def __next__(self) -> Line:
        while True:
            newline = self._chunk.find(b"\n", self._at)
            if 0 <= newline - self._at <= self._longest:
                raw = self._chunk[self._at : newline]
                self._at = newline + 1
            else:
                raw, length = self._take_line()
                if length == 0:
                    raise StopIteration
            self.number += 1
            if raw is None:
                return Refused(
                    self.number, "line_too_long", f"The line is longer than {self._longest} bytes.", kind="line"
                )
            if self.number == 1:
                raw = raw.removeprefix(BYTE_ORDER_MARK)
            if raw.strip():
                return ordinary.message(self.number, raw, self._people, _party) or _line(self.number, raw)

    def _take_line(self) -> tuple[bytes | None, int]:
        """The next line without its end, or None for one that is too long; and how many bytes it took, 0 at the end."""
        pieces: list[bytes] = []
        length = 0
        while True:
            if self._at == len(self._chunk) and not self._read_on():
                break
            newline = self._chunk.find(b"\n", self._at)
            end = len(self._chunk) if newline < 0 else newline + 1
            piece = self._chunk[self._at : end]
            self._at = end
            length += len(piece)
            if length <= self._longest + 1:
                pieces.append(piece)
            else:
                pieces.clear()
            if newline >= 0:
                break
        line = b"".join(pieces)
        content = line.removesuffix(b"\n")
        too_long = length > self._longest + 1 or len(content) > self._longest
        return (None if too_long else content), length

    def _read_on(self) -> bool:
        """Whether the stream had more."""
        content = self._stream.read(CHUNK)
        _all_of_it = self.sha256
        self._before += len(self._chunk)
        self._chunk, self._at, self._hashed = content, 0, 0
        return bool(content)


def _line(number: int, raw: bytes) -> Line:
    kind = "line"
    try:
        found = strict_json.parse(raw, whole_numbers_only=True)
        if not isinstance(found, dict):
            raise UnfitLine("A line must be a JSON object.", code="wrong_type")
        kind = "deletion" if found.get("deleted_at") is not None else "message"
        return _deletion(number, found) if kind == "deletion" else _message(number, found)
    except UnfitLine as refusal:
        return Refused(number, refusal.code, refusal.what, kind)


def _message(number: int, found: dict[str, Any]) -> Incoming:
    found = {key: value for key, value in found.items() if not (key == "deleted_at" and value is None)}
    _require_fields(found, needed=NEEDED, optional=OPTIONAL)
    sent_at = lines.parse_time(found["sent_at"], "sent_at")
    edited_at = None
    if found.get("edited_at") is not None:
        edited_at = lines.not_before(lines.parse_time(found["edited_at"], "edited_at"), "edited_at", sent_at, "sent_at")
    return Incoming(
        number=number,
        id=lines.short_text(found["id"], "id", lines.LONGEST_ID),
        conversation=lines.short_text(found["conversation"], "conversation", lines.LONGEST_ID),
        conversation_class=_optional_text(found, "class", lines.LONGEST_CLASS),
        sent_at=sent_at,
        sender=_party(found["sender"], "sender"),
        recipients=_recipients(found["recipients"]),
        body=lines.body_text(found["body"]),
        attachments=_attachments(found.get("attachments")),
        thread=_optional_text(found, "thread", lines.LONGEST_ID),
        edited_at=edited_at,
    )


def _deletion(number: int, found: dict[str, Any]) -> Deletion:
    _require_fields(found, needed=DELETION_NEEDED, optional=DELETION_OPTIONAL)
    sent_at = lines.parse_time(found["sent_at"], "sent_at")
    return Deletion(
        number=number,
        id=lines.short_text(found["id"], "id", lines.LONGEST_ID),
        sent_at=sent_at,
        deleted_at=lines.not_before(
            lines.parse_time(found["deleted_at"], "deleted_at"), "deleted_at", sent_at, "sent_at"
        ),
        conversation_class=_optional_text(found, "class", lines.LONGEST_CLASS),
    )


def _require_fields(found: dict[str, Any], *, needed: tuple[str, ...], optional: tuple[str, ...], of: str = "") -> None:
    where = f" of {of}" if of else ""
    missing = [name for name in needed if found.get(name) is None]
    if missing:
        raise UnfitLine(f"Missing{where}: {', '.join(missing)}.", code="missing_field")
    unknown = sorted(
        name if _FIELD_NAME.fullmatch(name) else "(unnameable)" for name in found.keys() - {*needed, *optional}
    )
    if unknown:
        raise UnfitLine(f"Not a field{where}: {', '.join(unknown[:5])}.", code="unknown_field")


def _optional_text(found: dict[str, Any], field: str, longest: int) -> str | None:
    return None if found.get(field) is None else lines.short_text(found[field], field, longest)


def _party(value: Any, field: str) -> Party:
    if not isinstance(value, dict):
        raise UnfitLine(f"{field} must be an object with id or email.", code="wrong_type")
    _require_fields(value, needed=(), optional=PARTY_FIELDS, of=field)
    if value.get("id") is None and value.get("email") is None:
        raise UnfitLine(f"{field} needs an id or an email.", code="missing_field")
    source_id, email, name = (value.get(key) for key in PARTY_FIELDS)
    return Party(
        source_id=None if source_id is None else lines.short_text(source_id, f"{field}.id", lines.LONGEST_ID),
        email=None if email is None else lines.email_address(email, f"{field}.email"),
        name=None if name in (None, "") else lines.short_text(name, f"{field}.name", lines.LONGEST_NAME),
    )


def _recipients(value: Any) -> tuple[Party, ...]:
    if not isinstance(value, list):
        raise UnfitLine("recipients must be a list.", code="wrong_type")
    if len(value) > lines.MOST_RECIPIENTS:
        raise UnfitLine(f"More than {lines.MOST_RECIPIENTS} recipients.", code="too_many_recipients")
    once: dict[tuple[str | None, str | None], Party] = {}
    for item in value:
        party = _party(item, "recipients")
        once.setdefault((party.source_id, party.email), party)
    return tuple(once.values())


def _attachments(value: Any) -> tuple[dict[str, Any], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise UnfitLine("attachments must be a list.", code="wrong_type")
    if len(value) > lines.MOST_ATTACHMENTS:
        raise UnfitLine(f"More than {lines.MOST_ATTACHMENTS} attachments.", code="too_many_attachments")
    return lines.checked_attachments(tuple(_attachment(item) for item in value))


def _attachment(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnfitLine("attachments must be a list of objects.", code="wrong_type")
    _require_fields(value, needed=(), optional=lines.ATTACHMENT_FIELDS, of="attachments")
    found = {
        name: _attachment_field(name, value[name]) for name in lines.ATTACHMENT_FIELDS if value.get(name) is not None
    }
    if "content" in found:
        _require_fields(value, needed=("name",), optional=lines.ATTACHMENT_FIELDS, of="attachments")
        if found.get("size", lines.content_size(found)) != lines.content_size(found):
            raise UnfitLine("attachments.size is not the size of its content.", code="size_differs")
    return found


def _attachment_field(name: str, value: Any) -> str | int:
    field = f"attachments.{name}"
    if name == "content":
        return lines.attachment_content(value, field)
    if name == "size":
        return lines.whole_number(value, field)
    if name == "text":
        return lines.body_text(value, field)
    return lines.short_text(value, field, lines.LONGEST_ADDRESS if name == "address" else lines.LONGEST_NAME)
