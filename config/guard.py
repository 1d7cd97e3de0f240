"""After a restore from a backup, or with a lost or damaged journal, the service stands still until it is mended.

The backup may hold what was destroyed since it was made, lack a hold, or let in who has left. So every page and every
address of the API answers 503 and says what was found and what mends it, and no task works but those in `AT_STANDSTILL`.

| who depends on it | on what |
|---|---|
| every page, the API | that nothing is served from a restored database, and that the wait costs nearly nothing |
| celery (config/celery.py) | that nothing is destroyed, taken in, sent or delivered meanwhile |
| probes | they stand before it and say the same in their own way |

What it costs: each process looks every `LOOK_SECONDS` at both ends of the journal (one query), and every `LOOK_CLOSELY_SECONDS`
at all of it. An answer must never hold personal data: kinds of entries, counts and days only.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog
from celery import Task
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from apps.audit.services import journal, restoring
from apps.backups.services import restores
from apps.foundation import clock
from apps.foundation.refusals import Refusal

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2
LOOK_CLOSELY_SECONDS = 60
RETRY_SECONDS = 60
STANDSTILL_HEADER = "Covenant-Standstill"  # by which config/run.py knows that a 503 is meant
RESTORED = "database_restored"

#: what stops the service; every other trouble with the journal (not opened yet, its disk full) stops only what needs it
STOPS = frozenset({RESTORED, "journal_lost", "journal_damaged", "journal_foreign"})

#: what is reached all the same: signing in, whose pages show nothing, and what they are drawn with
OPEN = (
    "/account/login/", "/account/logout/", "/account/2fa/authenticate/", "/account/2fa/webauthn/login/", "/account/oidc/",
    "/admin/login/", "/admin/logout/",
)  # fmt: skip

#: tasks that go on: they change nothing but what says that the machine is alive and what is wrong
AT_STANDSTILL = frozenset({"audit.heartbeat", "assurance.check_promises"})

#: kinds of entries in words; one that is not here is shown as it is
WORDS: Mapping[str, str] = {
    "ledger.sealed": "seals on the ledger",
    "destruction.intended": "destructions begun",
    "destruction.done": "destructions done",
    "message.deleted_early": "messages deleted early",
    "participant.erased": "people erased from messages",
    "messages.deleted_early": "messages of a person deleted early",
    "messages.pseudonymised": "messages whose participants were given pseudonyms",
    "rescheduling.approved": "reschedulings approved",
    "matter.opened": "matters opened",
    "matter.closed": "matters closed",
    "hold.placed": "holds placed",
    "hold.released": "holds released",
    "consent.withdrawn": "consents withdrawn",
    "consent.refused": "consents refused",
    "inquiry.erased": "inquiries erased",
    "circular.started": "announcements and notices that went out",
    "contact_source.removed": "address books and calendars taken away",
    "matching_key.destroyed": "matching keys destroyed",
    "linked_account.revoked": "third-party accounts unlinked",
    "person.suspended": "people suspended",
    "person.resumed": "people active again",
    "person.closed": "registrations cancelled",
    "person.erasing": "erasures of people begun",
    "person.erased": "people erased",
    "representative.ended": "representations of minors ended",
    "provider.suspended": "service providers suspended",
    "provider.ended": "service providers ended",
    "agreement.ended": "agreements with service providers ended",
    "grant.withdrawn": "grants to service providers withdrawn",
    "country_exception.withdrawn": "exceptions for countries withdrawn",
    "archive.started_over": "archives started over",
    "archive.closed": "archives closed",
    "backup.registered": "backups registered",
    "backup.destroyed": "backups destroyed",
    "restore.replayed": "restores replayed",
}


@dataclass(frozen=True)
class Standstill:
    """Why nothing is served, and what mends it. `unknown` counts by kind what a restored database does not know."""

    code: str
    what: str
    mend: str
    unknown: tuple[tuple[str, int], ...] = ()
    since: datetime | None = None

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "what": self.what, "mend": self.mend}


class Watch:
    """What this process knows about the journal, and when it looks again. Of many threads one looks, the others go on."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._standstill: Standstill | None = None
        self._looked_once = False
        self._look_at = self._look_closely_at = -math.inf

    def now(self) -> Standstill | None:
        """Why the service stands still, None where it doesn't."""
        if time.monotonic() < self._look_at:
            return self._standstill
        if self._turn.acquire(blocking=not self._looked_once):
            try:
                if time.monotonic() >= self._look_at:
                    self._look()
            finally:
                self._turn.release()
        return self._standstill

    def forget(self) -> None:
        """Look at the next question."""
        self._look_at = self._look_closely_at = -math.inf

    def rest(self) -> None:
        """Don't look any more, and take everything for well; for tests that count queries."""
        self._standstill, self._looked_once = None, True
        self._look_at = self._look_closely_at = math.inf

    def _look(self) -> None:
        began = time.monotonic()
        try:
            closely = began >= self._look_closely_at or self._standstill is not None
            if closely or not restoring.ends_agree():
                self._changed_to(_find_out())
                self._look_closely_at = time.monotonic() + LOOK_CLOSELY_SECONDS
        except (OperationalError, InterfaceError):  # what comes up next may be another database
            self._changed_to(DATABASE_DOWN)
        except DatabaseError:  # no tables yet
            self._changed_to(None)
        self._looked_once, self._look_at = True, time.monotonic() + LOOK_SECONDS

    def _changed_to(self, found: Standstill | None) -> None:
        if (found and found.code) != (self._standstill and self._standstill.code):
            log.error("standstill", code=found.code) if found else log.warning("standstill_over")
        self._standstill = found


def _find_out() -> Standstill | None:
    status = journal.status()
    if status.in_step or status.code not in STOPS:
        return None
    if status.code != RESTORED:
        return Standstill(status.code, status.problem, status.mend)
    try:
        gap = restores.look()
    except Refusal as refusal:  # restored, and the journal can't be trusted either
        return Standstill(refusal.code, refusal.what, refusal.mend)
    with suppress(DatabaseError):  # a server that can't be written to yet; the replay notes it
        restores.found(gap=gap, at=clock.now())
    unknown = tuple((WORDS.get(kind, kind), count) for kind, count in sorted(gap.acts.items()))
    return Standstill(status.code, status.problem, status.mend, unknown, gap.since)


DATABASE_DOWN = Standstill(
    "database_down", "The database does not answer.", "Start PostgreSQL, or correct DATABASE_URL; then look at its log."
)

watch = Watch()


class RestoreGuard:
    """Stands before sessions: who signs in against a restored database sees the repair page too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        standstill = watch.now()
        if standstill is None or request.path_info.startswith(OPEN):
            return self.get_response(request)
        return _refused(request, standstill)


def _refused(request: HttpRequest, standstill: Standstill) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        answer: HttpResponse = JsonResponse({"error": standstill.as_dict()}, status=503)
    else:
        answer = HttpResponse(render_to_string("repair.html", {"standstill": standstill, "demo": settings.DEMO}), status=503)
    for name, value in {
        "Cache-Control": "no-store",
        "Retry-After": str(RETRY_SECONDS),
        STANDSTILL_HEADER: standstill.code,
        # what the later middlewares would add
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
    }.items():
        answer.headers[name] = value
    return answer


class StandingStillTask(Task):
    """Every task of ours: does nothing while the service stands still. Its rows wait, and the timetable rings again."""

    abstract = True

    def __call__(self, *args, **kwargs):
        if self.name not in AT_STANDSTILL and (standstill := watch.now()) is not None:
            log.warning("task_stands_still", task=self.name, code=standstill.code)
            return None
        return super().__call__(*args, **kwargs)
