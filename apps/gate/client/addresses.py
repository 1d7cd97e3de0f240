"""Keeps a target that somebody names from being turned against us: where it may point, asked once, and held to.

A client's target is typed in by a stranger. It could name our own network, the cloud's metadata service, a name that answers
differently the second time, or spell an address so that one reader sees another host than the next. So: one strict spelling,
one look-up of the name, every answer checked, and connections only to the answers that were checked (`Pinned`).

It must never resolve a name twice for one job, and never allow an address because it does not know it: of IPv6 only what IANA
has given out for the Internet (2000::/3) passes at all.
"""

import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from apps.gate.client.passage import NoPassage, Passage
from apps.gate.client.troubles import PeerDown, PeerSlow, PeerUnsafe

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DEFAULT_PORTS = {"https": 443, "sftp": 22}
LONGEST_URL = 500
MOST_ANSWERS = 32

URL = re.compile(
    r"(?P<scheme>[a-z]{1,10})://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?",
    re.ASCII,
)
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)  # a last label that some readers take for (a part of) an IPv4 address

# IANA's registries of special addresses, and what they leave out; written down here so that it does not depend on how much
# the running Python knows.
NOT_THE_INTERNET: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and a cloud's metadata service
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, from inside
        "169.254.0.0/16",  # link-local, most clouds' metadata service
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, a cloud's metadata service
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID, AMT, AS112
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
THE_INTERNET_OF_IPV6 = IPv6Network("2000::/3")  # mapped, compatible, NAT64, private, link-local, multicast lie outside
ISATAP = (0x00005EFE, 0x02005EFE)  # an interface that carries an IPv4 address
METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"))
)
#: where our own stores (S3 on a private network) may lie
OWN_NETWORKS: tuple[Network, ...] = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


class AddressUnsafe(PeerUnsafe):
    """The address of the place is not one that may be used."""

    code = "place_address_unsafe"
    mend = "Give an address like https://archive.example.com/covenant or sftp://archive.example.com/covenant, of a server on the Internet."


@dataclass(frozen=True)
class Target:
    """An address as it was written, taken apart. The path has no end slash and can't lead upwards."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as HTTP names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True)
class Pinned:
    """A target with the addresses that its name had when it was looked up; each of them was checked. Connected inside `passage` only."""

    target: Target
    addresses: tuple[Address, ...]
    passage: Passage


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What may be reached. `ports` None means any; `allowed` are networks that pass although they are not the Internet.

    Without a passage it reads and judges addresses, but asks nobody for one.
    """

    ports: frozenset[int] | None = frozenset({443, 8443, 22, 2222})
    allowed: tuple[Network, ...] = ()
    resolve_seconds: float = 10
    passage: Passage | None = None

    @classmethod
    def of(cls, *, ports: Iterable[int] | None, allowed: Iterable[str] = ()) -> "Guard":
        """From settings: ports, and addresses or networks as texts."""
        return cls(ports=None if ports is None else frozenset(ports), allowed=tuple(map(ip_network, allowed)))

    def for_our_own(self) -> "Guard":
        """The same for places that we run ourselves: also on private networks, on any port."""
        return replace(self, ports=None, allowed=(*self.allowed, *OWN_NETWORKS))

    def within(self, passage: Passage) -> "Guard":
        """The same, with the passage in which names are looked up and connections are opened."""
        return replace(self, passage=passage)

    def way(self) -> Passage:
        """The open passage. NoPassage where there is none."""
        if self.passage is None:
            raise NoPassage
        self.passage.require_open()
        return self.passage

    def read(self, url: str, *, scheme: str) -> Target:
        """The target that `url` names. AddressUnsafe where it could be read in more than one way, or names a wrong port."""
        found = URL.fullmatch(url) if len(url) <= LONGEST_URL else None
        if not found:
            raise AddressUnsafe(_why_unread(url))
        if found["scheme"] != scheme:
            raise AddressUnsafe(f"The address must begin with {scheme}://.")
        port = int(found["port"] or DEFAULT_PORTS[scheme])
        if not 0 < port < 65536 or (self.ports is not None and port not in self.ports):
            raise AddressUnsafe("The port of the address is not one of those allowed.")
        if any(part in (".", "..") for part in found["path"].split("/")):
            raise AddressUnsafe("The path of the address leads upwards.")
        return Target(scheme, _host(found["host"]), port, found["path"])

    def pin(self, target: Target) -> Pinned:
        """Look the target's name up, once, and check every answer; one bad answer spoils all."""
        passage, literal = self.way(), _literal(target.host)
        addresses = (literal,) if literal else _look_up(target.host, target.port, self.resolve_seconds)
        for address in addresses:
            self.require_allowed(address)
        return Pinned(target, addresses, passage)

    def require_allowed(self, address: Address) -> None:
        """AddressUnsafe unless `address` is one on the Internet, or explicitly allowed."""
        if address in METADATA or not (is_internet(address) or self._is_allowed(address)):
            raise AddressUnsafe("The address of the place leads to a network that is not the Internet.")

    def _is_allowed(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self.allowed)


def is_internet(address: Address) -> bool:
    """Whether an address is one of a host on the Internet, and carries no other address inside."""
    if any(address.version == network.version and address in network for network in NOT_THE_INTERNET):
        return False
    if isinstance(address, IPv4Address):
        return address.is_global
    if address.scope_id or address not in THE_INTERNET_OF_IPV6 or not address.is_global:
        return False
    return (int(address) >> 32) & 0xFFFFFFFF not in ISATAP


def _host(written: str) -> str:
    if written.startswith("["):
        try:
            return IPv6Address(written[1:-1]).compressed
        except ValueError:
            raise AddressUnsafe("The address names no host.") from None
    host = written.lower()
    labels = host.split(".")
    if not all(LABEL.fullmatch(label) for label in labels):
        raise AddressUnsafe("The address names no host: a part of its name is empty or begins or ends with a hyphen.")
    if NUMBER.fullmatch(labels[-1]) and not _literal(host):
        raise AddressUnsafe("The address is written as a number that not everybody reads alike.")
    return host


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _look_up(host: str, port: int, seconds: float) -> tuple[Address, ...]:
    """Ask for the addresses of a name, in a thread of its own: the resolver knows no end of waiting."""
    answers: list[tuple] = []
    failed: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            answers.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    asking = threading.Thread(target=ask, daemon=True, name="look-up")
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise PeerSlow("The name of the place was not resolved in time.")
    if failed or not answers:
        raise PeerDown("The name of the place is not known, or nobody could be asked.")
    if len(answers) > MOST_ANSWERS:
        raise AddressUnsafe("The name of the place has more addresses than any place needs.")
    return tuple(dict.fromkeys(_answer(family, address) for family, _kind, _protocol, _name, address in answers))


def _answer(family: int, address: tuple) -> Address:
    literal = _literal(str(address[0])) if family in (socket.AF_INET, socket.AF_INET6) else None
    if literal is None or getattr(literal, "scope_id", None):
        raise AddressUnsafe("The name of the place has an address of an unknown kind, or one that holds on one link only.")
    return literal


def _why_unread(url: str) -> str:
    """What is the matter with an address, without repeating it: it could hold a password."""
    if len(url) > LONGEST_URL:
        return "The address is too long."
    if not url.isascii():
        return "The address has letters that must be written in their ASCII form (xn--…)."
    authority = url.partition("://")[2].partition("/")[0]
    if "@" in authority or "\\" in url:
        return "The address holds a name or password, or a backslash; credentials are given apart."
    if "%" in authority or authority.endswith("."):
        return "The host of the address has a zone, an escape or a dot at its end."
    if "?" in url or "#" in url or "%" in url:
        return "The address has a query, a fragment or escapes."
    return "The address can't be read."
