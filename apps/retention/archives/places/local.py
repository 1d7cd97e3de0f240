"""A folder on this host or on a volume mounted here: files 0600 in folders 0700, on disk before they are confirmed.

Every step down the tree is taken from the folder above by its handle, and no step follows a link: whatever somebody else
puts into the tree, nothing outside of it is read, written or removed. An object appears under its name by `link`, which never
replaces; until then it is a draft beside it. A disk that hangs hangs us: the kernel knows no time-out for files.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, ClassVar

from apps.gate.client.addresses import Guard
from apps.gate.client.troubles import PeerDown, PeerFull, PeerRefuses, PeerSettingsUnfit, PeerTrouble, PeerUnsafe
from apps.gate.client.wire import BLOCK, Limits
from apps.retention.archives.places.base import Place, Receipt, Source, draft_of, is_draft_of, is_same, require_name
from apps.retention.archives.places.troubles import NameTaken, NotThere

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
LEADS_ELSEWHERE = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class LocalPlace(Place):
    """A folder that only this service may enter."""

    kind = "local"
    needs: ClassVar[Mapping[str, str]] = {"folder": "the folder's path, from /"}

    def __init__(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], *, country: str, guard: Guard, limits: Limits | None = None
    ):
        super().__init__(settings, credentials, country=country, guard=guard, limits=limits)
        self._root = Path(self.settings["folder"])
        if not self._root.is_absolute() or ".." in self._root.parts:
            raise PeerSettingsUnfit("The folder of the place is not a path from /.")

    def put(
        self, name: str, stream: BinaryIO, *, size: int, sha256: str, keep_until: datetime | None = None
    ) -> Receipt:
        source = Source(stream, size=size, sha256=sha256)
        last = require_name(name).rpartition("/")[2]
        try:
            with _troubles(), self._folder_of(name, make=True) as folder:
                made = not _lies_there(folder, last) and _make(folder, last, source)
                if not made and not is_same(self._blocks(name, "", at_most=size), size=size, sha256=sha256):
                    raise NameTaken()
                _sweep(folder, last)
                os.fsync(folder)
        except NotThere:
            raise PeerDown("The folder of the place was changed by somebody else meanwhile.") from None
        return Receipt(name=name, size=size, sha256=sha256)

    def _size(self, name: str, version: str) -> int | None:
        try:
            with _troubles(), self._folder_of(name) as folder:
                return _status(folder, name.rpartition("/")[2]).st_size
        except NotThere:
            return None

    def _blocks(self, name: str, version: str, *, at_most: int) -> Iterator[bytes]:
        with _troubles(), self._folder_of(name) as folder:
            handle = os.open(name.rpartition("/")[2], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            with os.fdopen(handle, "rb", buffering=0) as file:
                _require_file(os.fstat(handle))
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)  # from the disk, not from memory
                yield from iter(lambda: file.read(BLOCK), b"")

    def _remove(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        with suppress(NotThere), _troubles(), self._folder_of(name) as folder:
            last = name.rpartition("/")[2]
            _sweep(folder, last)
            os.unlink(last, dir_fd=folder)
            os.fsync(folder)
        self._remove_empty_folders(name)

    def _remove_empty_folders(self, name: str) -> None:
        """Folders say whose archive lay there, and of which day: the last object takes them along."""
        with suppress(PeerTrouble):  # the first that is not empty
            while name := name.rpartition("/")[0]:
                with _troubles(), self._folder_of(name) as folder:
                    os.rmdir(name.rpartition("/")[2], dir_fd=folder)
                    os.fsync(folder)

    def try_out(self, *, at: datetime) -> None:
        # Only here the folder is made: later a missing one is a volume that is not mounted, and not a place to write to.
        with _troubles():
            self._root.mkdir(mode=0o700, exist_ok=True)
        super().try_out(at=at)

    @contextmanager
    def _folder_of(self, name: str, *, make: bool = False) -> Iterator[int]:
        """A handle on the folder that `name` lies in, reached step by step from the root."""
        try:
            folder = os.open(self._root, FOLDER)
        except FileNotFoundError:
            raise PeerDown("The folder of the place is missing.", mend="Mount its volume, or put the folder back.") from None
        try:
            if stat.S_IMODE(os.fstat(folder).st_mode) & 0o077:
                raise PeerUnsafe("Others on this host may enter the folder of the place.", mend="Make it ours alone: chmod 0700.")
            for step in name.split("/")[:-1]:
                folder = _step(folder, step, make=make)
            yield folder
        finally:
            os.close(folder)


def _step(folder: int, step: str, *, make: bool) -> int:
    """The folder below, by its handle; the one above is closed."""
    if make:
        with suppress(FileExistsError):
            os.mkdir(step, 0o700, dir_fd=folder)
            os.fsync(folder)
    below = os.open(step, FOLDER, dir_fd=folder)
    os.close(folder)
    return below


def _lies_there(folder: int, last: str) -> bool:
    try:
        _status(folder, last)
    except FileNotFoundError:
        return False
    return True


def _status(folder: int, last: str) -> os.stat_result:
    status = os.stat(last, dir_fd=folder, follow_symlinks=False)
    _require_file(status)
    return status


def _make(folder: int, last: str, source: Source) -> bool:
    """Write the object and give it its name; False where somebody was quicker."""
    draft = draft_of(last)
    try:
        _write(folder, draft, source)
        os.link(draft, last, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError):  # the quicker one also sweeps drafts
        return False
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=folder)
    return True


def _write(folder: int, draft: str, source: Source) -> None:
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    with os.fdopen(handle, "wb", buffering=0) as file:
        for block in source:
            view = memoryview(block)
            while view:
                view = view[file.write(view) :]
        os.fsync(handle)


def _sweep(folder: int, last: str) -> None:
    """Remove drafts of this object that a killed process left; a living one finds the object there, whole."""
    with os.scandir(folder) as entries:
        drafts = [entry.name for entry in entries if is_draft_of(entry.name, last)]
    for draft in drafts:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=folder)


def _require_file(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PeerUnsafe("What lies there is no file but a link or a device.", mend="Look who put it there, and take it away.")


@contextmanager
def _troubles() -> Iterator[None]:
    """What the file system says, in the words of places, without its paths."""
    try:
        yield
    except FileNotFoundError:
        raise NotThere() from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise PeerFull() from None
        if error.errno in NOT_ALLOWED:
            raise PeerRefuses("This service may not write or read in the folder of the place.") from None
        if error.errno in LEADS_ELSEWHERE:
            raise PeerUnsafe("What lies there leads out of the place's folder.", mend="Look who put it there, and take it away.") from None
        raise PeerDown(f"The folder of the place can't be used ({type(error).__name__} {error.errno}).") from None
