"""What changed in a person's address books or calendars since the last time: the way in.

| the server… | it is asked |
|---|---|
| says the token or tag that it said last time | nothing more |
| knows RFC 6578 | for what changed since the token; answers that were cut are continued |
| does not know the token any more, or no tokens at all | for a list of all entries, which is compared with the one that is kept |

Everything is fetched before anything is handed on: a server that goes away in the middle changes nothing, and the next time begins where
this one did. It stands outside every transaction, since the gate records each connection in one of its own. The state is new only where
all was read.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from apps.contacts.dav import discovering, paths
from apps.contacts.dav.changes import Changes, CollectionState, Item, SyncState
from apps.contacts.dav.discovering import Collection
from apps.contacts.dav.questions import KINDS, LISTING, changes_since, entries
from apps.contacts.dav.server import AnswerTooLarge, Reach, Reply, Server, told
from apps.contacts.dav.troubles import PasswordRefused, SourceGone, SourceMisbehaves, SourceTooLarge
from apps.foundation.actors import SYSTEM
from apps.gate.client.passage import contacting
from apps.gate.package import Recipient
from apps.gate.states import ContactReason

MOST_ROUNDS = 200
#: how servers say that they know a token no more, whatever the precondition is called
TOKEN_LOST = frozenset({400, 403, 404, 409, 410, 412, 501, 507})
NO_SUCH_REPORT = frozenset({400, 403, 404, 405, 415, 501})
GONE = frozenset({404, 410})


def sync(
    *, address: str, user: str, password: str, kind: str, state: SyncState, person_reference: str, at: datetime, by: Any = SYSTEM,
    reach: Reach | None = None,
) -> Changes:  # fmt: skip
    """What changed at `address` since `state`. Raises a SourceTrouble, or the gate's Refused where the person's place may not be contacted."""
    reach = reach or Reach.from_settings()
    with told():
        target, path = paths.read_address(address, reach.guard)
        with contacting(recipient=Recipient.person(person_reference), why=ContactReason.FETCH, by=by, at=at) as passage:
            server = Server(reach.guard.within(passage).pin(target), user=user, password=password, reach=reach)
            return _changes(server, path, kind, state)


def _changes(server: Server, path: str, kind: str, state: SyncState) -> Changes:
    changed: list[Item] = []
    removed: list[str] = []
    known: dict[str, CollectionState] = {}
    found = discovering.find(server, path, kind)
    for collection in found:
        before = state.collections.get(collection.path, CollectionState())
        items, gone, known[collection.path] = _of_collection(server, collection, kind, before)
        changed += items
        removed += gone
        if sum(len(one.etags) for one in known.values()) > server.reach.most_entries:
            raise SourceTooLarge
    for left in sorted(state.collections.keys() - known.keys()):
        removed += sorted(state.collections[left].etags)
    return Changes(tuple(changed), tuple(removed), SyncState(known))


def _of_collection(server: Server, collection: Collection, kind: str, before: CollectionState) -> tuple[list[Item], list[str], CollectionState]:
    """Its entries that are new or different, the paths of those that are gone, and its state."""
    if _is_unchanged(collection, before):
        return [], [], before
    etags, token = _etags(server, collection, before)
    if len(etags) > server.reach.most_entries:
        raise SourceTooLarge
    wanted = [path for path, etag in sorted(etags.items()) if not etag or before.etags.get(path) != etag]
    items, missing, now = _entries(server, collection, kind, wanted)
    etags = {path: now.get(path, etag) for path, etag in etags.items() if path not in missing}
    return items, sorted(before.etags.keys() - etags.keys()), CollectionState(token, collection.tag, etags)


def _is_unchanged(collection: Collection, before: CollectionState) -> bool:
    if before.token and collection.token:
        return before.token == collection.token
    return bool(before.tag) and before.tag == collection.tag


def _etags(server: Server, collection: Collection, before: CollectionState) -> tuple[Mapping[str, str], str]:
    """Every entry that is there now, with its etag, and the token to ask with next time."""
    if collection.knows_changes or before.token:
        since = _since(server, collection, before.token, before.etags) if before.token else None
        since = since or _since(server, collection, "", {})
        if since:
            return since
    reply = server.find(collection.path, LISTING, depth=1)
    _require_there(reply)
    listed = {}
    for one in reply.responses:
        path = _below(server, collection, one["href"], reply.path)
        if path != collection.path and "collection" not in one["props"].get("resourcetype", {}).get("inside", ()):
            listed[path] = _etag(one)
    return listed, collection.token  # said before the list was made: what changed in between comes again


def _since(server: Server, collection: Collection, token: str, etags: Mapping[str, str]) -> tuple[dict[str, str], str] | None:
    """By RFC 6578, continued until the server has said all; None where it does not know the token or the report."""
    etags = dict(etags)
    for _round in range(MOST_ROUNDS):
        reply = server.report(collection.path, changes_since(token))
        if reply.status in TOKEN_LOST:
            return None
        _require_there(reply)
        was_cut = False
        for one in reply.responses:
            path = _below(server, collection, one["href"], reply.path)
            if path == collection.path:
                was_cut |= one["status"] == "507"
            elif one["status"] in ("404", "410"):
                etags.pop(path, None)
            else:
                etags[path] = _etag(one)
        if len(etags) > server.reach.most_entries:
            raise SourceTooLarge
        said = reply.found["token"]
        if not said:
            raise SourceMisbehaves("The server names changes without the token that belongs to them.")
        if not was_cut:
            return etags, said
        if said == token:
            break
        token = said
    raise SourceMisbehaves("The server never comes to an end of its changes.")


def _entries(server: Server, collection: Collection, kind: str, wanted: list[str]) -> tuple[list[Item], set[str], dict[str, str]]:
    """These entries, which of them are gone, and the etags of what was fetched. What is larger than an entry may be is left out."""
    answered: dict[str, Item | None] = {}
    waiting = [wanted[start : start + server.reach.at_once] for start in range(0, len(wanted), server.reach.at_once)]
    while waiting:
        asked = waiting.pop(0)
        try:
            reply = server.report(collection.path, entries(kind, asked))
        except AnswerTooLarge:
            if len(asked) > 1:
                waiting[:0] = [asked[: len(asked) // 2], asked[len(asked) // 2 :]]
            continue
        if reply.status not in NO_SUCH_REPORT:
            _require_there(reply)
            answered |= _answered(server, collection, reply, kind)
        for path in asked:
            if path not in answered:
                with suppress(AnswerTooLarge):
                    answered[path] = _fetched(server, path, kind)
    items = [item for path in wanted if (item := answered.get(path)) is not None]
    fine = [item for item in items if len(item.data) <= server.reach.largest_entry]
    return fine, {path for path, item in answered.items() if item is None}, {item.href: item.etag for item in items}


def _answered(server: Server, collection: Collection, reply: Reply, kind: str) -> dict[str, Item | None]:
    """What a multiget answered, by path; None is what is not there any more."""
    found: dict[str, Item | None] = {}
    for one in reply.responses:
        path, data = _below(server, collection, one["href"], reply.path), one["props"].get(KINDS[kind]["data"])
        if one["status"] in ("404", "410"):
            found[path] = None
        elif data is not None:
            found[path] = Item(path, _etag(one), data["text"].encode("utf-8", "replace"))
    return found


def _fetched(server: Server, path: str, kind: str) -> Item | None:
    """One entry that the server did not answer with others."""
    status, etag, data = server.fetch(path, KINDS[kind]["accept"])
    if status in GONE:
        return None
    if status != 200:
        raise SourceMisbehaves("The server names an entry and does not hand it out.")
    return Item(path, etag, data)


def _below(server: Server, collection: Collection, href: str, base: str) -> str:
    """The path of an entry of this collection, or of itself. SourceMisbehaves where the server names something else."""
    path, own = server.path_of(href, base), collection.path.rstrip("/")
    if path.rstrip("/") == own:
        return collection.path
    if not path.startswith(f"{own}/"):
        raise SourceMisbehaves("The server names an entry that lies elsewhere.")
    return path


def _etag(response: dict[str, Any]) -> str:
    return response["props"].get("getetag", {}).get("text", "").strip()


def _require_there(reply: Reply) -> None:
    if reply.status in GONE:
        raise SourceGone
    if reply.status == 403:
        raise PasswordRefused("The server does not let us read this with this name and password.")
    if reply.status == 507:
        raise SourceTooLarge
    if reply.status != 207:
        raise SourceMisbehaves
