"""Logs that say what happened and to which part of the machine, and never to whom.

| what | what is written |
|---|---|
| an exception | its class and the places it passed; never its message (a database error quotes the row) |
| a request | method, route and status; never the address typed in, query, body, IP or user agent |
| values put into a message (`log.info("%s", value)`) | only what looks like a code, a number or a path |
| any other text | as it is, without e-mail addresses, phone numbers, IP addresses and queries |

The filter works on every record of every library, because a library's log call is written by somebody who never heard of
these rules. It must never raise: a record it can't clean is replaced by the name of its logger.
"""

import ipaddress
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID

import structlog
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django_structlog.middlewares import RequestMiddleware

ROOT = str(Path(__file__).resolve().parent.parent) + "/"
LONGEST_TEXT = 400
LONGEST_READ = 4000
DEEPEST = 4

#: never written, whatever stands in them
DROPPED = frozenset({
    "ip", "user_agent", "useragent", "referer", "referrer", "remote_addr", "host", "user", "user_id", "username",
    "user_name", "name", "full_name", "given_name", "family_name", "email", "to", "to_address", "address", "phone", "birth_date",
    "street", "subject", "body", "text", "content", "payload", "data", "detail", "message_text", "query", "params", "sql", "args",
    "kwargs", "argsrepr", "kwargsrepr", "result", "return_value", "cookies", "headers", "token", "password", "secret",
    "exc_text", "positional_args", "locals", "stack_info", "stack",
})  # fmt: skip
#: values that must be one word, because libraries put texts of errors there
ONE_WORD = frozenset({"error", "exception", "reason", "exc", "cause"})

EMAIL = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+")
PHONE = re.compile(
    r"(?<![\w.-])(?:\+\d[\d ().-]{5,18}\d|\(\d{3}\)[ .-]?\d{3}[ .-]\d{4}|\d{3}[ .-]\d{3}[ .-]\d{4})(?![\w-])"
)
NUMBERS = re.compile(r"[0-9A-Fa-f.:]*[.:][0-9A-Fa-f.:]*[0-9A-Fa-f:](?:%\w+)?")
QUERY = re.compile(r"\?[^\s\"'<>?]*[=&%][^\s\"'<>]*")
CODE = re.compile(r"[A-Za-z0-9_.:/+\-\[\]<>]{1,120}")
MARK_OF_CODE = re.compile(r"[0-9_.:/+-]")
PLACEHOLDER = re.compile(r"%(?:\((?P<key>[^)]+)\))?[#0\- +]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[hlL]?(?P<kind>[a-zA-Z%])")
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,79}")


class WithoutPersonalData(logging.Filter):
    """Rewrites each record in place, before any formatter sees it. On every handler (settings.LOGGING)."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "_impersonal", False):
            return True
        record._impersonal = True
        try:
            self._clean(record)
        except Exception as error:  # noqa: BLE001 - a log call must never fail, and never be written uncleaned
            record.msg, record.args = f"a record that could not be cleaned ({type(error).__name__})", ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True

    def _clean(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, dict):
            error = record.msg.get("exc_info") or record.exc_info
            event = clean(record.msg)
        else:
            error = record.exc_info
            event = {
                **clean(structlog.contextvars.get_contextvars()),
                "event": message_of(record, _exception_of(error)),
                "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
                "level": record.levelname.lower(),
                "logger": record.name,
            }
        exception = _exception_of(error)
        if exception is not None:
            event |= describe(exception)
        record.msg, record.args = event, ()
        if not hasattr(record, "_logger"):  # from now on it is a structured record like our own
            record._logger, record._name = None, record.levelname.lower()


def _exception_of(error: Any) -> BaseException | None:
    if isinstance(error, BaseException):
        return error
    if isinstance(error, tuple) and len(error) == 3 and isinstance(error[1], BaseException):
        return error[1]
    return sys.exc_info()[1] if error is True else None


# -- exceptions -----------------------------------------------------------------------------------------------------


def describe(exception: BaseException) -> dict[str, Any]:
    """Class and places of an exception and of those behind it. Messages, notes and local values are left out."""
    first, *behind = ({"error": _name_of(one), "at": places(one.__traceback__)} for one in chain_of(exception))
    return first | ({"because": behind} if behind else {})


def chain_of(exception: BaseException | None) -> Iterator[BaseException]:
    """The exception and those behind it, each once."""
    seen: set[int] = set()
    while exception is not None and id(exception) not in seen and len(seen) <= DEEPEST:
        yield exception
        seen.add(id(exception))
        exception = exception.__cause__ or exception.__context__


def _name_of(exception: BaseException) -> str:
    kind = type(exception)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    state = getattr(exception, "sqlstate", None)  # five letters that say what the database objected to, and no value
    return f"{name} {state}" if isinstance(state, str) and re.fullmatch(r"[0-9A-Z]{5}", state) else name


def places(trace: TracebackType | None) -> list[str]:
    """`file:line function` of each frame, the last twenty."""
    frames = traceback.walk_tb(trace)
    found = [f"{_short(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}" for frame, line in frames]
    return found[-20:]


def _short(path: str) -> str:
    _before, packages, inside = path.rpartition("/site-packages/")
    return inside if packages else path.removeprefix(ROOT)


# -- texts ----------------------------------------------------------------------------------------------------------


def message_of(record: logging.LogRecord, exception: BaseException | None) -> str:
    """The message of a record of the standard library: its template, filled with the values that look like codes."""
    template = str(record.msg)[:LONGEST_READ]
    if not record.args:
        return without_messages(redact(template), exception)
    named = record.args if isinstance(record.args, Mapping) else {}
    rest = iter(record.args if isinstance(record.args, tuple) else (record.args,))

    def fill(found: re.Match) -> str:
        if found["kind"] == "%":
            return "%"
        if found["key"] is None:
            return shown_value(next(rest, None), record)
        return "[…]" if found["key"] in DROPPED - {"name"} else shown_value(named.get(found["key"]), record)

    return without_messages(redact(PLACEHOLDER.sub(fill, template)), exception)


def shown_value(value: Any, record: logging.LogRecord) -> str:
    """A value as it may stand in a message: a number, a route, or a text that can be nothing but a code or a path."""
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, str):
        request = getattr(record, "request", None)
        return route_of(request) if value == getattr(request, "path", None) else _code_or_nothing(value[:LONGEST_READ])
    return value.__name__ if isinstance(value, type) else f"[{type(value).__name__}]"


def _code_or_nothing(value: str) -> str:
    path, asked, _rest = value.strip("'\"").partition("?")
    looks_like_code = CODE.fullmatch(path) and (MARK_OF_CODE.search(path) or path.isupper()) and redact(path) == path
    if not looks_like_code:
        return "[…]"
    return path + ("?[…]" if asked else "")


def without_messages(text: str, exception: BaseException | None) -> str:
    """The first line of `text`, without what the exceptions said where some library has already put it into it."""
    for one in chain_of(exception):
        for said in {str(one), repr(one), *map(str, one.args)}:
            if len(said) > 2:
                text = text.replace(said, "[…]").replace(redact(said[:LONGEST_READ]), "[…]")
    return text.split("\n", 1)[0][:LONGEST_TEXT]


def redact(text: str) -> str:
    """`text` without what can be recognised as being about a person or typed by one."""
    text = QUERY.sub("?[…]", text)
    text = EMAIL.sub("[e-mail]", text)
    text = NUMBERS.sub(_without_ip, text)
    return PHONE.sub("[phone]", text)


def _without_ip(found: re.Match) -> str:
    text = found[0]
    for candidate in (text, text.rstrip(":."), text.rpartition(":")[0]):
        try:
            ipaddress.ip_address(candidate.partition("%")[0])
        except ValueError:
            continue
        return text.replace(candidate, "[ip]", 1)
    return text


def clean(value: Any, key: str = "", depth: int = 0) -> Any:
    """A structured value as it may be written: known kinds only, dropped keys left out, texts redacted and cut."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseException):
        return _name_of(value)
    if isinstance(value, str):
        return _clean_text(value, key)
    if isinstance(value, datetime | date | UUID):
        return str(value)
    if isinstance(value, Mapping) and depth < DEEPEST:
        return {
            str(name): clean(item, str(name), depth + 1)
            for name, item in value.items()
            if str(name).lower() not in DROPPED and name != "exc_info"
        }
    if isinstance(value, list | tuple | set | frozenset) and depth < DEEPEST:
        return [clean(item, key, depth + 1) for item in list(value)[:50]]
    return f"[{type(value).__name__}]"


def _clean_text(value: str, key: str) -> str:
    if key in ONE_WORD and not WORD.fullmatch(value):
        return "[…]"
    if key in ("timestamp", "request_id", "task_id"):
        return value[:64]
    return redact(value[:LONGEST_READ])[:LONGEST_TEXT]


# -- requests -------------------------------------------------------------------------------------------------------


class RequestLog(RequestMiddleware):
    """One line when a request starts and one when it ends, by route; nothing of who asked and what they sent."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {route_of(request)}"

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        """Never: who looked at what stands in the ledger, where it is protected."""

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """Never."""


def route_of(request: HttpRequest) -> str:
    """The pattern that an address matches, e.g. `/admin/accounts/person/<path:object_id>/change/`."""
    try:
        return "/" + resolve(request.path_info).route
    except Resolver404:
        return "/[no such page]"


def keep_our_logging(**_celery_options) -> None:
    """Connected to Celery's `setup_logging`: where somebody answers, Celery leaves logging as the settings made it."""
    logging.getLogger("celery").setLevel(logging.INFO)
