"""SIGKILL of a real process before each single call to the system that making, completing, destroying and rotating make.

And many processes at once on one keystore, with and without a lock that works, while its master key is rotated.
"""

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.foundation.files import draft_name, write_once
from apps.foundation.keys import FileKeystore, KeyDestroyed, inspection, locking, rotation
from apps.foundation.keys.setting_up import set_up
from tests.foundation import keystores
from tests.foundation.keystores import DAY, ORGANIZATION, first, second

CHECKOUT = Path(__file__).resolve().parents[2]
MANY = [f"day/2026-{month:02}-{day:02}" for month in range(1, 9) for day in range(1, 26)]
OTHER = "day/2026-03-16"


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    """Some hundred keystores, so in memory where the machine lends some; what is flushed there is gone with the power only."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    place = Path(tempfile.mkdtemp(prefix="covenant-keystore-", dir="/dev/shm"))
    yield place
    shutil.rmtree(place)


def every_death(folder: Path, prepare, work) -> Iterator[FileKeystore]:
    """A keystore for each call at which `work` can die, in the state that its death left; at last the one where it lived."""
    prepare(keystores.new(folder / "sample"))
    for number in itertools.count(1):
        home = folder / str(number)
        shutil.copytree(folder / "sample", home)
        died = keystores.dies_at(number, lambda home=home: work(keystores.at(home)))
        yield keystores.at(home)
        shutil.rmtree(home)
        if not died:
            assert number > 10, "nothing was done that could have been killed"
            return


def home_of(store: FileKeystore) -> Path:
    return store.copies[0].folder.parent


def test_killed_while_making_a_secret_leaves_one_for_everybody_or_none_and_nothing_of_it_when_destroyed(folder):
    for store in every_death(folder, lambda store: store.ensure(ORGANIZATION), lambda store: store.ensure(DAY)):
        made = store.ensure(DAY)
        assert [keystores.at(home_of(store)).ensure(DAY), store.get(DAY)] == [made] * 2
        assert first(store).read_bytes() == second(store).read_bytes()
        store.destroy(DAY)
        assert store.was_destroyed(DAY)
        assert set(keystores.found_by_examiner(home_of(store))) == {f"one/{ORGANIZATION}", f"two/{ORGANIZATION}"}


@pytest.mark.parametrize("copy", [first, second])
@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: keystores.flip(path, 79)], ids=["missing", "damaged"])
def test_killed_while_completing_a_copy_loses_nothing(folder, copy, damage):
    kept = []

    def prepare(store):
        kept.append(store.ensure(DAY))
        damage(copy(store))

    for store in every_death(folder, prepare, lambda store: store.ensure(DAY)):
        assert [store.ensure(DAY)] == kept
        assert first(store).read_bytes() == second(store).read_bytes()
        store.destroy(DAY)
        assert keystores.found_by_examiner(home_of(store)) == {}


def test_killed_while_destroying_leaves_the_secret_whole_or_dead_and_the_next_one_ends_it(folder):
    kept = []

    def prepare(store):
        kept.append(store.ensure(DAY))
        for path in (first(store), second(store)):
            shutil.copy(path, draft_name(path))  # left by another that was killed

    states = set()
    for store in every_death(folder, prepare, lambda store: store.destroy(DAY)):
        if store.is_marked(DAY):
            states.add("dead")
            with pytest.raises(KeyDestroyed):
                store.ensure(DAY)
        else:
            states.add("whole")
            assert [store.get(DAY), store.ensure(DAY)] == kept * 2
        store.destroy(DAY)
        assert store.was_destroyed(DAY)
        assert keystores.found_by_examiner(home_of(store)) == {}
        assert keystores.files(store) == [f"one/{DAY}.destroyed", f"two/{DAY}.destroyed"]
    assert states == {"dead", "whole"}


@pytest.mark.slow
def test_killed_anywhere_in_a_rotation_every_secret_is_read_and_the_next_one_ends_it(folder):
    kept, old = {}, []

    def prepare(store):
        kept.update({name: store.ensure(name) for name in (DAY, ORGANIZATION)})
        kept[OTHER] = os.urandom(32)
        for copy in store.copies:
            write_once(copy.path(OTHER), keystores.plain(OTHER, kept[OTHER]))  # of an older installation
        store.destroy("day/2026-03-01")
        old.append(store.master.first.read_bytes()[4:36])

    shredded = set()
    for store in every_death(folder, prepare, lambda store: rotation.rotate(store, settle=0)):
        assert {name: store.get(name) for name in kept} == kept
        assert len(store.ensure("aside/COH-1")) == 32, "after the death of a rotation no secret can be made"
        shredded.update(rotation.rotate(store, settle=0).shredded)
        assert {name: keystores.at(home_of(store)).get(name) for name in kept} == kept
        assert store.was_destroyed("day/2026-03-01")
        report = inspection.inspect(store)
        assert (report.is_sound, len(report.wrapped_by), len(store.master.files())) == (True, 1, 1)
        left = [path for path in home_of(store).rglob("*") if path.is_file() and old[0] in path.read_bytes()]
        assert left == [], "the old master key lies about"
        assert not [path for copy in store.copies for path in copy.folder.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"CVK1"]
    assert shredded == {"master-1.key", "master-2.key"}  # the second where the first run had ended but for its answer


def test_a_rotation_killed_right_after_it_wrote_a_file_never_brings_back_what_was_certified_as_destroyed(tmp_path, monkeypatch):
    keystores.new(tmp_path).ensure(DAY)
    put, said = rotation.put, tmp_path / "said"

    def destroyed_meanwhile():
        store = keystores.at(tmp_path)
        monkeypatch.setattr(store, "patience", 0.05)
        store.destroy(DAY)

    def putting(*about):
        try:
            keystores.in_process(destroyed_meanwhile)
            said.write_text("destroyed")
        except AssertionError as refused:
            said.write_text(str(refused))
        put(*about)
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(rotation, "put", putting)
    assert keystores.dies_at(10**9, lambda: rotation.rotate(keystores.at(tmp_path), settle=0))
    store = keystores.at(tmp_path)
    assert "KeystoreBusy" in said.read_text(), "it was called destroyed while a rotation had its secret in hand"
    assert not store.was_destroyed(DAY)
    with pytest.raises(KeyDestroyed):
        store.get(DAY)
    store.destroy(DAY)
    assert (store.was_destroyed(DAY), keystores.found_by_examiner(tmp_path)) == (True, {})


# --- many at once -----------------------------------------------------------------------------------------------------------


def made_by(home: Path, names: list[str]) -> dict[str, bytes]:
    store = keystores.at(home)
    return {name: store.ensure(name) for name in names}


def at_once(*works) -> list:
    """The answers of processes that run at the same time."""
    pipes = []
    for work in works:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.write(writer, b"".join(secret for _name, secret in sorted(work().items())))
                status = 0
            finally:
                os._exit(status)
        os.close(writer)
        pipes.append((child, reader))
    answers = []
    for child, reader in pipes:
        with os.fdopen(reader, "rb") as pipe:
            answers.append(pipe.read())
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return answers


def shuffled(seed: int) -> list[str]:
    return random.Random(seed).sample(MANY, len(MANY))


@pytest.mark.slow
@pytest.mark.parametrize("works", [True, False], ids=["lock", "no lock"])
def test_two_hosts_that_make_the_same_200_secrets_at_once_have_the_same(folder, monkeypatch, works):
    keystores.new(folder)
    if not works:  # as on a volume whose server grants every lock
        monkeypatch.setattr(locking.fcntl, "flock", lambda *_: None)
    answers = at_once(*(lambda seed=seed: made_by(folder, MANY if seed % 2 else shuffled(seed)) for seed in range(3)))
    store = keystores.at(folder)
    assert len(answers[0]) == 32 * 200
    assert answers == [b"".join(store.get(name) for name in sorted(MANY))] * 3
    assert inspection.inspect(store).is_sound
    assert len(keystores.files(store)) == 400


@pytest.mark.slow
def test_secrets_are_made_and_read_while_the_master_key_is_rotated_again_and_again(folder):
    keystores.new(folder)
    kept = made_by(folder, MANY[:100])

    def rotating():
        for _ in range(3):
            rotation.rotate(keystores.at(folder), settle=0)
        return {}

    def reading():
        store, until = keystores.at(folder), time.monotonic() + 3
        while time.monotonic() < until:
            assert {name: store.get(name) for name in kept} == kept
        return kept

    answers = at_once(rotating, reading, lambda: made_by(folder, MANY), lambda: made_by(folder, shuffled(7)))
    store = keystores.at(folder)
    assert answers[2] == answers[3] == b"".join(store.get(name) for name in sorted(MANY))
    assert {name: store.get(name) for name in kept} == kept
    report = inspection.inspect(store)
    assert (report.secrets, report.problems, list(report.wrapped_by.values())) == (200, [], [200])


@pytest.mark.slow
def test_who_makes_and_who_destroys_the_same_secrets_at_once_end_with_all_of_them_destroyed(folder):
    keystores.new(folder)
    names = MANY[:60]

    def making():
        store = keystores.at(folder)
        for name in names * 3:
            try:
                store.ensure(name)
            except KeyDestroyed:
                continue
        return {}

    def destroying():
        store = keystores.at(folder)
        for name in names:
            store.destroy(name)
            assert store.was_destroyed(name)
        return {}

    at_once(making, destroying, making, lambda: rotation.rotate(keystores.at(folder), settle=0) and {})
    store = keystores.at(folder)
    assert [store.was_destroyed(name) for name in names] == [True] * 60
    assert keystores.found_by_examiner(folder) == {}


@pytest.mark.slow
def test_the_real_command_killed_again_and_again_ends_by_itself(settings, folder):
    """`manage.py rotate_master_key` on real files, killed at random moments, with its settings read as in production."""
    settings.COVENANT_HOME = folder
    store = FileKeystore((folder / "keystore", folder / "keystore-second"), folder / "master" / "master-1.key")
    set_up(store, new=True)
    kept = {name: store.ensure(name) for name in MANY}
    command = [sys.executable, "manage.py", "rotate_master_key", "--settle", "0"]
    environment = os.environ | {"COVENANT_HOME": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings"}
    chance = random.Random(26)
    for _death in range(3):
        running = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True)
        assert "rewrapped: 50 of" in running.stdout.readline()
        time.sleep(chance.random() / 20)
        running.kill()
        running.communicate()
        assert running.returncode == -signal.SIGKILL
        assert {name: store.get(name) for name in MANY} == kept
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    assert "shredded" in done.stdout
    assert not any(secret.hex() in done.stdout for secret in kept.values())
    assert {name: store.get(name) for name in MANY} == kept
    assert inspection.inspect(store).is_sound
