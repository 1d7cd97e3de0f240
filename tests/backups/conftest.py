"""What the tests of the floor of backups rely on: a home with keys and a journal, lines of it, and force."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test import Client

from apps.audit.services import installation, journal
from apps.backups.services import register
from apps.foundation import signing
from apps.foundation.actors import Actor
from apps.staff.models import StaffMember

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CRON = Actor("system", "command-line")
PLACE = "s3://backups.example/nightly"


def enter(*, at=NOON, **given):
    """A nightly backup of the database, kept 35 days."""
    return register.register(
        **{
            "holds": ["database"], "made_at": at, "place": PLACE, "kept_until": (at + 35 * DAY).date(), "method": "lifecycle", "by": CRON,
            "at": at,
        }
        | given
    )  # fmt: skip


@pytest.fixture
def home(settings, tmp_path):
    """A home with signing keys."""
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
def told(open_journal):
    """Owe and write one entry of a kind; gives its row."""

    def one(kind, about, **body):
        with transaction.atomic():
            owed = journal.owe(kind, about=about, body=body, at=NOON)
        return journal.write(owed.pk)

    return one


@pytest.fixture
def by_force(db):
    """Raw SQL with all triggers off: what a restore, or the rights of a database administrator, can do."""

    def run(sql, values=()):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql, values)
            cursor.execute("SET LOCAL session_replication_role = origin")
            return cursor.rowcount

    return run


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
