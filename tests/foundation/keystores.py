"""What the tests of the keystore share: a store in a folder, an examiner who reads files without our code, processes that die.

The examiner knows the positions in the files from the written format, and takes every master key that lies about.
"""

import contextlib
import hashlib
import itertools
import os
import pickle
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.foundation.keys import FileKeystore
from apps.foundation.keys.setting_up import set_up

DAY, ORGANIZATION = "day/2026-03-15", "organization/ORG-7F3K"
#: where a killed process could be in the middle of something
CALLS = ("open", "read", "fsync", "link", "replace", "rename", "unlink", "mkdir", "chmod", "lstat", "listdir", "scandir")
NOBODY = 65534


def at(home: Path) -> FileKeystore:
    """The keystore below a folder, as another process or host would find it."""
    return FileKeystore((home / "one", home / "two"), home / "master" / "master-1.key")


def new(home: Path) -> FileKeystore:
    store = at(home)
    set_up(store, new=True)
    return store


def first(store: FileKeystore, name: str = DAY) -> Path:
    return store.copies[0].path(name)


def second(store: FileKeystore, name: str = DAY) -> Path:
    return store.copies[1].path(name)


def files(store: FileKeystore) -> list[str]:
    """Every file of secrets and marks in both copies, and what killed processes left; not labels and locks."""
    return sorted(
        f"{copy.folder.name}/{path.relative_to(copy.folder)}"
        for copy in store.copies
        for path in copy.folder.rglob("*")
        if path.is_file() and path.parent != copy.folder
    )


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x40
    path.write_bytes(bytes(content))


def plain(name: str, secret: bytes) -> bytes:
    """The file of a secret in an older installation."""
    return b"CVK1" + secret + hashlib.sha256(b"CVK1" + name.encode() + secret).digest()[:8]


def found_by_examiner(home: Path) -> dict[str, bytes]:
    """What opens of all that lies below a folder: by position, with every master key that lies there, under any name."""
    contents = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    masters = [content[4:36] for content in contents.values() if content[:4] == b"CVM1"]
    found = {}
    for path, content in contents.items():
        if content[:4] == b"CVK1":
            found[str(path.relative_to(home))] = content[4:36]
        elif content[:4] == b"CVK2":
            part = path.name.lstrip(".").split(".")[0]
            for master in masters:
                with contextlib.suppress(InvalidTag):
                    opened = AESGCM(master).decrypt(content[12:24], content[24:72], f"{path.parent.name}/{part}".encode())
                    found[str(path.relative_to(home))] = opened
    return found


# --- processes --------------------------------------------------------------------------------------------------------


def in_process(work, *, before=lambda: None):
    """What `work` returns, or the exception that it raises, in a process of its own; `before` runs there first."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            before()
            said = pickle.dumps(work())
        except BaseException as error:
            said = pickle.dumps(AssertionError(f"in its process: {error!r}"))
        finally:
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(said)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    answer = pickle.loads(said)
    if isinstance(answer, BaseException):
        raise answer
    return answer


def dies_at(number: int, work) -> bool:
    """Run `work` in a process that gets SIGKILL right before its call number `number` to the system; False where it ends before."""
    child = os.fork()
    if child == 0:
        left = [number]

        def dying(call):
            def wrapped(*arguments, **options):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **options)

            return wrapped

        for name in CALLS:
            setattr(os, name, dying(getattr(os, name)))
        status = 1
        with contextlib.suppress(BaseException):
            work()
            status = 0
        os._exit(status)
    _child, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0, f"the process failed by itself at call {number}"
    return False


def as_nobody() -> None:
    """For `before`: give up the rights of root, for which no mode is closed."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


# --- disks ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def folder_of_nobody():
    """A folder for tests of modes, which mean nothing to root: it belongs to an account without rights."""
    if os.geteuid() != 0:
        pytest.skip("Modes are tried as another account, which only root can become. Mend: run the tests as root.")
    folder = Path(tempfile.mkdtemp(prefix="covenant-keystore-"))
    os.chown(folder, NOBODY, NOBODY)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def mounted(folder: Path, *options: str):
    """Mount on a folder; a test that needs it is skipped where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    tried = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"No disk could be mounted ({tried.stderr.strip()}). Mend: run the tests as root, with leave to mount.")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


@contextlib.contextmanager
def small_disk(folder: Path):
    with mounted(folder, "-t", "tmpfs", "-o", "size=128k,nr_inodes=64,mode=700", "tmpfs") as disk:
        yield disk


def fill(folder: Path) -> Path:
    """Use up all space and all names of a small disk; returns the folder of what fills it."""
    ballast = folder / ".ballast"
    ballast.mkdir()
    with contextlib.suppress(OSError), open(ballast / "bytes", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with contextlib.suppress(OSError):
        for number in itertools.count():
            (ballast / str(number)).touch()
    left = os.statvfs(folder)
    assert (left.f_bavail, left.f_favail) == (0, 0)
    return ballast
