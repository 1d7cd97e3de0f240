"""Two copies of every secret: what one lacks the other gives, what differs is refused by its name, what was destroyed stays so.

Real damage to real files, real full disks and real mounts where root allows. After each, nothing is overwritten, and the secret
can be destroyed.
"""

import os
import shutil

import pytest

from apps.foundation import files
from apps.foundation.keys import (
    FileKeystore,
    KeyCopyLeft,
    KeyDamaged,
    KeyDestroyed,
    KeyMissing,
    KeyNotMade,
    KeyUnsafe,
    file_store,
    inspection,
    wrapping,
)
from apps.foundation.keys.refusals import CopyForeign, CopyOutOfReach, KeyCopiesDiffer, KeystoreBusy, KeystoreNotSetUp, KeyWrong
from apps.foundation.keys.setting_up import set_up
from tests.foundation import keystores
from tests.foundation.keystores import DAY, ORGANIZATION, first, second

OTHER = "day/2026-03-16"


@pytest.fixture
def store(tmp_path):
    return keystores.new(tmp_path)


def contents(store) -> dict:
    return {path: path.read_bytes() for copy in store.copies for path in copy.folder.rglob("*") if path.is_file()}


def destroyed_everywhere(store, home) -> bool:
    return store.was_destroyed(DAY) and not keystores.found_by_examiner(home) and not any(copy.has(DAY) for copy in store.copies)


# --- missing or damaged in one --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copy", [first, second])
@pytest.mark.parametrize("verb", ["get", "ensure"])
def test_a_secret_missing_in_one_copy_is_read_from_the_other_and_completed(store, copy, verb):
    secret = store.ensure(DAY)
    copy(store).unlink()
    assert getattr(store, verb)(DAY) == secret
    if (verb, copy) != ("get", second):  # who only reads does not look at the second as long as the first is sound
        assert copy(store).read_bytes() == (second if copy is first else first)(store).read_bytes()
    assert store.exists(DAY)


@pytest.mark.parametrize("position", [0, 3, 8, 15, 30, 60, 79])
@pytest.mark.parametrize("copy", [first, second])
def test_a_flipped_byte_anywhere_is_seen_and_healed_from_the_other_copy(store, copy, position, tmp_path):
    secret = store.ensure(DAY)
    whole = copy(store).read_bytes()
    keystores.flip(copy(store), position)
    assert [seen.problem and seen.problem.code for seen in store.look(DAY)] == (
        ["key_damaged", None] if copy is first else [None, "key_damaged"]
    )
    assert store.ensure(DAY) == secret
    assert copy(store).read_bytes() == whole
    assert keystores.files(store) == [f"one/{DAY}", f"two/{DAY}"], "the damaged bytes are left about"


@pytest.mark.parametrize("length", [0, 10, 79, 81, 400])
def test_a_file_cut_short_or_too_long_is_healed_as_well(store, length):
    secret = store.ensure(DAY)
    whole = first(store).read_bytes()
    first(store).write_bytes((whole * 6)[:length])
    assert (store.get(DAY), first(store).read_bytes()) == (secret, whole)


def test_what_is_healed_was_overwritten_before_it_was_let_go(store, tmp_path):
    store.ensure(DAY)
    keystores.flip(first(store), 79)  # in the checksum: the secret itself is all there
    witness = tmp_path / "witness"
    witness.hardlink_to(first(store))
    store.get(DAY)
    assert witness.read_bytes() == b""


@pytest.mark.parametrize("damage", [lambda path: keystores.flip(path, 40), lambda path: path.unlink()])
def test_damaged_or_missing_in_both_is_refused_nothing_is_overwritten_and_it_can_be_destroyed(store, damage, tmp_path):
    store.ensure(DAY)
    keystores.flip(first(store), 40)
    damage(second(store))
    before = contents(store)
    for verb in (store.get, store.ensure):
        with pytest.raises(KeyDamaged) as told:
            verb(DAY)
        assert "Restore" in told.value.mend
    assert contents(store) == before
    store.destroy(DAY)
    assert destroyed_everywhere(store, tmp_path)


def test_missing_in_both_is_missing_and_can_be_destroyed(store, tmp_path):
    store.ensure(DAY)
    first(store).unlink()
    second(store).unlink()
    with pytest.raises(KeyMissing):
        store.get(DAY)
    store.destroy(DAY)
    assert destroyed_everywhere(store, tmp_path)


# --- what may not be healed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copy", [first, second])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_secret_that_others_can_read_is_refused_and_can_be_destroyed(store, copy, mode, tmp_path):
    secret = store.ensure(DAY)
    copy(store).chmod(mode)
    before = contents(store)
    with pytest.raises(KeyUnsafe, match=f"mode {mode:o}") as told:
        store.ensure(DAY)
    assert "chmod 600" in told.value.mend
    assert contents(store) == before
    copy(store).chmod(0o600)
    assert store.get(DAY) == secret
    copy(store).chmod(mode)
    store.destroy(DAY)
    assert destroyed_everywhere(store, tmp_path)


@pytest.mark.parametrize("copy", [first, second])
def test_the_sound_file_of_another_secret_is_refused_and_never_overwritten(store, copy, tmp_path):
    secret, other = store.ensure(DAY), store.ensure(OTHER)
    moved = copy(store, OTHER).read_bytes()
    copy(store).write_bytes(moved)
    with pytest.raises(KeyWrong) as told:
        store.ensure(DAY)
    assert "Nothing was overwritten" in told.value.mend
    assert copy(store).read_bytes() == moved
    copy(store).unlink()
    assert (store.ensure(DAY), store.get(OTHER)) == (secret, other)
    copy(store).write_bytes(moved)
    store.destroy(DAY)
    assert store.was_destroyed(DAY)
    assert store.get(OTHER) == other


def test_two_sound_secrets_under_one_name_are_refused_and_neither_is_overwritten(store, tmp_path):
    secret = store.ensure(DAY)
    kept = second(store).read_bytes()
    first(store).unlink()
    second(store).unlink()
    assert store.ensure(DAY) != secret
    second(store).write_bytes(kept)
    before = contents(store)
    with pytest.raises(KeyCopiesDiffer) as told:
        store.ensure(DAY)
    assert "restored" in told.value.mend
    assert inspection.mend(store) == []
    assert contents(store) == before
    store.destroy(DAY)
    assert destroyed_everywhere(store, tmp_path)


# --- what was destroyed and came back -------------------------------------------------------------------------------------


@pytest.mark.parametrize("copy", [0, 1])
@pytest.mark.parametrize("verb", ["get", "ensure"])
def test_one_copy_restored_from_a_backup_brings_no_secret_back(store, copy, verb, tmp_path, caplog):
    store.ensure(DAY)
    kept = store.ensure(ORGANIZATION)
    folder = store.copies[copy].folder
    shutil.copytree(folder, tmp_path / "backup")
    store.destroy(DAY)
    shutil.rmtree(folder)
    shutil.move(tmp_path / "backup", folder)
    assert (folder / DAY).exists()
    assert not (folder / f"{DAY}.destroyed").exists()
    assert (store.exists(DAY), store.was_destroyed(DAY), store.names("day")) == (False, False, [])
    with pytest.raises(KeyDestroyed):
        getattr(store, verb)(DAY)
    assert destroyed_everywhere(store, folder)
    assert "destroyed_secret_came_back" in caplog.text
    assert store.get(ORGANIZATION) == kept


def test_a_look_at_everything_destroys_again_what_nobody_asks_for(store, tmp_path):
    store.ensure(DAY)
    shutil.copytree(store.copies[0].folder, tmp_path / "backup")
    store.destroy(DAY)
    shutil.rmtree(store.copies[0].folder)
    shutil.move(tmp_path / "backup", store.copies[0].folder)
    report = inspection.inspect(store)
    assert (report.came_back, report.is_sound) == ([DAY], False)
    assert [problem["code"] for problem in report.problems] == ["key_mark_missing"]
    assert destroyed_everywhere(store, tmp_path)
    assert inspection.mend(store) == [f"{DAY}: mark repeated in {store.copies[0]}"]
    assert inspection.inspect(store).is_sound


# --- a copy that is gone, not mounted, unwritable or full -----------------------------------------------------------------


@pytest.mark.parametrize("copy", [0, 1])
def test_without_one_copy_nothing_is_made_and_what_is_there_is_read_and_destroyed(store, copy, tmp_path):
    secret = store.ensure(DAY)
    gone = store.copies[copy].folder
    shutil.rmtree(gone)
    with pytest.raises(CopyOutOfReach, match=str(gone)) as told:
        store.ensure(OTHER)
    assert "check_keystore --mend" in told.value.mend
    assert (store.get(DAY), store.ensure(ORGANIZATION) if store.exists(ORGANIZATION) else None) == (secret, None)
    with pytest.raises(CopyOutOfReach):
        store.get(OTHER)  # it may be in the copy that is gone: nobody can say that it is missing
    assert not gone.exists(), "the folder came back by itself"
    store.destroy(DAY)
    assert (store.was_destroyed(DAY), keystores.found_by_examiner(tmp_path)) == (True, {})
    assert not gone.exists()


def test_a_lost_copy_is_made_anew_by_the_operator_with_secrets_and_marks(store, tmp_path):
    secret, other = store.ensure(DAY), store.ensure(ORGANIZATION)
    store.destroy(OTHER)
    shutil.rmtree(store.copies[1].folder)
    done = inspection.mend(store)
    assert f"{store.copies[1]}: made anew" in done
    assert inspection.inspect(store).as_dict()["problems"] == []
    assert keystores.found_by_examiner(tmp_path / "two") == {}
    assert second(store).read_bytes() == first(store).read_bytes()
    shutil.rmtree(store.copies[0].folder)
    inspection.mend(store)
    assert (store.get(DAY), store.get(ORGANIZATION), store.was_destroyed(OTHER)) == (secret, other, True)


def test_a_volume_that_is_not_mounted_is_not_taken_for_a_lost_copy(store, tmp_path):
    secret, real = store.ensure(DAY), tmp_path / "volume"
    shutil.move(store.copies[1].folder, real)
    with keystores.mounted(store.copies[1].folder, "--bind", str(real)):
        assert store.ensure(DAY) == secret
        store.ensure(ORGANIZATION)
    assert store.copies[1].folder.exists()
    for verb in (store.ensure, store.get):
        with pytest.raises(CopyOutOfReach, match="not mounted"):
            verb(OTHER)
    with pytest.raises(KeyCopyLeft, match=str(store.copies[1])) as told:
        store.destroy(DAY)
    assert "Bring that folder back" in told.value.mend
    with pytest.raises(KeyDestroyed):  # for everybody it is destroyed already; only nobody may certify it
        store.get(DAY)
    assert not store.was_destroyed(DAY)
    assert list(store.copies[1].folder.iterdir()) == [], "something was written below the volume"
    with keystores.mounted(store.copies[1].folder, "--bind", str(real)):
        store.destroy(DAY)
        assert store.was_destroyed(DAY)
    assert set(keystores.found_by_examiner(tmp_path)) == {f"one/{ORGANIZATION}", f"volume/{ORGANIZATION}"}


def test_a_folder_on_a_volume_that_is_gone_is_not_taken_for_a_removed_one(tmp_path):
    with keystores.small_disk(tmp_path / "volume"):
        store = FileKeystore((tmp_path / "one", tmp_path / "volume" / "two"), tmp_path / "master" / "master-1.key")
        set_up(store, new=True)
        store.ensure(DAY)
    assert not store.copies[1].folder.exists()
    with pytest.raises(KeyCopyLeft, match="volume/two"):
        store.destroy(DAY)
    assert not store.was_destroyed(DAY)
    inspection.mend(store)  # the operator says that it is lost for good
    store.destroy(DAY)
    assert store.was_destroyed(DAY)


def test_the_folders_of_two_keystores_are_never_mixed(store, tmp_path):
    store.ensure(DAY)
    foreign = keystores.new(tmp_path / "elsewhere")
    kept = foreign.ensure(DAY)
    mixed = type(store)((store.copies[0].folder, foreign.copies[1].folder), store.master.first)
    for ask in (lambda: mixed.ensure(OTHER), lambda: mixed.destroy(DAY)):
        with pytest.raises(CopyForeign):
            ask()
    assert (foreign.get(DAY), mixed.exists(OTHER)) == (kept, False)
    swapped = type(store)([copy.folder for copy in reversed(store.copies)], store.master.first)
    with pytest.raises(CopyForeign):
        swapped.ensure(OTHER)


@pytest.mark.parametrize("copy", [0, 1])
def test_a_full_disk_makes_nothing_reads_everything_and_can_be_destroyed_on(tmp_path, copy):
    with keystores.small_disk(tmp_path / ("one", "two")[copy]) as disk:
        store = keystores.new(tmp_path)
        secret = store.ensure(DAY)
        store.ensure(ORGANIZATION)
        ballast = keystores.fill(disk)
        before = contents(store)
        for name in (OTHER, "aside/COH-1"):  # in a folder that is there, and in one to be made
            with pytest.raises(KeyNotMade, match="no space is left") as told:
                store.ensure(name)
            assert "Nothing half made" in told.value.mend
        assert contents(store) == before
        assert (store.get(DAY), store.ensure(DAY)) == (secret, secret)
        store.destroy(DAY)
        assert destroyed_everywhere(store, tmp_path / "nothing")
        assert set(keystores.found_by_examiner(tmp_path)) == {f"{name}/{ORGANIZATION}" for name in ("one", "two")}
        store.destroy("day/never-made")
        assert store.was_destroyed("day/never-made")
        shutil.rmtree(ballast)
        assert len(store.ensure(OTHER)) == 32


def test_with_both_disks_full_the_secret_itself_becomes_the_mark(tmp_path):
    with keystores.small_disk(tmp_path / "one") as one, keystores.small_disk(tmp_path / "two") as two:
        store = keystores.new(tmp_path)
        store.ensure(DAY)
        keystores.fill(one)
        keystores.fill(two)
        with pytest.raises(KeyCopyLeft, match="its mark"):
            store.destroy("day/never-made")  # no room to say that it may never be made
        store.destroy(DAY)
        assert destroyed_everywhere(store, tmp_path)
        assert [(tmp_path / copy / f"{DAY}.destroyed").stat().st_size for copy in ("one", "two")] == [0, 0]


def test_a_mark_that_still_holds_the_secret_is_no_destruction_and_is_emptied_by_the_next(store, tmp_path):
    """Killed on a full disk between the two steps."""
    store.ensure(DAY)
    os.rename(first(store), f"{first(store)}.destroyed")
    assert (store.exists(DAY), store.was_destroyed(DAY)) == (False, False)
    with pytest.raises(KeyDestroyed):
        store.get(DAY)
    assert destroyed_everywhere(store, tmp_path)


@pytest.mark.parametrize("copy", [0, 1])
def test_what_lies_on_a_read_only_volume_is_dead_at_once_and_destroyed_when_it_can_be_written(tmp_path, copy):
    name = ("one", "two")[copy]
    with keystores.small_disk(tmp_path / name) as disk:
        store = keystores.new(tmp_path)
        secret = store.ensure(DAY)
        with keystores.mounted(disk, "-o", "remount,ro"):
            with pytest.raises(KeyNotMade, match="Read-only"):
                store.ensure(OTHER)
            assert store.get(DAY) == secret
            with pytest.raises(KeyCopyLeft, match="Read-only"):
                store.destroy(DAY)
            with pytest.raises(KeyDestroyed):
                store.ensure(DAY)
            assert not store.was_destroyed(DAY)
            assert not store.exists(OTHER)


@pytest.mark.parametrize("closed", ["one", "two", "one/day", "two/day"])
@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_folders_that_were_closed_to_us_are_named_and_opened_for_a_destruction(closed, mode):
    with keystores.folder_of_nobody() as home:

        def before():
            store = keystores.new(home)
            store.ensure(DAY)
            os.chmod(home / closed, mode)
            with pytest.raises((KeyNotMade, CopyOutOfReach)) as told:
                store.ensure(OTHER if closed.endswith("day") else "aside/COH-1")
            return told.value.code

        def destroy():
            store = keystores.at(home)
            store.destroy(DAY)
            return destroyed_everywhere(store, home)

        assert keystores.in_process(before, before=keystores.as_nobody) in ("key_not_made", "key_copy_out_of_reach")
        assert keystores.in_process(destroy, before=keystores.as_nobody)


@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_file_that_was_closed_to_us_can_be_destroyed(mode):
    with keystores.folder_of_nobody() as home:

        def destroy():
            store = keystores.new(home)
            store.ensure(DAY)
            first(store).chmod(mode)
            second(store).chmod(mode)
            if not mode:
                with pytest.raises(CopyOutOfReach, match="Permission denied"):
                    store.get(DAY)
            store.destroy(DAY)
            return destroyed_everywhere(store, home)

        assert keystores.in_process(destroy, before=keystores.as_nobody)


def test_a_link_in_place_of_a_secret_is_not_followed(store, tmp_path):
    store.ensure(DAY)
    valuable = tmp_path / "valuable"
    valuable.write_bytes(b"somebody else's")
    for path in (first(store), second(store)):
        path.unlink()
        path.symlink_to(valuable)
    with pytest.raises(CopyOutOfReach, match="symbolic links"):
        store.get(DAY)
    store.destroy(DAY)
    assert (store.was_destroyed(DAY), valuable.read_bytes()) == (True, b"somebody else's")


def test_before_it_is_set_up_nothing_is_made_and_both_say_so(tmp_path):
    store = keystores.at(tmp_path)
    with pytest.raises(KeystoreNotSetUp) as told:
        store.ensure(DAY)
    assert "manage.py prepare" in told.value.mend
    assert list(tmp_path.iterdir()) == []


def test_where_no_lock_works_who_is_first_in_the_first_copy_decides_for_both(store, tmp_path, monkeypatch):
    """Another host, granted the same lock, gave its own secret the name in the first copy and has not yet come to the second."""
    kept = keystores.new(tmp_path / "elsewhere")
    theirs = kept.ensure(DAY)
    key = store.master_in_use()
    content = wrapping.wrap(DAY, theirs, key=key.aead, key_id=key.id)
    publish = file_store.publish

    def just_before(draft, path):
        if path == first(store):
            files.write_once(path, content)
        return publish(draft, path)

    monkeypatch.setattr(file_store, "publish", just_before)
    assert store.ensure(DAY) == theirs
    assert first(store).read_bytes() == second(store).read_bytes() == content
    assert keystores.files(store) == [f"one/{DAY}", f"two/{DAY}"]


def test_who_hangs_with_the_lock_is_named_and_the_secret_is_dead_all_the_same(store, monkeypatch):
    store.ensure(DAY)
    monkeypatch.setattr(store, "patience", 0.05)
    with store.locked():
        with pytest.raises(KeystoreBusy, match="lock"):
            store.ensure(OTHER)
        with pytest.raises(KeystoreBusy):
            store.destroy(DAY)
        assert not store.exists(DAY)
    with pytest.raises(KeyDestroyed):
        store.get(DAY)


# --- files ----------------------------------------------------------------------------------------------------------------


def test_a_draft_that_is_a_second_name_of_the_file_in_use_is_removed_and_not_overwritten(store):
    """Left by a process that was killed between giving a draft its name and removing the draft."""
    secret = store.ensure(DAY)
    draft = files.draft_name(first(store))
    draft.hardlink_to(first(store))
    with store.locked():
        assert store.copies[0].sweep() == 1
    assert (draft.exists(), store.get(DAY), first(store).stat().st_size) == (False, secret, 80)


def test_destroying_takes_what_killed_processes_left_of_that_name_and_of_no_other(store, tmp_path):
    for name in (DAY, f"{DAY}-2"):
        store.ensure(name)
        for path in (first(store, name), second(store, name)):
            shutil.copy(path, files.draft_name(path))
    store.destroy(DAY)
    left = keystores.found_by_examiner(tmp_path)
    assert len(left) == 4
    assert all(f"{DAY}-2".removeprefix("day/") in path for path in left)


def test_every_folder_that_is_made_is_private_and_flushed_in_the_one_above(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(files, "sync_folder", flushed.append)
    files.make_folder(tmp_path / "a" / "b" / "c")
    assert flushed == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    assert [oct((tmp_path / path).stat().st_mode & 0o777) for path in ("a", "a/b", "a/b/c")] == ["0o700"] * 3
