"""A disk that is full, under the keystore or under the journal: nothing is half done, and with room it goes on by itself."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from apps.audit.models import JournalEntry
from apps.audit.services import journal
from apps.foundation.keys import KeyNotMade, keystore
from apps.retention.models import Cohort, Destruction, Message
from apps.retention.services import accounts, destroy, sealing, sweep
from tests import cast
from tests.faults import deaths, worlds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LEASE = timedelta(minutes=3)
SMALL = "256k"


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    with deaths.clocks_of_the_test(settings):
        yield


@contextmanager
def a_small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own below `folder`, of 256 KiB."""
    folder.mkdir(mode=0o700)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL},mode=0700", "none", str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("No disk was filled: a small tmpfs needs the right to mount. Mend: run this test as root.")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    ballast = folder / ".ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    try:
        yield
    finally:
        ballast.unlink()


def examined(home: Path, at) -> list[str]:
    journal.write_owed()
    return deaths.found(home, at=at)


@pytest.mark.parametrize("copy", ["keystore", "keystore-second"])
def test_a_full_disk_under_the_keystore_keeps_no_day_from_being_destroyed(home, copy):
    """Nothing has to be written to make a secret unreadable; its mark needs a name, which the secret's own can become."""
    with a_small_disk(home / copy) as folder:
        worlds.begin()
        worlds.a_day(0)
        worlds.a_day(1)
        at, day = worlds.end_of_day(0), worlds.end_of_day(0).date()
        sealing.expire_due(at=at)
        destroy.open_due(at=at)
        work = Destruction.objects.get()
        for step in destroy.STEPS[:3]:
            step(work.pk, at)
        with full(folder):
            assert sweep.sweep(at=at + LEASE).destroyed == [work.reference]
            assert keystore().was_destroyed(work.secret)
            assert Message.objects.on_days([day]).count() == 0
            assert deaths.found(home, at=at + LEASE, only=deaths.ALWAYS) == []
        assert examined(home, at + 2 * LEASE) == []
        worlds.each_thing_was_done_once()


@pytest.mark.parametrize("copy", ["keystore", "keystore-second"])
def test_a_full_disk_under_the_keystore_takes_no_message_whose_key_could_not_be_written(home, copy):
    with a_small_disk(home / copy) as folder:
        worlds.begin()
        worlds.a_day(0)
        with full(folder), pytest.raises(KeyNotMade, match="no space is left"):
            cast.hand_over(worlds.clinic(), [cast.message(90, at=cast.NOON + cast.DAY)], at=cast.NOON + cast.DAY, key="full")
        cast.hand_over(worlds.clinic(), [cast.message(90, at=cast.NOON + cast.DAY)], at=cast.NOON + cast.DAY, key="full")
        account = {cohort.expiry_on: accounts.account_of(cohort).ingested for cohort in Cohort.objects.filter(organization=worlds.clinic())}
        assert list(account.values()) == [1, 5]
        assert examined(home, cast.NOON + 2 * cast.DAY) == []


def test_a_full_disk_under_the_journal_destroys_nothing_that_is_not_told_and_loses_nothing(home):
    """What still fits behind the last line is written; from then on every destruction stays where it is."""
    days = 14
    with a_small_disk(home / "journal") as folder:
        worlds.begin()
        for number in range(days):
            worlds.a_day(number)
        at = worlds.end_of_day(days - 1)
        with full(folder):
            done = sweep.sweep(at=at).destroyed
            left = list(Destruction.objects.exclude(state="done").order_by("day"))
            assert len(done) + len(left) == days
            assert {work.last_error.partition(":")[0] for work in left} == {"journal_unwritable"}
            assert [work.state for work in left[1:]] == ["intended"] * (len(left) - 1)
            assert left[0].state in ("intended", "truncated")
            assert all(keystore().get(work.secret) for work in left if work.state == "intended")
            assert JournalEntry.objects.filter(sequence=None).count() == len(left) > 1
            assert deaths.found(home, at=at, only=deaths.ALWAYS) == []
            assert journal.status().in_step
        assert sorted(sweep.sweep(at=at + LEASE).destroyed) == sorted(work.reference for work in left)
        assert examined(home, at + LEASE) == []
        worlds.each_thing_was_done_once()
