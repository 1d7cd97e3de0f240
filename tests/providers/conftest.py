"""Every test of providers has an installation of its own, an analyst, counsel and a compliance officer."""

import pytest
from django.db import connection, transaction

from tests import cast
from tests.providers import registry


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
def dana(house):
    return registry.dana()


@pytest.fixture
def ezra(house):
    return registry.ezra()


@pytest.fixture
def cleo(house):
    return cast.cleo()


@pytest.fixture
def harbor(house):
    """A hosting provider in use, with both agreements, without a grant."""
    return registry.in_use(hipaa_relevant=True, baa=True)


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
