"""A folder of ours: modes, links that lead elsewhere, full disks, and processes that are killed in the middle."""

import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from apps.gate.client.troubles import PeerDown, PeerFull, PeerRefuses, PeerSettingsUnfit, PeerTrouble, PeerUnsafe
from apps.gate.client.wire import BLOCK
from apps.retention.archives.places.troubles import NameTaken, NotThere
from tests.retention.places.peers import NAME, LocalPeer, later, now, part, put

CONTENT = part()
CHECKOUT = Path(__file__).resolve().parents[3]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_we_may_enter_whatever_the_umask_is(local: LocalPeer):
    before = os.umask(0)
    try:
        put(local.place(), CONTENT)
    finally:
        os.umask(before)

    path = local.folder / NAME
    assert mode(path) == 0o600
    assert [mode(folder) for folder in list(path.parents)[: NAME.count("/") + 1]] == [0o700] * 4
    assert path.stat().st_nlink == 1


@pytest.mark.parametrize("open_to", [0o750, 0o705, 0o701, 0o770, 0o777])
def test_a_folder_that_others_may_enter_is_unsafe(local: LocalPeer, open_to: int):
    local.folder.chmod(open_to)

    for act in (lambda: put(local.place(), CONTENT), lambda: local.place().holds(NAME), lambda: local.place().try_out(at=now())):
        with pytest.raises(PeerUnsafe) as caught:
            act()
        assert "0700" in caught.value.mend
    assert local.everything() == []


def test_a_folder_that_is_missing_is_not_made_by_a_put_because_its_volume_may_not_be_mounted(local: LocalPeer):
    local.folder.rmdir()

    for act in (lambda: put(local.place(), CONTENT), lambda: local.place().holds(NAME), lambda: local.place().fetch(NAME)):
        with pytest.raises(PeerDown) as caught:
            act()
        assert "Mount" in caught.value.mend
    assert not local.folder.exists()


def test_the_trial_makes_the_folder(local: LocalPeer):
    local.folder.rmdir()

    local.place().try_out(at=now())

    assert mode(local.folder) == 0o700
    assert list(local.folder.iterdir()) == []


@pytest.mark.parametrize("folder", ["archives", "./archives", "/var/../etc", ""])
def test_a_folder_that_is_no_path_from_the_root_is_refused(local: LocalPeer, folder: str):
    with pytest.raises(PeerSettingsUnfit):
        local.place(folder=folder)


@pytest.mark.parametrize("level", range(4))
def test_a_link_at_any_level_leads_nowhere(local: LocalPeer, tmp_path: Path, level: int):
    elsewhere = tmp_path / "elsewhere"
    rest = Path(*NAME.split("/")[level:-1]) if level < 3 else Path()
    (elsewhere / rest).mkdir(parents=True, mode=0o700)
    (elsewhere / rest / NAME.split("/")[-1]).write_bytes(b"precious")
    inside = local.folder.joinpath(*NAME.split("/")[:level])
    if level:
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.symlink_to(elsewhere)
    else:
        local.folder.rmdir()
        local.folder.symlink_to(elsewhere)
    receipt = put(LocalPeer(tmp_path / "other").place(), CONTENT)
    place = local.place()

    for act in (
        lambda: put(place, CONTENT),
        lambda: place.holds(NAME),
        lambda: place.fetch(NAME),
        lambda: place.prove(NAME, receipt),
        lambda: place.remove(NAME, receipt, at=later()),
    ):
        with pytest.raises(PeerUnsafe):
            act()
    assert (elsewhere / rest / NAME.split("/")[-1]).read_bytes() == b"precious"
    assert sum(len(files) for _folder, _folders, files in os.walk(elsewhere)) == 1


def test_a_link_under_the_name_itself_is_neither_read_nor_written_through(local: LocalPeer, tmp_path: Path):
    precious = tmp_path / "precious"
    precious.write_bytes(CONTENT)
    path = local.folder / NAME
    path.parent.mkdir(parents=True, mode=0o700)
    path.symlink_to(precious)
    place = local.place()

    for act in (lambda: put(place, CONTENT), lambda: place.holds(NAME), lambda: place.fetch(NAME), lambda: place.fetch(NAME, size=5)):
        with pytest.raises(PeerUnsafe):
            act()
    assert precious.read_bytes() == CONTENT
    assert path.is_symlink()


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket"])
def test_what_is_no_file_is_unsafe_and_holds_nobody_up(local: LocalPeer, kind: str):
    path = local.folder / NAME
    path.parent.mkdir(parents=True, mode=0o700)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        os.mknod(path, 0o600 | stat.S_IFSOCK)
    place, begun = local.place(), time.monotonic()

    for act in (lambda: put(place, CONTENT), lambda: place.holds(NAME), lambda: place.fetch(NAME, size=5)):
        with pytest.raises((PeerUnsafe, PeerDown)):
            act()
    assert time.monotonic() - begun < 5


def test_a_full_disk_is_full_and_nothing_is_left(local: LocalPeer, small_disk: Path):
    place = local.place(folder=str(small_disk))

    with pytest.raises(PeerFull):
        put(place, part(5 * BLOCK))

    assert [path for path in small_disk.rglob("*") if path.is_file()] == []
    place.prove(NAME, put(place, CONTENT))
    with pytest.raises(PeerFull):
        put(place, part(2 * BLOCK), "other")
    assert sum(1 for path in small_disk.rglob("*") if path.is_file()) == 1


def test_a_limit_on_the_size_of_files_is_a_full_place(local: LocalPeer):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCK, before[1]))
        with pytest.raises(PeerFull):
            put(local.place(), part(3 * BLOCK))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert local.everything() == []
    put(local.place(), part(3 * BLOCK))


def test_a_disk_that_may_only_be_read_refuses(local: LocalPeer, small_disk: Path):
    receipt = put(local.place(folder=str(small_disk)), CONTENT)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    place = local.place(folder=str(small_disk))

    with pytest.raises(PeerRefuses):
        put(place, CONTENT, "other")
    with pytest.raises(PeerRefuses):
        place.remove(NAME, receipt, at=later())
    place.prove(NAME, receipt)


KILLED = """
import io, os, sys
import django
from pathlib import Path
django.setup()
from apps.gate.client.addresses import Guard
from apps.retention.archives.places.local import LocalPlace

class Dying(io.RawIOBase):
    given = 0
    def read(self, size=-1):
        if self.given >= 3 * (1 << 20):
            os.kill(os.getpid(), 9)
        self.given += size
        return bytes(size)

LocalPlace({"folder": sys.argv[1]}, {}, country="US", guard=Guard()).put(sys.argv[2], Dying(), size=10 << 20, sha256="0" * 64)
"""


def test_a_put_that_is_killed_leaves_no_object_and_the_next_one_sweeps_its_draft(local: LocalPeer):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(local.folder), NAME],
        cwd=CHECKOUT, env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}, check=False,
    )  # fmt: skip

    assert killed.returncode == -signal.SIGKILL
    assert local.stored() is None
    assert not local.place().holds(NAME)
    (draft,) = local.everything()
    assert draft.endswith(".part")

    place = local.place()
    place.prove(NAME, put(place, CONTENT))

    assert local.everything() == [NAME]


def test_drafts_of_other_objects_are_left_alone(local: LocalPeer):
    folder, last = NAME.rsplit("/", 1)
    foreign = [f"{folder}/.{last}.sig.0123456789ab.part", f"{folder}/.{last}.x.part", f"{folder}/{last}.0123456789ab.part"]
    for name in foreign:
        local.tamper(name, b"x")
    for path in local.folder.rglob("*"):
        path.chmod(0o700)

    put(local.place(), CONTENT)

    assert local.everything() == sorted([NAME, *foreign])


def test_reading_back_does_not_come_from_memory_alone(local: LocalPeer, monkeypatch):
    advised = []
    original = os.posix_fadvise
    monkeypatch.setattr(os, "posix_fadvise", lambda *advice: advised.append(advice[3]) or original(*advice))
    place = local.place()

    place.prove(NAME, put(place, CONTENT))

    assert advised == [os.POSIX_FADV_DONTNEED]


def test_everything_is_on_disk_before_it_is_confirmed(local: LocalPeer, monkeypatch):
    """The order in which things reach the disk: the bytes, then the name; each new folder with the one above."""
    seen = []
    sync, link, make = os.fsync, os.link, os.mkdir
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file") or sync(handle))
    monkeypatch.setattr(os, "link", lambda *names, **options: seen.append("name") or link(*names, **options))
    monkeypatch.setattr(os, "mkdir", lambda *names, **options: seen.append("new folder") or make(*names, **options))

    put(local.place(), CONTENT)

    assert seen == ["new folder", "folder"] * 3 + ["file", "name", "folder"]


def test_folders_go_with_their_last_object_and_stay_while_there_is_another(local: LocalPeer):
    place = local.place()
    first, second = put(place, CONTENT), put(place, CONTENT, NAME.replace("00001", "00002"))
    other = put(place, CONTENT, "ORG-7F3K2/2026-03-16/ARC-AAAAA/part-00001")

    place.remove(first.name, first, at=later())
    assert place.holds(second.name)
    place.remove(second.name, second, at=later())
    assert sorted(path.name for path in (local.folder / "ORG-7F3K2").iterdir()) == ["2026-03-16"]
    place.remove(other.name, other, at=later())

    assert list(local.folder.iterdir()) == []


def test_puts_and_removals_at_once_never_leave_half_an_object(local: LocalPeer):
    """Folders come and go under the feet of the others; whoever trips may try again."""
    troubles, ends = [], time.monotonic() + 2

    def work(number: int) -> None:
        name, place = f"ORG-7F3K2/2026-03-15/ARC-{number}/part-00001", local.place()
        while time.monotonic() < ends:
            try:
                receipt = put(place, CONTENT, name)
                place.prove(name, receipt)
                place.remove(name, receipt, at=later())
            except PeerTrouble as trouble:
                troubles.append(trouble)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [trouble for trouble in troubles if not trouble.retryable] == []
    assert {type(trouble) for trouble in troubles} <= {PeerDown}


def test_something_else_under_the_name_is_seen_without_reading_it_all(local: LocalPeer):
    path = local.folder / NAME
    path.parent.mkdir(parents=True, mode=0o700)
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of nothing

    begun = time.monotonic()
    with pytest.raises(NameTaken):
        put(local.place(), CONTENT)
    assert time.monotonic() - begun < 5


def test_nothing_lies_under_a_folders_name_or_a_name_below_a_file(local: LocalPeer):
    place = local.place()
    put(place, CONTENT)

    with pytest.raises(PeerUnsafe):
        place.holds("ORG-7F3K2/2026-03-15")
    with pytest.raises(PeerUnsafe):
        place.holds(f"{NAME}/below")
    with pytest.raises(NotThere):
        place.fetch("ORG-7F3K2/2026-03-15/other")
