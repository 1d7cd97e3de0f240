"""Links in mails about requests: made, opened once, void when what they were for is over.

| step | what keeps it safe |
|---|---|
| `make` | 32 random bytes; stored is a digest bound to the link's purpose, and the keyed hash of the contact that it goes to |
| `opens` | a GET asks only this, and changes nothing: what reads mail ahead of its person spends no link |
| `spend` | the request's row locked, then the link's; whoever else has the link finds it spent |
| `void` | a request that moved on leaves no door open behind it |
| `forget_old` | what was not spent goes some days after it ended; all of a request, once that is over and nothing is left to fetch |

A link over, one of another purpose and one that never was are told alike. It must never put a token into a log, an exception or the ledger.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from apps.consents.doors import digest_of, is_token, new_token
from apps.data_requests import hashing
from apps.data_requests.models import DataRequest, RequestLink
from apps.data_requests.services import moving
from apps.data_requests.states import OVER, LinkPurpose
from apps.foundation.refusals import Refusal

#: what a link is for → the page that it opens
PAGES: dict[str, str] = {
    LinkPurpose.PROVE: "data_requests:prove",
    LinkPurpose.CONFIRM_AGENT: "data_requests:confirm",
    LinkPurpose.CALL_BACK: "data_requests:call_back",
    LinkPurpose.DELIVERY: "data_requests:ready",
    LinkPurpose.FETCH: "data_requests:fetch",
}
#: they live on when their request is over, until what waits is fetched or gone
TO_FETCH = (LinkPurpose.DELIVERY, LinkPurpose.FETCH)
#: caps count links of a day
KEPT_AFTER_END = timedelta(days=2)


class LinkOver(Refusal):
    """This link opens nothing any more: it works once, and not for long."""

    code = "request_link_over"
    mend = "If you clicked it before, all is well. Otherwise ask again, and a new link comes by e-mail."


def make(request: DataRequest, *, purpose: str, contact: str, until: datetime, at: datetime) -> tuple[RequestLink, str]:
    """A link for one contact on file, and its address. `until` is when it ends."""
    token = new_token()
    link = RequestLink.objects.create(
        request=request, purpose=purpose, token_hash=digest_of(token, door=_door(purpose)), contact_digest=hashing.of_email(contact),
        made_at=at, expires_at=until,
    )  # fmt: skip
    return link, settings.BASE_URL.rstrip("/") + reverse(PAGES[purpose], args=[token])


def find(token: str, *, purpose: str, at: datetime) -> RequestLink | None:
    """The link that would open now; changes nothing."""
    return _open(token, purpose, at).select_related("request").first()


def spend(token: str, *, purpose: str, at: datetime) -> tuple[DataRequest, RequestLink]:
    """Spend a link, in the caller's transaction; its request is locked. Raises LinkOver."""
    seen = find(token, purpose=purpose, at=at)
    if seen is None:
        raise LinkOver
    request = moving.locked(seen.request_id)
    link = _open(token, purpose, at).select_for_update(of=("self",)).first()
    if link is None:
        raise LinkOver
    link.spent_at = at
    link.save(update_fields=["spent_at"])
    return request, link


def void(request: DataRequest, *purposes: str, at: datetime) -> int:
    """Links of these purposes that were not spent open nothing any more; returns how many."""
    return RequestLink.objects.filter(request=request, purpose__in=purposes, spent_at=None, void_at=None).update(void_at=at)


def forget_old(*, at: datetime) -> int:
    """A spent link says by which contact a request was proven, until that is over; what was not spent says nothing. Returns how many went."""
    ended = Q(spent_at=None, expires_at__lt=at - KEPT_AFTER_END)
    of_ended = Q(request__state__in=OVER) & (~Q(purpose__in=TO_FETCH) | Q(expires_at__lt=at))
    gone = RequestLink.objects.filter(ended | of_ended, made_at__lt=at - KEPT_AFTER_END)
    return gone.delete()[0]


def _open(token: str, purpose: str, at: datetime):
    if not is_token(token):
        return RequestLink.objects.none()
    open_now = Q(spent_at=None, void_at=None, made_at__lte=at, expires_at__gt=at)
    return RequestLink.objects.filter(open_now, purpose=purpose, token_hash=digest_of(token, door=_door(purpose)))


def _door(purpose: str) -> str:
    return f"request/{LinkPurpose(purpose).value}"
