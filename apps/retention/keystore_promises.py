"""How P06 is proven for the keystore: by looking at the files of both its copies, sharing nothing with what writes them.

A secret that is left in one copy only still opens everything that it ever opened; one that is damaged in one copy is one
accident away from being lost. Nothing is decrypted here: a file says by its checksum whether it is whole.
"""

import hashlib
import re
import stat
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings

from apps.foundation.promises import Check, Looked, Violation, fetch

MARK = ".destroyed"
#: as the keystore names them; label and locks lie in the folder itself, drafts of writers begin with a dot
SECRETS = "[a-z]*/[!.]*"
WRAPPED = re.compile(rb"CVK2.{76}", re.DOTALL)
IN_CLEAR = re.compile(rb"CVK1.{40}", re.DOTALL)
#: a file that is being made or destroyed right now is found otherwise after this
PAUSE_SECONDS = 0.25


def folders() -> tuple[Path, ...]:
    """Where the copies of the keystore lie, the first one first."""
    home = Path(settings.COVENANT_HOME)
    return tuple(map(Path, settings.KEYSTORE_DIRECTORIES)) or (home / "keystore", home / "keystore-second")


def copies_with(secret: str) -> list[int]:
    """The numbers of the copies that have a file of that name, whatever is in it."""
    return [number for number, folder in enumerate(folders(), 1) if (folder / secret).exists()]


def every_secret_is_whole_or_gone(at: datetime) -> Looked:
    """Each secret lies in every copy, whole and for nobody else to read; of a destroyed one no byte lies in any."""
    destroyed = dict(fetch("SELECT secret, reference FROM retention_destruction WHERE state IN ('shredded', 'truncated', 'done')"))
    names, found = _look(destroyed)
    if found:
        time.sleep(PAUSE_SECONDS)
        found &= _look(destroyed)[1]
    return Looked(len(names), tuple(sorted(found, key=lambda violation: (violation.object, violation.why))))


def _look(destroyed: dict[str, str]) -> tuple[set[str], set[Violation]]:
    copies = [{path.relative_to(folder).as_posix() for path in folder.glob(SECRETS)} for folder in folders()]
    everywhere = set().union(*copies)
    names = {name.removesuffix(MARK) for name in everywhere}
    gone = {name for name in names if f"{name}{MARK}" in everywhere or name in destroyed}
    found = set()
    for number, (folder, there) in enumerate(zip(folders(), copies, strict=True), 1):
        if names and not folder.is_dir():
            found.add(Violation(f"copy {number} of the keystore", "is not there"))
            continue
        for name in names:
            troubles = _left(folder, name, there) if name in gone else _amiss(folder / name)
            found |= {Violation(name, f"{trouble} in copy {number} of the keystore") for trouble in troubles}
    return names, found


def _left(folder: Path, name: str, there: set[str]) -> Iterator[str]:
    mark = f"{name}{MARK}"
    if name in there:
        yield "was destroyed and still lies"
    if mark in there and _size(folder / mark):
        yield "was destroyed, and bytes of it are left in its mark"


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _amiss(path: Path) -> Iterator[str]:
    try:
        content, mode = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        yield "is missing"
        return
    except OSError:
        yield "can't be read"
        return
    if mode & 0o077:
        yield f"can be read by others (mode {mode:o})"
    if WRAPPED.fullmatch(content):
        is_whole = hashlib.sha256(content[:72]).digest()[:8] == content[72:]
    else:  # of an older installation; the next rotation of the master key wraps it
        said = b"CVK1" + f"{path.parent.name}/{path.name}".encode() + content[4:36]
        is_whole = bool(IN_CLEAR.fullmatch(content)) and hashlib.sha256(said).digest()[:8] == content[36:]
    if not is_whole:
        yield "is damaged"


CHECKS = (
    Check("P06", "retention.keystore", "Every secret is whole in both copies of the keystore, and nothing is left of a destroyed one",
          every_secret_is_whole_or_gone),
)  # fmt: skip
