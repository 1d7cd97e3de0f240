"""All checks, one after the other, over one moment of the database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from apps.assurance.fsck import archives, asides, cohorts, destructions, lines, sealed
from apps.assurance.fsck.looking import Finding, House, one_moment

#: by name, in the order in which they are told
CHECKS: dict[str, Callable[[House], Iterator[Finding]]] = {
    "journal": lines.check,
    "keystore": destructions.keystore,
    "sealed": sealed.check,
    "leaves": cohorts.leaves,
    "accounts": cohorts.accounts,
    "states": cohorts.states,
    "messages": cohorts.messages,
    "seals": cohorts.seals,
    "ledger": cohorts.events,
    "aside": asides.bundles,
    "holds": asides.holds_seen,
    "destructions": destructions.works,
    "archives": archives.places,
    "owed": archives.owed,
}


@dataclass(frozen=True)
class Examined:
    """What was found, by check, and how much was looked at."""

    findings: dict[str, list[Finding]]
    looked_at: dict[str, int]

    @property
    def is_clean(self) -> bool:
        return not any(self.findings.values())


def examine(*, at: datetime, folder: Path, most: int | None = None) -> Examined:
    """Look at everything. `most`: how many messages of a cohort are opened, chosen at random; None opens all."""
    house = House(at, folder, most)
    with one_moment():
        findings = {name: sorted(set(check(house))) for name, check in CHECKS.items()}
    return Examined(findings, dict(sorted(house.looked_at.items())))
