"""Takes a JSON list apart into the bytes of its elements, without reading the list, or a huge element, into memory.

A streaming parser (ijson) holds each text whole, so one text of 100 MB is 100 MB of memory, and stops a file at its first
mistake. Here an element longer than the limit is passed over in chunks, and a broken one costs only itself: the next
begins behind the next comma at the same depth.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from apps.retention.importing.lines import UnfitLine

CHUNK = 64 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Unrolled loops, in which a failure costs no more than a second look. Possessive ones would say it more plainly, but Python
# before 3.11.5, Debian 12's among them, matches them wrongly (CPython issue 106052).
_TEXT = rb'[^"\\]*(?:\\.[^"\\]*)*'
_IN_TEXT = re.compile(_TEXT, re.DOTALL)
_BETWEEN_ELEMENTS = re.compile(rb'[^"\[\]{},]*(?:"' + _TEXT + rb'"[^"\[\]{},]*)*', re.DOTALL)
_IN_ELEMENT = re.compile(rb'[^"\[\]{}]*(?:"' + _TEXT + rb'"[^"\[\]{}]*)*', re.DOTALL)


def elements(stream: BinaryIO, *, longest: int) -> Iterator[bytes | UnfitLine]:
    """The bytes of each element in turn; an UnfitLine in place of one that is too long, or of what can't be read on."""
    splitter = _Splitter(longest)
    while chunk := stream.read(CHUNK):
        yield from splitter.feed(chunk)
    yield from splitter.end()


class _Splitter:
    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._depth = 0  # 0: outside of the list, 1: between or in plain elements, 2 and more: inside an element
        self._state = "before"
        self._in_text = self._escaped = False
        self._count = 0
        self._pieces: list[bytes] = []
        self._length = 0

    def feed(self, chunk: bytes) -> Iterator[bytes | UnfitLine]:
        at = 0
        if self._state == "before":
            at = yield from self._open(chunk)
        start = at
        while self._state == "inside" and at < len(chunk):
            at = self._skip_text(chunk, at) if self._in_text else self._skip_plain(chunk, at)
            if at >= len(chunk):
                break
            mark = chunk[at : at + 1]
            at += 1
            if self._turn(mark):
                self._keep(chunk[start : at - 1])
                start = at
                yield from self._element(last=mark != b",")
        if self._state == "inside":
            self._keep(chunk[start:])
        elif self._state == "after" and chunk[at:].strip():
            self._state = "broken"
            yield UnfitLine("There is more after the end of the list.", code="not_json")

    def end(self) -> Iterator[UnfitLine]:
        if self._state in ("before", "inside"):
            yield UnfitLine("The file ends in the middle; what is missing can't be read.", code="cut_off")

    def _open(self, chunk: bytes) -> Iterator[UnfitLine]:
        """Find the list's opening bracket; returns the place behind it."""
        start = chunk.removeprefix(BYTE_ORDER_MARK)
        content = start.lstrip()
        if not content:
            return len(chunk)
        if not content.startswith(b"["):
            self._state = "broken"
            yield UnfitLine("The file is not a JSON list.", code="not_json")
            return len(chunk)
        self._state, self._depth = "inside", 1
        return len(chunk) - len(content) + 1

    def _skip_text(self, chunk: bytes, at: int) -> int:
        """To behind the closing quote, or the chunk's end."""
        if self._escaped:
            self._escaped = False
            at += 1
        at = _IN_TEXT.match(chunk, at).end()  # type: ignore[union-attr] - matches the empty text at least
        if at < len(chunk):
            if chunk[at : at + 1] == b"\\":
                self._escaped = True  # its other half is in the next chunk
                return len(chunk)
            self._in_text = False
            at += 1
            return self._skip_plain(chunk, at)
        return at

    def _skip_plain(self, chunk: bytes, at: int) -> int:
        pattern = _IN_ELEMENT if self._depth > 1 else _BETWEEN_ELEMENTS
        return pattern.match(chunk, at).end()  # type: ignore[union-attr] - as above

    def _turn(self, mark: bytes) -> bool:
        """Take one structural mark; whether it ends an element."""
        if mark == b'"':
            self._in_text = True  # a text that goes on in the next chunk
        elif mark in b"[{":
            self._depth += 1
        elif mark in b"]}":
            self._depth -= 1
            return self._depth == 0
        return mark == b"," and self._depth == 1

    def _keep(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length <= self._longest:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def _element(self, *, last: bool) -> Iterator[bytes | UnfitLine]:
        raw, too_long = b"".join(self._pieces).strip(), self._length > self._longest
        self._pieces, self._length = [], 0
        if last:
            self._state = "after"
        if too_long:
            yield UnfitLine(f"The message is longer than {self._longest} bytes.", code="line_too_long")
        elif raw or not last or self._count:
            yield raw
        self._count += 1
