"""Addresses and paths of DAV servers, each spelled in one way, so that what the server says can be compared with what it said.

It must never lead to another host, upwards, or put anything into a request that is not a path.
"""

import posixpath
import re
from urllib.parse import quote, unquote_to_bytes

from apps.contacts.dav.troubles import PointsElsewhere, SourceAddressUnsafe, SourceMisbehaves
from apps.gate.client.addresses import Guard, Target

ADDRESS = re.compile(r"(?P<host>https://[^/?#\s]+)(?P<path>/[^?#\s]*)?", re.ASCII | re.IGNORECASE)
HREF = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#\s@]+)(?P<path>/[^?#]*)?", re.IGNORECASE)
PLAIN = "!$&'()*+,;=:@~"  # besides letters, digits and -._
LONGEST = 1000


def read_address(address: str, guard: Guard) -> tuple[Target, str]:
    """The server that an address names, and the path on it. SourceAddressUnsafe where it can't be used."""
    found = ADDRESS.fullmatch(address.strip())
    if not found:
        raise SourceAddressUnsafe
    target = guard.read("https" + found["host"][5:], scheme="https")
    try:
        return target, spelled(found["path"] or "/")
    except SourceMisbehaves:
        raise SourceAddressUnsafe from None


def on_server(href: str, target: Target, base: str) -> str:
    """The path that a server's word names, seen from `base`. PointsElsewhere where that is on another host."""
    found = HREF.fullmatch(href)
    if found:
        host, port = _taken_apart(found["host"])
        if found["scheme"].lower() != target.scheme or (host, port or 443) != (target.host, target.port):
            raise PointsElsewhere
        return spelled(found["path"] or "/")
    if href.startswith("//") or "://" in href.partition("/")[0]:
        raise PointsElsewhere
    return spelled(href if href.startswith("/") else posixpath.join(posixpath.dirname(base), href))


def spelled(path: str) -> str:
    """A path with everything escaped that has to be, and nothing else."""
    parts = [unquote_to_bytes(part) for part in path.split("/")]
    if len(path) > LONGEST or not path.startswith("/") or any(part in (b".", b"..") or min(part, default=32) < 32 for part in parts):
        raise SourceMisbehaves("The server names an entry by what is no path.")
    return "/".join(quote(part, safe=PLAIN) for part in parts)


def _taken_apart(authority: str) -> tuple[str, int]:
    host, _colon, port = authority.rpartition(":") if re.search(r":\d+$", authority) else (authority, "", "")
    return host.strip("[]").lower(), int(port or 0)
