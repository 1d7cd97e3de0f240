"""A house with its keys and a policy in force."""

import pytest
from django.db import connection, transaction

from tests import cast


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
