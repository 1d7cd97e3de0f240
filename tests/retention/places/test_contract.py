"""What every place keeps, whatever it is made of: one set of tests, run against a real peer of each kind."""

import hashlib
import io
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from apps.gate.client.troubles import PeerSettingsUnfit, PeerTrouble
from apps.gate.client.wire import BLOCK
from apps.retention.archives.places.base import Receipt
from apps.retention.archives.places.troubles import NameTaken, NameUnfit, NotProven, NotThere, PlaceForgets, PlaceLies, SourceDiffers, StillLocked
from tests.retention.places.peers import NAME, Peer, later, now, part, put

CONTENT = part()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def removed(peer: Peer, receipt: Receipt, name: str = NAME) -> None:
    """Remove it as soon as its lock, which is some seconds at most, has ended."""
    place, ends = peer.place(), time.monotonic() + 20
    while True:
        try:
            place.remove(name, receipt, at=now())
            return
        except PeerTrouble:
            if receipt.locked_until is None or time.monotonic() > ends:
                raise
        time.sleep(0.3)


def test_what_is_put_is_there_byte_by_byte(peer: Peer):
    place = peer.place()

    receipt = put(place, CONTENT)

    assert (receipt.name, receipt.size, receipt.sha256) == (NAME, len(CONTENT), SHA256)
    assert peer.stored() == CONTENT
    assert place.holds(NAME)
    place.prove(NAME, receipt)
    with place.fetch(NAME, receipt.version) as source:
        assert source.read() == CONTENT
    with place.fetch(NAME, size=receipt.size) as source:
        assert b"".join(iter(lambda: source.read(7777), b"")) == CONTENT
    assert peer.everything() == [NAME]


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_any_size_goes_and_comes_back(peer: Peer, size: int):
    place, content = peer.place(), part(size)

    receipt = put(place, content)

    assert receipt.size == size
    place.prove(NAME, receipt)
    with place.fetch(NAME) as source:
        assert source.read() == content


def test_the_same_twice_is_once(peer: Peer):
    place = peer.place()
    first = put(place, CONTENT)

    second = put(peer.place(), CONTENT)

    assert (second.name, second.size, second.sha256, second.version) == (first.name, first.size, first.sha256, first.version)
    assert peer.everything() == [NAME]
    place.prove(NAME, second)


@pytest.mark.parametrize("other", [CONTENT[:-1], CONTENT + b"+", CONTENT[:-1] + b"\x00", b"", part(len(CONTENT), "another")])
def test_something_else_under_the_same_name_is_refused_and_nothing_overwritten(peer: Peer, other: bytes):
    place = peer.place()
    receipt = put(place, CONTENT)

    with pytest.raises(NameTaken):
        put(place, other)

    assert peer.stored() == CONTENT
    assert peer.everything() == [NAME]
    place.prove(NAME, receipt)


def test_removing_leaves_nothing_and_twice_is_once(peer: Peer):
    place = peer.place()
    receipt = put(place, CONTENT)
    other = put(place, b"another part", NAME.replace("00001", "00002"))

    removed(peer, receipt)

    assert peer.stored() is None
    assert not place.holds(NAME)
    assert peer.everything() == [other.name]
    place.remove(NAME, receipt, at=later())
    removed(peer, other, other.name)
    assert peer.everything() == []


def test_what_may_be_removed_only_later_stays(peer: Peer):
    place, until = peer.place(), now() + timedelta(hours=1)
    receipt = put(place, CONTENT)
    locked = Receipt.from_dict({**receipt.as_dict(), "locked_until": until.isoformat()})

    with pytest.raises(StillLocked) as caught:
        place.remove(NAME, locked, at=until - timedelta(seconds=1))

    assert caught.value.until == until
    assert peer.stored() == CONTENT


def test_what_is_not_there_can_not_be_fetched(peer: Peer):
    place = peer.place()

    assert not place.holds(NAME)
    with pytest.raises(NotThere):
        place.fetch(NAME)
    with pytest.raises(NotThere):
        place.fetch(NAME, size=10)


def test_what_was_lost_is_not_proven(peer: Peer):
    place = peer.place()
    receipt = put(place, CONTENT)
    place.prove(NAME, receipt)

    peer.lose()

    with pytest.raises(PlaceLies):
        place.prove(NAME, receipt)
    with pytest.raises(PlaceForgets):
        place.prove(NAME, receipt, again=True)


@pytest.mark.parametrize(
    "claimed",
    [{"sha256": "0" * 64}, {"size": len(CONTENT) - 1}, {"size": len(CONTENT) + 1}, {"size": 0}],
)
def test_a_receipt_for_other_bytes_is_not_proven(peer: Peer, claimed: dict):
    place = peer.place()
    receipt = put(place, CONTENT)

    with pytest.raises(NotProven):
        place.prove(NAME, Receipt.from_dict({**receipt.as_dict(), **claimed}))


def test_a_receipt_proves_its_own_name_only(peer: Peer):
    place = peer.place()
    receipt = put(place, CONTENT)

    with pytest.raises(ValueError, match="another object"):
        place.prove(NAME.replace("00001", "00002"), receipt)
    with pytest.raises(ValueError, match="another object"):
        place.remove(NAME.replace("00001", "00002"), receipt, at=later())


@pytest.mark.parametrize("kind", ["flipped", "short", "long", "empty"])
def test_what_was_changed_behind_our_back_is_not_proven(changeable: Peer, kind: str):
    place = changeable.place()
    receipt = put(place, CONTENT)
    changed = {"flipped": CONTENT[:5] + b"\xff" + CONTENT[6:], "short": CONTENT[:-1], "long": CONTENT + b"+", "empty": b""}

    changeable.tamper(NAME, changed[kind])

    with pytest.raises(NotProven) as caught:
        place.prove(NAME, receipt)
    assert caught.value.code == "place_corrupts"


@pytest.mark.parametrize(
    ("size", "sha256", "content"),
    [
        (len(CONTENT) + 1, SHA256, CONTENT),
        (len(CONTENT) - 1, SHA256, CONTENT),
        (len(CONTENT), "0" * 64, CONTENT),
        (3 * BLOCK + 1, hashlib.sha256(part(3 * BLOCK)).hexdigest(), part(3 * BLOCK)),
        (3 * BLOCK, "0" * 64, part(3 * BLOCK)),
        (0, hashlib.sha256(b"").hexdigest(), b"+"),
        (1, hashlib.sha256(b"").hexdigest(), b""),
    ],
    ids=["shorter", "longer", "other", "shorter by the last block", "other in the last block", "not empty", "empty"],
)
def test_a_source_that_is_not_what_was_announced_leaves_nothing(peer: Peer, size: int, sha256: str, content: bytes):
    place = peer.place()

    with pytest.raises(SourceDiffers):
        place.put(NAME, io.BytesIO(content), size=size, sha256=sha256, keep_until=later())

    time.sleep(0.1)  # for a peer that has yet to notice that we left
    assert peer.stored() is None
    assert not place.holds(NAME)
    receipt = put(place, CONTENT)
    place.prove(NAME, receipt)


def test_a_source_that_breaks_in_the_middle_leaves_nothing(peer: Peer):
    class Broken(io.RawIOBase):
        """Gives two blocks, then the disk fails."""

        def __init__(self):
            self.given = 0

        def read(self, size=-1):
            if self.given >= 2 * BLOCK:
                raise OSError(5, "Input/output error", "/a/path/that/nobody/may/see")
            self.given += size
            return bytes(size)

    with pytest.raises(SourceDiffers) as caught:
        peer.place().put(NAME, Broken(), size=5 * BLOCK, sha256=SHA256, keep_until=later())

    assert "path" not in str(caught.value)
    time.sleep(0.1)
    assert peer.stored() is None


def test_a_stream_that_gives_little_at_a_time_is_sent_whole(peer: Peer):
    class Little(io.RawIOBase):
        """Like a pipe: never more than a few bytes."""

        def __init__(self, content):
            self.rest = memoryview(content)

        def read(self, size=-1):
            piece, self.rest = bytes(self.rest[: min(size, 999)]), self.rest[min(size, 999) :]
            return piece

    receipt = peer.place().put(NAME, Little(CONTENT), size=len(CONTENT), sha256=SHA256, keep_until=now() + timedelta(seconds=2))

    peer.place().prove(NAME, receipt)
    assert peer.stored() == CONTENT


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "a//b", "a/", "./a", "a/.b", ".a", "a/./b", "a\\b", "a b", "a\nb",
        "a\x00b", "ä", "a/b.part", "a.part/b", "a" * 101, "/".join("abcdefghi"), "%2e%2e/a", "a..b", "~/a", "-a", "a?b", "a#b", "a:b",
    ],
)  # fmt: skip
def test_a_name_that_could_lead_elsewhere_is_refused_before_anything_is_asked(peer: Peer, name: str):
    place, receipt = peer.place(), Receipt(name=name, size=1, sha256="0" * 64, version="x")

    for act in (
        lambda: put(place, b"x", name),
        lambda: place.holds(name),
        lambda: place.fetch(name),
        lambda: place.prove(name, receipt),
        lambda: place.remove(name, receipt, at=later()),
    ):
        with pytest.raises(NameUnfit):
            act()
    assert peer.everything() == []


@pytest.mark.django_db(transaction=True)
def test_of_two_who_put_the_same_at_once_both_are_right_and_it_is_there_once(peer: Peer):
    receipts, troubles, begin = [], [], threading.Barrier(4)
    content = part(2 * BLOCK)

    def deliver():
        place = peer.place()
        begin.wait()
        try:
            receipts.append(put(place, content))
        except PeerTrouble as trouble:
            troubles.append(trouble)

    threads = [threading.Thread(target=deliver) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(trouble.retryable for trouble in troubles), troubles
    assert receipts
    again = put(peer.place(), content)
    for receipt in [*receipts, again]:
        peer.place().prove(NAME, receipt)
    assert peer.everything() == [NAME]
    assert peer.stored() == content


@pytest.mark.django_db(transaction=True)
def test_of_two_who_put_different_things_at_once_one_wins_whole(peer: Peer):
    contents = [part(2 * BLOCK, seed) for seed in ("one", "two")]
    receipts, begin = {}, threading.Barrier(2)

    def deliver(number):
        place = peer.place()
        begin.wait()
        try:
            receipts[number] = put(place, contents[number])
        except PeerTrouble:
            return

    threads = [threading.Thread(target=deliver, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(receipts) == 1
    ((winner, receipt),) = receipts.items()
    assert peer.stored() == contents[winner]
    peer.place().prove(NAME, receipt)


def test_a_place_is_tried_out_and_nothing_of_it_is_left(peer: Peer):
    peer.place().try_out(at=now())

    assert peer.everything() == []


def test_a_place_says_its_country(peer: Peer):
    assert peer.place().country == "US"


@pytest.mark.parametrize("country", ["", "us", "USA", "U", "ZZ", "00", None])
def test_a_place_without_a_country_is_none(peer: Peer, country):
    kind = type(peer.place())

    with pytest.raises(PeerSettingsUnfit):
        kind(peer.settings, peer.credentials, country=country, guard=peer.place().guard)


def test_a_place_that_is_described_in_part_is_none(peer: Peer):
    kind, guard = type(peer.place()), peer.place().guard

    for missing in kind.needs:
        with pytest.raises(PeerSettingsUnfit, match=missing):
            kind({**peer.settings, missing: ""}, peer.credentials, country="US", guard=guard)
    with pytest.raises(PeerSettingsUnfit):
        kind({**peer.settings, "surplus": "x"}, peer.credentials, country="US", guard=guard)
    with pytest.raises(PeerSettingsUnfit):
        kind(peer.settings, {**peer.credentials, "surplus": "x"}, country="US", guard=guard)
    if peer.credentials:
        with pytest.raises(PeerSettingsUnfit):
            kind(peer.settings, {}, country="US", guard=guard)


def test_a_receipt_survives_being_kept_as_json(peer: Peer):
    receipt = put(peer.place(), CONTENT)

    kept = Receipt.from_dict(receipt.as_dict())

    assert kept == receipt
    peer.place().prove(NAME, kept)


def test_a_lock_is_kept_to_the_microsecond_as_utc():
    until = datetime(2032, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
    receipt = Receipt(name=NAME, size=1, sha256="0" * 64, locked_until=until)

    assert receipt.as_dict()["locked_until"] == "2032-02-29T23:59:59.999999+00:00"
    assert Receipt.from_dict(receipt.as_dict()) == receipt


def test_a_stream_that_is_left_early_ends_its_connection(peer: Peer):
    place = peer.place()
    put(place, part(5 * BLOCK))
    before = threading.active_count()

    for _time in range(5):
        with place.fetch(NAME) as source:
            assert len(source.read(10)) == 10

    time.sleep(0.5)
    assert threading.active_count() <= before + 1
    assert place.holds(NAME)
