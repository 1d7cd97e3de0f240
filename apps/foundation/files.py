"""Files that must survive a power cut: written whole or not at all, 0600, flushed with their folder.

Bytes are written under a draft's name first (`.NAME.` and 12 hex digits). A process that is killed leaves its draft behind; it
may hold a secret, or be a second name of the very file that is in use, so `sweep_draft` looks before it overwrites.
"""

import errno
import os
import re
import secrets
from pathlib import Path

DRAFT = re.compile(r"^\.(?P<name>.+)\.[0-9a-f]{12}$")
#: what a full disk or a full quota answers
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that a name just made or removed in it survives a power cut (POSIX fsync(2))."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it, each 0700 and flushed in the folder that holds it."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def draft_name(path: Path) -> Path:
    """A name beside `path` that nobody else uses."""
    return path.parent / f".{path.name}.{secrets.token_hex(6)}"


def write_draft(path: Path, content: bytes) -> Path:
    """Write `content`, flushed, under a draft's name beside `path`; leaves nothing where that fails."""
    make_folder(path.parent)
    draft = draft_name(path)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def publish(draft: Path, path: Path) -> bool:
    """Give a draft its name, unless somebody else has it: False then. The draft's own name is gone either way."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def write_once(path: Path, content: bytes) -> bool:
    """Write `content` to a path that must not exist yet; returns False, writing nothing, where it does.

    The name appears only after its bytes are on disk (link after fsync), so no reader sees half a file, and of two
    writers at once exactly one wins.
    """
    return publish(write_draft(path, content), path)


def replace(path: Path, content: bytes) -> None:
    """Put other bytes under a name that exists, in one step, and overwrite those that it had.

    A reader gets the old bytes, the new ones, or (having opened the old file just before) random ones: who can tell reads again.
    """
    fresh, old = write_draft(path, content), draft_name(path)
    try:
        os.link(path, old)
        os.replace(fresh, path)
    except BaseException:
        for draft in (fresh, old):
            draft.unlink(missing_ok=True)  # not shredded: `old` is a second name of the file in use
        raise
    sync_folder(path.parent)
    shred(old)


def empty(path: Path) -> bool:
    """Overwrite a file's bytes in place, flush, and leave it empty under its name; returns False where it is gone.

    Overwriting reaches the old blocks only on file systems that write in place; the keystore says so on certificates. Where a
    full disk refuses even that, the bytes are given back all the same. What a link leads to is left alone.
    """
    try:
        handle = _open_to_overwrite(path)
    except FileNotFoundError:
        return False
    if handle is None:
        return True
    with os.fdopen(handle, "wb", buffering=0) as file:
        try:
            file.write(secrets.token_bytes(max(os.fstat(handle).st_size, 1)))
            os.fsync(handle)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
        file.truncate(0)  # should its name resist being removed, it names nothing
        os.fsync(handle)
    return True


def shred(path: Path) -> bool:
    """`empty`, and the name goes too; returns False where it is already gone."""
    if not empty(path):
        return False
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def _open_to_overwrite(path: Path) -> int | None:
    """The file opened for writing, whatever its mode says to its owner; None for a symbolic link."""
    try:
        return os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    except PermissionError:
        os.chmod(path, 0o600)
        return os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise


def drafts(folder: Path) -> list[tuple[str, Path]]:
    """What killed writers left in a folder, sorted: the name that each was meant for, and where it lies."""
    if not folder.is_dir():
        return []
    found = ((DRAFT.match(path.name), path) for path in folder.iterdir())
    return sorted((match["name"], path) for match, path in found if match)


def sweep_draft(draft: Path, path: Path) -> None:
    """Shred what a killed writer of `path` left; a second name of the very file in use is only removed."""
    try:
        is_in_use = os.path.samefile(draft, path)
    except FileNotFoundError:
        is_in_use = False
    if is_in_use:
        draft.unlink(missing_ok=True)
        sync_folder(draft.parent)
    else:
        shred(draft)
