"""What may stand in a record that is kept for good: numbers, truth values, days, codes, references, digests. No free text.

The ledger and the journal outlive every erasure, so a value that could name somebody must never pass here. A refusal
is a defect of the caller; its text names the key and never repeats the value.
"""

import re
from datetime import date, datetime
from typing import Any
from uuid import UUID

CODE = re.compile(r"[A-Za-z0-9_.:+/-]{1,80}\Z")
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}\Z")


class NotPlain(ValueError):
    """A caller tried to put free text into a record that is kept for good."""


def code(value: Any, *, name: str, longest: int = 80) -> str:
    """`value` as text, where it is a code or a reference."""
    text = str(value)
    if not CODE.match(text) or len(text) > longest:
        raise NotPlain(f"{name} must be a code or a reference of {longest} characters at most, without spaces")
    return text


def facts(values: dict | None) -> dict[str, Any]:
    """A flat dict of plain values; lists of plain values are allowed."""
    return {_key(key): _plain(value, str(key)) for key, value in (values or {}).items()}


def body(values: dict) -> dict[str, Any]:
    """As `facts`, with dicts and lists allowed to nest."""
    return {_key(key): _nested(value, str(key)) for key, value in values.items()}


def _key(key: Any) -> str:
    if not isinstance(key, str) or not KEY.match(key):
        raise NotPlain("the names of facts are codes")
    return key


def _nested(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return body(value)
    if isinstance(value, list | tuple):
        return [_nested(item, name) for item in value]
    return _plain(value, name)


def _plain(value: Any, name: str) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, list | tuple):
        if any(isinstance(item, list | tuple) for item in value):
            raise NotPlain(f"fact {name}: lists do not nest")
        return [_plain(item, name) for item in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return code(bytes(value).hex(), name=f"fact {name}")
    if isinstance(value, str):
        return code(value, name=f"fact {name}") if value else ""
    raise NotPlain(f"fact {name}: {type(value).__name__} is not plain")
