"""The files below the installation's folder: their names, their bytes, and what lies packed in them.

The database's own files are left out: rows that were removed stay readable in them, and in its log, until PostgreSQL writes over
them. What is there is looked for in the tables, and a backup of them falls under the journal's replay.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from apps.data_requests.scanning import contents, packed
from apps.data_requests.scanning.kinds import Seen, What
from apps.data_requests.scanning.terms import Terms

BLOCK = 4 << 20
#: folders of the database server that `make run` starts
OF_THE_DATABASE = frozenset({"postgres"})


def look(terms: Terms, seen: Seen) -> None:
    """Look through every file; one that goes away meanwhile is not there any more."""
    home = Path(settings.COVENANT_HOME)
    for path in _files(home):
        place = _place(path.relative_to(home), terms)
        found = contents.of_bytes(terms, str(path.relative_to(home)).encode("utf-8", "surrogateescape"))
        try:
            with path.open("rb") as file:
                seen.files += 1
                seen.bytes += os.fstat(file.fileno()).st_size
                found |= contents.look(terms, iter(lambda: file.read(BLOCK), b""))
                file.seek(0)
                if packed.is_packed(file.read(packed.BEGINNING)):
                    file.seek(0)
                    found |= contents.look(terms, packed.pieces(file))
        except FileNotFoundError:
            continue
        except (packed.Unread, PermissionError):
            seen.unread.append(place)
        seen.note((place, what) for what in found)


def _files(home: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(home):
        if Path(folder) == home:
            folders[:] = [name for name in folders if name not in OF_THE_DATABASE]
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _place(path: Path, terms: Terms) -> str:
    """How a finding names a file: by its path, but by its folder alone where the name itself says who it is about."""
    text = str(path)
    named = contents.of_bytes(terms, text.encode("utf-8", "surrogateescape")) - {What.REFERENCE}
    return f"file {path.parent if named else text}"
