"""Finds the address books or calendars that an address leads to: itself, or those in the home of whoever logs in (RFC 5397, 6352, 4791, 6764)."""

from dataclasses import dataclass
from typing import Any

from apps.contacts.dav.questions import KINDS, WHO_AND_WHAT
from apps.contacts.dav.server import Reply, Server
from apps.contacts.dav.troubles import NotACollection, PasswordRefused, SourceGone, SourceTooLarge

MOST_COLLECTIONS = 50


@dataclass(frozen=True)
class Collection:
    """An address book or calendar, and what the server says of its state."""

    path: str
    token: str
    tag: str
    knows_changes: bool


def find(server: Server, path: str, kind: str) -> list[Collection]:
    """The collections of that kind, by path. NotACollection where there is none."""
    starts = [KINDS[kind]["well_known"], "/"] if path == "/" else [path]
    was_refused = was_gone = False
    for start in starts:
        reply = server.find(start, WHO_AND_WHAT, depth=0)
        was_refused |= reply.status == 403
        was_gone |= reply.status in (404, 410)
        if reply.status == 207:
            found = _own(server, reply, kind) or _at_home(server, reply, kind)
            if found:
                return sorted(found, key=lambda one: one.path)
    if was_refused:
        raise PasswordRefused("The server does not let us look at this address with this name and password.")
    raise SourceGone if was_gone and path != "/" else NotACollection


def _own(server: Server, reply: Reply, kind: str) -> list[Collection]:
    found = [_collection(server, one, reply.path) for one in reply.responses if _is_kind(one, kind)]
    if len(found) > MOST_COLLECTIONS:
        raise SourceTooLarge
    return found


def _at_home(server: Server, reply: Reply, kind: str) -> list[Collection]:
    """By way of who we are there, and where that one keeps such things; or what lies right below."""
    homes = _hrefs(server, reply, KINDS[kind]["home"])
    if not homes:
        for principal in _hrefs(server, reply, "current-user-principal")[:1]:
            who = server.find(principal, WHO_AND_WHAT, depth=0)
            homes = _hrefs(server, who, KINDS[kind]["home"])
    found: dict[str, Collection] = {}
    for home in [*homes[:3], reply.path] if reply.path not in homes else homes[:3]:
        below = server.find(home, WHO_AND_WHAT, depth=1)
        found |= {one.path: one for one in _own(server, below, kind)}
        if found:
            break
    return list(found.values())


def _hrefs(server: Server, reply: Reply, prop: str) -> list[str]:
    return [server.path_of(href, reply.path) for one in reply.responses[:1] for href in one["props"].get(prop, {}).get("hrefs", ())]


def _is_kind(response: dict[str, Any], kind: str) -> bool:
    props = response["props"]
    if KINDS[kind]["mark"] not in props.get("resourcetype", {}).get("inside", ()):
        return False
    components = props.get("cal:supported-calendar-component-set", {}).get("names", ())
    return kind != "calendar" or not components or "VEVENT" in components


def _collection(server: Server, response: dict[str, Any], base: str) -> Collection:
    props = response["props"]
    return Collection(
        path=server.path_of(response["href"], base),
        token=props.get("sync-token", {}).get("text", "").strip(),
        tag=props.get("cs:getctag", {}).get("text", "").strip(),
        knows_changes="sync-collection" in props.get("supported-report-set", {}).get("inside", ()),
    )
