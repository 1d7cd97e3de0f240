"""Every kind of place there is, and how one is opened from what was registered."""

from collections.abc import Mapping

from django.conf import settings

from apps.gate.client.addresses import Guard
from apps.gate.client.passage import Passage
from apps.gate.client.troubles import PeerSettingsUnfit
from apps.gate.client.wire import Limits
from apps.retention.archives.places.base import Place
from apps.retention.archives.places.https import HttpsPlace
from apps.retention.archives.places.local import LocalPlace
from apps.retention.archives.places.s3 import S3Place
from apps.retention.archives.places.sftp import SftpPlace

PLACES: dict[str, type[Place]] = {kind.kind: kind for kind in (LocalPlace, S3Place, SftpPlace, HttpsPlace)}


def guard_for(kind: type[Place]) -> Guard:
    """What such a place may point to: a client's only to the Internet, ours also to private networks."""
    guard = Guard.of(ports=settings.ARCHIVE_PORTS, allowed=settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES)
    return guard if kind.for_clients else guard.for_our_own()


def open_place(
    kind: str, place_settings: Mapping[str, str], credentials: Mapping[str, str], *, country: str, passage: Passage | None = None,
    limits: Limits | None = None,
) -> Place:  # fmt: skip
    """The place that was registered so. Refuses what describes none; nothing is connected yet."""
    if kind not in PLACES:
        raise PeerSettingsUnfit("There is no such kind of place.")
    found = PLACES[kind]
    guard = guard_for(found) if passage is None else guard_for(found).within(passage)
    return found(place_settings, credentials, country=country, guard=guard, limits=limits)
