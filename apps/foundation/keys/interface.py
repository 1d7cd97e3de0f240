"""What a keystore can do. Another kind of store, such as a hardware module, may stand behind the same verbs."""

import re
from typing import Protocol

KINDS = (
    "day", "organization", "aside", "archive", "matter", "place", "hold", "linked", "representative", "inquiry", "source", "matching",
    "request", "arrival", "package",
)  # fmt: skip
NAME = re.compile(rf"(?:{'|'.join(KINDS)})/[A-Za-z0-9_-]{{1,80}}")


def require_name(name: str) -> str:
    """The name, if it may name a secret. It becomes a path, so nothing else may pass."""
    if not NAME.fullmatch(name):
        raise ValueError("not a name of a secret")
    return name


class Keystore(Protocol):
    """Secrets of 32 bytes by name. One that was destroyed is never made again."""

    #: how fast it destroys, and which snapshots of it exist: printed on every certificate
    destroys: str
    snapshots: str
    #: tells this store's secrets from another's in memory
    identity: str

    def ensure(self, name: str) -> bytes:
        """The secret of that name, made now if it never existed. Raises KeyDestroyed for one that did and is gone."""

    def get(self, name: str) -> bytes:
        """The secret of that name. Raises KeyMissing, KeyDestroyed, or what is wrong with it."""

    def exists(self, name: str) -> bool:
        """Whether there is a secret of that name that was not destroyed."""

    def was_destroyed(self, name: str) -> bool:
        """Whether it was destroyed, and nothing of it is left in any copy that can be reached."""

    def destroy(self, name: str) -> None:
        """Destroy it for good, whatever state it is in. Twice is once."""

    def names(self, kind: str) -> list[str]:
        """The names of the secrets of one kind that exist, sorted."""
