"""Every test of holds has an installation of its own, two counsel and a compliance officer, a matter, and a client with a person."""

import pytest
from django.db import connection, transaction

from apps.holds.services import matters, placing, releasing
from apps.staff.roles import Role
from tests import cast
from tests.cast import NOON


@pytest.fixture
def home(settings, tmp_path):
    """A folder for keystore, journal and signing keys that nobody else uses."""
    settings.COVENANT_HOME = tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return tmp_path


@pytest.fixture
def house(home, db):
    cast.house()
    return home


@pytest.fixture
def ezra(house):
    """Ezra, counsel: opens matters, places holds, asks for their release."""
    return cast.staff("ezra", Role.COUNSEL)


@pytest.fixture
def cleo(house):
    """Cleo, compliance officer: approves releases."""
    return cast.cleo()


@pytest.fixture
def clinic(house):
    return cast.client()


@pytest.fixture
def mercy(house):
    return cast.client("Mercy General", archive="hosted")


@pytest.fixture
def ada(clinic):
    return cast.ada(clinic)


@pytest.fixture
def matter(ezra):
    return matters.open_matter(title="Docket 26-117", reason="A court asks for it.", by=ezra, at=NOON)


@pytest.fixture
def place(matter, ezra):
    """Places a hold for the matter; what is not given is left out."""

    def placed(**given):
        return placing.place(**({"matter": matter, "reason": "The court names it.", "by": ezra, "at": NOON} | given))

    return placed


@pytest.fixture
def release(ezra, cleo):
    """Releases a hold, asked by Ezra, approved by Cleo."""

    def released(hold, *, at=NOON, reason="The case is settled."):
        releasing.ask_release(hold=hold, reason=reason, by=ezra, at=at)
        return releasing.approve_release(hold=hold, by=cleo, at=at)

    return released


@pytest.fixture
def by_force(house):
    """Raw SQL with all triggers and constraints on foreign keys off: what somebody with all rights on the database could do."""

    def run(sql, *values):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql, values)
            changed = cursor.rowcount
            cursor.execute("SET LOCAL session_replication_role = origin")  # the transaction may be that of the whole test
            return changed

    return run
