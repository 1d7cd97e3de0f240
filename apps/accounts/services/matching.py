"""Whom a source means: people by external id first, then by e-mail, within one organization and never across.

A wrong match shows one client's person to another client, so every query here is bound to one organization. It must
never write, and never report an address it was given.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from apps.accounts.details import normalise_email
from apps.accounts.models import ExternalIdentity, PersonEmail

__all__ = ["Handle", "match", "normalise_email"]

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Handle(NamedTuple):
    """How a source names somebody. Either part may be empty; an external id means nothing without its source."""

    source: str
    external_id: str
    email: str


def match(*, organization_id: int, handles: Iterable[Handle]) -> dict[Handle, str]:
    """The reference of the person behind each handle that is known in that organization. Two queries at most."""
    wanted = {handle for handle in handles if _storable("".join(handle))}
    found = _by_external_id(organization_id, wanted)
    return found | _by_email(organization_id, wanted - found.keys())


def _storable(text: str) -> bool:
    """Whether the database can hold it at all: input of sources may carry NUL or half a surrogate pair."""
    return not _UNSTORABLE.search(text)


def _by_external_id(organization_id: int, handles: set[Handle]) -> dict[Handle, str]:
    named = [handle for handle in handles if handle.source and handle.external_id]
    if not named:
        return {}
    rows = (
        ExternalIdentity.objects.filter(organization_id=organization_id, source__in={handle.source for handle in named})
        .extra(where=["external_id = ANY(%s)"], params=[_once(handle.external_id for handle in named)])
        .values_list("source", "external_id", "person__reference")
    )
    known = {(source, external_id): reference for source, external_id, reference in rows}
    return {h: known[h.source, h.external_id] for h in named if (h.source, h.external_id) in known}


def _by_email(organization_id: int, handles: set[Handle]) -> dict[Handle, str]:
    addressed = {handle: normalise_email(handle.email) for handle in handles if handle.email}
    if not addressed:
        return {}
    known = dict(
        PersonEmail.objects.filter(organization_id=organization_id)
        .extra(where=["normalised = ANY(%s)"], params=[_once(addressed.values())])
        .values_list("normalised", "person__reference")
    )
    return {handle: known[address] for handle, address in addressed.items() if address in known}


def _once(texts: Iterable[str]) -> list[str]:
    """As one array: thousands of parameters of their own would cost more than the search."""
    return sorted(set(texts))
