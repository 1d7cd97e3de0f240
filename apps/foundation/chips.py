"""Small marks on screens: the state of a thing, a moment, a number. Plain HTML with classes; the theme gives the colours.

Nothing here decides anything; a chip's word always says what its colour says, so that nobody needs to see the colour.
"""

import json
from datetime import UTC, date, datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

TONES = ("ok", "warn", "bad", "wait", "plain")


def chip(text: str, tone: str = "plain") -> SafeString:
    """A state as a small mark. `tone` is ok, warn, bad, wait or plain."""
    return format_html('<span class="chip chip-{}">{}</span>', tone if tone in TONES else "plain", text)


def moment(at: datetime | None) -> SafeString | str:
    """A moment in UTC, to the minute, the second in its title."""
    if at is None:
        return ""
    at = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%Y-%m-%d %H:%M:%S"), at.strftime("%Y-%m-%d %H:%M"),
    )  # fmt: skip


def day(on: date | None) -> SafeString | str:
    """A day, with its weekday in the title."""
    if on is None:
        return ""
    return format_html('<time datetime="{}" title="{}">{}</time>', on.isoformat(), on.strftime("%A"), on.isoformat())


def number(value: int | None) -> SafeString | str:
    """A whole number with separators of thousands."""
    if value is None:
        return ""
    return format_html('<span class="number">{}</span>', f"{value:,}")


def digest(value: bytes | memoryview | None) -> SafeString | str:
    """Bytes as hexadecimal, the first sixteen digits of them; all of them in the title."""
    if not value:
        return ""
    text = bytes(value).hex()
    return format_html('<code title="{}">{}{}</code>', text, text[:16], "…" if len(text) > 16 else "")


def facts(value: Any) -> SafeString | str:
    """A small structure as name and value, one after the other."""
    if not value:
        return ""
    if not isinstance(value, dict):
        return format_html("<code>{}</code>", json.dumps(value, ensure_ascii=False))
    pairs = ((name, item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)) for name, item in value.items())
    return format_html_join(" ", '<span class="fact">{} <code>{}</code></span>', pairs)
