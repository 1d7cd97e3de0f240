"""Where a client's target may point: over all special ranges, every spelling that two readers read differently, and DNS."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.gate.client.addresses import METADATA, NOT_THE_INTERNET, OWN_NETWORKS, AddressUnsafe, Guard, is_internet
from apps.gate.client.troubles import PeerDown
from tests.gate.client import passages

GUARD = Guard()

# the registries of IANA, written down a second time and from another side: what each is for, not what we refuse
SPECIAL = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "233.252.0.0/24", "240.0.0.0/4", "255.255.255.255/32", "168.63.129.16/32",
    "::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64",
    "2001::/32", "2001:1::1/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28",
    "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    "4000::/3", "6000::/3", "8000::/3", "a000::/3", "c000::/3", "e000::/4",
)  # fmt: skip
KINDS = ("is_private", "is_loopback", "is_link_local", "is_multicast", "is_reserved", "is_unspecified")
INTERNET = ("1.1.1.1", "8.8.8.8", "93.184.215.14", "223.255.255.254", "2606:4700:4700::1111", "2a00:1450:4001:80e::200e", "2001:4860:4860::8888")


def inside(network):
    """Addresses of a network, its first and last among them."""
    network = ip_network(network)
    last = int(network.broadcast_address)
    numbers = st.one_of(st.integers(int(network.network_address), last), st.sampled_from([int(network.network_address), last]))
    return numbers.map(IPv4Address if network.version == 4 else IPv6Address)


@given(st.sampled_from(SPECIAL).flatmap(inside))
def test_no_address_of_a_special_range_is_the_internet(address):
    assert not is_internet(address)
    with pytest.raises(AddressUnsafe):
        GUARD.require_allowed(address)


@given(st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address), inside("2000::/3")))
def test_nothing_passes_that_python_itself_takes_for_special(address):
    if is_internet(address):
        assert address.is_global
        assert [kind for kind in KINDS if getattr(address, kind)] == []
        assert not any(address.version == network.version and address in network for network in map(ip_network, SPECIAL))


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_an_ipv4_address_that_passes_is_outside_of_every_range_and_the_others_inside_of_one(address):
    assert is_internet(address) == (not any(address in network for network in map(ip_network, SPECIAL) if network.version == 4))


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_an_ipv4_address_inside_an_ipv6_address_never_passes(address):
    number = int(address)
    for carried in (
        IPv6Address(number),  # compatible
        IPv6Address((0xFFFF << 32) | number),  # mapped
        IPv6Address((0xFFFF << 48) | number),  # translated
        IPv6Address((0x64FF9B << 96) | number),  # NAT64
        IPv6Address((0x64FF9B0001 << 80) | number),  # NAT64 of one's own
        IPv6Address((0x2002 << 112) | (number << 80) | 1),  # 6to4
        IPv6Address((0x20010000 << 96) | (number << 64)),  # Teredo's server
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),  # Teredo's client
        IPv6Address((0x2A001450 << 96) | (0x5EFE << 32) | number),  # ISATAP
        IPv6Address((0x2A001450 << 96) | (0x02005EFE << 32) | number),
    ):
        assert not is_internet(carried), carried


@pytest.mark.parametrize("address", INTERNET)
def test_addresses_of_the_internet_pass(address: str):
    assert is_internet(ip_address(address))
    GUARD.require_allowed(ip_address(address))


@pytest.mark.parametrize("address", ["fe80::1%eth0", "2606:4700:4700::1111%1", "::1%lo"])
def test_an_address_with_a_zone_never_passes(address: str):
    with pytest.raises(AddressUnsafe):
        GUARD.require_allowed(ip_address(address))


@pytest.mark.parametrize("address", sorted(map(str, METADATA)))
def test_metadata_services_are_refused_even_where_their_network_is_allowed(address: str):
    with pytest.raises(AddressUnsafe):
        Guard(allowed=(*OWN_NETWORKS, ip_network("0.0.0.0/0"), ip_network("::/0"))).require_allowed(ip_address(address))


def test_what_is_allowed_is_exactly_that():
    guard = Guard.of(ports=[443], allowed=["127.0.0.1", "10.1.0.0/16"])

    guard.require_allowed(ip_address("127.0.0.1"))
    guard.require_allowed(ip_address("10.1.2.3"))
    for other in ("127.0.0.2", "10.2.0.1", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::1", "64:ff9b::10.1.2.3", "2002:a01:203::"):
        with pytest.raises(AddressUnsafe):
            guard.require_allowed(ip_address(other))


def test_our_own_places_may_lie_on_private_networks_and_any_port_but_not_on_this_host():
    own = GUARD.for_our_own()

    for address in ("10.0.0.1", "172.31.255.255", "192.168.1.1", "fd12::1", "8.8.8.8"):
        own.require_allowed(ip_address(address))
    for address in ("127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "0.0.0.0", "100.64.0.1"):
        with pytest.raises(AddressUnsafe):
            own.require_allowed(ip_address(address))
    assert own.read("https://store.internal:9000", scheme="https").port == 9000


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "path"),
    [
        ("https://archive.example.com", "https", "archive.example.com", 443, ""),
        ("https://archive.example.com/", "https", "archive.example.com", 443, ""),
        ("https://Archive.EXAMPLE.com:8443/in/box_1/", "https", "archive.example.com", 8443, "/in/box_1"),
        ("https://xn--bcher-kva.example/a.b~c", "https", "xn--bcher-kva.example", 443, "/a.b~c"),
        ("https://93.184.215.14/x", "https", "93.184.215.14", 443, "/x"),
        ("https://[2606:4700:4700:0:0:0:0:1111]/x", "https", "2606:4700:4700::1111", 443, "/x"),
        ("sftp://files.example.com/covenant", "sftp", "files.example.com", 22, "/covenant"),
        ("sftp://files.example.com:2222/covenant", "sftp", "files.example.com", 2222, "/covenant"),
    ],
)
def test_an_address_is_read_in_one_way(url: str, scheme: str, host: str, port: int, path: str):
    target = GUARD.read(url, scheme=scheme)

    assert (target.scheme, target.host, target.port, target.path) == (scheme, host, port, path)


def test_host_and_port_are_named_as_http_does():
    assert GUARD.read("https://a.example:443/x", scheme="https").authority == "a.example"
    assert GUARD.read("https://a.example:8443/x", scheme="https").authority == "a.example:8443"
    assert GUARD.read("https://[2606:4700:4700::1111]:8443", scheme="https").authority == "[2606:4700:4700::1111]:8443"


BAD = [
    # other schemes
    "http://a.example/x", "ftp://a.example/x", "file://a.example/etc/passwd", "ssh://a.example/x", "gopher://a.example/", "HTTPS://a.example/",
    "javascript://a.example", "https:a.example", "https:/a.example", "https:///x", "//a.example/x", "a.example", "", " ",
    # userinfo
    "https://user@a.example/", "https://user:secret@a.example/", "https://a.example@b.example/", "https://@a.example/",
    "https://a.example:secret@b.example/", "https://a.example%40b.example/",
    # numbers that some take for an address
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://127.1/", "https://127.0.1/",
    "https://017700000001/", "https://0/", "https://127.0.0.1.5/", "https://256.256.256.256/", "https://1.2.3/", "https://127.0.0.0x1/",
    "https://127.0.0.01/", "https://a.0x7f/", "https://a.example.5/", "https://0x/", "https://a.0x/",
    # dots and hyphens
    "https://a.example./", "https://127.0.0.1./", "https://localhost./", "https://.a.example/", "https://a..example/", "https://./",
    "https://-a.example/", "https://a-.example/", "https://a_b.example/", f"https://{'a' * 64}.example/", f"https://{'a.' * 127}example/",
    # IPv6
    "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1%lo]/", "https://[::1/", "https://::1/", "https://[]/", "https://[:]/",
    "https://[1.2.3.4]/", "https://[::g]/", "https://[[::1]]/", "https://2606:4700:4700::1111/", "https://[v1.a]/",
    # letters beyond ASCII, some of which become others
    "https://bücher.example/", "https://ⓔxample.com/", "https://１２７.０.０.１/", "https://a。example/", "https://а.example/",
    "https://localhost\u00ad/", "https://a.example/ä", "https://ex\u212ample.com/", "https://a\u200b.example/",
    # ports
    "https://a.example:0/", "https://a.example:65536/", "https://a.example:99999/", "https://a.example:80/", "https://a.example:6379/",
    "https://a.example:-1/", "https://a.example:+443/", "https://a.example:443a/", "https://a.example:/", "https://a.example:4 43/",
    "https://a.example:443:443/", "https://a.example:４４３/", "https://a.example:000443/",
    # paths
    "https://a.example/../x", "https://a.example/x/..", "https://a.example/x/../../y", "https://a.example/./x", "https://a.example/.",
    "https://a.example/..", "https://a.example/%2e%2e/x", "https://a.example/a%2fb", "https://a.example//x", "https://a.example/x//y",
    "https://a.example/x\\y", "https://a.example\\@b.example/", "https:\\\\a.example/", "https://a.example/x?y", "https://a.example?y",
    "https://a.example/x#y", "https://a.example#@b.example/", "https://a.example/x;y", "https://a.example/a b", "https://a.example/*",
    # what ends a line or a text for some readers
    "https://a.example/\n", "https://a.example\r\nHost: b.example", "https://a.example/\t", " https://a.example/", "https://a.example/ ",
    "https://a.example\x00.b.example/", "https://a.exa\nmple/", "\thttps://a.example/", f"https://a.example/{'x' * 600}",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD)
def test_what_could_be_read_in_two_ways_is_refused_without_repeating_it(url: str):
    with pytest.raises(AddressUnsafe) as caught:
        GUARD.read(url, scheme="https")

    assert "secret" not in str(caught.value)
    assert caught.value.mend.startswith("Give an address like https://")


@given(st.text(max_size=60))
def test_any_text_is_read_strictly_or_refused(text: str):
    for url in (text, f"https://{text}", f"https://a.example{text}", f"https://a.example/{text}"):
        try:
            target = GUARD.read(url, scheme="https")
        except AddressUnsafe:
            continue
        written = f"https://{target.authority}{target.path}"
        assert written.isascii()
        assert GUARD.read(written, scheme="https") == target
        assert not {"@", "%", "\\", "?", "#", " "} & set(written)
        assert ".." not in target.path.split("/")


@given(st.integers(0, 2**32 - 1))
def test_no_spelling_of_a_number_stands_for_an_address_except_the_usual_one(number: int):
    usual = str(IPv4Address(number))
    a, b, c, d = map(int, usual.split("."))
    for spelling in (
        str(number), hex(number), oct(number).replace("o", ""), f"0{number:o}", f"{a}.{(b << 16) | (c << 8) | d}", f"{a}.{b}.{(c << 8) | d}",
        f"0x{a:x}.{b}.{c}.{d}", f"{a}.{b}.{c}.0x{d:x}", f"0{a:o}.{b}.{c}.{d}", f"{a}.{b}.{c}.00{d}", f"{usual}.",
    ):  # fmt: skip
        with pytest.raises(AddressUnsafe):
            GUARD.read(f"https://{spelling}/", scheme="https")
    assert GUARD.read(f"https://{usual}/", scheme="https").host == usual


@pytest.fixture
def resolver(monkeypatch):
    """Answers as the test says, and counts how often it was asked."""

    class Resolver:
        def __init__(self):
            self.answers, self.asked = [], []

        def __call__(self, host, port, *_later, **_options):
            self.asked.append(host)
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
                if ":" in one
                else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
                for one in answer
            ]

    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return resolver


@pytest.fixture
def pin(db):
    """Looks a name up, inside a passage as everything is."""
    with passages.opened() as way:
        yield lambda host="archive.example.com": GUARD.within(way).pin(GUARD.read(f"https://{host}/x", scheme="https"))


def test_every_answer_is_pinned_once_and_in_order(resolver, pin):
    resolver.answers = [["93.184.215.14", "2606:4700:4700::1111", "93.184.215.14"]]

    assert pin().addresses == (ip_address("93.184.215.14"), ip_address("2606:4700:4700::1111"))
    assert resolver.asked == ["archive.example.com"]


@pytest.mark.parametrize("bad", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "::ffff:8.8.8.8", "fe80::1", "fe80::1%2", "100.100.100.200"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_answer_among_good_ones_spoils_the_name(resolver, pin, bad: str, place: int):
    answers = ["93.184.215.14", "2606:4700:4700::1111"]
    resolver.answers = [[*answers[:place], bad, *answers[place:]]]

    with pytest.raises(AddressUnsafe):
        pin()


def test_a_written_address_is_not_looked_up(resolver, pin):
    assert pin("93.184.215.14").addresses == (ip_address("93.184.215.14"),)
    with pytest.raises(AddressUnsafe):
        pin("10.0.0.1")
    with pytest.raises(AddressUnsafe):
        pin("[::ffff:a00:1]")

    assert resolver.asked == []


@pytest.mark.parametrize("name", ["localhost", "metadata.google.internal", "printer.local", "kubernetes.default.svc", "intranet"])
def test_a_name_of_our_own_network_is_judged_by_its_address(resolver, pin, name: str):
    resolver.answers = [["10.9.8.7"]]

    with pytest.raises(AddressUnsafe):
        pin(name)


@pytest.mark.parametrize(
    "answer",
    [socket.gaierror(socket.EAI_NONAME, "unknown"), socket.gaierror(socket.EAI_AGAIN, "again"), UnicodeError("label too long"), []],
)
def test_a_name_without_an_answer_is_a_place_that_is_down(resolver, pin, answer):
    resolver.answers = [answer]

    with pytest.raises(PeerDown) as caught:
        pin()
    assert "archive.example.com" not in str(caught.value)


def test_a_name_with_a_hundred_addresses_is_no_place(resolver, pin):
    resolver.answers = [[f"93.184.215.{number}" for number in range(100)]]

    with pytest.raises(AddressUnsafe):
        pin()


def test_an_answer_of_an_unknown_kind_is_refused(monkeypatch, pin):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_later, **_options: [(socket.AF_UNIX, 1, 0, "", "/run/x")])

    with pytest.raises(AddressUnsafe):
        pin()


def test_the_table_names_every_range_once():
    assert len(set(NOT_THE_INTERNET)) == len(NOT_THE_INTERNET)
