"""What a mail says, as far as an inquiry needs it: who, subject, text, what it answers. Bytes of strangers in, a Letter or a refusal out.

| met | answer |
|---|---|
| too large, headers too long or too many, too many parts or too deep | refused before or while it is parsed, each with its code |
| broken MIME, unknown character sets, control characters | read as far as it goes; what can't be shown is left out |
| only HTML | its words, without markup; nothing is fetched and nothing is run |
| attachments | named and counted; their content is dropped here and lies nowhere |
| a bounce or an automatic answer | said to be one, so that nobody answers it: two machines would write to each other for ever |

It must never raise anything but LetterRefused, and never put a word of the mail into the refusal.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

from django.conf import settings

from apps.accounts import details
from apps.foundation.refusals import Refusal

LONGEST_HEADERS = 64 * 1024
MOST_HEADER_LINES = 1_000
LONGEST_LINE = 100_000  # RFC 5322 allows 998; real programs write longer ones, and a parser is slow with much longer ones
MOST_LINES = 200_000  # five megabytes in base64 have 70,000
#: a parser compares each line with every boundary that is open: 200 of them cost 29 s for 4 MB, 30 cost 4 s
MOST_BOUNDARIES = 30
BOUNDARY = re.compile(rb"boundary[*0-9 \t\r\n]{0,20}=", re.IGNORECASE)
MOST_PARTS, DEEPEST = 100, 10
LONGEST_HEADER = 4_000
LONGEST_SUBJECT, LONGEST_TEXT, LONGEST_HTML = 200, 100_000, 400_000
MOST_NAMED, LONGEST_NAME = 20, 120
MOST_REFERENCES = 50

MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
SENT_BACK = re.compile(rb"^message-id:[ \t]*(<[!-;=?-~]{1,250}>)", re.IGNORECASE | re.MULTILINE)
#: one run of characters that no reader can show: control characters but tab and line feed, halves of surrogate pairs
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")
TAG = re.compile(r"<[^<>]*>")
BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]*>", re.IGNORECASE)
EMPTY_LINES = re.compile(r"\n{3,}")
BLANKS = re.compile(r"[ \t\u00a0]+")
MACHINES = ("mailer-daemon", "postmaster")


class LetterRefused(Refusal):
    """A mail can't be taken as an inquiry; it waits for somebody to look."""

    code = "mail_unreadable"
    mend = "Look at it in the mailbox's folder for refused mail, and open an inquiry by the form if it needs an answer."


@dataclass(frozen=True)
class Letter:
    """What a mail says. `is_automatic` is for bounces and automatic answers; `is_unanswerable` for whatever no machine may answer."""

    sender: str
    message_id: str
    references: tuple[str, ...]
    subject: str
    text: str
    attachments: tuple[str, ...]
    is_automatic: bool
    is_unanswerable: bool
    is_bounce: bool


def read(data: bytes) -> Letter:
    """The letter in `data`. Raises LetterRefused."""
    _measure(data)
    try:
        mail = message_from_bytes(data, policy=policy.compat32)
        return _letter(mail, data)
    except LetterRefused:
        raise
    except Exception:  # noqa: BLE001 - the parser fails on hostile mail in ways that nobody lists; each is an item for staff
        raise LetterRefused("The mail could not be read.") from None


def _measure(data: bytes) -> None:
    """Refuse by numbers alone what would keep a parser busy."""
    if len(data) > settings.INQUIRY_MAIL_BYTES:
        raise LetterRefused("The mail is too large.", code="too_large")
    head = _head(data)
    if len(head) > LONGEST_HEADERS or head.count(b"\n") > MOST_HEADER_LINES:
        raise LetterRefused("The mail has too many headers.", code="too_many_headers")
    if data.count(b"\n") > MOST_LINES:
        raise LetterRefused("The mail has too many lines.", code="too_many_lines")
    if max(map(len, data.split(b"\n"))) > LONGEST_LINE:
        raise LetterRefused("A line of the mail is too long.", code="line_too_long")
    if sum(1 for _found in BOUNDARY.finditer(data)) > MOST_BOUNDARIES:
        raise LetterRefused("The mail has too many parts.", code="too_many_parts")


def _head(data: bytes) -> bytes:
    ends = [end for end in (data.find(b"\r\n\r\n"), data.find(b"\n\n")) if end >= 0]
    return data[: min(ends)] if ends else data


def _letter(mail: Message, data: bytes) -> Letter:
    parts = list(_parts(mail))
    sender = _sender(mail)
    named = tuple(_name(part) for part in parts if _is_attachment(part))
    ids = MESSAGE_ID.findall(_header(mail, "Message-ID"))
    is_bounce = mail.get_content_type() == "multipart/report" or _header(mail, "Return-Path").strip() == "<>"
    references = MESSAGE_ID.findall(f"{_header(mail, 'In-Reply-To')} {_header(mail, 'References')}")
    if is_bounce:  # RFC 3464: the mail that came back lies in a part of its own, or its headers do
        references += [found.decode() for found in SENT_BACK.findall(data)]
    submitted = _header(mail, "Auto-Submitted").strip().lower()
    is_listed = bool(mail.get("List-Id")) or _header(mail, "Precedence").strip().lower() in ("bulk", "list", "junk")
    # RFC 3834 §5: what another house's form sends unasked may well be an inquiry, so only answers of machines are none
    is_automatic = is_bounce or submitted.startswith(("auto-replied", "auto-notified")) or sender.partition("@")[0].casefold() in MACHINES
    return Letter(
        sender=sender,
        message_id=ids[0] if ids else "",
        references=tuple(dict.fromkeys(references))[:MOST_REFERENCES],
        subject=_line(_decoded(mail, "Subject"), LONGEST_SUBJECT),
        text=_text(parts),
        attachments=named[:MOST_NAMED] + ((f"and {len(named) - MOST_NAMED} more",) if len(named) > MOST_NAMED else ()),
        is_automatic=is_automatic,
        is_unanswerable=is_automatic or is_listed or submitted not in ("", "no"),
        is_bounce=is_bounce,
    )


def _parts(mail: Message) -> Iterator[Message]:
    """Every part that is a leaf, in its order; attached mails count as one. Refuses what is too deep or too many."""
    waiting, seen = [(mail, 0)], 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        if seen > MOST_PARTS:
            raise LetterRefused("The mail has too many parts.", code="too_many_parts")
        if depth > DEEPEST:
            raise LetterRefused("The parts of the mail lie too deep in each other.", code="too_deep")
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting.extend((inner, depth + 1) for inner in reversed(part.get_payload()))
        else:
            yield part


def _is_attachment(part: Message) -> bool:
    return part.get_content_maintype() != "text" or part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _name(part: Message) -> str:
    return _line(part.get_filename() or part.get_content_type(), LONGEST_NAME) or "without a name"


def _header(mail: Message, name: str) -> str:
    """The first header of that name as one string, not decoded, cut at a length that is quick to search."""
    return str(mail.get(name, ""))[:LONGEST_HEADER].encode("ascii", "replace").decode()


def _decoded(mail: Message, name: str) -> str:
    raw = str(mail.get(name, ""))[:LONGEST_HEADER]
    try:
        return str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, ValueError):
        return raw


def _sender(mail: Message) -> str:
    """The one address that the mail says it is from."""
    said = getaddresses([_header(mail, "From")])
    if len(said) != 1:
        raise LetterRefused("The mail does not say by one address who it is from.", code="no_sender")
    try:
        return details.email(said[0][1])
    except details.DetailNotValid:
        raise LetterRefused("The mail does not say by a usable address who it is from.", code="no_sender") from None


def _text(parts: list[Message]) -> str:
    """The words that were typed: plain text where there is any, else those of the HTML."""
    texts = [part for part in parts if part.get_content_maintype() == "text" and not _is_attachment(part)]
    plain = [_content(part) for part in texts if part.get_content_subtype() == "plain"]
    if not any(text.strip() for text in plain):
        plain = [without_markup(_content(part)) for part in texts if part.get_content_subtype() == "html"]
    return _shown("\n\n".join(plain))


def _content(part: Message) -> str:
    content = part.get_payload(decode=True) or b""
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return content.decode("latin-1")


def without_markup(text: str) -> str:
    """The words of an HTML page, in time that grows with its length and no faster."""
    text = text[:LONGEST_HTML]
    for name in ("script", "style", "head"):
        text = _without(text, name)
    return html.unescape(TAG.sub(" ", BREAK.sub("\n", BLANKS.sub(" ", text))))


def _without(text: str, name: str) -> str:
    """`text` without the elements of that name; what is never closed goes to the end."""
    opening, closing = re.compile(rf"<{name}\b", re.IGNORECASE), re.compile(rf"</{name}\b[^<>]*>?", re.IGNORECASE)
    kept, position = [], 0
    while (begins := opening.search(text, position)) is not None:
        kept.append(text[position : begins.start()])
        ends = closing.search(text, begins.end())
        if ends is None:
            return "".join(kept)
        position = ends.end()
    return "".join([*kept, text[position:]])


def _shown(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n"))
    lines = EMPTY_LINES.sub("\n\n", lines).strip()
    return lines if len(lines) <= LONGEST_TEXT else f"{lines[:LONGEST_TEXT]}\n[cut here: it is longer than {LONGEST_TEXT:,} characters]"


def _line(text: str, longest: int) -> str:
    return " ".join(UNPRINTABLE.sub(" ", text).split())[:longest]
