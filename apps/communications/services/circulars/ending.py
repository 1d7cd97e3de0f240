"""Deliveries end 24 months after their circular did, once the consent they rested on no longer stands."""

from datetime import datetime

from django.conf import settings

from apps.communications.models import Delivery
from apps.consents.months import months_later

AT_ONCE = 5_000


def end_old(*, at: datetime) -> int:
    """Remove them, some thousand at once; returns how many. While a consent stands, its links to unsubscribe must work."""
    removed, before = 0, months_later(at, -settings.DELIVERY_KEEP_MONTHS)
    while chunk := list(Delivery.objects.past_their_life(before).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        removed += Delivery.objects.filter(pk__in=chunk).delete()[0]
    return removed
