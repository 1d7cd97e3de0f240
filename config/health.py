"""What a machine may ask without signing in: is it alive, is it ready, how much does it do.

| address | answers |
|---|---|
| `/healthz` | 200 while the process serves; asks nobody |
| `/readyz` | 200 when database, broker, a worker and the journal are well; else 503, with the mend of each part |
| `/metrics` | Prometheus, with `Authorization: Bearer METRICS_TOKEN`; without that setting there is no such page |

Stands before sessions, hosts and redirects, because a probe knows none of them. An answer must never hold an address, a
password, or a text of an error: whoever reaches the port may read it.
"""

import hmac
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django_prometheus.exports import ExportToDjangoView

from apps.audit.services import heartbeat, journal
from apps.foundation import clock

WORKER_SILENT_AFTER = timedelta(minutes=3)
BROKER_PATIENCE_SECONDS = 2

OK, DOWN = "ok", "down"


@dataclass(frozen=True)
class Part:
    """One part of the machine: ok, or down with what mends it."""

    state: str
    mend: str = ""


def database() -> Part:
    """It answers a query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return Part(OK)


def broker() -> Part:
    """It takes a connection."""
    with current_app.connection_for_write(connect_timeout=BROKER_PATIENCE_SECONDS) as doorbell:
        doorbell.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=BROKER_PATIENCE_SECONDS)
        doorbell.default_channel.close()
    return Part(OK)


def worker() -> Part:
    """One was heard from in the last minutes; the beat rings it each minute."""
    heard = heartbeat.last("worker")
    if heard is None or heard < clock.now() - WORKER_SILENT_AFTER:
        return Part(
            DOWN, "Start a worker and the beat, and look at their logs: none was heard from in the last minutes."
        )
    return Part(OK)


def journal_in_step() -> Part:
    """The signed journal and the database tell the same story."""
    status = journal.status()
    return Part(OK) if status.in_step else Part(DOWN, status.mend)


PARTS: dict[str, tuple[Callable[[], Part], str]] = {
    "database": (database, "Start PostgreSQL, or correct DATABASE_URL; then look at its log."),
    "broker": (broker, "Start the broker, or correct REDIS_URL. What it lost is rung again within a minute."),
    "worker": (worker, "Ask again once the database is back: the worker's heartbeat stands there."),
    "journal": (journal_in_step, "Ask again once the database is back; if it stays, run `manage.py verify_ledger`."),
}


def look(part: Callable[[], Part], mend: str) -> Part:
    """Whatever a part raises, it is down; the kind of error says enough."""
    try:
        return part()
    except Exception:  # noqa: BLE001 - a probe reports what is broken, it doesn't break
        return Part(DOWN, mend)


def alive(request: HttpRequest) -> HttpResponse:
    return _answer({"alive": True}, 200)


def ready(request: HttpRequest) -> HttpResponse:
    parts = {name: look(part, mend) for name, (part, mend) in PARTS.items()}
    is_ready = all(part.state == OK for part in parts.values())
    body = {"ready": is_ready, "parts": {name: asdict(part) for name, part in parts.items()}}
    return _answer(body, 200 if is_ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS_TOKEN:
        return HttpResponse(status=404)
    shown = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(shown, f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return ExportToDjangoView(request)


PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/healthz": alive, "/readyz": ready, "/metrics": metrics}


def _answer(body: dict, status: int) -> JsonResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


class HealthMiddleware:
    """Answers the probes before anything else can refuse them; every other request passes by."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        return probe(request)
