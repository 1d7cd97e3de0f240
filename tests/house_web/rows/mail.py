"""Mail that waits, and mail that no server took."""

import socket
from datetime import date, timedelta

from django.test import override_settings

from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from tests.cast import NOON
from tests.house_web.rows.declared import Rows, Scene


def mail(number: int) -> OutgoingMail:
    return outbox.queue(
        template="retention/certificate_issued", to=f"quentin{number}@contactworth.example", about=f"CRT-{number}",
        context={"organization": "ORG-1", "number": f"CRT-{number}", "day": date(2026, 3, 16), "messages": 3},
        once_key=f"row-{number}", at=NOON,
    )  # fmt: skip


def parked() -> OutgoingMail:
    """Tried five times at a port where nobody listens."""
    queued = mail(0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": closed.getsockname()[1]}
        with override_settings(**server):
            for attempt in range(outbox.MOST_ATTEMPTS):
                outbox.send_due(at=NOON + timedelta(hours=3 * attempt))
    queued.refresh_from_db()
    return queued


ROWS = {OutgoingMail: Rows(mail)}

SCENES = {(OutgoingMail, "retry"): Scene(lambda _member: parked())}
