"""What has no reason to be here any more goes: times that are over, notes of refused files, what ended holds kept, and secrets of what is gone."""

from datetime import datetime

from apps.contacts.models import BusyTime
from apps.contacts.services import keeping_apart, lent, refusing, windows


def clear(*, at: datetime) -> int:
    """Let all of it go; returns how many rows and secrets did."""
    over = BusyTime.objects.filter(ends_at__lt=at - windows.PAST)
    gone = over._raw_delete(over.db)
    gone += keeping_apart.erase_kept(at=at)
    gone += refusing.forget_old(at=at)
    return gone + lent.destroy_left_secrets()
