"""Ada has rows in every holding, and asked for a copy of her data; somebody approved it."""

import pytest
from django.db import transaction

from apps.data_requests.states import Kind, State
from tests import cast
from tests.data_requests import asked
from tests.data_requests.holdings import everything


@pytest.fixture
def clinic(house):
    return cast.hill_clinic()


@pytest.fixture
def ada(clinic):
    return everything.person(clinic, "Ada", "Lovell")


@pytest.fixture
def running(ada):
    opened = asked.request(Kind.ACCESS, person=ada, email=everything.address_of("Ada"))
    with transaction.atomic():
        return asked.brought(opened, State.RUNNING)
