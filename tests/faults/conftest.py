"""Faults need an installation whose files real processes share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults.back_in_time import Restored, make_past, program, server


@pytest.fixture
def home(settings, tmp_path):
    """A folder for keystore, journal and signing keys that nobody else uses."""
    settings.COVENANT_HOME = tmp_path
    return tmp_path


@pytest.fixture
def past(home, tmp_path) -> dict:
    """A backup was made in March; since then two days were destroyed, holds placed and released, a message deleted early."""
    return make_past(tmp_path)


@pytest.fixture
def restore() -> Iterator[Callable[[Path], Restored]]:
    """Puts a dump into a fresh database."""
    made = []

    def put_back(dump: Path) -> Restored:
        name = f"restored_{len(made)}"
        with psycopg.connect(**server(), autocommit=True) as line:
            line.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            line.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        made.append(name)
        program("pg_restore", "--exit-on-error", str(dump), database=name)
        return Restored(name)

    yield put_back
    with psycopg.connect(**server(), autocommit=True) as line:
        for name in made:
            line.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
