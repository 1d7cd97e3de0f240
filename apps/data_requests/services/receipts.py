"""The one neutral receipt of a day to an address that somebody gave: the same words for everybody, and nothing about anybody in them.

It must never name a request, a person or what was asked: whoever typed the address may be somebody else.
"""

from datetime import datetime, timedelta

from apps.data_requests import hashing
from apps.data_requests.models import Receipt
from apps.foundation.clock import day_of
from apps.mail.services import outbox
from apps.mail.services.rendering import AddressUnusable

TEMPLATE = "data_requests/receipt"
KEPT_DAYS = 2


def give(*, address: str, about: str, at: datetime) -> bool:
    """Queue the receipt, in the caller's transaction; False where the address had its own today, or is none."""
    receipt, is_first = Receipt.objects.get_or_create(address_digest=hashing.of_email(address), on=day_of(at))
    if not is_first:
        return False
    try:
        context = {"on": f"{day_of(at):%B %-d, %Y}"}
        outbox.queue(template=TEMPLATE, to=address, context=context, about=about, once_key=f"request-receipt:{receipt.pk}", at=at)
    except AddressUnusable:
        return False
    return True


def forget_old(*, at: datetime) -> int:
    """That somebody got one is forgotten after two days; returns how many."""
    return Receipt.objects.filter(on__lt=day_of(at) - timedelta(days=KEPT_DAYS)).delete()[0]
