"""A copy of the home for a drill: keystore, journal and signing keys, with every link followed, so that the copy stands alone.

Both copies of the keystore and its master key are taken from where the settings put them, and lie in the copy where they lie
by default: a process that knows nothing but the copy's home finds them.

It holds secrets. So it lies in memory where the machine lends some (/dev/shm), is for its owner only, and is overwritten
before it is removed. Left out is what would let a drill reach outside: the credentials of places where archives lie.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from apps.foundation.digests import sha256
from apps.foundation.files import shred
from apps.foundation.keys import FileKeystore
from apps.foundation.refusals import Refusal

IN_MEMORY = Path("/dev/shm")
#: what a restored installation needs besides its keystore; the rest of a home belongs to the running one
PARTS = ("journal", "signing")
#: where the copies of a keystore and its master keys lie by default
KEYSTORES, MASTER, MASTER_KEY = ("keystore", "keystore-second"), "master", "master-{}.key"
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


def make(home: Path, store: FileKeystore, reference: str) -> Path:
    """Copy the home and its keystore; returns where. The name says whose it is, so that the next drill finds what a killed one left."""
    needed = int(_size_of(home, store) * SPARE) + (1 << 20)
    for base in _bases(home):
        if base.is_dir() and os.access(base, os.W_OK) and shutil.disk_usage(base).free > needed:
            break
    else:
        raise NoRoomForCopy
    target = base / f"{_name_of(home)}{reference}"
    target.mkdir(mode=0o700)
    for part in PARTS:
        _copy_folder(home / part, target / part, _hidden)
    for name, copy in zip(KEYSTORES, store.copies, strict=True):
        _copy_folder(copy.folder, target / name, _left_out)
    (target / MASTER).mkdir(mode=0o700)
    for number, key in store.master.files():  # and nothing that lies beside them: the folder may be anybody's
        _copy_file(str(key), str(target / MASTER / MASTER_KEY.format(number)))
    require_alone(target)
    return target


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


def _size_of(home: Path, store: FileKeystore) -> int:
    """As the copy takes it, by whole pages: a secret is small."""
    folders = [*(home / part for part in PARTS), *(copy.folder for copy in store.copies)]
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sum(max(path.stat().st_size, 4096) + 4096 for path in files)


def _copy_folder(source: Path, target: Path, ignored: Callable[[str, list[str]], set[str]]) -> None:
    """All of a folder that is there; one that is out of reach is out of reach in the copy as well."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=False, ignore=ignored, copy_function=_copy_file)
        os.chmod(target, 0o700)


def _hidden(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name.startswith(".")}


def _left_out(folder: str, names: list[str]) -> set[str]:
    return _hidden(folder, names) | (LEFT_OUT & set(names))


def _copy_file(source: str, target: str) -> str:
    """The bytes and the mode; never a link. A secret that is destroyed while we copy is a secret less."""
    try:
        shutil.copyfile(source, target, follow_symlinks=True)
    except FileNotFoundError:
        return target
    os.chmod(target, 0o600)
    return target
