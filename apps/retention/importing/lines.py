"""What a reader hands to ingest: a message, a deletion or a refused line; and the limits every field must keep.

A refusal's words name fields and limits and must never repeat a value: they are kept in import reports and shown on
screens, while the value may be somebody's words.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from django.conf import settings

from apps.foundation.refusals import Refusal

LONGEST_ID = 200
LONGEST_NAME = 200
LONGEST_CLASS = 100
LONGEST_EMAIL = 254  # RFC 5321 §4.5.3.1.3 without its angle brackets
LONGEST_ADDRESS = 2_000
LARGEST_BODY = 256 * 1024  # bytes of UTF-8
LARGEST_ATTACHMENTS = 256 * 1024  # bytes of UTF-8, all texts of a message's attachments together
MOST_RECIPIENTS = 1_000
MOST_ATTACHMENTS = 100
LARGEST_SIZE = 2**63 - 1
YEARS = range(1970, 3000)  # what lies outside is a mistake, and date arithmetic on it overflows

#: What is recorded of an attachment. Its address is kept as text and never fetched; its content is a part of the message.
ATTACHMENT_FIELDS = ("kind", "id", "name", "title", "text", "media_type", "size", "address", "content")

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,12}))?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_PLAIN_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3}|\.[0-9]{6})?Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ONE_LINE = re.compile(r"[!-~][ -~]*")  # most are: ASCII that begins with a character one can see
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


class UnfitLine(Refusal):
    """A line can't be taken as it is."""

    code = "unfit_line"
    mend = "Mend the line where it comes from and send it again; the other lines went on without it."


class Party(NamedTuple):
    """Who wrote or received: by the source's own id, by e-mail, or neither when the organization's machine spoke."""

    source_id: str | None = None
    email: str | None = None
    name: str | None = None
    owned_by_organization: bool = False


class Incoming(NamedTuple):
    """A message to take in. With `edited_at` its body replaces that of an earlier line of the same id."""

    number: int
    id: str
    conversation: str
    conversation_class: str | None
    sent_at: datetime
    sender: Party
    recipients: tuple[Party, ...]
    body: str
    attachments: tuple[dict[str, Any], ...] = ()
    thread: str | None = None
    edited_at: datetime | None = None
    kind: str = "message"


@dataclass(frozen=True, slots=True)
class Deletion:
    """Somebody deleted that message where it was sent; it goes early here too."""

    number: int
    id: str
    sent_at: datetime
    deleted_at: datetime
    conversation_class: str | None = None
    kind: str = "deletion"


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is not taken: its number, a stable code, the reason in words, and what kind of line it was."""

    number: int
    code: str
    why: str
    kind: str = "line"


Line = Incoming | Deletion | Refused


class Reader(Protocol):
    """What both readers are to ingest: an iterator that says how far it is."""

    source: str
    number: int

    @property
    def bytes_read(self) -> int: ...

    @property
    def bytes_total(self) -> int | None: ...

    def __iter__(self) -> "Reader": ...

    def __next__(self) -> Line: ...


def as_message(incoming: Incoming, as_party: Callable[[Party], dict[str, Any]] | None = None) -> dict[str, Any]:
    """The message as it is encrypted, hashed and archived: no floats, times in UTC to the microsecond."""
    as_party = as_party or party_as_dict
    return {
        "id": incoming.id,
        "conversation": incoming.conversation,
        "class": incoming.conversation_class,
        "sent_at": rfc3339(incoming.sent_at),
        "sender": as_party(incoming.sender),
        "recipients": list(map(as_party, incoming.recipients)),
        "body": incoming.body,
        "attachments": list(map(dict, incoming.attachments)),
        "thread": incoming.thread,
        "edited_at": None if incoming.edited_at is None else rfc3339(incoming.edited_at),
    }


def party_as_dict(party: Party) -> dict[str, Any]:
    return {
        "id": party.source_id,
        "email": party.email,
        "name": party.name,
        "owned_by_organization": party.owned_by_organization,
    }


def rfc3339(moment: datetime) -> str:
    """An aware moment as RFC 3339 in UTC, always with six digits of fraction."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    written = moment.isoformat()[:-6]  # without its offset; whole seconds come without a fraction
    return f"{written}Z" if moment.microsecond else f"{written}.000000Z"


def parse_time(value: Any, field: str) -> datetime:
    """An RFC 3339 time with its offset, in UTC; what is finer than a microsecond is cut off."""
    if not isinstance(value, str):
        raise UnfitLine(f"{field} must be a text.", code="wrong_type")
    plain = _PLAIN_TIME.fullmatch(value)
    match = None if plain else _TIME.fullmatch(value)
    if not (plain or match):
        raise UnfitLine(
            f"{field} must be a time like 2026-03-08T12:00:00Z, with Z or an offset from UTC.", code="bad_time"
        )
    try:
        moment = datetime.fromisoformat(value) if plain else datetime.fromisoformat(_spelled_out(match)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnfitLine(f"{field} names a day or an hour that does not exist.", code="bad_time") from None
    if moment.year not in YEARS:
        raise UnfitLine(f"{field} must lie between the years 1970 and 2999.", code="bad_time")
    return moment


def _spelled_out(match: re.Match) -> str:
    """The same time as every version of Python reads it: six digits of fraction, an offset in digits."""
    *numbers, fraction, offset = match.groups()
    micros = (fraction or "")[:6].ljust(6, "0")
    year, month, day, hour, minute, second = numbers
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}.{micros}{'+00:00' if offset in 'Zz' else offset}"


def storable(value: Any, field: str) -> str:
    """A text that can be stored: no NUL and no half of a surrogate pair."""
    if not isinstance(value, str):
        raise UnfitLine(f"{field} must be a text.", code="wrong_type")
    if _UNSTORABLE.search(value):
        raise UnfitLine(
            f"{field} has a character that can't be stored (NUL or half a surrogate pair).", code="unstorable_text"
        )
    return value


def short_text(value: Any, field: str, longest: int) -> str:
    """A text of one line that is not empty and has `longest` characters at most."""
    if type(value) is str and _ONE_LINE.fullmatch(value, 0, longest + 1) and len(value) <= longest:
        return value
    text = storable(value, field)
    if not text.strip():
        raise UnfitLine(f"{field} is empty.", code="empty_field")
    if len(text) > longest:
        raise UnfitLine(f"{field} is longer than {longest} characters.", code="too_long")
    if _CONTROL.search(text):
        raise UnfitLine(f"{field} has control characters.", code="unstorable_text")
    return text


def body_text(value: Any, field: str = "body", largest: int = LARGEST_BODY) -> str:
    """A text of any number of lines, empty or not, of `largest` bytes at most."""
    text = storable(value, field)
    if len(text) > largest // 4 and len(text.encode()) > largest:  # a character has four bytes at most
        raise UnfitLine(f"{field} is larger than {largest} bytes.", code="too_long")
    return text


def email_address(value: Any, field: str) -> str:
    """An e-mail address that could be one; whether it exists is not asked."""
    text = short_text(value, field, LONGEST_EMAIL)
    if not _EMAIL.fullmatch(text):
        raise UnfitLine(f"{field} is not an e-mail address.", code="bad_email")
    return text


def whole_number(value: Any, field: str) -> int:
    """A whole number from 0 to 2⁶³ − 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnfitLine(f"{field} must be a whole number.", code="wrong_type")
    if not 0 <= value <= LARGEST_SIZE:
        raise UnfitLine(f"{field} is out of range.", code="number_out_of_range")
    return value


def not_before(later: datetime, later_field: str, earlier: datetime, earlier_field: str) -> datetime:
    """`later`, unless it lies before `earlier`: then one of the two is wrong and nobody can know which."""
    if later < earlier:
        raise UnfitLine(f"{later_field} lies before {earlier_field}.", code="bad_time")
    return later


def one_line(value: Any, longest: int = LONGEST_NAME) -> str | None:
    """A name made storable: used where a source's names are decoration and no reason to refuse somebody's message."""
    if not isinstance(value, str):
        return None
    return _CONTROL.sub(" ", _UNSTORABLE.sub("\ufffd", value)).strip()[:longest] or None


def attachment_content(value: Any, field: str) -> str:
    """A file's bytes in base64 (RFC 4648 §4), written the one way that they can be written."""
    if not isinstance(value, str):
        raise UnfitLine(f"{field} must be a text in base64.", code="wrong_type")
    if len(value) > 4 * (settings.RETENTION_LARGEST_ATTACHMENTS_BYTES // 3 + 1):
        raise _too_large()
    try:
        return base64.b64encode(base64.b64decode(value, validate=True)).decode()
    except (binascii.Error, ValueError):
        raise UnfitLine(f"{field} is not base64.", code="bad_base64") from None


def _too_large() -> UnfitLine:
    most = settings.RETENTION_LARGEST_ATTACHMENTS_BYTES
    return UnfitLine(f"The files of a message may have {most} bytes together, and these have more.", code="attachments_too_large")


def content_size(attachment: dict[str, Any]) -> int:
    """How many bytes the file of an attachment has; 0 where only its address or text is known."""
    content = attachment.get("content") or ""
    return len(content) // 4 * 3 - content[-2:].count("=")


def checked_attachments(attachments: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """The attachments, unless their texts, or their files, together are larger than a message may carry."""
    texts = (value for item in attachments for name, value in item.items() if name != "content" and isinstance(value, str))
    if sum(len(value.encode()) for value in texts) > LARGEST_ATTACHMENTS:
        raise UnfitLine(f"The attachments hold more than {LARGEST_ATTACHMENTS} bytes of text.", code="too_long")
    if sum(map(content_size, attachments)) > settings.RETENTION_LARGEST_ATTACHMENTS_BYTES:
        raise _too_large()
    return attachments
