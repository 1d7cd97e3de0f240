"""Every test of announcements has an installation of its own with a policy in force, and mail that leaves by a real server."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from tests import cast
from tests.mail.conftest import point_to
from tests.mail.server import MailServer

PATIENCE = 20


@pytest.fixture
def home(settings, tmp_path):
    """A folder for keystore, journal and signing keys that nobody else uses."""
    settings.COVENANT_HOME = tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660  # the database stands in another year than these tests
    return tmp_path


@pytest.fixture
def house(home, db):
    cast.house()
    return home


@pytest.fixture
def server(settings):
    """A running mail server to which the settings lead."""
    running = MailServer()
    running.start()
    point_to(settings, running.port)
    yield running
    running.desk.let_go.set()
    running.stop()


@pytest.fixture
def by_force(house):
    """Raw SQL with all triggers and foreign keys off: what somebody with all rights on the database could do."""

    def run(sql, *values):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql, values or None)
            changed = cursor.rowcount
            cursor.execute("SET LOCAL session_replication_role = origin")
            return changed

    return run


@pytest.fixture
def others():
    """A pool of threads with connections of their own, closed when their work is done."""
    with ThreadPoolExecutor(4) as pool:

        def start(work, *arguments, **more) -> Future:
            def run():
                try:
                    return work(*arguments, **more)
                finally:
                    connections.close_all()

            return pool.submit(run)

        yield start


@pytest.fixture
def wait_until():
    def wait(condition, what):
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                pytest.fail(f"waited {PATIENCE} s for: {what}", pytrace=False)
            time.sleep(0.02)

    return wait
