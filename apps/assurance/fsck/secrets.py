"""The keystore as its files lie there: which secrets exist, which were destroyed and when, and what lies about besides.

Two folders hold the same files; each is wrapped by a master key that lies in neither (format: apps/foundation/keys). Read
here once more, by position, so that the keystore's own code proves nothing about itself.
"""

import hashlib
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MARK = ".destroyed"
IN_CLEAR, WRAPPED, MASTER = b"CVK1", b"CVK2", b"CVM1"


class Closed(Exception):
    """The secret is not there, or its file is not what was written: why, in words."""


class Secrets:
    """What both folders of secrets hold, by name. `there` and `gone` are what the first says, completed by the second.

    `master` is the first master key's file; later ones lie beside it and end alike.
    """

    def __init__(self, folders: tuple[Path, ...], master: Path):
        self.there: dict[str, Path] = {}
        self.gone: dict[str, float] = {}
        self.strange: dict[str, str] = {}
        self.strange_masters: dict[str, str] = {}
        self._masters = {}
        for path in sorted(master.parent.glob(f"*{master.suffix}")) if master.parent.is_dir() else ():
            self._take_master(path)
        self._copies = [self._look(folder) for folder in folders]
        for names in zip(*self._copies, strict=True) if len(self._copies) > 1 else ():
            for name in sorted(names[0].keys() ^ names[1].keys()):
                self.strange.setdefault(name.removesuffix(MARK), "The two copies of the keystore differ about it.")

    def _take_master(self, path: Path) -> None:
        if not path.is_file():
            return
        with path.open("rb") as file:
            content = file.read(64)
        if content[:4] != MASTER:
            return
        key, mode = content[4:36], stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            self.strange_masters[path.name] = f"Others may read it, or change it (mode {mode:o})."
        if content != MASTER + key + _check(MASTER + key):
            self.strange_masters[path.name] = "It is damaged."
        else:
            self._masters[hashlib.sha256(b"covenant-master-key/1" + key).digest()[:8]] = AESGCM(key)

    def _look(self, folder: Path) -> tuple[dict[str, Path], dict[str, float]]:
        there: dict[str, Path] = {}
        gone: dict[str, float] = {}
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            self._take(path, folder, there, gone)
        self.there = there | self.there
        self.gone = gone | self.gone
        return there, gone

    def _take(self, path: Path, folder: Path, there: dict[str, Path], gone: dict[str, float]) -> None:
        name, status = path.relative_to(folder).as_posix(), path.lstat()
        if stat.S_ISDIR(status.st_mode):
            self._say(name, status, 0o077, "Others may enter its folder")
        elif not stat.S_ISREG(status.st_mode):
            self.strange[name] = "It is no file."
        elif path.parent == folder:
            pass  # the folder's own label and lock; secrets lie one deeper, by kind
        elif path.name.startswith("."):
            self.strange[name] = "It was left behind by a writer that was killed."
        elif path.suffix == MARK:
            gone[name.removesuffix(MARK)] = status.st_mtime
            if status.st_size:
                self.strange[name.removesuffix(MARK)] = "It was destroyed, and bytes are left in its mark."
        else:
            there[name] = path
            self._say(name, status, 0o177, "Others may read it, or anybody run it")

    def _say(self, name: str, status, forbidden: int, why: str) -> None:
        if stat.S_IMODE(status.st_mode) & forbidden:
            self.strange[name] = f"{why} (mode {stat.S_IMODE(status.st_mode):o})."

    def read(self, name: str) -> bytes:
        """The 32 bytes of a secret, as every copy of it says. Raises Closed."""
        files = [there[name] for there, _gone in self._copies if name in there]
        if not files:
            raise Closed(f"its secret {name} is not in the keystore")
        found = {self._opened(name, path.read_bytes()) for path in files}
        if len(found) > 1:
            raise Closed(f"its secret {name} differs between the two copies")
        return found.pop()

    def _opened(self, name: str, content: bytes) -> bytes:
        if content[:4] == IN_CLEAR and content == IN_CLEAR + content[4:36] + _check(IN_CLEAR + name.encode() + content[4:36]):
            return content[4:36]
        if content[:4] != WRAPPED or len(content) != 80 or content[72:] != _check(content[:72]):
            raise Closed(f"its secret {name} is damaged")
        if content[4:12] not in self._masters:
            raise Closed(f"its secret {name} was wrapped by a master key that is not there")
        try:
            return self._masters[content[4:12]].decrypt(content[12:24], content[24:72], name.encode())
        except InvalidTag:
            raise Closed(f"its secret {name} is damaged") from None

    @lru_cache(maxsize=4096)  # noqa: B019 - lives as long as the examination
    def derive(self, names: tuple[str, ...], info: bytes) -> bytes:
        """32 bytes by HKDF-SHA256 (RFC 5869) from secrets one behind the other. Raises Closed."""
        material = b"".join(self.read(name) for name in names)
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(material)


def _check(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:8]
