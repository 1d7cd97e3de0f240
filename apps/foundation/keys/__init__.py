"""The keystore: secrets that live outside the database, its backups and its log, so that destroying one shreds data.

| who depends on it | on what |
|---|---|
| retention ingest, reading, stepping aside | day and organization secrets |
| retention destruction | that a destroyed secret is gone for good and is never made again under the same name |
| holds, archives | secrets of matters, of archives, of places |
| certificates | what is said about how fast the store destroys and what snapshots of it exist |

It must never log or cache a secret for longer than a minute, never overwrite one, never make one again that was destroyed.
Derivation (DESIGN): cohort key = HKDF-SHA256(day secret ‖ organization secret, info = version ‖ organization ‖ day).

`interface` has the verbs, `file_store` keeps them on two `copies`; `wrapping` is the format, `master` the keys that wrap,
`setting_up`, `rotation` and `inspection` what an operator does by command.
"""

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from apps.foundation.keys.derivation import derive, forget, forget_all
from apps.foundation.keys.file_store import FileKeystore
from apps.foundation.keys.interface import KINDS, Keystore
from apps.foundation.keys.refusals import (
    KeyCopyLeft,
    KeyDamaged,
    KeyDestroyed,
    KeyMissing,
    KeyNotMade,
    KeyUnsafe,
)
from apps.foundation.keys.sealing import SealBroken, seal, unseal

__all__ = [
    "KINDS",
    "FileKeystore",
    "KeyCopyLeft",
    "KeyDamaged",
    "KeyDestroyed",
    "KeyMissing",
    "KeyNotMade",
    "KeyUnsafe",
    "Keystore",
    "SealBroken",
    "derive",
    "forget",
    "forget_all",
    "keystore",
    "seal",
    "unseal",
]


def keystore() -> FileKeystore:
    """The keystore of this installation."""
    home = Path(settings.COVENANT_HOME)
    return _at(
        tuple(map(Path, settings.KEYSTORE_DIRECTORIES)) or (home / "keystore", home / "keystore-second"),
        Path(settings.KEYSTORE_MASTER_KEY_FILE or home / "master" / "master-1.key"),
        settings.KEYSTORE_SNAPSHOTS,
    )


@lru_cache(maxsize=8)
def _at(folders: tuple[Path, ...], master_key: Path, snapshots: str) -> FileKeystore:
    return FileKeystore(folders, master_key, snapshots=snapshots)
