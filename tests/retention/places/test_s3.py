"""S3 with Object Lock: what SeaweedFS really locks, and a store that misbehaves behind the same signature."""

import io
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest

from apps.gate.client.addresses import AddressUnsafe
from apps.gate.client.troubles import PeerDown, PeerFull, PeerMisbehaves, PeerRefuses, PeerSettingsUnfit, PeerSlow, PeerUnsafe
from apps.gate.client.wire import BLOCK
from apps.retention.archives.places.base import Receipt
from apps.retention.archives.places.s3 import LARGEST, S3Place
from apps.retention.archives.places.troubles import NameTaken, NotThere, PlaceCorrupts, PlaceForgets, PlaceKeeps, PlaceLies, StillLocked, TooLarge
from tests.gate.client.watching import off_this_machine, unmatched, watched  # noqa: F401 - a fixture
from tests.retention.places.peers import NAME, S3Peer, later, limits_for, now, part, put
from tests.retention.places.seaweed import POWERLESS_KEY, POWERLESS_SECRET

CONTENT = part()
ENDS_WITHIN = 8  # seconds, where a peer is slow: the limits allow no more than 3.5


@pytest.fixture
def place(s3: S3Peer) -> S3Place:
    return s3.place()


def key(s3: S3Peer, name: str = NAME) -> str:
    return f"{s3.prefix}/{name}"


def test_a_put_is_locked_until_the_day_and_the_receipt_says_so(s3: S3Peer, place: S3Place):
    until = now() + timedelta(days=6 * 365)

    receipt = put(place, CONTENT, keep_until=until)

    head = s3.seaweed.client.head_object(Bucket="locked", Key=key(s3), VersionId=receipt.version)
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert head["ObjectLockRetainUntilDate"] == receipt.locked_until
    assert until <= receipt.locked_until < until + timedelta(seconds=1)
    assert receipt.locked_until.tzinfo is UTC


def test_compliance_is_locked_as_such(s3: S3Peer):
    receipt = put(s3.place(lock_mode="COMPLIANCE"), CONTENT)

    head = s3.seaweed.client.head_object(Bucket="locked", Key=key(s3), VersionId=receipt.version)
    assert head["ObjectLockMode"] == "COMPLIANCE"


def test_nobody_gets_a_locked_version_removed_by_us(s3: S3Peer, place: S3Place):
    until = now() + timedelta(hours=2)
    receipt = put(place, CONTENT, keep_until=until)
    unlocked = Receipt.from_dict({**receipt.as_dict(), "locked_until": None})

    with pytest.raises(StillLocked) as before_asking:
        place.remove(NAME, receipt, at=now())
    with pytest.raises(StillLocked) as by_the_store:
        place.remove(NAME, unlocked, at=now())  # a receipt that says nothing of the lock does not open it

    assert before_asking.value.until == by_the_store.value.until == receipt.locked_until
    assert s3.versions() == [receipt.version]
    assert not any("ypass" in name for headers in s3.server.headers for name in headers)


def test_when_its_time_has_come_every_version_goes_and_the_marker_too(s3: S3Peer, place: S3Place):
    receipt = put(place, CONTENT, keep_until=now() + timedelta(seconds=2))
    s3.tamper(NAME, b"a newer version by somebody else")
    s3.seaweed.client.delete_object(Bucket="locked", Key=key(s3))  # a delete marker
    neighbour = put(place, b"another", f"{NAME}.sig")
    assert len(s3.versions()) == 4

    time.sleep(max(0, (receipt.locked_until - now()).total_seconds()) + 1)
    place.remove(NAME, receipt, at=now())

    assert s3.everything() == [neighbour.name]
    with pytest.raises(NotThere):
        place.fetch(NAME, receipt.version)


def test_a_newer_version_changes_nothing_of_what_is_proven(s3: S3Peer, place: S3Place):
    receipt = put(place, CONTENT)
    s3.tamper(NAME, b"a newer version by somebody else")

    place.prove(NAME, receipt)

    with place.fetch(NAME, receipt.version) as source:
        assert source.read() == CONTENT
    with pytest.raises(NameTaken):
        put(place, CONTENT)


def test_a_delete_marker_hides_but_the_version_is_still_proven(s3: S3Peer, place: S3Place):
    receipt = put(place, CONTENT)
    s3.seaweed.client.delete_object(Bucket="locked", Key=key(s3))

    assert not place.holds(NAME)
    place.prove(NAME, receipt)


def test_the_same_again_is_the_same_version_and_its_lock_grows(s3: S3Peer, place: S3Place):
    first = put(place, CONTENT, keep_until=now() + timedelta(hours=1))
    until = now() + timedelta(hours=3)

    second = put(place, CONTENT, keep_until=until)
    third = put(place, CONTENT, keep_until=now() + timedelta(hours=1))

    assert first.version == second.version == third.version
    assert second.locked_until >= until
    assert third.locked_until == second.locked_until
    assert s3.versions() == [first.version]


@pytest.mark.parametrize("bucket", ["plain", "versioned"])
def test_a_bucket_that_does_not_lock_is_unsafe_and_nothing_is_put_there(s3: S3Peer, bucket: str):
    place = s3.place(bucket=bucket)

    for act in (lambda: put(place, CONTENT), lambda: place.try_out(at=now())):
        with pytest.raises(PeerUnsafe) as caught:
            act()
        assert "Object Lock" in caught.value.mend
    assert s3.seaweed.client.list_objects_v2(Bucket=bucket, Prefix=s3.prefix)["KeyCount"] == 0


def test_without_a_day_the_buckets_own_rule_locks(s3: S3Peer):
    s3.bucket = "default-locked"
    place = s3.place(bucket="default-locked")

    receipt = place.put(NAME, io.BytesIO(b""), size=0, sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

    assert now() + timedelta(hours=23) < receipt.locked_until < now() + timedelta(hours=25)
    place.prove(NAME, receipt)


def test_without_a_day_and_without_a_rule_nothing_is_put(s3: S3Peer, place: S3Place):
    with pytest.raises(PeerUnsafe, match="until when"):
        place.put(NAME, io.BytesIO(b"x"), size=1, sha256="0" * 64)

    assert s3.everything() == []


def test_a_bucket_that_is_not_there_is_named(s3: S3Peer):
    with pytest.raises(PeerRefuses, match="bucket"):
        put(s3.place(bucket="no-such-bucket"), CONTENT)


@pytest.mark.parametrize(
    "credentials",
    [
        {"access_key": POWERLESS_KEY, "secret_key": POWERLESS_SECRET},
        {"access_key": "NOBODY", "secret_key": "nothing"},
        {"access_key": "AKPLACES", "secret_key": "wrong"},
    ],
)
def test_who_has_no_right_there_is_refused(s3: S3Peer, credentials: dict):
    s3.credentials = credentials

    with pytest.raises(PeerRefuses):
        put(s3.place(), CONTENT)


def test_what_is_too_large_for_one_request_is_refused_before_it_is_sent(s3: S3Peer, place: S3Place):
    with pytest.raises(TooLarge):
        place.put(NAME, io.BytesIO(b""), size=LARGEST + 1, sha256="0" * 64, keep_until=later())

    assert s3.server.asked == []


@pytest.mark.parametrize(
    ("manner", "trouble"),
    [
        ("put: slow", PeerSlow),
        ("put: trickling", PeerSlow),
        ("put: taking nothing", PeerSlow),
        ("put: 507 InsufficientStorage", PeerFull),
        ("put: 403 QuotaExceeded", PeerFull),
        ("put: 503 SlowDown", PeerDown),
        ("put: 500 InternalError", PeerDown),
        ("put: 403 AccessDenied", PeerRefuses),
        ("put: 400 BadDigest", PlaceCorrupts),
        ("put: 400 InvalidRequest", PeerMisbehaves),
        ("put: breaking off", PeerDown),
        ("put: redirecting", PeerMisbehaves),
        ("put: redirecting to a region", PeerMisbehaves),
        ("put: replying without end", PeerMisbehaves),
        ("put: bomb", PeerMisbehaves),
        ("put: without version", PeerUnsafe),
        ("put: lying", PlaceLies),
        ("head: without lock", PeerUnsafe),
        ("head: shorter lock", PeerUnsafe),
        ("head: weaker lock", PeerUnsafe),
        ("head: date that is none", PeerMisbehaves),
        ("head: another size", PlaceCorrupts),
        ("slow", PeerSlow),
        ("trickling", PeerSlow),
        ("no XML", PeerDown),  # boto3 takes it for a store that broke off
        ("bomb", PeerMisbehaves),
    ],
)
def test_a_store_that_misbehaves_at_a_put_has_not_got_it(s3: S3Peer, manner: str, trouble: type):
    place = s3.place(limits=limits_for(trouble))
    s3.server.manner = manner
    begun = time.monotonic()

    with pytest.raises(trouble) as caught:
        put(place, part(20 * BLOCK) if "taking nothing" in manner else CONTENT)

    assert type(caught.value) is trouble
    assert "secret-of-the-store" not in str(caught.value)
    assert trouble is not PeerSlow or time.monotonic() - begun < ENDS_WITHIN


@pytest.mark.parametrize(
    ("manner", "trouble"),
    [
        ("get: corrupting", PlaceCorrupts),
        ("get: giving without end", PlaceCorrupts),
        ("get: giving a byte now and then", PeerSlow),
        ("get: slow", PeerSlow),
        ("get: breaking off", PeerDown),
        ("get: redirecting", PeerMisbehaves),
        ("get: 404 NoSuchVersion", PlaceLies),
        ("get: 403 AccessDenied", PeerRefuses),
        ("get: 503 SlowDown", PeerDown),
        ("get: bomb", PeerMisbehaves),
        ("head: 404 NoSuchKey", PlaceLies),
        ("head: another size", PlaceCorrupts),
        ("head: without lock", PeerUnsafe),
        ("head: shorter lock", PeerUnsafe),
        ("head: weaker lock", PeerUnsafe),
        ("head: slow", PeerSlow),
    ],
)
def test_a_store_that_misbehaves_at_reading_back_proves_nothing(s3: S3Peer, manner: str, trouble: type):
    receipt, place = put(s3.place(), CONTENT), s3.place(limits=limits_for(trouble))
    s3.server.manner = manner
    begun = time.monotonic()

    with pytest.raises(trouble) as caught:
        place.prove(NAME, receipt)

    assert type(caught.value) is trouble
    assert trouble is not PeerSlow or time.monotonic() - begun < ENDS_WITHIN


def test_what_was_lost_later_was_forgotten(s3: S3Peer, place: S3Place):
    receipt = put(place, CONTENT)
    place.prove(NAME, receipt)
    s3.server.manner = "get: 404 NoSuchVersion"

    with pytest.raises(PlaceForgets):
        place.prove(NAME, receipt, again=True)


def test_a_lock_that_somebody_took_off_is_noticed_although_the_bytes_are_there(s3: S3Peer, place: S3Place):
    receipt = put(place, CONTENT, keep_until=now() + timedelta(days=100))
    s3.seaweed.client.put_object_retention(
        Bucket="locked",
        Key=key(s3),
        VersionId=receipt.version,
        BypassGovernanceRetention=True,
        Retention={"Mode": "GOVERNANCE", "RetainUntilDate": now() + timedelta(days=1)},
    )

    with pytest.raises(PeerUnsafe, match="lock"):
        place.prove(NAME, receipt)


def test_a_store_that_lists_what_it_says_it_removed_keeps_it(s3: S3Peer, place: S3Place):
    receipt = put(place, CONTENT, keep_until=now() + timedelta(seconds=1))
    s3.server.manner = "delete: done"

    with pytest.raises(PlaceKeeps):
        place.remove(NAME, receipt, at=later())
    assert s3.stored() == CONTENT


def test_a_version_that_hides_behind_a_marker_is_not_gone(s3: S3Peer, place: S3Place):
    receipt = put(place, CONTENT, keep_until=now() + timedelta(seconds=1))
    s3.seaweed.client.delete_object(Bucket="locked", Key=key(s3))  # a delete marker: the name looks free
    s3.server.manner = "delete: done"

    assert not place.holds(NAME)
    with pytest.raises(PlaceKeeps):
        place.remove(NAME, receipt, at=later())


def test_a_store_whose_lock_opens_for_anybody_fails_the_trial(s3: S3Peer, place: S3Place):
    s3.server.manner = "delete: done"

    with pytest.raises(PeerUnsafe, match="locked object be removed"):
        place.try_out(at=now())


def test_the_stores_own_checksum_may_be_compared_instead_of_reading_back(s3: S3Peer):
    place = s3.place(proof="checksum")
    receipt = put(place, CONTENT)
    s3.server.asked.clear()

    place.prove(NAME, receipt)

    assert [method for method, _path in s3.server.asked] == ["HEAD"]
    place.try_out(at=now())


@pytest.mark.parametrize(
    ("manner", "trouble"),
    [("head: another checksum", PlaceCorrupts), ("head: without checksum", PeerMisbehaves), ("head: 404 NoSuchVersion", PlaceLies)],
)
def test_a_checksum_that_is_missing_or_another_proves_nothing(s3: S3Peer, manner: str, trouble: type):
    place = s3.place(proof="checksum")
    receipt = put(place, CONTENT)
    s3.server.manner = manner

    with pytest.raises(trouble):
        place.prove(NAME, receipt)


def test_a_store_that_takes_a_wrong_checksum_fails_the_trial_where_its_checksum_is_to_prove(s3: S3Peer):
    s3.server.manner = "put -wrong: lying"

    with pytest.raises(PeerUnsafe, match="compute"):
        s3.place(proof="checksum").try_out(at=now())
    assert s3.everything() == []

    s3.place().try_out(at=now())  # where it is read back, it may


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://127.0.0.1:9000"},
        {"url": "https://127.0.0.1:9000/path"},
        {"url": "ftp://127.0.0.1"},
        {"bucket": "UPPER"},
        {"bucket": "a/b"},
        {"bucket": ".."},
        {"region": "us east"},
        {"prefix": "../up"},
        {"prefix": "a//b"},
        {"lock_mode": "NONE"},
        {"proof": "trust me"},
    ],
)
def test_settings_that_name_no_bucket_are_refused(s3: S3Peer, changes: dict):
    with pytest.raises((PeerSettingsUnfit, AddressUnsafe)) as caught:
        s3.place(**changes)
    assert not caught.value.retryable


def test_endpoints_and_profiles_of_the_environment_change_nothing(s3: S3Peer, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://127.0.0.1:1")
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this-profile")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENVIRONMENT")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    place = s3.place()
    place.prove(NAME, put(place, CONTENT))


def test_one_request_of_ours_is_one_request_at_the_store(s3: S3Peer, place: S3Place):
    s3.server.manner = "head: 500 InternalError"

    with pytest.raises(PeerDown):
        place.holds(NAME)

    assert len(s3.server.asked) == 1  # whoever called backs off; nothing underneath tries again


def test_a_lock_ends_on_a_whole_second_and_never_before_it_was_asked_to(s3: S3Peer, place: S3Place):
    until = datetime(2040, 2, 29, 12, 0, 0, 1, tzinfo=UTC)

    assert put(place, CONTENT, keep_until=until).locked_until == datetime(2040, 2, 29, 12, 0, 1, tzinfo=UTC)


def test_of_all_that_boto3_would_ask_by_itself_nothing_is_asked_beside_the_gate(s3: S3Peer, monkeypatch, watched):  # noqa: F811 - a fixture
    with socket.create_server(("127.0.0.1", 0)) as metadata:
        here = f"http://127.0.0.1:{metadata.getsockname()[1]}"
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{here}/credentials")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", here)
        monkeypatch.setenv("AWS_ENABLE_ENDPOINT_DISCOVERY", "true")
        monkeypatch.setenv("HTTPS_PROXY", here)
        monkeypatch.delenv("NO_PROXY", raising=False)
        place = s3.place()
        receipt = put(place, part(1000))
        place.prove(NAME, receipt)
        assert place.holds(NAME)
    s3_port = int(s3.settings["url"].rpartition(":")[2])
    assert unmatched(watched, set()) == ([], [])
    assert set(off_this_machine(watched)) == {("127.0.0.1", s3_port)}
