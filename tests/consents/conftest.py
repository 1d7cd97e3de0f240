"""Every test of consents has an installation of its own with a policy in force, a client, and Ada, who says yes and no."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from apps.consents.services import asking, giving, withdrawing
from apps.consents.states import How
from apps.foundation.actors import Actor
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
def clinic(house):
    return cast.client()


@pytest.fixture
def ada(clinic):
    return cast.ada(clinic)


@pytest.fixture
def give():
    """A person says yes, by the text in force, shown a minute before."""

    def given(person, purpose="contacts", *, at=NOON, how=How.PREFERENCE_PAGE, **more):
        text = asking.text_in_force(purpose=purpose, at=at)
        said = {"text": text.number, "shown": bytes(text.digest), "shown_at": at - timedelta(minutes=1)} | more
        return giving.give(person=person, purpose=purpose, how=how, by=Actor("person", person.reference), at=at, **said)

    return given


@pytest.fixture
def refuse():
    """A person says no, by the text in force, shown a minute before."""

    def refused(person, purpose="contacts", *, at=NOON, how=How.PREFERENCE_PAGE, **more):
        text = asking.text_in_force(purpose=purpose, at=at)
        said = {"text": text.number, "shown": bytes(text.digest), "shown_at": at - timedelta(minutes=1)} | more
        return giving.refuse(person=person, purpose=purpose, how=how, by=Actor("person", person.reference), at=at, **said)

    return refused


@pytest.fixture
def withdraw():
    """A person takes a consent back."""

    def withdrawn(person, purpose="contacts", *, at=NOON, how=How.PREFERENCE_PAGE, **more):
        return withdrawing.withdraw(person=person, purpose=purpose, how=how, by=Actor("person", person.reference), at=at, **more)

    return withdrawn


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
