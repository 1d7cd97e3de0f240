"""What changed at a person's server since the last time, and what has to be remembered to ask that again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Item:
    """One entry of an address book or calendar, as it lies there."""

    href: str  # its path on the server; the key by which it is changed and removed
    etag: str
    data: bytes

    def __repr__(self) -> str:
        return f"<item of {len(self.data)} bytes>"


@dataclass(frozen=True)
class CollectionState:
    """What is known of one address book or calendar: the server's sync token or its tag, and the etag of each entry that is here."""

    token: str = ""
    tag: str = ""  # changes with each change; of servers that know no sync tokens
    etags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SyncState:
    """Of one source: its collections by path. Empty before the first time. To be kept as what it is: paths may name people."""

    collections: Mapping[str, CollectionState] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<state of {len(self.collections)} collections>"

    @property
    def entries(self) -> int:
        return sum(len(one.etags) for one in self.collections.values())

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `of` reads them back."""
        return {path: {"token": one.token, "tag": one.tag, "etags": dict(one.etags)} for path, one in self.collections.items()}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "SyncState":
        return cls({path: CollectionState(one["token"], one["tag"], dict(one["etags"])) for path, one in kept.items()})


@dataclass(frozen=True)
class Changes:
    """Since the state that was given: entries that are new or different, paths of entries that are gone, and the state to give next time.

    Taking the same changes twice must be like taking them once: whoever keeps them may be killed before the state is.
    """

    changed: tuple[Item, ...]
    removed: tuple[str, ...]
    state: SyncState

    def __repr__(self) -> str:
        return f"<{len(self.changed)} changed, {len(self.removed)} removed>"
