"""A house with its keys and a policy in force, and a real mailbox on Debian's Dovecot."""

import pytest
from django.db import connection, transaction

from tests import cast
from tests.communications.inquiries import dovecot as server


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


@pytest.fixture(scope="session")
def dovecot():
    if not server.binary():
        pytest.skip("No Dovecot on this machine, so no mailbox was read. Mend: apt-get install dovecot-imapd")
    running = server.Dovecot()
    yield running
    running.close()


@pytest.fixture
def mailbox(dovecot, settings, house):
    """The mailbox of the settings, empty."""
    dovecot.empty()
    settings.INQUIRY_MAILBOX_URL = dovecot.url
    return dovecot


@pytest.fixture
def by_force(house):
    """Raw SQL with all triggers off: what somebody with all rights on the database could do."""

    def run(sql, *values):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")  # what waits to be checked is checked as it was
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql, values or None)
            changed = cursor.rowcount
            cursor.execute("SET LOCAL session_replication_role = origin")
            return changed

    return run
