"""The master keys: what wraps every secret. One is in use; a second exists only while a rotation goes from one to the next.

They lie in a folder of their own, apart from both copies of the keystore, in files named after KEYSTORE_MASTER_KEY_FILE:
`master-1.key` is followed by `master-2.key`, and so on. A file is `CVM1` ‖ 32 bytes ‖ the first 8 bytes of their SHA-256.

Must never make one where one is missing, keep one in memory that is gone from its file, or tell more of it than its id.
"""

import os
import re
import secrets
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.foundation.digests import sha256
from apps.foundation.files import NO_SPACE, drafts, shred, sweep_draft, write_once
from apps.foundation.keys.refusals import (
    MasterKeyDamaged,
    MasterKeyMissing,
    MasterKeyNotMade,
    MasterKeyUnsafe,
    MasterKeyWrong,
)
from apps.foundation.keys.wrapping import CHECK_BYTES, ID_BYTES
from apps.foundation.refusals import Refusal

MAGIC = b"CVM1"
KEY_BYTES = 32
KEPT_SECONDS = 60


@dataclass(frozen=True)
class MasterKey:
    """One master key, ready for use."""

    number: int
    path: Path
    id: bytes
    aead: AESGCM

    def __repr__(self) -> str:
        return f"master key {self.id.hex()} ({self.path.name})"


class MasterKeys:
    """The master keys of one installation, found by the name of the first one's file."""

    def __init__(self, first: Path):
        self.first = Path(first)
        self._base, number = re.fullmatch(r"(.*?)(?:-(\d+))?", self.first.stem).groups()
        self._first_number = int(number or 1)
        self._kept: dict[Path, tuple[tuple, float, MasterKey]] = {}

    def files(self) -> list[tuple[int, Path]]:
        """Number and path of every master key's file, sorted; the last is the newest."""
        try:
            names = os.listdir(self.first.parent)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except PermissionError as error:
            raise MasterKeyMissing(f"The folder of the master key can't be looked into ({error.strerror}).") from error
        return sorted((number, self.first.parent / name) for name in names if (number := self._number_of(name)))

    def _number_of(self, name: str) -> int | None:
        if name == self.first.name:
            return self._first_number
        match = re.fullmatch(rf"{re.escape(self._base)}-(\d+){re.escape(self.first.suffix)}", name)
        return int(match[1]) if match else None

    def by_id(self, key_id: bytes) -> MasterKey:
        """The master key with that id. Raises MasterKeyMissing, MasterKeyDamaged, MasterKeyUnsafe or MasterKeyWrong."""
        for path, (_stamp, _until, key) in list(self._kept.items()):
            if key.id == key_id and (found := self._load_if_there(key.number, path)) and found.id == key_id:
                return found
        problem, found = None, None
        files = self.files()
        for number, path in files:
            try:
                found = self._load(number, path)
            except (MasterKeyDamaged, MasterKeyUnsafe, MasterKeyMissing) as refusal:
                problem = refusal
                continue
            if found.id == key_id:
                return found
        if problem:
            raise problem
        if not files:
            raise MasterKeyMissing(f"The master key {self.first.name} is not there.")
        raise MasterKeyWrong(f"The secrets are wrapped by master key {key_id.hex()}; {found.path.name} holds {found.id.hex()}.")

    def newest(self) -> MasterKey:
        """The one with the highest number. Raises MasterKeyMissing, MasterKeyDamaged or MasterKeyUnsafe."""
        files = self.files()
        if not files:
            raise MasterKeyMissing(f"The master key {self.first.name} is not there.")
        return self._load(*files[-1])

    def problems(self) -> list[Refusal]:
        """What is wrong with the files that are there, by their names."""
        found = []
        try:
            files = self.files()
        except Refusal as refusal:
            return [refusal]
        for number, path in files:
            try:
                self._load(number, path)
            except Refusal as refusal:
                found.append(refusal)
        return found

    def make_next(self) -> MasterKey:
        """Make the first one, or the one that follows the newest. Raises MasterKeyNotMade."""
        files = self.files()
        number = files[-1][0] + 1 if files else self._first_number
        path = self.first.parent / f"{self._base}-{number}{self.first.suffix}" if files else self.first
        key = secrets.token_bytes(KEY_BYTES)
        try:
            write_once(path, MAGIC + key + sha256(MAGIC, key)[:CHECK_BYTES])
        except OSError as error:
            why = "no space is left" if error.errno in NO_SPACE else error.strerror
            raise MasterKeyNotMade(f"The master key {path.name} can't be written: {why}.") from error
        return self._load(number, path)

    def shred_all_but(self, newest: MasterKey) -> list[str]:
        """Shred every other master key and what killed writers left beside them; returns the names that went."""
        gone = []
        for _number, path in self.files():
            if path != newest.path:
                self._kept.pop(path, None)
                shred(path)
                gone.append(path.name)
        for name, draft in drafts(newest.path.parent):
            if self._number_of(name):
                sweep_draft(draft, newest.path.parent / name)
        return gone

    def _load_if_there(self, number: int, path: Path) -> MasterKey | None:
        try:
            return self._load(number, path)
        except MasterKeyMissing:
            return None

    def _load(self, number: int, path: Path) -> MasterKey:
        """From memory for a minute, as long as its file is the same and still private; else from the file."""
        try:
            status = os.stat(path)
            if kept := self._still_kept(path, status):
                return kept
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                content = file.read(256)
        except OSError as error:
            self._kept.pop(path, None)
            raise MasterKeyMissing(f"The master key {path.name} can't be read: {error.strerror}.") from error
        self._kept.pop(path, None)
        if (mode := stat.S_IMODE(status.st_mode)) & 0o077:
            raise MasterKeyUnsafe(f"The master key {path.name} can be read by others (mode {mode:o}).")
        raw = content[len(MAGIC) : len(MAGIC) + KEY_BYTES]
        if content != MAGIC + raw + sha256(MAGIC, raw)[:CHECK_BYTES]:
            raise MasterKeyDamaged(f"The master key {path.name} fails its checksum.")
        key = MasterKey(number, path, sha256(b"covenant-master-key/1", raw)[:ID_BYTES], AESGCM(raw))
        self._kept[path] = (_stamp(status), time.monotonic() + KEPT_SECONDS, key)
        return key

    def _still_kept(self, path: Path, status: os.stat_result) -> MasterKey | None:
        stamp, until, key = self._kept.get(path, ((), 0.0, None))
        return key if stamp == _stamp(status) and until > time.monotonic() else None


def _stamp(status: os.stat_result) -> tuple:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode
