"""A client's receiver that misbehaves in every way that we could think of, over real TLS: each way has its name and its end."""

import socket
import time

import pytest

from apps.gate.client.addresses import AddressUnsafe, Guard
from apps.gate.client.troubles import PeerDown, PeerFull, PeerMisbehaves, PeerRefuses, PeerSettingsUnfit, PeerSlow, PeerUnsafe
from apps.gate.client.wire import BLOCK, Limits
from apps.retention.archives.places.https import HttpsPlace
from apps.retention.archives.places.troubles import NameTaken, NotThere, PlaceCorrupts, PlaceForgets, PlaceKeeps, PlaceLies
from tests.retention.places.peers import HASTY, LOOPBACK, NAME, HttpsPeer, later, limits_for, now, part, put
from tests.retention.places.receiver import TOKEN
from tests.retention.places.ssh_servers import Socket
from tests.retention.places.tls import make_identity

CONTENT = part()
ENDS_WITHIN = 8  # seconds, where a peer is slow: the limits allow no more than 3.5


@pytest.fixture
def place(https: HttpsPeer) -> HttpsPlace:
    return https.place()


@pytest.mark.parametrize(
    ("manner", "trouble"),
    [
        ("slow", PeerSlow),
        ("taking nothing", PeerSlow),
        ("trickling", PeerSlow),
        ("full", PeerFull),
        ("full at once", PeerFull),
        ("too large", PeerFull),
        ("refusing", PeerRefuses),
        ("busy", PeerDown),
        ("hanging up", PeerDown),
        ("breaking off", PeerDown),
        ("redirecting", PeerMisbehaves),
        ("making no sense", PeerMisbehaves),
        ("replying without end", PeerMisbehaves),
        ("heads without end", PeerMisbehaves),
        ("continuing without end", PeerMisbehaves),
        ("a line without end", PeerMisbehaves),
        ("no HTTP", PeerMisbehaves),
        ("unsigned", PeerMisbehaves),
        ("receipt as a list", PeerMisbehaves),
        ("receipt that nests", PeerMisbehaves),
        ("receipt with more", PeerMisbehaves),
        ("receipt without time", PeerMisbehaves),
        ("replaying", PlaceLies),
        ("receipt for another", PlaceLies),
        ("receipt of another size", PlaceLies),
    ],
)
def test_a_receiver_that_misbehaves_at_a_put_has_not_got_it(https: HttpsPeer, manner: str, trouble: type):
    place = https.place(limits=limits_for(trouble))
    https.server.manner = manner
    begun = time.monotonic()

    with pytest.raises(trouble) as caught:
        put(place, part(20 * BLOCK) if manner == "taking nothing" else CONTENT)

    assert type(caught.value) is trouble
    assert trouble is not PeerSlow or time.monotonic() - begun < ENDS_WITHIN
    assert TOKEN not in str(caught.value)


def test_nobody_follows_a_redirect(https: HttpsPeer, place: HttpsPlace):
    https.server.manner = "redirecting"

    for act in (
        lambda: put(place, CONTENT),
        lambda: place.holds(NAME),
        lambda: place.fetch(NAME, size=5),
        lambda: place.try_out(at=now()),
    ):
        with pytest.raises(PeerMisbehaves, match="elsewhere"):
            act()
    assert not any(path.endswith("elsewhere") for _method, path in https.server.asked)


def test_a_confirmation_before_everything_was_sent_is_none(https: HttpsPeer, place: HttpsPlace):
    https.server.manner = "confirming early"

    with pytest.raises(PeerDown):
        put(place, part(20 * BLOCK))


def test_a_receiver_that_confirms_without_storing_is_a_liar(https: HttpsPeer, place: HttpsPlace):
    https.server.manner = "lying"

    receipt = put(place, CONTENT)  # signed, complete, and worth nothing

    assert receipt.statement["receipt"]["sha256"] == receipt.sha256
    with pytest.raises(PlaceLies):
        place.prove(NAME, receipt)
    with pytest.raises(PlaceLies):
        place.try_out(at=now())


@pytest.mark.parametrize("manner", ["corrupting", "truncating", "adding"])
def test_a_receiver_that_stores_something_else_corrupts(https: HttpsPeer, place: HttpsPlace, manner: str):
    https.server.manner = manner

    receipt = put(place, CONTENT)

    with pytest.raises(PlaceCorrupts):
        place.prove(NAME, receipt)
    with pytest.raises(PlaceCorrupts):
        place.try_out(at=now())


def test_a_receiver_that_loses_it_afterwards_forgets(https: HttpsPeer, place: HttpsPlace):
    receipt = put(place, CONTENT)
    place.prove(NAME, receipt)

    https.lose()

    with pytest.raises(PlaceForgets):
        place.prove(NAME, receipt, again=True)


@pytest.mark.parametrize(
    ("manner", "trouble"),
    [
        ("giving without end", PlaceCorrupts),
        ("giving a byte now and then", PeerSlow),
        ("giving half", PeerDown),
        ("giving half and saying goodbye", PeerDown),
        ("giving half of something", PeerDown),
        ("slow", PeerSlow),
        ("full", PeerFull),
        ("refusing", PeerRefuses),
        ("busy", PeerDown),
        ("hanging up", PeerDown),
        ("trickling", PeerSlow),
        ("heads without end", PeerMisbehaves),
        ("no HTTP", PeerMisbehaves),
    ],
)
def test_a_receiver_that_misbehaves_at_reading_back_proves_nothing(https: HttpsPeer, manner: str, trouble: type):
    receipt, place = put(https.place(), CONTENT), https.place(limits=limits_for(trouble))
    https.server.manner = manner
    begun = time.monotonic()

    with pytest.raises(trouble) as caught:
        place.prove(NAME, receipt)

    assert type(caught.value) is trouble
    assert trouble is not PeerSlow or time.monotonic() - begun < ENDS_WITHIN


@pytest.mark.parametrize("manner", ["huge", "of unknown size"])
def test_an_object_whose_size_nobody_knows_is_not_fetched_without_one(https: HttpsPeer, place: HttpsPlace, manner: str):
    put(place, CONTENT)
    https.server.manner = manner

    with pytest.raises(PeerMisbehaves):
        place.fetch(NAME)


def test_what_is_given_without_end_is_left_after_what_was_asked_for(https: HttpsPeer, place: HttpsPlace):
    put(place, CONTENT)
    https.server.manner = "giving without end"
    read = []

    with place.fetch(NAME, size=10 * BLOCK) as source, pytest.raises(PlaceCorrupts):
        read.extend(map(len, iter(lambda: source.read(BLOCK), b"")))

    assert sum(read) <= 10 * BLOCK


def test_a_receiver_that_keeps_what_it_says_it_removed_is_named(https: HttpsPeer, place: HttpsPlace):
    receipt = put(place, CONTENT)
    https.server.manner = "keeping"

    with pytest.raises(PlaceKeeps):
        place.remove(NAME, receipt, at=later())
    with pytest.raises(PlaceKeeps):
        place.try_out(at=now())


def test_a_receiver_that_lets_itself_be_overwritten_fails_the_trial(https: HttpsPeer, place: HttpsPlace):
    https.server.manner = "overwriting"

    with pytest.raises(PeerMisbehaves, match="taken"):
        place.try_out(at=now())

    assert https.everything() == []


def test_a_trial_that_fails_leaves_nothing_where_it_can_be_removed(https: HttpsPeer, place: HttpsPlace):
    https.server.manner = "corrupting"

    with pytest.raises(PlaceCorrupts):
        place.try_out(at=now())

    assert https.everything() == []


def test_a_receipt_by_another_key_is_none(https: HttpsPeer):
    place = https.place(receiver_key="ab" * 32)

    with pytest.raises(PeerMisbehaves, match="key"):
        put(place, CONTENT)


def test_the_receivers_word_is_kept_with_the_receipt(https: HttpsPeer, place: HttpsPlace):
    receipt = put(place, CONTENT)

    said = receipt.statement["receipt"]
    assert (said["name"], said["size"], said["sha256"]) == (NAME, len(CONTENT), receipt.sha256)
    https.server.key.public_key().verify(
        bytes.fromhex(receipt.statement["signature"]),
        b"covenant-receipt/1\n"
        + (
            f'{{"format":"covenant-receipt/1","name":"{NAME}","nonce":"{said["nonce"]}","received_at":"{said["received_at"]}",'
            f'"sha256":"{receipt.sha256}","size":{len(CONTENT)}}}'
        ).encode(),
    )


def test_every_put_has_a_nonce_of_its_own(place: HttpsPlace):
    nonces = {put(place, CONTENT).statement["receipt"]["nonce"] for _time in range(3)}

    assert len(nonces) == 3


def test_a_wrong_token_is_not_let_in(https: HttpsPeer):
    https.credentials = {"token": "another-token"}

    with pytest.raises(PeerRefuses):
        put(https.place(), CONTENT)


@pytest.mark.parametrize("token", ["with space", "with\nline", "ümlaut", "x" * 2001])
def test_a_token_that_no_header_carries_is_refused(https: HttpsPeer, token: str):
    https.credentials = {"token": token}

    with pytest.raises(PeerSettingsUnfit):
        https.place()


def test_a_certificate_by_an_authority_that_nobody_trusts_is_unsafe(https: HttpsPeer, tmp_path):
    stranger = make_identity(tmp_path / "stranger")

    with pytest.raises(PeerUnsafe, match="certificate"):
        put(https.place(authority=stranger.authority), CONTENT)
    with pytest.raises(PeerUnsafe, match="certificate"):
        put(https.place(authority=""), CONTENT)
    assert https.server.asked == []


def test_an_authority_that_is_no_certificate_is_refused(https: HttpsPeer):
    with pytest.raises(PeerSettingsUnfit):
        https.place(authority="-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n")


@pytest.fixture
def answers(monkeypatch):
    """What names stand for, and how often they were asked for."""
    known, asked = {}, []

    def getaddrinfo(host, port, *_later, **_options):
        asked.append(host)
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    known["asked"] = asked
    return known


def test_the_certificate_must_name_the_host_although_the_address_is_pinned(https: HttpsPeer, answers: dict):
    answers["place.test"] = answers["other.test"] = [["127.0.0.1"]]
    port = https.server.port

    receipt = put(https.place(url=f"https://place.test:{port}/inbox"), CONTENT)
    https.place(url=f"https://PLACE.test:{port}/inbox/").prove(NAME, receipt)

    with pytest.raises(PeerUnsafe, match="certificate"):
        put(https.place(url=f"https://other.test:{port}/inbox"), CONTENT)


def test_a_name_is_looked_up_once_so_that_a_second_answer_changes_nothing(https: HttpsPeer, answers: dict):
    answers["place.test"] = [["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]]
    place = https.place(url=f"https://place.test:{https.server.port}/inbox")

    receipt = put(place, CONTENT)
    place.prove(NAME, receipt)
    place.remove(NAME, receipt, at=later())

    assert answers["asked"] == ["place.test"]


def test_a_name_with_one_bad_address_among_good_ones_is_unsafe(https: HttpsPeer, answers: dict):
    answers["place.test"] = [["127.0.0.1", "10.0.0.1"]]

    with pytest.raises(AddressUnsafe):
        put(https.place(url=f"https://place.test:{https.server.port}/inbox"), CONTENT)
    assert https.server.asked == []


def test_without_leave_nothing_on_this_host_is_reached(https: HttpsPeer, answers: dict):
    answers["place.test"] = [["127.0.0.1"]]
    strict = Guard.of(ports=None)

    for url in (f"https://127.0.0.1:{https.server.port}/inbox", f"https://place.test:{https.server.port}/inbox"):
        with pytest.raises(AddressUnsafe):
            put(https.place(guard=strict, url=url), CONTENT)
    assert https.server.asked == []


def test_an_exchange_ends_in_time_also_where_silence_may_last_longer(https: HttpsPeer):
    https.server.manner, begun = "slow", time.monotonic()

    with pytest.raises(PeerSlow):
        https.place(limits=Limits(connect=5, silence=60, patience=1)).holds(NAME)

    assert time.monotonic() - begun < ENDS_WITHIN


def test_an_unknown_name_is_a_place_that_is_down(https: HttpsPeer, answers: dict):
    with pytest.raises(PeerDown):
        put(https.place(url="https://nowhere.test/inbox", guard=LOOPBACK), CONTENT)


def test_a_resolver_that_keeps_silent_is_not_waited_for(https: HttpsPeer, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_later, **_options: time.sleep(3) or [])
    patient = Guard(ports=None, resolve_seconds=0.2)
    begun = time.monotonic()

    with pytest.raises(PeerSlow):
        put(https.place(guard=patient, url="https://place.test/inbox"), CONTENT)

    assert time.monotonic() - begun < 2


def test_the_next_address_is_tried_where_the_first_takes_no_connection(https: HttpsPeer, answers: dict):
    answers["place.test"] = [["127.0.0.2", "127.0.0.1"]]
    guard = Guard.of(ports=None, allowed=["127.0.0.0/8"])

    receipt = put(https.place(guard=guard, url=f"https://place.test:{https.server.port}/inbox"), CONTENT)

    https.place().prove(NAME, receipt)


def test_a_port_where_nobody_listens_is_a_place_that_is_down(https: HttpsPeer):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(PeerDown):
        put(https.place(url=f"https://127.0.0.1:{port}/inbox"), CONTENT)


def test_a_peer_that_never_ends_its_handshake_is_slow(https: HttpsPeer):
    silent = Socket(lambda connection, stop: stop.wait(20))
    begun = time.monotonic()
    try:
        with pytest.raises(PeerSlow):
            put(https.place(limits=HASTY, url=f"https://127.0.0.1:{silent.port}/inbox"), CONTENT)
    finally:
        silent.close()
    assert time.monotonic() - begun < ENDS_WITHIN


def test_a_peer_that_speaks_no_tls_is_not_spoken_to(https: HttpsPeer):
    plain = Socket(lambda connection, stop: connection.sendall(b"HTTP/1.1 201 Created\r\n\r\n"))
    try:
        with pytest.raises(PeerDown):
            put(https.place(url=f"https://127.0.0.1:{plain.port}/inbox"), CONTENT)
    finally:
        plain.close()


def test_proxies_that_the_environment_names_are_not_used(https: HttpsPeer, monkeypatch):
    listening = Socket(lambda connection, stop: None)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listening.port}")
    try:
        https.place().prove(NAME, put(https.place(), CONTENT))
    finally:
        listening.close()
    assert listening.connections == 0


def test_a_receiver_is_asked_in_its_own_folder_only(https: HttpsPeer, place: HttpsPlace):
    receipt = put(place, CONTENT)
    place.prove(NAME, receipt)
    place.remove(NAME, receipt, at=later())

    assert {path for _method, path in https.server.asked} == {f"/inbox/{NAME}"}
    with pytest.raises(NotThere):
        place.fetch(NAME)


def test_the_same_again_costs_the_receiver_one_comparison_and_a_different_one_is_named_taken(https: HttpsPeer, place: HttpsPlace):
    put(place, CONTENT)
    put(place, CONTENT)

    with pytest.raises(NameTaken):
        put(place, CONTENT[::-1])

    assert https.everything() == [NAME]


@pytest.mark.parametrize("key", ["", "abc", "AB" * 32, "zz" * 32, "ab" * 33])
def test_a_receivers_key_that_is_none_is_refused(https: HttpsPeer, key: str):
    with pytest.raises(PeerSettingsUnfit):
        https.place(receiver_key=key)
