"""What the tests of the audit floor rely on: a home with keys and a journal of its own for each test."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import Client

from apps.audit.services import installation, journal
from apps.foundation import signing
from apps.staff.models import StaffMember

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(settings, tmp_path):
    """An empty home with signing keys."""
    settings.COVENANT_HOME = tmp_path / "home"
    signing.create_missing()
    return settings.COVENANT_HOME


@pytest.fixture
def open_journal(home, transactional_db):
    """A database and a journal that belong together; gives the path of the file."""
    installation.ensure(NOON)
    journal.open_journal(NOON)
    return home / "journal" / "journal.ndjson"


@pytest.fixture
def owe(open_journal):
    def one(about="COH-1", kind="destruction.done", **body):
        with transaction.atomic():
            return journal.owe(kind, about=about, body=body or {"messages": 3}, at=NOON)

    return one


@pytest.fixture
def written(owe):
    """Owe and write `count` entries; gives their rows."""

    def some(count):
        return [journal.write(owe(about=f"COH-{number}").pk) for number in range(1, count + 1)]

    return some


@pytest.fixture
def by_force(transactional_db):
    """Raw SQL with all triggers off: what somebody with the rights of a database administrator could do."""

    def run(sql, values=()):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql, values)
            changed = cursor.rowcount
            cursor.execute("SET LOCAL session_replication_role = origin")  # the transaction may be that of the whole test
            return changed

    return run


@pytest.fixture
def another_process(home):
    """Starts tests/audit/writer.py on this test's database and home."""

    def start(*arguments):
        environment = os.environ | {
            "COVENANT_HOME": str(home),
            "TEST_DATABASE": connection.settings_dict["NAME"],
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "tests.audit.writer", *map(str, arguments)],
            cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


@pytest.fixture
def browser_of(db):
    def sign_in(*roles):
        number = StaffMember.objects.count()
        member = StaffMember.objects.create(
            username=f"s{number}", email=f"s{number}@covenant.example", full_name=f"Staff {number}", roles=list(roles)
        )
        client = Client()
        client.force_login(member)
        client.member = member
        return client

    return sign_in
