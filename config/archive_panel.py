"""The first page's panel on archives: for each client that is owed one, since when something waits, and why."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from apps.retention.services.archives import lag

SHOWN = 8


def archives(_request: HttpRequest, at: datetime) -> dict[str, Any]:
    """The clients whose archives lag the most. References, days and counts only."""
    found = lag.lags(at=at)
    return {
        "rows": [_row(one, at) for one in found[:SHOWN]],
        "more": max(0, len(found) - SHOWN),
        "late": sum(one.is_late(at) for one in found),
        "url": reverse("admin:retention_archivetarget_changelist"),
    }


def _row(one: lag.Lag, at: datetime) -> dict[str, Any]:
    age = one.age(at)
    return {
        "organization": one.organization.reference,
        "url": reverse("admin:retention_archivetarget_change", args=[one.target.pk]) if one.target else "",
        "kind": one.kind.label,
        "segments": one.segments,
        "hours": int(age.total_seconds() // 3600),
        "days": age.days,
        "why": one.why,
        "late": one.is_late(at),
    }
