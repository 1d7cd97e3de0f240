"""The keystore: secrets that live outside the database, its backups and its log, so that destroying one shreds data.

| who depends on it | on what |
|---|---|
| retention ingest, reading, stepping aside | day and organization secrets |
| retention destruction | that a destroyed secret is gone for good and is never made again under the same name |
| certificates | what is said about how fast the store destroys and what snapshots of it exist |

It must never log or cache a secret for longer than a minute, never overwrite one, never make one again that was destroyed.
Derivation (DESIGN): cohort key = HKDF-SHA256(day secret ‖ organization secret, info = version ‖ organization ‖ day).
"""

import os
import re
import secrets
import stat
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from apps.foundation.digests import sha256
from apps.foundation.files import shred, write_once
from apps.foundation.refusals import Refusal

MAGIC = b"CVK1"
SECRET_BYTES = 32
CACHE_SECONDS = 60
NAME = re.compile(r"^(day|organization|aside|archive|matter|place|hold)/[A-Za-z0-9_-]{1,80}$")


class KeyMissing(Refusal):
    """A secret that should be in the keystore is not there."""

    code = "key_missing"
    mend = "Restore the keystore folder from where it is kept; nothing was overwritten. Without it the data stays unreadable."


class KeyDestroyed(Refusal):
    """The secret was destroyed; what it encrypted can't be had back."""

    code = "key_destroyed"
    mend = "Nothing can mend this: it is the purpose of a destruction. Ask for its certificate."


class KeyDamaged(Refusal):
    """A secret in the keystore fails its checksum or its file mode is unsafe."""

    code = "key_damaged"
    mend = "Restore the file from the second copy, mode 0600; nothing was overwritten."


class FileKeystore:
    """Secrets as files of 0600 below one folder. Another store may replace it by the same six verbs."""

    #: both printed on every certificate
    destroys = "at once: file overwritten, flushed and removed; the folder flushed"
    snapshots = "none are made by the software; the operator must exclude the folder from backups and volume snapshots"

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def _path(self, name: str) -> Path:
        if not NAME.match(name):
            raise ValueError("not a name of a secret")
        return self.folder / name

    def _gone(self, name: str) -> Path:
        path = self._path(name)
        return path.parent / f"{path.name}.destroyed"

    def ensure(self, name: str) -> bytes:
        """The secret of that name, made now if it never existed. Raises KeyDestroyed for one that did and is gone."""
        if self._gone(name).exists():
            raise KeyDestroyed(f"The secret {name} was destroyed.")
        secret = secrets.token_bytes(SECRET_BYTES)
        write_once(self._path(name), MAGIC + secret + sha256(MAGIC, name.encode(), secret)[:8])
        return self.get(name)

    def get(self, name: str) -> bytes:
        """The 32 secret bytes. Raises KeyDestroyed, KeyMissing or KeyDamaged."""
        path = self._path(name)
        try:
            with open(path, "rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                content = file.read(256)
        except FileNotFoundError:
            if self._gone(name).exists():
                raise KeyDestroyed(f"The secret {name} was destroyed.") from None
            raise KeyMissing(f"The secret {name} is not in the keystore.") from None
        secret = content[len(MAGIC) : len(MAGIC) + SECRET_BYTES]
        if mode & 0o077:
            raise KeyDamaged(f"The secret {name} can be read by others (mode {mode:o}).")
        if content != MAGIC + secret + sha256(MAGIC, name.encode(), secret)[:8]:
            raise KeyDamaged(f"The secret {name} fails its checksum.")
        return secret

    def exists(self, name: str) -> bool:
        return self._path(name).exists()

    def was_destroyed(self, name: str) -> bool:
        return self._gone(name).exists() and not self._path(name).exists()

    def destroy(self, name: str) -> None:
        """Destroy a secret for good. Twice is once; a damaged or missing one is destroyed all the same.

        The mark comes first: killed between the two, the name can already not be made again.
        """
        write_once(self._gone(name), b"")
        shred(self._path(name))
        _forget(self, name)

    def names(self, kind: str) -> list[str]:
        """The names of the secrets of one kind that exist, sorted."""
        folder = self.folder / kind
        if not folder.is_dir():
            return []
        return sorted(
            f"{kind}/{path.name}"
            for path in folder.iterdir()
            if not path.name.startswith(".") and path.suffix != ".destroyed"
        )


def keystore() -> FileKeystore:
    """The keystore of this installation."""
    return FileKeystore(Path(settings.COVENANT_HOME) / "keystore")


_derived: dict[tuple, tuple[float, bytes]] = {}


def _forget(store: FileKeystore, name: str) -> None:
    for key in [key for key in _derived if key[0] == store.folder and name in key[1]]:
        _derived.pop(key, None)


def derive(store: FileKeystore, names: tuple[str, ...], info: bytes, *, create: bool = False) -> bytes:
    """32 bytes from the secrets `names` by HKDF-SHA256 (RFC 5869), bound to `info`; kept in memory a minute at most."""
    now = time.monotonic()
    key = (store.folder, names, info)
    kept = _derived.get(key)
    if kept and kept[0] > now:
        return kept[1]
    material = b"".join(store.ensure(name) if create else store.get(name) for name in names)
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(material)
    if len(_derived) > 4096:
        _derived.clear()
    _derived[key] = (now + CACHE_SECONDS, derived)
    return derived
