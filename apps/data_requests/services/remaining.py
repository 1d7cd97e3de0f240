"""What a hold, a contract or a law kept back of an erasure goes by itself when its ground ends, is searched for again, and the person is told.

| step | transaction |
|---|---|
| claimed: the next try is set before the work | its own |
| each holding that kept something is asked to erase again, piece by piece; secrets and files are destroyed after each | each its own |
| nothing is kept any more and a search is clean: the remainders end, who was erased is owed to the journal | one |

Whom it is about is read from the plan, where it stays sealed until the last remainder ends. It must never take anything from a hold that
stands: the holdings ask, each time, in the transaction in which they erase.
"""

from collections import defaultdict
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from apps.audit.services import ledger
from apps.data_requests import order
from apps.data_requests.models import DataRequest, Remainder
from apps.data_requests.services import executing, letters, stepping, whom
from apps.data_requests.states import State
from apps.foundation.actors import SYSTEM
from apps.foundation.personal_data import Ended, Kept

EVERY = timedelta(hours=1)
AT_A_TIME = 20
MOST_PIECES = 10_000

log = structlog.get_logger(__name__)


def go_on(*, at: datetime) -> int:
    """Erase what is not kept any more; returns how many requests have nothing left. A sweep, and safe beside others."""
    finished = 0
    for _number in range(AT_A_TIME):
        request = _claim(at)
        if request is None:
            break
        try:
            finished += _go_on(request, at)
        except Exception as error:  # one holding's defect keeps no other person's data
            log.error("remainder_not_erased", request=request.reference, error=type(error).__name__)
            with transaction.atomic():
                ledger.record("request.remainder_failed", by=SYSTEM, about=request.reference, at=at, facts={"code": type(error).__name__})
    return finished


@transaction.atomic
def _claim(at: datetime) -> DataRequest | None:
    """The next request that something was kept of; its own steps are over."""
    over = (State.ANSWERING, State.COMPLETED)
    due = Remainder.objects.filter(ended_at__isnull=True, next_try_at__lte=at, request__state__in=over)
    row = due.select_for_update(of=("self",), skip_locked=True).select_related("request").order_by("next_try_at", "pk").first()
    if row is None:
        return None
    Remainder.objects.filter(request=row.request, ended_at__isnull=True).update(next_try_at=at + EVERY)
    return row.request


def _go_on(request: DataRequest, at: datetime) -> bool:
    known = whom.known(request, at=at)
    open_ones = list(Remainder.objects.filter(request=request, ended_at__isnull=True))
    kept_in = {row.holding for row in open_ones}
    codes = [holding.code for holding in order.in_order() if holding.code in kept_in]
    still: dict[str, dict[tuple[str, str], Kept]] = {code: _erase(request, code, known, at) for code in codes}
    if not any(still.values()) and not executing.search(request, known.subject, at=at).is_clean:
        with transaction.atomic():
            ledger.record("request.remainder_found", by=SYSTEM, about=request.reference, at=at)
        return False
    with transaction.atomic():
        counts: dict[str, int] = defaultdict(int)
        for row in Remainder.objects.select_for_update().filter(pk__in=[row.pk for row in open_ones], ended_at__isnull=True):
            if (row.ground, row.about) in still.get(row.holding, {}):
                continue
            row.ended_at, row.next_try_at = at, None
            row.save(update_fields=["ended_at", "next_try_at"])
            counts[row.holding] += row.rows
            facts = {"holding": row.holding, "ground": row.ground, "about": row.about, "rows": row.rows}
            verb = "request.remainder_kept_otherwise" if still.get(row.holding) else "request.remainder_erased"
            ledger.record(verb, by=SYSTEM, about=request.reference, at=at, facts=facts)
        if counts:
            executing.owe_erased(request, known.subject, at=at)
        left = Remainder.objects.filter(request=request, ended_at__isnull=True).exists()
        if counts and not left:
            _tell(request, known, at)
    executing.write_journal()
    return bool(counts) and not left


def _tell(request: DataRequest, known: whom.Known, at: datetime) -> None:
    """The person hears that the rest went too, at the contact that was kept for it."""
    titles = {holding.code: holding.title for holding in order.all_holdings()}
    gone = sorted({titles.get(code, code) for code in request.remainders.values_list("holding", flat=True)})
    letters.send(
        request, code="rest_erased", to=letters.PERSON, address=known.answer_to, context={"holdings": "\n".join(f"- {title}" for title in gone)},
        once_key=f"{request.reference}/rest", by=SYSTEM, at=at,
    )  # fmt: skip


def _erase(request: DataRequest, code: str, known: whom.Known, at: datetime) -> dict[tuple[str, str], Kept]:
    """Erase a holding as far as it lets go; what it still keeps. What a killed one owed is destroyed first."""
    work = executing.erasing(code, request)
    kept: dict[tuple[str, str], Kept] = {}
    _settle(request, code)
    for _number in range(MOST_PIECES):
        with transaction.atomic(durable=True):
            bearer = Remainder.objects.select_for_update().filter(request=request, holding=code, ended_at__isnull=True).order_by("pk").first()
            if bearer is None:  # another worker was here
                return {}
            ended: Ended = work(known.subject, at)
            bearer.owed = [*bearer.owed, *stepping.owing(ended)]
            bearer.save(update_fields=["owed"])
            stepping.keep(request, code, ended, at=at)
        _settle(request, code)
        kept |= {(one.ground.value, one.about): one for one in ended.kept}
        if not ended.more:
            break
    return kept


def _settle(request: DataRequest, code: str) -> None:
    for row in Remainder.objects.filter(request=request, holding=code, ended_at__isnull=True).exclude(owed=[]).order_by("pk"):
        stepping.destroy(row.owed)
        with transaction.atomic():
            locked = Remainder.objects.select_for_update().get(pk=row.pk)
            locked.owed = [one for one in locked.owed if one not in row.owed]
            locked.save(update_fields=["owed"])
