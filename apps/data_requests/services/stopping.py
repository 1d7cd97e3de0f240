"""That carrying out a request stopped is said: where the defect lies, and to whom, by mail. Never a word of what it was about."""

import traceback
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from apps.audit.models import Event
from apps.data_requests.models import DataRequest
from apps.data_requests.services import approving
from apps.mail.services import outbox
from apps.mail.services.rendering import AddressUnusable
from apps.staff.models import StaffMember


def place(error: BaseException) -> str:
    """Where a defect lies among ours: module and line, and never a word of what it says."""
    frames = traceback.extract_tb(error.__traceback__)
    last = next((frame for frame in reversed(frames) if "/apps/" in frame.filename), frames[-1])
    return f"{Path(last.filename).stem}:{last.lineno}"


def alarm(row: DataRequest, code: str, *, at: datetime) -> None:
    """The owner hears that it stopped, and everybody who may approve, who can have it looked at."""
    told = [member for member in StaffMember.objects.active().order_by("pk") if str(member.actor) == row.owner or member.has_perm(approving.ACT)]
    turn = Event.objects.filter(verb="request.parked", object=row.reference).count()
    context = {
        "request": row.reference, "code": code, "attempts": max(row.attempts, 1), "due_on": f"{row.due_at:%Y-%m-%d}" if row.due_at else "not set", "pk": row.pk,
    }  # fmt: skip
    for member in told:
        with suppress(AddressUnusable):
            outbox.queue(
                template="data_requests/parked", to=member.email, context=context, about=f"parked-{row.reference}",
                once_key=f"request-parked-{row.reference}-{turn}-{member.pk}", at=at,
            )  # fmt: skip
