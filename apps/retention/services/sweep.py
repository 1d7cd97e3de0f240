"""What the minute's ring does, in this order: seal, remind, hide, destroy. Each finds its work in rows, so a lost ring loses nothing."""

from dataclasses import dataclass
from datetime import datetime

from apps.retention.services import destroy, reviews, sealing


@dataclass(frozen=True)
class Swept:
    sealed: int
    reminded: int
    expired: int
    destroyed: list[str]


def sweep(*, at: datetime) -> Swept:
    """Seal what is near its day, remind of reviews, hide what has reached its day, destroy what is due."""
    return Swept(
        sealed=sealing.seal_due(at=at),
        reminded=reviews.remind_due(at=at),
        expired=sealing.expire_due(at=at),
        destroyed=destroy.destroy_due(at=at),
    )
