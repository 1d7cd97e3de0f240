"""What the product hands over for a person who asked it something about their data: a request at once, under an Idempotency-Key once.

The service that sends it names the person, so nobody has to be found. It proves nothing: a link still goes to the contacts on file, and the
product is never told more than a state and a day, nor whether the person asked in another way too. The same key with the same body answers the
same; with another body it is refused.
"""

from datetime import datetime

from django.db import connection, transaction

from apps.accounts.models import Person, ServiceToken
from apps.accounts.services import tokens
from apps.accounts.services.retries import KeyReused
from apps.data_requests import hashing
from apps.data_requests.models import Arrival, DataRequest
from apps.data_requests.services import arriving, flooding, opening
from apps.data_requests.services.moving import RequestUnknown
from apps.data_requests.states import ArrivalState, Channel
from apps.data_requests.words import Asked

#: of the advisory lock that makes two with one key wait for each other
ONE_KEY = 0x4452_0902
#: channels whose requests a service may ask about: those that it opened, or that follow from what it said
ASKED_BY_SERVICES = (Channel.API, Channel.OWN)
HALF = 40


@transaction.atomic
def hand_over(
    asked: Asked, *, person: Person, token: ServiceToken, key: str | None, body: bytes, at: datetime
) -> tuple[DataRequest, bool]:  # fmt: skip
    """The record of what was asked, and whether it was written now. Where the person has an open request of this kind it joins that one, and the
    service is not told which: the record has a reference of its own."""
    external = _external(token, key, body)
    if external:
        _wait_for_turn(external)
        before = Arrival.objects.filter(channel=Channel.API, external_key__gte=external[:HALF], external_key__lt=f"{external[:HALF]}g").first()
        if before is not None:
            if before.external_key != external:
                raise KeyReused
            return before.request, False
    first, is_new = opening.open_request(asked, channel=Channel.API, person=person, received_at=at, by=token.actor, at=at)
    request = first if is_new else DataRequest.objects.filter(merged_into=first, channel=Channel.API).latest("pk")  # of this transaction: others wait
    arrival = arriving.arrive(channel=Channel.API, asked=asked, external_key=external, at=at)
    arriving.settle(arrival, ArrivalState.TAKEN, at=at, request=request, by=str(token.actor), code="" if is_new else flooding.JOINED)
    return request, True


def stands(reference: str, *, token: ServiceToken) -> DataRequest:
    """A request that a service may ask about. Raises RequestUnknown, also for one that came in by another way or of another client."""
    request = DataRequest.objects.select_related("organization", "merged_into").filter(reference=reference, channel__in=ASKED_BY_SERVICES).first()
    if request is None:
        raise RequestUnknown
    try:
        tokens.require_organization(token, request.organization.reference if request.organization else None)
    except tokens.TokenNotForThis:
        raise RequestUnknown from None
    return request


def that_goes_on(request: DataRequest) -> DataRequest:
    """The request itself, or the one that it joined in the end."""
    while request.merged_into is not None:
        request = request.merged_into
    return request


def _external(token: ServiceToken, key: str | None, body: bytes) -> str:
    """Key and body as keyed hashes, one behind the other: neither can be read from them. Hex digits come before “g”."""
    if key is None:
        return ""
    return hashing.keyed("api-key", token.reference, key).hex()[:HALF] + hashing.keyed("api-body", body.decode("utf-8", "replace")).hex()[:HALF]


def _wait_for_turn(external: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [ONE_KEY, external[:HALF]])
