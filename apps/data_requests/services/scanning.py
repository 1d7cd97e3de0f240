"""The search after an erasure, written down: by it alone a request may be answered as done.

| who depends on it | on what |
|---|---|
| the end of an erasure | that a scan which is not clean keeps the request from being answered |
| the evidence | that a scan says where something was found, of what kind and how often, and never what |

It shares no code with what erases, and changes nothing but its own record and the planner's samples of values.
"""

import time
from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from apps.audit.services import ledger
from apps.data_requests.models import DataRequest, Remainder, Scan
from apps.data_requests.scanning import lawful, looking
from apps.data_requests.scanning.lawful import Rest
from apps.foundation.actors import SYSTEM
from apps.foundation.personal_data import Subject


def scan(request: DataRequest, subject: Subject, *, at: datetime) -> Scan:
    """Look everywhere for what is left of the person, and write down where something was found. Outside a transaction: it takes minutes."""
    began = time.monotonic()
    seen = looking.search(subject)
    seconds = int(time.monotonic() - began)
    with transaction.atomic():
        DataRequest.objects.select_for_update().get(pk=request.pk)
        left, excused = lawful.sort(seen, rests_of(request))
        made = Scan.objects.create(
            request=request, number=request.scans.count() + 1, at=at, seconds=seconds, tables=seen.tables, columns=seen.columns, files=seen.files,
            bytes=seen.bytes, findings=[asdict(found) for found in left],
            excused=[asdict(one.found) | {"because": one.because} for one in excused], is_clean=not left,
        )  # fmt: skip
        ledger.record(
            "request.scanned", by=SYSTEM, about=request.reference, at=at,
            facts={"scan": made.number, "findings": len(left), "excused": len(excused), "tables": seen.tables, "files": seen.files},
        )  # fmt: skip
    return made


def rests_of(request: DataRequest) -> list[Rest]:
    """What the erasure of this request lawfully left."""
    open_ones = Remainder.objects.filter(request=request, ended_at__isnull=True).order_by("pk")
    return [Rest(one.holding, one.ground, one.about, one.rows) for one in open_ones]
