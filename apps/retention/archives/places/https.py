"""A client's own receiver: it is sent each object by PUT, and answers with a receipt that it signs.

What a receiver must do, all below one address, with TLS:

    PUT    <address>/<name>   Content-Length, Content-Digest (RFC 9530, sha-256), If-None-Match: *, Covenant-Nonce
           201, or 200 where the same bytes lie there already: {"receipt": {…}, "signature": hex}
           409 or 412 where other bytes lie there; 401 or 403; 413 or 507 where it is full
    GET    <address>/<name>   200 with the bytes, 404
    HEAD   <address>/<name>   200, 404
    DELETE <address>/<name>   200 or 204, 404

The receipt is {"format": "covenant-receipt/1", "name", "nonce", "received_at", "sha256", "size"}; its signature is Ed25519 with
the receiver's key over the line `covenant-receipt/1` and the receipt as canonical JSON (sorted keys, no spaces, UTF-8). The nonce
is ours and new each time, so that an old receipt proves nothing. A receipt is kept as the client's word; what proves is
reading back.
"""

import base64
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, ClassVar

from apps.foundation.digests import canonical
from apps.foundation.signing import is_signed
from apps.gate.client.addresses import Guard, Pinned
from apps.gate.client.troubles import PeerMisbehaves, PeerSettingsUnfit
from apps.gate.client.wire import BLOCK, Answer, Limits, ask, trust
from apps.retention.archives.places.base import Place, Receipt, Source, require_name
from apps.retention.archives.places.troubles import NameTaken, NotThere, PlaceLies

FORMAT = "covenant-receipt/1"
SIGNED_PREFIX = FORMAT.encode() + b"\n"
FACTS = frozenset({"format", "name", "nonce", "received_at", "sha256", "size"})
KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
TOKEN = re.compile(r"[\x21-\x7e]{1,2000}", re.ASCII)


class HttpsPlace(Place):
    """A receiver that a client runs."""

    kind = "https"
    for_clients = True
    needs: ClassVar[Mapping[str, str]] = {
        "url": "the receiver's address, https://…",
        "receiver_key": "the Ed25519 key that it signs receipts with, 64 hexadecimal digits",
    }
    takes: ClassVar[Mapping[str, str]] = {"authority": "the certificate authority that vouches for it, in PEM, where it is the client's own"}
    secrets: ClassVar[Mapping[str, str]] = {"token": "what it lets us in with (bearer token)"}

    def __init__(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], *, country: str, guard: Guard, limits: Limits | None = None
    ):
        super().__init__(settings, credentials, country=country, guard=guard, limits=limits)
        self._target = guard.read(self.settings["url"], scheme="https")
        if not KEY.fullmatch(self.settings["receiver_key"]):
            raise PeerSettingsUnfit("The receiver's key is not 64 hexadecimal digits.")
        if not TOKEN.fullmatch(self._credential("token")):
            raise PeerSettingsUnfit("The token has letters that no header can carry.")
        self._context = trust(self.settings.get("authority", ""))
        self._pinned: Pinned | None = None

    def put(
        self, name: str, stream: BinaryIO, *, size: int, sha256: str, keep_until: datetime | None = None
    ) -> Receipt:
        require_name(name)
        source, nonce = Source(stream, size=size, sha256=sha256), secrets.token_hex(16)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
            "Content-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:",
            "If-None-Match": "*",
            "Covenant-Nonce": nonce,
        }
        with self._ask("PUT", name, headers=headers, body=source, size=size) as answer:
            if answer.status in (409, 412):
                raise NameTaken()
            answer.require(200, 201)
            statement = _document(answer.read())
        self._require_signed(statement, {"format": FORMAT, "name": name, "size": size, "sha256": sha256, "nonce": nonce})
        return Receipt(name=name, size=size, sha256=sha256, statement=statement)

    def _size(self, name: str, version: str) -> int | None:
        with self._ask("HEAD", name) as answer:
            if answer.status in (404, 410):
                return None
            answer.require(200)
            return answer.length

    def _blocks(self, name: str, version: str, *, at_most: int) -> Iterator[bytes]:
        with self._ask("GET", name, size=at_most, at_most=at_most + 2 * BLOCK) as answer:
            if answer.status in (404, 410):
                raise NotThere()
            answer.require(200)
            yield from answer.stream()

    def _remove(self, name: str, receipt: Receipt, *, at: datetime) -> None:
        with self._ask("DELETE", name) as answer:
            if answer.status not in (404, 410):
                answer.require(200, 202, 204)

    def _ask(
        self,
        method: str,
        name: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes] = (),
        size: int = 0,
        at_most: int | None = None,
    ) -> Answer:
        self._pinned = self._pinned or self.guard.pin(self._target)
        return ask(
            self._pinned,
            method,
            f"{self._target.path}/{name}",
            headers={"Authorization": f"Bearer {self._credential('token')}", **(headers or {})},
            context=self._context,
            limits=self.limits,
            body=body,
            size=size,
            at_most=self.limits.largest_reply if at_most is None else at_most,
        )

    def _require_signed(self, statement: dict[str, Any], facts: dict[str, Any]) -> None:
        """The receiver's own key over exactly what was sent now; anything else is no receipt."""
        receipt, signature = statement.get("receipt"), statement.get("signature")
        if not isinstance(receipt, dict) or set(receipt) != FACTS or set(statement) != {"receipt", "signature"}:
            raise PeerMisbehaves("The receiver's answer is no receipt.")
        if any(receipt.get(fact) != value or isinstance(receipt.get(fact), bool) for fact, value in facts.items()):
            raise PlaceLies("The receiver's receipt is not for what was sent.")
        try:
            message, value = SIGNED_PREFIX + canonical(receipt), bytes.fromhex(signature)
            datetime.fromisoformat(receipt["received_at"])
        except (KeyError, TypeError, ValueError):
            raise PeerMisbehaves("The receiver's answer is no receipt.") from None
        if not is_signed(bytes.fromhex(self.settings["receiver_key"]), message, value):
            raise PeerMisbehaves("The receiver's receipt is not signed with the key that was registered.")


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise PeerMisbehaves("The receiver's answer is no receipt.")
    return document
