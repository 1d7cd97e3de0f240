"""The keystore's verbs, its files, and what stays in memory: a secret is made once, wrapped, and never made again when destroyed."""

import os
import stat
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apps.foundation import keys
from apps.foundation.keys import FileKeystore, KeyDestroyed, KeyMissing, Keystore, derivation, derive, interface
from tests.foundation import keystores
from tests.foundation.keystores import DAY, ORGANIZATION


@pytest.fixture
def store(tmp_path):
    return keystores.new(tmp_path)


def verbs(kind: type) -> set[str]:
    return {name for name in vars(Keystore) if not name.startswith("_") and callable(getattr(kind, name, None))}


def test_the_file_keystore_has_every_verb_of_the_interface(store):
    assert verbs(FileKeystore) == {"ensure", "get", "exists", "was_destroyed", "destroy", "names"}
    assert [len(getattr(store, said)) > 20 for said in ("destroys", "snapshots", "identity")] == [True] * 3


def test_a_secret_is_made_once_and_read_by_everybody(store, tmp_path):
    secret = store.ensure(DAY)
    assert len(secret) == 32
    assert [store.ensure(DAY), store.get(DAY), keystores.at(tmp_path).get(DAY)] == [secret] * 3
    assert store.ensure(ORGANIZATION) != secret
    assert (store.exists(DAY), store.was_destroyed(DAY)) == (True, False)
    assert store.names("day") == [DAY]


def test_what_was_never_made_is_missing_and_does_not_come_by_asking(store):
    with pytest.raises(KeyMissing):
        store.get(DAY)
    assert (store.exists(DAY), store.was_destroyed(DAY), store.names("day"), keystores.files(store)) == (False, False, [], [])


def test_both_copies_hold_the_same_bytes_private_and_never_the_secret_in_clear(store):
    secret = store.ensure(DAY)
    one, two = keystores.first(store), keystores.second(store)
    assert one.read_bytes() == two.read_bytes()
    for path in (one, two):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}
        assert secret not in path.read_bytes()
    assert keystores.files(store) == [f"one/{DAY}", f"two/{DAY}"]


def test_anybody_can_open_a_file_with_the_master_key_by_the_written_format_alone(store, tmp_path):
    secret = store.ensure(DAY)
    assert keystores.found_by_examiner(tmp_path) == {f"one/{DAY}": secret, f"two/{DAY}": secret}
    assert keystores.found_by_examiner(tmp_path / "one") == {}, "without the master key a copy opens nothing"


def test_a_destroyed_secret_is_gone_from_both_copies_and_is_never_made_again(store, tmp_path):
    store.ensure(DAY)
    store.destroy(DAY)
    for ask in (store.get, store.ensure, keystores.at(tmp_path).ensure):
        with pytest.raises(KeyDestroyed):
            ask(DAY)
    assert (store.exists(DAY), store.was_destroyed(DAY), store.names("day")) == (False, True, [])
    assert keystores.files(store) == [f"one/{DAY}.destroyed", f"two/{DAY}.destroyed"]
    assert keystores.found_by_examiner(tmp_path) == {}
    store.destroy(DAY)  # twice is once
    assert store.was_destroyed(DAY)


def test_one_that_never_was_can_be_destroyed_so_that_it_never_will_be(store):
    store.destroy(DAY)
    assert store.was_destroyed(DAY)
    with pytest.raises(KeyDestroyed):
        store.ensure(DAY)


def test_destroying_overwrites_the_bytes_on_disk_before_the_name_goes(store, tmp_path, monkeypatch):
    store.ensure(DAY)
    before, flushed, fsync = keystores.first(store).read_bytes(), {}, os.fsync
    for path in (keystores.first(store), keystores.second(store)):
        witness = tmp_path / f"witness-{path.stat().st_ino}"
        witness.hardlink_to(path)  # a second name of the same bytes

    def watching(handle):
        fsync(handle)
        witness = tmp_path / f"witness-{os.fstat(handle).st_ino}"
        if witness.exists():
            flushed.setdefault(witness, []).append(witness.read_bytes())

    monkeypatch.setattr(os, "fsync", watching)
    store.destroy(DAY)
    assert len(flushed) == 2
    for overwritten, emptied in flushed.values():
        assert len(overwritten) == len(before) == 80
        assert sum(a == b for a, b in zip(overwritten, before, strict=True)) < 10, "the bytes are still there"
        assert emptied == b""


def test_a_name_may_lead_nowhere_else(store):
    for name in ("day/../organization/ORG-1", "day/a/b", "day/", "day", "elsewhere/x", "day/a.destroyed", f"day/{'a' * 81}", "day/x\n"):
        for verb in ("ensure", "get", "exists", "was_destroyed", "destroy"):
            with pytest.raises(ValueError, match="not a name"):
                getattr(store, verb)(name)
    for kind in interface.KINDS:
        assert store.ensure(f"{kind}/{'a' * 80}") == store.get(f"{kind}/{'a' * 80}")


# --- what is derived, and how long it stays -------------------------------------------------------------------------------


def test_a_derived_key_is_hkdf_of_the_secrets_in_their_order(store):
    derived = derive(store, (DAY, ORGANIZATION), b"covenant|ORG", create=True)
    material = store.get(DAY) + store.get(ORGANIZATION)
    assert derived == HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"covenant|ORG").derive(material)
    assert derive(store, (ORGANIZATION, DAY), b"covenant|ORG") != derived
    assert derive(store, (DAY, ORGANIZATION), b"covenant|other") != derived


def test_without_create_nothing_is_made(store):
    with pytest.raises(KeyMissing):
        derive(store, (DAY, ORGANIZATION), b"x")
    assert keystores.files(store) == []


def test_who_destroys_forgets_at_once(store):
    derive(store, (DAY, ORGANIZATION), b"x", create=True)
    derive(store, (DAY, ORGANIZATION), b"y")
    store.destroy(DAY)
    for info in (b"x", b"y"):
        with pytest.raises(KeyDestroyed):
            derive(store, (DAY, ORGANIZATION), info)
    assert derive(store, (ORGANIZATION,), b"x")


def test_what_another_process_destroyed_is_out_of_memory_a_minute_after_it_was_read(store, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(derivation.time, "monotonic", lambda: clock[0])
    derived = derive(store, (DAY, ORGANIZATION), b"x", create=True)
    keystores.in_process(lambda: store.destroy(DAY))
    clock[0] += 30
    assert derive(store, (DAY, ORGANIZATION), b"x") == derived
    derive(store, (DAY, ORGANIZATION), b"y")  # derived later, from what was read at the start: its minute is the same
    clock[0] += 30
    for info in (b"x", b"y"):
        with pytest.raises(KeyDestroyed):
            derive(store, (DAY, ORGANIZATION), info)


def test_a_minute_is_sixty_seconds_and_memory_does_not_grow_for_ever(store, monkeypatch):
    assert derivation.CACHE_SECONDS == 60
    monkeypatch.setattr(derivation, "MOST_KEPT", 8)
    for number in range(30):
        derive(store, (ORGANIZATION,), b"%d" % number, create=True)
    assert len(derivation._derived) <= 8


def test_a_key_in_memory_costs_next_to_nothing(store):
    derive(store, (DAY, ORGANIZATION), b"x", create=True)
    for path in (keystores.first(store), keystores.second(store)):
        path.unlink()  # so that a look at the disk would fail
    began = time.perf_counter()
    for _ in range(1000):
        derive(store, (DAY, ORGANIZATION), b"x")
    assert time.perf_counter() - began < 1


# --- which keystore -----------------------------------------------------------------------------------------------------


def test_the_keystore_lies_below_the_home_unless_settings_say_otherwise(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    store = keys.keystore()
    assert [copy.folder for copy in store.copies] == [tmp_path / "keystore", tmp_path / "keystore-second"]
    assert store.master.first == tmp_path / "master" / "master-1.key"
    settings.KEYSTORE_DIRECTORIES = [str(tmp_path / "a"), str(tmp_path / "b")]
    settings.KEYSTORE_MASTER_KEY_FILE = str(tmp_path / "c" / "wrapping.key")
    store = keys.keystore()
    assert [copy.folder for copy in store.copies] == [tmp_path / "a", tmp_path / "b"]
    assert store.master.first == tmp_path / "c" / "wrapping.key"
    assert keys.keystore() is store


def test_certificates_print_what_the_operator_says_of_snapshots(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    assert keys.keystore().snapshots == FileKeystore.snapshots
    settings.KEYSTORE_SNAPSHOTS = "volume snapshots, kept for 7 days"
    assert keys.keystore().snapshots == "volume snapshots, kept for 7 days"
    assert keys.keystore().destroys == FileKeystore.destroys
