"""Where packages and the pieces they are made of lie: COVENANT_HOME/packages, encrypted, each under its package's own secret.

| path | what |
|---|---|
| `PKG-7F3K2M9/<holding>.piece` | what one holding handed over, until all are there |
| `PKG-7F3K2M9.zip.sealed` | the package |

A file has its name, and is on disk, only when nothing went wrong while it was written. It must never hold plaintext.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from apps.data_requests.packages import sealed_file
from apps.foundation.files import draft_name, make_folder, shred, sync_folder
from apps.foundation.keys import forget, keystore

FOLDER = "packages"
ENDING = ".zip.sealed"


def folder() -> Path:
    return Path(settings.COVENANT_HOME) / FOLDER


def secret_of(reference: str) -> str:
    """The name of a package's secret in the keystore."""
    return f"package/{reference}"


def path_of(reference: str) -> Path:
    return folder() / f"{reference}{ENDING}"


def piece_of(reference: str, holding: str) -> Path:
    return folder() / reference / f"{holding}.piece"


@contextmanager
def writing(path: Path, *, reference: str, about: str) -> Iterator[tuple[sealed_file.Writer, Path]]:
    """A writer, and the draft it writes to, which is whole and flushed afterwards; `publish` gives it its name. Gone where anything went wrong."""
    make_folder(path.parent)
    draft = draft_name(path)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            writer = sealed_file.Writer(file, store=keystore(), secret=secret_of(reference), about=about)
            yield writer, draft
            writer.close()
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def publish(draft: Path, path: Path) -> None:
    """Give a whole draft its name, whatever had it before."""
    os.replace(draft, path)
    sync_folder(path.parent)


def reading(path: Path, *, reference: str, about: str) -> Iterator[bytes]:
    """What a file holds, piece by piece. Raises FileNotFoundError, SealBroken, KeyMissing or KeyDestroyed."""
    with open(path, "rb") as file:
        yield from sealed_file.read(file, store=keystore(), secret=secret_of(reference), about=about)


def destroy(reference: str) -> None:
    """The secret, then every file of a package. Twice is once."""
    store = keystore()
    store.destroy(secret_of(reference))
    forget(store.identity, secret_of(reference))
    clear_pieces(reference)
    for path in [path_of(reference), *folder().glob(f".{reference}.*")]:
        shred(path)


def clear_pieces(reference: str) -> int:
    """Remove what a package was made of; returns how many files. What is left in the blocks is encrypted, and ends with the secret."""
    own = folder() / reference
    if not own.is_dir():
        return 0
    found = list(own.iterdir())
    for path in found:
        path.unlink(missing_ok=True)
    with suppress(OSError):  # somebody who was slower writes there still: the next sweep comes again
        own.rmdir()
    sync_folder(folder())
    return len(found)


def clear_drafts(reference: str) -> int:
    """Remove what a killed maker of a package left; only where nobody makes it any more."""
    left = list(folder().glob(f".{reference}{ENDING}.*"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def files_of(reference: str) -> list[str]:
    """Every file of a package, named from COVENANT_HOME."""
    found = [path_of(reference), *folder().glob(f".{reference}{ENDING}.*"), *(folder() / reference).glob("*")]
    return sorted(str(path.relative_to(settings.COVENANT_HOME)) for path in found if path.is_file())


def references() -> set[str]:
    """The references of packages that have something here."""
    if not folder().is_dir():
        return set()
    return {path.name.lstrip(".").partition(".")[0] for path in folder().iterdir()}
