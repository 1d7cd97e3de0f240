"""Who acts. Every verb that changes something takes one; the ledger keeps it as text, never as a foreign key."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """`kind` is staff, service, person or system; `ref` is a reference that names nobody by itself."""

    kind: str
    ref: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.ref}"


SYSTEM = Actor("system", "covenant")
