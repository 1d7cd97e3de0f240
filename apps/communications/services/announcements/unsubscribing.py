"""One click in a mail ends it: the token in its link is known by its hash, and withdraws the consent that the mail rests on.

It works for as long as the consent stands, and as long as the delivery is kept after that. It must never give a consent, never say who
the reader is, and never ask for anything.
"""

import re
from datetime import datetime

from apps.communications.models import Delivery
from apps.consents.services import withdrawing
from apps.consents.states import How
from apps.foundation.actors import Actor
from apps.foundation.digests import sha256

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def delivery_of(token: str) -> Delivery | None:
    """Which delivery's link this is, if any."""
    if not TOKEN.match(token):
        return None
    rows = Delivery.objects.select_related("person", "circular", "purpose")
    return rows.filter(unsubscribe_digest=sha256(token.encode())).first()


def unsubscribe(*, token: str, at: datetime) -> Delivery | None:
    """Withdraw the consent to announcements by that channel; twice is once. None where there is no such link."""
    delivery = delivery_of(token)
    if delivery is None:
        return None
    withdrawing.withdraw(
        person=delivery.person, purpose=delivery.purpose_id, how=How.ONE_CLICK, where=delivery.circular.reference,
        by=Actor("person", delivery.person.reference), at=at,
    )  # fmt: skip
    return delivery
