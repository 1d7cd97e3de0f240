"""A real server with somebody's address books and calendars, started once for all tests of a run; each test has collections of its own."""

import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from apps.contacts.dav import syncing
from apps.contacts.dav.changes import Changes, SyncState
from apps.contacts.dav.server import Reach
from apps.gate.client.addresses import Guard
from tests import cast
from tests.contacts.dav.between import Between
from tests.contacts.dav.radicale import PASSWORD, USER, Radicale
from tests.retention.places.tls import make_identity


@pytest.fixture(scope="session")
def dav_ground():
    folder = Path(tempfile.mkdtemp(prefix="dav-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def dav_identity(dav_ground):
    return make_identity(dav_ground / "tls")


@pytest.fixture(scope="session")
def running_radicale(dav_ground):
    running = Radicale(dav_ground / "radicale")
    yield running
    running.close()


@pytest.fixture
def radicale(running_radicale):
    yield running_radicale
    running_radicale.clear()


@pytest.fixture
def between(radicale, dav_identity):
    running = Between(dav_identity, radicale.port)
    yield running
    running.close()


@pytest.fixture
def name():
    return f"c{uuid4().hex}"


@pytest.fixture
def ada(settings, tmp_path, db):
    """Whose server it is."""
    settings.COVENANT_HOME = tmp_path
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    cast.house()
    return cast.ada(cast.client(hipaa=False))


@pytest.fixture
def reach(dav_identity):
    return Reach(guard=Guard.of(ports=None, allowed=["127.0.0.1"]), authority=dav_identity.authority)


@pytest.fixture
def sync(between, ada, reach):
    """What changed since a state, at a path of the server that stands between."""

    def run(path: str, state: SyncState | None = None, *, kind: str = "contacts", password: str = PASSWORD, address: str = "", **limits) -> Changes:
        return syncing.sync(
            address=address or between.address(path), user=USER, password=password, kind=kind, state=state or SyncState(),
            person_reference=ada.reference, at=datetime.now(UTC), reach=replace(reach, **limits),
        )  # fmt: skip

    return run
