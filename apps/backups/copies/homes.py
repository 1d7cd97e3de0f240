"""A copy of the home for a drill: keystore, journal and signing keys, with every link followed, so that the copy stands alone.

It holds secrets. So it lies in memory where the machine lends some (/dev/shm), is for its owner only, and is overwritten
before it is removed. Left out is what would let a drill reach outside: the credentials of places where archives lie.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from apps.foundation.digests import sha256
from apps.foundation.files import shred
from apps.foundation.refusals import Refusal

IN_MEMORY = Path("/dev/shm")
#: what a restored installation needs; the rest of a home belongs to the running one
PARTS = ("keystore", "master", "journal", "signing")
LEFT_OUT = frozenset({"place"})
PREFIX = "covenant-drill-"
SPARE = 1.2


class NoRoomForCopy(Refusal):
    """There is no room for a copy of keystore and journal."""

    code = "no_room_for_copy"
    mend = "Make room in /dev/shm or on the disk of COVENANT_HOME."


class CopyReachesOut(Refusal):
    """Something in the copy leads out of it, so that the drill would have changed the live home."""

    code = "copy_reaches_out"
    mend = "Nothing was changed. Tell the makers what the home consists of."


def make(home: Path, reference: str) -> Path:
    """Copy the home; returns where. The name says whose it is, so that the next drill finds what a killed one left."""
    needed = int(_size_of(home) * SPARE) + (1 << 20)
    for base in _bases(home):
        if base.is_dir() and os.access(base, os.W_OK) and shutil.disk_usage(base).free > needed:
            break
    else:
        raise NoRoomForCopy
    target = base / f"{_name_of(home)}{reference}"
    target.mkdir(mode=0o700)
    for part in parts_of(home):
        shutil.copytree(home / part, target / part, symlinks=False, ignore=_ignored, copy_function=_copy_file)
        os.chmod(target / part, 0o700)
    require_alone(target)
    return target


def parts_of(home: Path) -> list[str]:
    """The folders of a home that a drill needs; a keystore may lie in several, each with its own beginning."""
    return sorted(path.name for path in home.iterdir() if path.name.split("-")[0].split(".")[0] in PARTS and path.is_dir())


def require_alone(copy: Path) -> None:
    """Refuse where anything in the copy leads out of it, or is the same file as one outside."""
    root = copy.resolve()
    for path in copy.rglob("*"):
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode) or root not in path.resolve().parents or (stat.S_ISREG(about.st_mode) and about.st_nlink != 1):
            raise CopyReachesOut


def left_behind(home: Path) -> list[Path]:
    """Copies of this home that killed drills left."""
    return [path for base in _bases(home) if base.is_dir() for path in sorted(base.glob(f"{_name_of(home)}*"))]


def remove(copy: Path) -> None:
    """Overwrite every file, then remove all; it may be gone already, or half."""
    for folder, _folders, files in os.walk(copy):
        for name in files:
            shred(Path(folder) / name)
    shutil.rmtree(copy, ignore_errors=True)


def _bases(home: Path) -> Iterator[Path]:
    yield IN_MEMORY
    yield home


def _name_of(home: Path) -> str:
    return f"{PREFIX}{sha256(str(home.resolve()).encode()).hex()[:12]}-"


def _size_of(home: Path) -> int:
    """As the copy takes it, by whole pages: a secret is small."""
    files = (path for part in parts_of(home) for path in (home / part).rglob("*") if path.is_file())
    return sum(max(path.stat().st_size, 4096) + 4096 for path in files)


def _ignored(folder: str, names: list[str]) -> set[str]:
    is_keystore = Path(folder).name.split("-")[0].split(".")[0] == "keystore"
    return {name for name in names if name.startswith(".") or (is_keystore and name in LEFT_OUT)}


def _copy_file(source: str, target: str) -> str:
    """The bytes and the mode; never a link. A secret that is destroyed while we copy is a secret less."""
    try:
        shutil.copyfile(source, target, follow_symlinks=True)
    except FileNotFoundError:
        return target
    os.chmod(target, 0o600)
    return target
