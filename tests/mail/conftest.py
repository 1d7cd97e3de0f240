"""What the tests of mail rely on: a real mail server, mail in the outbox, and somebody who looks at it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.db import connection
from django.test import Client

from apps.mail.models import OutgoingMail
from apps.mail.services import outbox, rendering
from apps.staff.models import StaffMember
from tests.cast import NOON
from tests.mail.server import MailServer

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(settings):
    """A running mail server to which the settings lead, by Django's own SMTP backend."""
    running = MailServer()
    running.start()
    point_to(settings, running.port)
    yield running
    running.desk.let_go.set()
    running.stop()


@pytest.fixture
def no_server(settings):
    """The settings lead to a port on which nobody listens: it is bound, so that nobody else takes it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        point_to(settings, bound.getsockname()[1])
        yield


@pytest.fixture
def silent_server(settings):
    """Somebody takes the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        point_to(settings, listening.getsockname()[1])
        settings.EMAIL_TIMEOUT = 0.3
        yield listening


def point_to(settings, port):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_TIMEOUT = 20


@pytest.fixture
def queue(db):
    """Queue one mail to Ada; what is given replaces what is usual."""

    def one(number=1, **given) -> OutgoingMail:
        return outbox.queue(**usual(number) | given)

    return one


def usual(number=1) -> dict:
    return {
        "template": "retention/certificate_issued",
        "to": f"ada{number}@client.example",
        "context": {"organization": "ORG-LIGHTHOUSE", "number": f"CRT-{number}", "messages": 3, "day": NOON.date()},
        "about": f"CRT-{number}",
        "once_key": f"certificate-CRT-{number}",
        "at": NOON,
    }


@pytest.fixture
def parked(queue):
    """A mail that was given up after five attempts."""
    mail = queue()
    OutgoingMail.objects.update(state="parked", attempts=5, last_error="SMTPDataError 554")
    mail.refresh_from_db()
    return mail


@pytest.fixture
def write_template(settings, tmp_path):
    """Put a mail template of the test's own beside those of the product."""
    settings.TEMPLATES = [live_settings.TEMPLATES[0] | {"DIRS": [tmp_path, *live_settings.TEMPLATES[0]["DIRS"]]}]
    rendering._load.cache_clear()

    def write(name, text):
        path = tmp_path / "mail" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    yield write
    rendering._load.cache_clear()


@pytest.fixture
def another_sender(server):
    """Starts tests/mail/sender.py on this test's database and mail server."""
    started = []

    def start(at):
        environment = os.environ | {
            "TEST_DATABASE": connection.settings_dict["NAME"],
            "EMAIL_URL": f"smtp://127.0.0.1:{server.port}",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.mail.sender", at.isoformat()],
            cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def browser_of(db):
    """Signs a new member of staff with these roles in."""

    def sign_in(*roles, **options):
        number = StaffMember.objects.count()
        member = StaffMember.objects.create(
            username=f"s{number}", email=f"s{number}@covenant.example", full_name=f"Staff {number}", roles=list(roles)
        )
        client = Client(**options)
        client.force_login(member)
        client.member = member
        return client

    return sign_in
