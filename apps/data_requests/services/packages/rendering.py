"""Puts a package together: its files one after the other into one zip, encrypted as it is written, hashed on the way, never whole in memory."""

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from apps.data_requests.packages import document, manifest, page, pdf, pieces, wording
from apps.data_requests.packages.contents import Contents
from apps.data_requests.packages.manifest import Entry


def write(contents: Contents, sink: Any) -> list[Entry]:
    """Write the zip of a package; returns what is in it."""
    entries: list[Entry] = []
    names = file_names(contents)
    with zipfile.ZipFile(sink, "w", compression=zipfile.ZIP_DEFLATED) as whole:
        put = _putter(whole, contents, entries)
        put("data.json", document.write(contents))
        put("readable.html", page.write(contents, names=names))
        for name, part in pdf.write(contents):
            put(name, [part])
        for path, stream in _files(contents, names):
            put(path, stream)
        put("redactions.json", [document.redactions(contents)])
        _put(whole, "manifest.json", [manifest.write(contents, entries)], contents)
    return entries


def file_names(contents: Contents) -> dict[tuple[str, int], str]:
    """Where each file that a holding handed over stands in the zip: by section and place."""
    names: dict[tuple[str, int], str] = {}
    for section in contents.sections:
        if not section.files:
            continue
        taken: set[str] = set()
        given = [value["name"] for kind, value in section.open() if kind == pieces.FILE]
        for place, name in enumerate(given):
            names[section.code, place] = str(PurePosixPath("files", section.code, wording.file_name(name, taken=taken)))
    return names


def _putter(whole: zipfile.ZipFile, contents: Contents, entries: list[Entry]) -> Callable[[str, Iterable[bytes]], None]:
    def put(name: str, stream: Iterable[bytes]) -> None:
        entries.append(_put(whole, name, stream, contents))

    return put


def _put(whole: zipfile.ZipFile, name: str, stream: Iterable[bytes], contents: Contents) -> Entry:
    told = zipfile.ZipInfo(name, date_time=contents.made_at.timetuple()[:6])
    told.compress_type = zipfile.ZIP_DEFLATED
    told.external_attr = 0o600 << 16
    size, digest = 0, hashlib.sha256()
    with whole.open(told, "w", force_zip64=True) as file:
        for piece in stream:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    return Entry(name, size, digest.hexdigest())


def _files(contents: Contents, names: dict[tuple[str, int], str]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each file with its bytes, which must be taken before the next one is asked for."""
    for section in contents.sections:
        if not section.files:
            continue
        records, waiting, place = section.open(), [], -1

        def content(records=records, waiting=waiting) -> Iterator[bytes]:
            for kind, value in records:
                if kind == pieces.BYTES:
                    yield value
                else:
                    waiting.append((kind, value))
                    return

        for kind, value in records:
            while kind == pieces.FILE:
                place += 1
                yield names[section.code, place], content()
                kind, value = waiting.pop() if waiting else (pieces.END, value)
