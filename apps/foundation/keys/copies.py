"""One of the folders that each hold every secret. It reads and writes files, and knows nothing of what they mean together.

| file | what |
|---|---|
| `label.json` | whose copy it is: keystore, number, the master key in use, on which file system each copy lies |
| `.lock`, `.rotation` | locked by who changes secrets, by who rotates |
| `day/2026-03-15` | a secret (`wrapping`), 0600 |
| `day/2026-03-15.destroyed` | the mark that it was destroyed; empty |
| `day/.2026-03-15.0123456789ab` | what a killed process left; destroyed with its secret |

A folder without its label is an unmounted volume or somebody else's: nothing is written there.
"""

import contextlib
import errno
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from apps.foundation.files import NO_SPACE, drafts, empty, replace, shred, sweep_draft, write_draft, write_once
from apps.foundation.keys.refusals import CopyOutOfReach, KeyMissing, KeyUnsafe

LABEL, MARK = "label.json", ".destroyed"
LOCK, ROTATION = ".lock", ".rotation"
KIND = re.compile(r"^[a-z]+$")
LONGEST_FILE = 256


@dataclass(frozen=True)
class Label:
    """Whose copy a folder is."""

    store: str
    copy: int
    master: str
    #: f_fsid (statvfs(3)) of each copy's file system when it was set up; what tells a removed folder from an unmounted one
    filesystems: tuple[int, ...]


class Copy:
    """One folder of the keystore."""

    def __init__(self, number: int, folder: Path):
        self.number = number
        self.folder = Path(folder)
        self._start = f"{self.folder}/"

    def __str__(self) -> str:
        return str(self.folder)

    def path(self, name: str) -> Path:
        return self.folder / name

    def mark(self, name: str) -> Path:
        return self.folder / f"{name}{MARK}"

    # --- whose it is --------------------------------------------------------------------------------------------------

    def label(self) -> Label | None:
        """The label; None where there is none, or none that can be read."""
        try:
            said = json.loads((self.folder / LABEL).read_text())
            return Label(said["store"], said["copy"], said["master"], tuple(said["filesystems"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def is_there(self) -> bool:
        """Whether it is ours to read and write: labelled, or of an older installation and with secrets in it."""
        return os.path.exists(self._start + LABEL) or bool(self.kinds())

    def is_of(self, own: Label) -> bool:
        """Whether it is this copy of that keystore."""
        label = self.label()
        return label is not None and (label.store, label.copy) == (own.store, self.number)

    def put_label(self, label: Label) -> None:
        if self.label() == label:
            return
        content = json.dumps(asdict(label), sort_keys=True).encode()
        if not write_once(self.folder / LABEL, content):
            replace(self.folder / LABEL, content)

    def filesystem(self) -> int:
        """f_fsid of the file system it lies on, or would lie on if it were made now; 0 where that can't be known."""
        place = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
        return os.statvfs(place).f_fsid

    # --- what is in it ------------------------------------------------------------------------------------------------

    def kinds(self) -> list[str]:
        """The folders of secrets, by what is there and not by what should be."""
        try:
            with os.scandir(self.folder) as entries:
                return sorted(entry.name for entry in entries if KIND.match(entry.name) and entry.is_dir(follow_symlinks=False))
        except OSError:
            return []

    def names(self, kind: str) -> tuple[set[str], set[str]]:
        """Of one kind: the names that have a file, and those that have a mark."""
        files, marks = set(), set()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for found in os.listdir(self.folder / kind):
                if found.endswith(MARK) and found[0] != ".":
                    marks.add(f"{kind}/{found.removesuffix(MARK)}")
                elif found[0] != ".":
                    files.add(f"{kind}/{found}")
        return files, marks

    def drafts(self) -> Iterator[tuple[str, Path]]:
        """What killed writers of secrets left, with the name that each was meant for. Those of marks hold nothing."""
        for kind in self.kinds():
            yield from ((f"{kind}/{name}", path) for name, path in drafts(self.folder / kind) if "." not in name)

    def has(self, name: str) -> bool:
        """Whether a file of that name is there, or could be: what can't be looked at is not taken for absent."""
        try:
            os.lstat(self._start + name)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            pass
        return True

    def is_marked(self, name: str) -> bool:
        return os.path.lexists(f"{self._start}{name}{MARK}")

    def read(self, name: str) -> bytes:
        """The content of a secret's file. Raises KeyMissing, KeyUnsafe, or CopyOutOfReach where the system says no."""
        try:
            handle = os.open(self._start + name, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                mode = stat.S_IMODE(os.fstat(handle).st_mode)
                content = os.read(handle, LONGEST_FILE)
            finally:
                os.close(handle)
        except FileNotFoundError:
            raise KeyMissing(f"The secret {name} is not in {self}.") from None
        except OSError as error:
            raise CopyOutOfReach(f"The secret {name} can't be read in {self}: {error.strerror}.") from error
        if mode & 0o077:
            raise KeyUnsafe(f"The secret {name} can be read by others in {self} (mode {mode:o}).")
        return content

    # --- destroying: needs to read nothing, and takes back what keeps it from its own files ---------------------------

    def put_mark(self, name: str) -> None:
        """The mark that a name was destroyed. On a full disk the secret's own name becomes the mark; `wipe` empties it."""
        try:
            write_once(self.mark(name), b"")
        except OSError as error:
            if error.errno not in NO_SPACE or not self.has(name):
                raise
            os.rename(self.path(name), self.mark(name))

    def wipe(self, name: str) -> None:
        """Overwrite and remove every file of a name, also what killed writers left; only the empty mark stays."""
        path, mark = self.path(name), self.mark(name)
        shred(path)
        for meant_for, draft in drafts(path.parent):
            if meant_for in (path.name, mark.name):
                sweep_draft(draft, path)
        if self.is_marked(name) and os.lstat(mark).st_size:
            empty(mark)

    def is_wiped(self, name: str) -> bool:
        """Whether no byte of a secret is left under its name."""
        return not self.has(name) and not (self.is_marked(name) and os.lstat(self.mark(name)).st_size)

    def unlock_folders(self, name: str) -> None:
        """Give the folders back the mode that they must have, where somebody took it and we own them."""
        for folder in (self.folder, self.path(name).parent):
            with contextlib.suppress(OSError):
                if stat.S_IMODE(os.stat(folder).st_mode) & 0o700 != 0o700:
                    os.chmod(folder, 0o700)

    def sweep(self) -> int:
        """Remove what killed writers left; only under the lock. Returns how many files that was."""
        left = list(self.drafts())
        for name, draft in left:
            sweep_draft(draft, self.path(name))
        return len(left)

    # --- trying -------------------------------------------------------------------------------------------------------

    def try_writing(self) -> None:
        """Write a page and remove it. Raises CopyOutOfReach where that fails."""
        try:
            write_draft(self.folder / "probe", bytes(4096)).unlink(missing_ok=True)
        except OSError as error:
            why = "no space is left" if error.errno in NO_SPACE else os.strerror(error.errno or errno.EIO)
            raise CopyOutOfReach(f"{self} can't be written: {why}.") from error
