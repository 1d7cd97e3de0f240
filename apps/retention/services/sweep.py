"""What the minute's ring does, in this order: seal, remind, hide, destroy, look for what is late. Each finds its work in rows, so a lost ring loses nothing."""

from dataclasses import dataclass
from datetime import datetime

from apps.retention.services import alarms, destroy, reviews, sealing


@dataclass(frozen=True)
class Swept:
    sealed: int
    reminded: int
    expired: int
    destroyed: list[str]
    alarms: int


def sweep(*, at: datetime) -> Swept:
    """Seal what is near its day, remind of reviews, hide what has reached its day, destroy what is due, and raise alarms of the rest."""
    return Swept(
        sealed=sealing.seal_due(at=at),
        reminded=reviews.remind_due(at=at),
        expired=sealing.expire_due(at=at),
        destroyed=destroy.destroy_due(at=at),
        alarms=alarms.look(at=at),
    )
