"""Every test of the gate has an installation of its own, a client with a person, and a provider in use with a grant."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from apps.gate.services.deciding import About
from tests import cast
from tests.gate import given

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
def clinic(house):
    """A client that HIPAA does not cover."""
    return cast.client(hipaa=False)


@pytest.fixture
def ada(clinic):
    return cast.ada(clinic)


@pytest.fixture
def cirrus(house):
    """A provider in use that may have contact details and identities, to help who asks for help."""
    made = given.provider()
    given.grant(made)
    return made


@pytest.fixture
def package(cirrus, ada):
    """What Cirrus may have about Ada."""

    def made(**changed):
        return given.to_provider(cirrus, changed.pop("about", About.person(ada.reference)), **changed)

    return made


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
