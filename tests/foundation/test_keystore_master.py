"""The master key that wraps every secret: begun once, looked for before anything is made, changed while the house is open."""

import os
import shutil
import stat

import pytest

from apps.foundation.files import write_once
from apps.foundation.keys import FileKeystore, KeyDestroyed, inspection, rotation
from apps.foundation.keys.refusals import (
    CopyOutOfReach,
    KeystoreLost,
    KeystoreMisplaced,
    MasterKeyDamaged,
    MasterKeyMissing,
    MasterKeyNotMade,
    MasterKeyUnsafe,
    MasterKeyWrong,
    RotationRuns,
    RotationUnfinished,
)
from apps.foundation.keys.setting_up import set_up
from tests.foundation import keystores
from tests.foundation.keystores import DAY, ORGANIZATION, first, second

OTHER = "day/2026-03-16"


@pytest.fixture
def store(tmp_path):
    return keystores.new(tmp_path)


@pytest.fixture
def master(store):
    return store.master.first


def rotate(store, **options):
    return rotation.rotate(store, settle=0, **options)


def master_files(home) -> list[str]:
    return sorted(path.name for path in (home / "master").iterdir())


# --- begun once -----------------------------------------------------------------------------------------------------------


def test_a_new_keystore_has_its_master_key_once_and_apart(tmp_path):
    store = keystores.at(tmp_path)
    made = set_up(store, new=True)
    assert [line.split(":")[0] for line in made] == [f"master key {tmp_path}/master/master-1.key", f"keystore in {tmp_path}/one and {tmp_path}/two"]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [set_up(keystores.at(tmp_path), new=new) for new in (True, False)] == [[], []]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert stat.S_IMODE((tmp_path / "master" / "master-1.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "master").stat().st_mode) == 0o700
    assert inspection.inspect(store).is_sound


def test_two_hosts_that_begin_at_once_begin_the_same_keystore(tmp_path):
    keystores.in_process(lambda: set_up(keystores.at(tmp_path), new=True))
    assert set_up(keystores.at(tmp_path), new=True) == []
    assert master_files(tmp_path) == ["master-1.key"]


def test_a_beginning_that_was_killed_is_gone_on_with(tmp_path):
    number = 1
    while True:
        home = tmp_path / str(number)
        home.mkdir()
        died = keystores.dies_at(number, lambda home=home: set_up(keystores.at(home), new=True))
        store = keystores.new(home)
        assert len(store.ensure(DAY)) == 32
        assert master_files(home)[-1:] == ["master-1.key"]
        if not died:
            break
        number += 1
    assert number > 20


def test_no_master_key_is_made_over_a_lost_one(store, master, tmp_path):
    store.ensure(DAY)
    kept = tmp_path / "kept"
    master.rename(kept)
    for new in (True, False):
        with pytest.raises(MasterKeyMissing):
            set_up(store, new=new)
    assert master_files(tmp_path) == []
    kept.rename(master)
    assert set_up(store, new=False) == []


def test_no_keystore_is_begun_for_a_database_that_had_one(tmp_path):
    with pytest.raises(KeystoreLost, match="database has messages"):
        set_up(keystores.at(tmp_path), new=False)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_is_not_mounted_is_not_begun_anew(store):
    store.ensure(DAY)
    shutil.rmtree(store.copies[1].folder)
    store.copies[1].folder.mkdir()
    with pytest.raises(CopyOutOfReach):
        set_up(store, new=False)
    assert list(store.copies[1].folder.iterdir()) == []


@pytest.mark.parametrize(
    ("one", "two", "master"),
    [
        ("a", "a", "m/key"), ("a", "a/b", "m/key"), ("a/b", "a", "m/key"), ("a", "b", "a/key"), ("a", "b", "b/c/key"), ("a", "link", "m/key"),
    ],
)  # fmt: skip
def test_the_three_places_must_be_three(tmp_path, one, two, master):
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(KeystoreMisplaced):
        set_up(FileKeystore((tmp_path / one, tmp_path / two), tmp_path / master), new=True)
    assert list((tmp_path / "a").iterdir()) == []


def test_the_secrets_of_an_older_installation_are_wrapped_and_copied(tmp_path):
    folder, clear = tmp_path / "one" / "day", os.urandom(32)
    os.umask(os.umask(0o022))
    (tmp_path / "one").mkdir(mode=0o755)
    write_once(folder / "2026-03-15", keystores.plain(DAY, clear))
    write_once(folder / "2026-03-14.destroyed", b"")
    witness = tmp_path / "witness"
    witness.hardlink_to(folder / "2026-03-15")
    store = keystores.at(tmp_path)
    assert store.get(DAY) == clear, "an older file is not read before the installation is brought up to date"
    assert any("1 secrets of an older installation" in line for line in set_up(store, new=False))
    assert (store.get(DAY), store.was_destroyed("day/2026-03-14")) == (clear, True)
    assert first(store).read_bytes() == second(store).read_bytes()
    assert first(store).read_bytes()[:4] == b"CVK2"
    assert witness.read_bytes() == b"", "the secret in clear was not overwritten"
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o700


# --- missing, damaged, unsafe, wrong ----------------------------------------------------------------------------------------


def missing(path):
    path.unlink()


def damaged(path):
    keystores.flip(path, 20)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:30])


def open_to_others(path):
    path.chmod(0o640)


def replaced(path):
    path.unlink()
    keystores.new(path.parents[1] / "elsewhere").master.first.rename(path)


@pytest.mark.parametrize(
    ("trouble", "refusal"),
    [
        (missing, MasterKeyMissing), (damaged, MasterKeyDamaged), (cut_short, MasterKeyDamaged), (open_to_others, MasterKeyUnsafe),
        (replaced, MasterKeyWrong),
    ],
)  # fmt: skip
def test_trouble_with_the_master_key_is_named_nothing_is_overwritten_and_secrets_can_be_destroyed(store, master, tmp_path, trouble, refusal):
    secret, kept = store.ensure(DAY), tmp_path / "kept"
    store.ensure(ORGANIZATION)
    shutil.copy(master, kept)
    trouble(master)
    before = {path: path.read_bytes() for copy in store.copies for path in copy.folder.rglob("*") if path.is_file()}
    for ask in (lambda: store.get(DAY), lambda: store.ensure(DAY), lambda: store.ensure(OTHER), lambda: rotate(store)):
        with pytest.raises(refusal) as told:
            ask()
        assert str(master.parent) not in str(told.value), "the place of the master key is told to everybody"
    assert {path: path.read_bytes() for copy in store.copies for path in copy.folder.rglob("*") if path.is_file()} == before
    assert refusal.code in [problem["code"] for problem in inspection.inspect(store).problems]
    store.destroy(ORGANIZATION)
    assert store.was_destroyed(ORGANIZATION)
    master.unlink(missing_ok=True)
    shutil.copy(kept, master)
    assert (store.get(DAY), len(store.ensure(OTHER))) == (secret, 32)


def test_a_wrong_master_key_never_wraps_a_new_secret_beside_the_others(store, master):
    replaced(master)
    with pytest.raises(MasterKeyWrong):
        store.ensure(DAY)
    assert keystores.files(store) == []


# --- rotation -------------------------------------------------------------------------------------------------------------


def test_a_rotation_wraps_everything_anew_and_shreds_the_old_master_key(store, master, tmp_path):
    names = [DAY, OTHER, ORGANIZATION]
    kept = {name: store.ensure(name) for name in names}
    store.destroy("day/2026-03-01")
    shutil.copytree(tmp_path, tmp_path.parent / "backup")
    witness, told = tmp_path / "witness", []
    witness.hardlink_to(master)
    done = rotate(store, progress=lambda *said: told.append(said))
    assert (done.rewrapped, done.shredded) == (3, ("master-1.key",))
    assert told == [("rewrapped", number, 3) for number in (1, 2, 3)]
    assert {name: keystores.at(tmp_path).get(name) for name in names} == kept
    assert master_files(tmp_path) == ["master-2.key"]
    assert witness.read_bytes() == b""
    assert inspection.inspect(store).wrapped_by == {done.key: 3}
    with pytest.raises(KeyDestroyed):
        store.ensure("day/2026-03-01")
    for copy in ("one", "two"):  # an old backup of the keystore without the old master key opens with nothing
        shutil.copytree(tmp_path.parent / "backup" / copy, tmp_path / f"old-{copy}")
    assert {path.split("/")[0] for path in keystores.found_by_examiner(tmp_path)} == {"one", "two"}


def test_the_old_bytes_of_every_file_are_overwritten_by_a_rotation(store, tmp_path):
    store.ensure(DAY)
    witnesses = []
    for path in (first(store), second(store)):
        witnesses.append(tmp_path / f"witness-{path.parents[1].name}")
        witnesses[-1].hardlink_to(path)
    rotate(store)
    assert [path.read_bytes() for path in witnesses] == [b"", b""]


def test_one_rotation_follows_another_and_the_setting_stays(store, tmp_path):
    secret = store.ensure(DAY)
    assert [rotate(store).shredded for _ in range(3)] == [("master-1.key",), ("master-2.key",), ("master-3.key",)]
    assert master_files(tmp_path) == ["master-4.key"]
    assert keystores.at(tmp_path).get(DAY) == secret
    assert len(keystores.at(tmp_path).ensure(OTHER)) == 32


def test_a_master_key_without_a_number_is_followed_by_numbered_ones(tmp_path):
    store = FileKeystore((tmp_path / "one", tmp_path / "two"), tmp_path / "master" / "wrapping.key")
    set_up(store, new=True)
    secret = store.ensure(DAY)
    rotate(store)
    assert (master_files(tmp_path), store.get(DAY)) == (["wrapping-2.key"], secret)


def test_secrets_in_clear_of_an_older_installation_are_wrapped_by_a_rotation(store, tmp_path):
    clear = os.urandom(32)
    for copy in store.copies:
        write_once(copy.path(DAY), keystores.plain(DAY, clear))
    assert store.get(DAY) == clear
    assert "keys_in_clear" in [problem["code"] for problem in inspection.inspect(store).problems]
    rotate(store)
    assert (store.get(DAY), first(store).read_bytes()[:4], inspection.inspect(store).is_sound) == (clear, b"CVK2", True)


def test_a_rotation_takes_what_killed_processes_left(store, tmp_path):
    store.ensure(DAY)
    shutil.copy(first(store), first(store).parent / f".{first(store).name}.0123456789ab")
    rotate(store)
    assert keystores.files(store) == [f"one/{DAY}", f"two/{DAY}"]


def test_a_rotation_completes_a_copy_that_lacks_a_secret_or_has_it_damaged(store):
    kept = {name: store.ensure(name) for name in (DAY, OTHER)}
    first(store).unlink()
    keystores.flip(second(store, OTHER), 50)
    rotate(store)
    assert inspection.inspect(store).is_sound
    assert {name: store.get(name) for name in kept} == kept


def test_what_can_not_be_rewrapped_is_named_keeps_the_old_master_key_and_stops_nobody_else(store, tmp_path):
    kept = store.ensure(DAY)
    store.ensure(OTHER)
    keystores.flip(first(store, OTHER), 50)
    keystores.flip(second(store, OTHER), 50)
    with pytest.raises(RotationUnfinished, match=rf"1 of 2 secrets could not be rewrapped: {OTHER} \(key_damaged\)"):
        rotate(store)
    assert master_files(tmp_path) == ["master-1.key", "master-2.key"]
    assert "rotation_open" in [problem["code"] for problem in inspection.inspect(store).problems]
    assert store.get(DAY) == kept
    store.destroy(OTHER)
    assert rotate(store).shredded == ("master-1.key",)
    assert (master_files(tmp_path), store.get(DAY)) == (["master-2.key"], kept)


def test_a_rotation_needs_both_copies_and_room_for_the_new_key(store, tmp_path):
    store.ensure(DAY)
    shutil.move(store.copies[1].folder, tmp_path / "away")
    with pytest.raises(CopyOutOfReach):
        rotate(store)
    shutil.move(tmp_path / "away", store.copies[1].folder)
    with keystores.small_disk(tmp_path / "small") as disk:
        cramped = FileKeystore((tmp_path / "three", tmp_path / "four"), disk / "master-1.key")
        set_up(cramped, new=True)
        keystores.fill(disk)
        with pytest.raises(MasterKeyNotMade, match="no space"):
            rotate(cramped)
    assert master_files(tmp_path) == ["master-1.key"]


def test_a_full_disk_stops_a_rotation_which_goes_on_when_there_is_room(tmp_path):
    with keystores.small_disk(tmp_path / "two") as disk:
        store = keystores.new(tmp_path)
        kept = {name: store.ensure(name) for name in (DAY, OTHER)}
        with store.locked():  # begun, and then the disk fills
            rotation.name_in_labels(store, store.master.make_next())
        ballast = keystores.fill(disk)
        with pytest.raises(RotationUnfinished, match="key_not_made"):
            rotate(store)
        assert master_files(tmp_path) == ["master-1.key", "master-2.key"]
        assert {name: store.get(name) for name in kept} == kept
        shutil.rmtree(ballast)
        assert rotate(store).shredded == ("master-1.key",)
        assert {name: store.get(name) for name in kept} == kept
        assert inspection.inspect(store).is_sound


def test_two_rotations_at_once_are_one(store):
    store.ensure(DAY)
    met = []

    def meanwhile(*_said):
        with pytest.raises(RotationRuns) as told:
            rotate(keystores.at(store.master.first.parents[1]))
        met.append(told.value.code)

    rotate(store, progress=meanwhile)
    assert met == ["rotation_runs"]


def test_a_secret_destroyed_during_a_rotation_stays_destroyed(store, tmp_path):
    for name in (DAY, OTHER):
        store.ensure(name)

    def meanwhile(_what, done, _of):
        if done == 1:
            keystores.at(tmp_path).destroy(DAY)
            keystores.at(tmp_path).destroy(OTHER)

    rotate(store, progress=meanwhile)
    assert (store.was_destroyed(DAY), store.was_destroyed(OTHER), keystores.found_by_examiner(tmp_path)) == (True, True, {})


def test_a_secret_made_with_the_old_key_at_the_last_moment_is_found_before_that_goes(store, tmp_path, monkeypatch):
    """A host whose view of the folders is old still wraps by the key that was in use."""
    store.ensure(DAY)
    old = store.master_in_use()
    late = keystores.at(tmp_path)
    monkeypatch.setattr(late, "master_in_use", lambda: old)
    made = []

    def meanwhile(_what, done, of):
        if done == of and not made:
            made.append(late.ensure(OTHER))

    assert rotate(store, progress=meanwhile).rewrapped == 2
    assert keystores.at(tmp_path).get(OTHER) == made[0]
    assert inspection.inspect(store).is_sound


def test_one_made_with_the_old_key_after_the_last_look_is_found_under_the_lock(store, tmp_path, monkeypatch):
    store.ensure(DAY)
    old, late, made, look = store.master_in_use(), keystores.at(tmp_path), [], rotation._not_under
    monkeypatch.setattr(late, "master_in_use", lambda: old)

    def looking(*about):
        names = look(*about)
        if not names and not made:
            made.append(late.ensure(OTHER))
        return names

    monkeypatch.setattr(rotation, "_not_under", looking)
    assert rotate(store).rewrapped == 2
    assert keystores.at(tmp_path).get(OTHER) == made[0]
    assert inspection.inspect(store).is_sound


def test_the_pause_for_other_hosts_is_as_long_as_asked_for(store, monkeypatch):
    store.ensure(DAY)
    slept, told = [], []
    monkeypatch.setattr(rotation.time, "sleep", slept.append)
    rotation.rotate(store, progress=lambda *said: told.append(said))
    assert sum(slept) >= rotation.SETTLE_SECONDS == 120
    assert sum(what.startswith("waiting") for what, _done, _of in told) == 120


def test_labels_that_name_a_key_that_is_gone_are_mended_from_the_one_that_knows(store, tmp_path):
    """One copy's folder was restored from before a rotation, and with it its label."""
    secret = store.ensure(DAY)
    shutil.copytree(tmp_path / "one", tmp_path / "backup")
    rotate(store)
    shutil.rmtree(tmp_path / "one")
    shutil.move(tmp_path / "backup", tmp_path / "one")
    assert "key_labels_differ" in [problem["code"] for problem in inspection.inspect(store).problems]
    with pytest.raises(MasterKeyWrong):
        store.ensure(OTHER)
    assert store.get(DAY) == secret
    inspection.mend(store)
    assert len(store.ensure(OTHER)) == 32
