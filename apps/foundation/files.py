"""Files that must survive a power cut: written whole or not at all, 0600, flushed with their folder."""

import os
import secrets
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that a name just made or removed in it survives a power cut (POSIX fsync(2))."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_once(path: Path, content: bytes) -> bool:
    """Write `content` to a path that must not exist yet; returns False, writing nothing, where it does.

    The name appears only after its bytes are on disk (link after fsync), so no reader sees half a file, and of two
    writers at once exactly one wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.parent / f".{path.name}.{secrets.token_hex(6)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def shred(path: Path) -> bool:
    """Overwrite a file's bytes in place, flush, and remove its name; returns False where it is already gone.

    Overwriting reaches the old blocks only on file systems that write in place; the keystore says so on certificates.
    """
    try:
        handle = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return False
    with os.fdopen(handle, "wb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        file.write(secrets.token_bytes(max(size, 1)))
        os.fsync(file.fileno())
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True
