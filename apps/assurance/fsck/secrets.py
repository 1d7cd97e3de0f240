"""The keystore as its files lie there: which secrets exist, which were destroyed and when, and what lies about besides."""

import hashlib
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MARK = ".destroyed"
HEAD = b"CVK1"


class Closed(Exception):
    """The secret is not there, or its file is not what was written: why, in words."""


class Secrets:
    """What one folder of secrets holds, by name."""

    def __init__(self, folder: Path):
        self.there: dict[str, Path] = {}
        self.gone: dict[str, float] = {}
        self.strange: dict[str, str] = {}
        self._folder = folder
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            self._take(path)

    def _take(self, path: Path) -> None:
        name, status = path.relative_to(self._folder).as_posix(), path.lstat()
        if stat.S_ISDIR(status.st_mode):
            self._say(name, status, 0o077, "Others may enter its folder")
        elif not stat.S_ISREG(status.st_mode):
            self.strange[name] = "It is no file."
        elif path.name.startswith("."):
            self.strange[name] = "It was left behind by a writer that was killed."
        elif path.suffix == MARK:
            self.gone[name.removesuffix(MARK)] = status.st_mtime
        else:
            self.there[name] = path
            self._say(name, status, 0o177, "Others may read it, or anybody run it")

    def _say(self, name: str, status, forbidden: int, why: str) -> None:
        if stat.S_IMODE(status.st_mode) & forbidden:
            self.strange[name] = f"{why} (mode {stat.S_IMODE(status.st_mode):o})."

    def read(self, name: str) -> bytes:
        """The 32 bytes of a secret. Raises Closed."""
        if name not in self.there:
            raise Closed(f"its secret {name} is not in the keystore")
        content = self.there[name].read_bytes()
        secret = content[4:36]
        check = hashlib.sha256(HEAD + name.encode() + secret).digest()[:8]
        if len(content) != 44 or content != HEAD + secret + check:
            raise Closed(f"its secret {name} is damaged")
        return secret

    @lru_cache(maxsize=4096)  # noqa: B019 - lives as long as the examination
    def derive(self, names: tuple[str, ...], info: bytes) -> bytes:
        """32 bytes by HKDF-SHA256 (RFC 5869) from secrets one behind the other. Raises Closed."""
        material = b"".join(self.read(name) for name in names)
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(material)
