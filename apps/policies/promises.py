"""How P26 is checked: one version in force, published texts unchanged, the public page equal to the version in force.

Nothing here uses the services, querysets or renderers that it checks: rows are read by SQL, digests are made again from
them, and the page is asked for like a visitor would, through the whole application, and read as text.
"""

import hashlib
import html
import io
import json
import re
from contextvars import copy_context
from datetime import date, datetime
from functools import cache
from html.parser import HTMLParser
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

from apps.foundation.promises import Check, Looked, Violation, fetch

PAGE = "/privacy/"
WORD = re.compile(r"\w+")
LINK_TARGET = re.compile(r"\]\([^)]*\)")
LIST_NUMBER = re.compile(r"^[ \t]*\d+[.)][ \t]+", re.MULTILINE)


def one_version_in_force(at: datetime) -> Looked:
    """Published versions came into force one after the other, each at its own moment and none in the future."""
    rows = fetch("SELECT number, published_at FROM policies_policyversion WHERE state = 'published' ORDER BY number")
    found = []
    for i, (number, published_at) in enumerate(rows):
        if published_at > at:
            found.append(Violation(f"POL-{number}", "it is published at a moment that has not come yet"))
        if i and published_at <= rows[i - 1][1]:
            found.append(Violation(f"POL-{number}", "it came into force before or together with the version before it"))
    if rows and all(published_at > at for _number, published_at in rows):
        found.append(Violation("POL", "no version is in force"))
    return Looked(len(rows), tuple(found))


def published_texts_are_unchanged(at: datetime) -> Looked:
    """The digest stored at publication is the digest of the rows as they are now, and the date is the day of posting."""
    versions = fetch(
        "SELECT id, number, title, introduction, digest, revised_on,"
        " (published_at AT TIME ZONE 'UTC')::date FROM policies_policyversion WHERE state = 'published' ORDER BY number"
    )
    found = []
    for key, number, title, introduction, digest, revised_on, posted_on in versions:
        clauses = fetch(
            "SELECT json_build_object('code', code, 'heading', heading, 'position', position, 'promises', promises,"
            " 'text', text) FROM policies_clause WHERE version_id = %s ORDER BY position",
            [key],
        )
        listed = [row[0] if isinstance(row[0], dict) else json.loads(row[0]) for row in clauses]
        text = {"title": title, "number": number, "introduction": introduction, "clauses": listed}
        written = json.dumps(text, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        if digest is None or hashlib.sha256(written).digest() != bytes(digest):
            found.append(Violation(f"POL-{number}", "its text is not the text that was published"))
        if revised_on != posted_on:
            found.append(Violation(f"POL-{number}", "its “Revised On” date is not the day it was posted"))
    return Looked(len(versions), tuple(found))


def the_public_page_is_the_version_in_force(at: datetime) -> Looked:
    """What a visitor reads is, word for word, the version in force."""
    rows = fetch(
        "SELECT id, number, title, introduction, revised_on FROM policies_policyversion"
        " WHERE state = 'published' AND published_at <= %s ORDER BY published_at DESC LIMIT 1",
        [at],
    )
    if not rows:
        return Looked(0)
    key, number, title, introduction, revised_on = rows[0]
    status, body = _visit(PAGE)
    if status != 200:
        return Looked(1, (Violation(f"POL-{number}", f"the public page answers {status}"),))
    clauses = fetch("SELECT code, heading, text FROM policies_clause WHERE version_id = %s ORDER BY position", [key])
    page = _Page(body)
    return Looked(1 + len(clauses), tuple(_differences(page, number, title, introduction, revised_on, clauses)))


def _differences(
    page: "_Page", number: int, title: str, introduction: str, revised_on: date, clauses: list[tuple]
) -> list[Violation]:
    found = []
    if page.version != str(number) or _words(title) != WORD.findall(page.part("", "title")):
        found.append(Violation(f"POL-{number}", "the public page shows another version"))
    if revised_on.isoformat() not in page.revised:
        found.append(Violation(f"POL-{number}", "the public page does not show its “Revised On” date"))
    if _words(introduction) != WORD.findall(page.part("", "introduction")):
        found.append(Violation(f"POL-{number}", "the introduction on the public page is not the one published"))
    if page.clauses != [code for code, _heading, _text in clauses]:
        found.append(Violation(f"POL-{number}", "the public page shows other clauses, or in another order"))
    for code, heading, text in clauses:
        shown = (WORD.findall(page.part(code, "heading")), WORD.findall(page.part(code, "text")))
        if shown != (WORD.findall(heading), _words(text)):
            found.append(Violation(f"POL-{number}/{code}", "the clause on the public page is not the one published"))
    return found


def _words(markdown: str) -> list[str]:
    """The words a reader should meet: without the marks of Markdown, the targets of links and the numbers of lists."""
    return WORD.findall(html.unescape(LIST_NUMBER.sub("", LINK_TARGET.sub("]", markdown))))


class _Page(HTMLParser):
    """The words of a page, by clause and part."""

    VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})

    def __init__(self, body: str):
        super().__init__()
        self.version = ""
        self.revised: list[str] = []
        self.clauses: list[str] = []
        self._parts: dict[tuple[str, str], list[str]] = {}
        self._open: list[tuple[str, str, str]] = []
        self.feed(body)

    def part(self, clause: str, part: str) -> str:
        return "".join(self._parts.get((clause, part), []))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = dict(attributes)
        _tag, clause, part = self._open[-1] if self._open else ("", "", "")
        if said.get("data-version"):
            self.version = said["data-version"] or ""
        if said.get("data-clause"):
            clause, part = said["data-clause"] or "", ""
            self.clauses.append(clause)
        if tag == "time" and not clause:
            self.revised.append(said.get("datetime") or "")
        part = "title" if tag == "h1" and not clause else said.get("data-part") or part
        if tag not in self.VOID:
            self._open.append((tag, clause, part))

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][2]:
            _tag, clause, part = self._open[-1]
            self._parts.setdefault((clause, part), []).append(data)


def _visit(path: str) -> tuple[int, str]:
    """Ask the whole application for a page like a visitor's browser, inside this process; nothing goes over a network."""
    environ = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": _host(),
        "SERVER_PORT": "443", "HTTP_HOST": _host(), "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_X_FORWARDED_PROTO": "https",
        "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "https", "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(), "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
    }  # fmt: skip
    return copy_context().run(_call, environ)


def _host() -> str:
    """A name this application answers to."""
    named = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return named[0] if named else "localhost"


@cache
def _application() -> WSGIHandler:
    return WSGIHandler()


def _call(environ: dict[str, Any]) -> tuple[int, str]:
    """All middleware and the view, without the signals around a request: those would end this check's own connection."""
    answer = _application().get_response(WSGIRequest(environ))
    return answer.status_code, answer.content.decode("utf-8", "replace")


CHECKS: tuple[Check, ...] = (
    Check("P26", "policies.one_in_force", "One version of the policy is in force at a time", one_version_in_force),
    Check("P26", "policies.text_unchanged", "Published versions say what they said when published", published_texts_are_unchanged),
    Check("P26", "policies.public_page", "The public page is the version in force", the_public_page_is_the_version_in_force),
)
