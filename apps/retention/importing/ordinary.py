"""The ordinary line, recognised at once: most lines of our own format are, and reading them closely costs five times as much.

Never refuses a line and never takes one otherwise than `ndjson` would: what is not recognised goes there, to be read closely
and, if need be, refused in its words. Ordinary is a message of texts and nulls only (so no number can be meant otherwise), without
attachments, whose people name no field twice.

The parser here keeps the last of two equal fields. It can't do so unseen: then fewer texts come out than went in between quotes.
"""

from collections.abc import Callable
from typing import Any

import orjson

from apps.retention.importing import lines
from apps.retention.importing.lines import Incoming, Party, UnfitLine

#: people of one stream that are remembered, because they repeat: the fields as written, to how many texts they are and who is meant
People = dict[tuple[tuple[str, str | None], ...], tuple[int, Party]]
MOST_PEOPLE = 20_000
LONGEST_BODY = lines.LARGEST_BODY // 4  # in characters: of four bytes at most
NEEDED = 6
OPTIONAL = ("class", "thread", "edited_at")


def message(number: int, raw: bytes, people: People, checked: Callable[[Any, str], Party]) -> Incoming | None:
    """The message of an ordinary line, else None. `checked` looks at somebody who was not seen before."""
    quotes = raw.count(b'"')
    escapes = b"\\" in raw
    if escapes:
        if b"\\\\" in raw or b"\\u0000" in raw:
            return None  # which quotes are part of a text takes a closer look; and NUL is never stored
        quotes -= raw.count(b'\\"')
    try:
        found = orjson.loads(raw)
        sender, recipients, body = found["sender"], found["recipients"], found["body"]
        texts = 4 + len(found)  # id, conversation, sent_at, body, and the names of all fields
        conversation_class = thread = edited_at = None
        if len(found) != NEEDED:
            conversation_class, thread, edited_at = optional = [found.get(name) for name in OPTIONAL]
            written = 3 - optional.count(None)
            texts += written
            if len(found) != NEEDED + written:
                return None
        met = []
        for somebody in (sender, *recipients):
            fields = tuple(somebody.items())
            known = people.get(fields) or _meet(fields, somebody, people, checked)
            texts += known[0]
            met.append(known[1])
        if 2 * texts != quotes or type(recipients) is not list or len(recipients) > lines.MOST_RECIPIENTS:
            return None
        if type(body) is not str or len(body) > LONGEST_BODY:
            return None
        sent_at = lines.parse_time(found["sent_at"], "sent_at")
        if edited_at is not None:
            edited_at = lines.not_before(lines.parse_time(edited_at, "edited_at"), "edited_at", sent_at, "sent_at")
        plain = not escapes and raw.isascii() and b"\x7f" not in raw  # so no text has a control character
        return Incoming(
            number,
            _name(found["id"], "id", plain),
            _name(found["conversation"], "conversation", plain),
            None if conversation_class is None else lines.short_text(conversation_class, "class", lines.LONGEST_CLASS),
            sent_at,
            met[0],
            tuple(met[1:]) if len(met) < 3 else _once(met[1:]),
            body,
            (),
            None if thread is None else lines.short_text(thread, "thread", lines.LONGEST_ID),
            edited_at,
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, UnfitLine):
        return None


def _name(value: Any, field: str, plain: bool) -> str:
    """`lines.short_text` of an id."""
    if plain and type(value) is str and 0 < len(value) <= lines.LONGEST_ID and value[0] != " ":
        return value
    return lines.short_text(value, field, lines.LONGEST_ID)


def _meet(fields: tuple, somebody: Any, people: People, checked: Callable[[Any, str], Party]) -> tuple[int, Party]:
    """Look at somebody for the first time."""
    if len(people) >= MOST_PEOPLE:
        people.clear()
    texts = sum(1 + (value is not None) for _name, value in fields)
    known = people[fields] = (texts, checked(somebody, "sender"))
    return known


def _once(people: list[Party]) -> tuple[Party, ...]:
    """Each recipient once, as first named."""
    once: dict[tuple[str | None, str | None], Party] = {}
    for party in people:
        once.setdefault((party.source_id, party.email), party)
    return tuple(once.values())
