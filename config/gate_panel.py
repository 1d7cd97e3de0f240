"""The first page's panel on what left: by day and kind of recipient over the last thirty days, and to whom the most of it went.

One query over an index that holds all it asks for, and one for the names. It must never show personal data: references, names of
providers and clients, and counts only.
"""

from collections import Counter
from datetime import datetime, time, timedelta
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse

from apps.foundation.charts import Series, day_columns
from apps.foundation.clock import day_of
from apps.gate.models import GateRefusal
from apps.gate.services.accounts import names

DAYS, SHOWN = 30, 6
LEFT = """
SELECT (at AT TIME ZONE 'UTC')::date, recipient, count(*), max(at) FROM gate_disclosure WHERE at >= %s AND at <= %s GROUP BY 1, 2
"""
#: how a reference begins → what its layer is called, and its tone
LAYERS = {"PRV": ("to service providers", "due"), "ORG": ("to clients", "stored"), "PER": ("to people themselves", "held")}


def left(_request: HttpRequest, at: datetime) -> dict[str, Any]:
    """What left in the last thirty days."""
    today = day_of(at)
    first = today - timedelta(days=DAYS - 1)
    since = datetime.combine(first, time(0), at.tzinfo)
    counts: dict[str, Counter] = {prefix: Counter() for prefix in LAYERS}
    by_recipient: Counter = Counter()
    last: dict[str, datetime] = {}
    with connection.cursor() as cursor:
        cursor.execute(LEFT, [since, at])
        for day, recipient, number, newest in cursor.fetchall():
            counts[recipient[:3]][day] += number
            by_recipient[recipient] += number
            last[recipient] = max(newest, last.get(recipient, newest))
    people = sum(number for recipient, number in by_recipient.items() if recipient.startswith("PER"))
    most = [(recipient, number) for recipient, number in by_recipient.most_common() if not recipient.startswith("PER")]
    named = names({recipient for recipient, _number in most[:SHOWN]})
    ledger = reverse("admin:gate_disclosure_changelist")
    return {
        "chart": day_columns(
            [Series(name, tone, counts[prefix]) for prefix, (name, tone) in LAYERS.items()],
            title="What left by day and kind of recipient", first=first, last=today, today=today, unit="disclosures",
            empty="Nothing left in the last thirty days.",
        ),
        "rows": [
            {"name": named.get(recipient, ("", ""))[0] or recipient, "recipient": recipient, "number": number, "last": last[recipient],
             "url": f"{ledger}?q={recipient}"}
            for recipient, number in most[:SHOWN]
        ],
        "more": max(0, len(most) - SHOWN),
        "people": people,
        "refused": GateRefusal.objects.filter(at__gte=since, at__lte=at).count(),
        "url": ledger,
        "refusals_url": reverse("admin:gate_gaterefusal_changelist"),
    }  # fmt: skip
