"""Reads a DAV answer (207, or an error with its precondition) in the child. A document type, and so every entity, is refused; depth and count are bounded.

Namespaces become short prefixes; what a property holds is flattened into text, the paths in it, and the names of all that is in it.
"""

from typing import Any
from xml.parsers import expat

from apps.contacts.reading.bounds import Bounds, OutOfBounds

PREFIXES = {
    "DAV:": "",
    "urn:ietf:params:xml:ns:carddav": "card:",
    "urn:ietf:params:xml:ns:caldav": "cal:",
    "http://calendarserver.org/ns/": "cs:",
}
DEEPEST = 20
FINE = "200"


def read(data: bytes, bounds: Bounds, _about: dict[str, Any]) -> dict[str, Any]:
    """{"root", "token", "inside": names under an error, "responses": [{"href", "status", "props": {name: {"text", "hrefs", "inside", "names"}}}]}."""
    if len(data) > bounds.largest:
        raise OutOfBounds("too_large")
    document = _Document(bounds.most_properties)
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = document.start, document.end, document.text
    parser.Parse(data, True)
    return document.found


def _refuse(*_later: Any) -> None:
    raise OutOfBounds("unreadable")


class _Document:
    """What has been read so far."""

    def __init__(self, at_most: int):
        self.found: dict[str, Any] = {"root": "", "token": "", "inside": [], "responses": []}
        self._left = at_most
        self._way: list[str] = []
        self._words: list[list[str]] = []
        self._response: dict[str, Any] = {}
        self._props: dict[str, Any] = {}
        self._status = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _blank, local = name.rpartition(" ")
        short = PREFIXES.get(space, "?:") + local
        self._left -= 1
        if self._left < 0:
            raise OutOfBounds("too_many")
        if len(self._way) == DEEPEST:
            raise OutOfBounds("too_deep")
        self._way.append(short)
        self._words.append([])
        way = self._way
        if len(way) == 1:
            self.found["root"] = short
        elif way[:2] == ["multistatus", "response"]:
            self._within_response(short, attributes)
        elif way[0] == "error":
            self.found["inside"].append(short)

    def _within_response(self, short: str, attributes: dict[str, str]) -> None:
        way = self._way
        if len(way) == 2:
            self._response = {"href": "", "status": "", "props": {}}
        elif way[2:] == ["propstat"]:
            self._props, self._status = {}, ""
        elif way[2:4] == ["propstat", "prop"] and len(way) == 5:
            self._props[short] = {"text": "", "hrefs": [], "inside": [], "names": []}
        elif way[2:4] == ["propstat", "prop"] and len(way) > 5:
            prop = self._props[way[4]]
            prop["inside"].append(short)
            if "name" in attributes:
                prop["names"].append(attributes["name"])

    def text(self, words: str) -> None:
        if self._words:
            self._words[-1].append(words)

    def end(self, _name: str) -> None:
        way, words = self._way, "".join(self._words.pop())
        if way == ["multistatus", "sync-token"]:
            self.found["token"] = words.strip()
        elif way == ["multistatus", "response"]:
            self.found["responses"].append(self._response)
        elif way[:2] == ["multistatus", "response"]:
            self._end_within_response(words)
        self._way.pop()

    def _end_within_response(self, words: str) -> None:
        way = self._way[2:]
        if way == ["href"]:
            self._response["href"] = words.strip()
        elif way == ["status"]:
            self._response["status"] = _status(words)
        elif way == ["propstat", "status"]:
            self._status = _status(words)
        elif way == ["propstat"] and self._status == FINE:
            self._response["props"] |= self._props
        elif way[:2] == ["propstat", "prop"] and len(way) == 3:
            self._props[way[2]]["text"] = words
        elif way[:2] == ["propstat", "prop"] and way[-1] == "href":
            self._props[way[2]]["hrefs"].append(words.strip())


def _status(words: str) -> str:
    """Of `HTTP/1.1 200 OK` the number."""
    return words.split()[1][:3] if len(words.split()) > 1 else ""
