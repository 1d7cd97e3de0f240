"""Caps on what strangers can cause. Nothing is refused and nothing is lost: what is over a cap waits, and its clock counts from when it came.

| cap | over | who is never held up by it |
|---|---|---|
| requests opened for one address given, a day | 24 hours | one that joins an open request |
| … from one network, an hour | 60 minutes | an address that is on file |
| … in all, an hour | 60 minutes | an address that is on file |
| links to one contact, a day | 24 hours | |
| links in all, an hour | 60 minutes | |

Counted in the database, so that an emptied cache lets no mailbox be flooded. It must never look at who somebody is but for a yes or no.
"""

import ipaddress
from datetime import datetime, timedelta

from django.conf import settings

from apps.data_requests.models import Arrival, RequestLink
from apps.data_requests.states import ArrivalState

#: codes of what an arrival waits for
ADDRESS, PREFIX, TOTAL = "flood_address", "flood_prefix", "flood_total"
#: of an arrival that opened nothing because an open request was there already: it costs no mail, and counts in no cap
JOINED = "joined"
#: stands for the network of whatever fills in the field that people don't see
TRAP = "trap"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
#: so long a parked one is let lie before it is looked at again
REST = timedelta(minutes=10)


def prefix_of(address: str) -> str:
    """The network that an IP address lies in, as one flood comes from: an IPv4 /24 or an IPv6 /48; empty where it is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


def holds_up(arrival: Arrival, *, is_known: bool, at: datetime) -> str:
    """Which cap an arrival that would open a request waits for; empty where none."""
    opened = Arrival.objects.filter(state=ArrivalState.TAKEN).exclude(code=JOINED)
    if arrival.from_digest is not None:
        today = opened.filter(from_digest=bytes(arrival.from_digest), settled_at__gt=at - DAY)
        if today.count() >= settings.REQUEST_OPENED_PER_ADDRESS_A_DAY:
            return ADDRESS
    if is_known:
        return ""
    lately = opened.filter(settled_at__gt=at - HOUR)
    near = lately.none() if arrival.prefix_digest is None else lately.filter(prefix_digest=bytes(arrival.prefix_digest))
    if near.count() >= settings.REQUEST_OPENED_PER_PREFIX_AN_HOUR:
        return PREFIX
    return TOTAL if lately.count() >= settings.REQUEST_OPENED_AN_HOUR else ""


def may_mail_links(*, at: datetime) -> bool:
    """Whether any link may be mailed now."""
    return RequestLink.objects.filter(made_at__gt=at - HOUR).count() < settings.REQUEST_LINKS_AN_HOUR


def may_mail_link_to(digest: bytes, *, at: datetime) -> bool:
    """Whether a contact may get one more link today."""
    return RequestLink.objects.filter(contact_digest=digest, made_at__gt=at - DAY).count() < settings.REQUEST_LINKS_PER_CONTACT_A_DAY
