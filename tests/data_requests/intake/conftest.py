"""A house, a client and Ada, whose one address is on file since she was registered."""

from datetime import timedelta

import pytest
from django.test import Client

from apps.accounts.services import amending
from apps.data_requests.services import arriving
from apps.foundation import clock
from apps.foundation.actors import SYSTEM
from tests import cast
from tests.cast import NOON
from tests.data_requests.intake import given


@pytest.fixture
def clinic(house):
    return cast.client()


@pytest.fixture
def ada(clinic):
    return cast.ada(clinic, given.ADA)


@pytest.fixture
def add_address():
    """Another address comes on file for somebody."""

    def added(person, address, *, before):
        return amending.add_email(person=person, address=address, by=SYSTEM, at=NOON - before)

    return added


@pytest.fixture
def newcomer(ada, add_address):
    """Ada with an address that came on file two days ago."""
    add_address(ada, given.OLD, before=timedelta(days=2))
    return ada


@pytest.fixture
def visitor(house, monkeypatch):
    """A browser without anything of ours, at noon."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    monkeypatch.setattr(arriving.Ringing, "last", float("-inf"))
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def stand_at(monkeypatch):
    """The clock of the doors, set to another moment."""

    def standing(moment):
        monkeypatch.setattr(clock, "now", lambda: moment)

    return standing
