"""In a flood, what would have to wait anyhow is parked by the thousand and not one by one, so that the worker keeps up and whoever asks is answered.

Only what certainly waits is parked here: nobody is known by what was given, nothing is open that it could join, and the hour's caps are used up
by what came before it. All else is left to `taking`, which decides row by row, and decides again for what is parked when its time comes.
It must never park what gives an address on file, nor anything that it could not open.
"""

from collections import Counter
from datetime import datetime

from django.conf import settings
from django.db import transaction

from apps.accounts import details
from apps.accounts.models import PersonEmail, Representative
from apps.data_requests import hashing
from apps.data_requests.models import Arrival, DataRequest
from apps.data_requests.services import arriving, flooding
from apps.data_requests.states import ArrivalState, Channel
from apps.data_requests.words import Asked
from apps.foundation.clock import day_of
from apps.foundation.refusals import Refusal

ROWS_A_SIEVE = 1_000
#: fewer are taken one by one as fast
WORTH_IT = 100
#: by these strangers write
STRANGERS = (Channel.FORM, Channel.EMAIL)


@transaction.atomic
def park_what_waits(*, at: datetime) -> int:
    """Park what has to wait of the oldest rows that nobody looked at; returns how many."""
    rows = Arrival.objects.filter(state=ArrivalState.WAITING, attempts=0, leased_until=None, channel__in=STRANGERS).order_by("received_at", "pk")
    sieve = list(rows.select_for_update(skip_locked=True)[:ROWS_A_SIEVE])
    if len(sieve) < WORTH_IT:
        return 0
    opened = [(row, asked) for row in sieve if (asked := _open(row)) is not None]
    strangers = _of_nobody(opened, at)
    parked = _over_the_caps([row for row, _asked in opened if row.pk in strangers], strangers, at)
    for code in set(parked.values()):
        ids = [pk for pk, why in parked.items() if why == code]
        Arrival.objects.filter(pk__in=ids).update(state=ArrivalState.PARKED, code=code, parked_at=at, next_try_at=at + flooding.REST)
    return len(parked)


def _open(row: Arrival) -> Asked | None:
    try:
        return arriving.open_asked(row)
    except Refusal:
        return None


def _of_nobody(opened: list[tuple[Arrival, Asked]], at: datetime) -> dict[int, tuple[bytes, str]]:
    """Rows whose address is on no file and in no open request, and that give no phone: by id, what each would open."""
    normalised = {row.pk: details.normalise_email(asked.email) for row, asked in opened if asked.email and not asked.phone}
    addresses = sorted(set(normalised.values()))
    on_file = set(PersonEmail.objects.filter(normalised__in=addresses).values_list("normalised", flat=True))
    acting = Representative.objects.in_force(day_of(at)).exclude(email="").values_list("email", flat=True)
    on_file |= {details.normalise_email(email) for email in acting}
    digests = {pk: hashing.of_email(email) for pk, email in normalised.items() if email not in on_file}
    open_ones = DataRequest.objects.takes_more_in().filter(person_reference="", address_digest__in=list(set(digests.values())))
    joined = {(bytes(digest), kind) for digest, kind in open_ones.values_list("address_digest", "kind")}
    opens = {row.pk: (digests[row.pk], asked.kind) for row, asked in opened if row.pk in digests}
    return {pk: what for pk, what in opens.items() if what not in joined}


def _over_the_caps(rows: list[Arrival], opens: dict[int, tuple[bytes, str]], at: datetime) -> dict[int, str]:
    """Which cap each row waits for that comes after the hour's caps are used up: by what was opened lately, and by the rows before it."""
    lately = Arrival.objects.filter(state=ArrivalState.TAKEN, settled_at__gt=at - flooding.HOUR).exclude(code=flooding.JOINED)
    near = Counter(bytes(prefix) for prefix in lately.filter(prefix_digest__isnull=False).values_list("prefix_digest", flat=True))
    in_all, parked, begun = lately.count(), {}, set()
    for row in rows:
        if opens[row.pk] in begun:
            continue  # it will join the one before it
        prefix = None if row.prefix_digest is None else bytes(row.prefix_digest)
        if prefix is not None and near[prefix] >= settings.REQUEST_OPENED_PER_PREFIX_AN_HOUR:
            parked[row.pk] = flooding.PREFIX
        elif in_all >= settings.REQUEST_OPENED_AN_HOUR:
            parked[row.pk] = flooding.TOTAL
        else:
            in_all += 1
            begun.add(opens[row.pk])
            near.update([prefix] if prefix is not None else [])
    return parked
