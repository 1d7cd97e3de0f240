"""Where a part lies, encrypted, from its writing until it is proven at its place: a file of 0600 in a folder of 0700.

It is on disk before the database says that it was written, and goes when the part is proven. It must never hold plaintext,
nor a copy of what a client's own server has.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from apps.foundation.files import draft_name, make_folder, sync_folder


def _folder() -> Path:
    return Path(settings.COVENANT_HOME) / "spool"


def path_of(archive: str, number: int) -> Path:
    """Where the part lies, if it does."""
    return _folder() / f"{archive}_{number:05d}"


@contextmanager
def writing(archive: str, number: int) -> Iterator[BinaryIO]:
    """A file to write a part to; it has its name, and is on disk, only when nothing went wrong."""
    path = path_of(archive, number)
    make_folder(path.parent)
    draft = draft_name(path)
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def is_there(archive: str, number: int) -> bool:
    return path_of(archive, number).is_file()


def clear(archive: str, *, but: int | None = None) -> int:
    """Remove the parts of an archive, and what killed writers left of them; all but the one that waits to be proven."""
    kept = path_of(archive, but) if but is not None else None
    removed = 0
    for path in [*_folder().glob(f"{archive}_*"), *_folder().glob(f".{archive}_*")]:
        if path != kept:
            path.unlink(missing_ok=True)
            removed += 1
    if removed:
        sync_folder(_folder())
    return removed


def archives() -> set[str]:
    """The references of the archives that have something here."""
    if not _folder().is_dir():
        return set()
    return {path.name.lstrip(".").partition("_")[0] for path in _folder().iterdir()}
