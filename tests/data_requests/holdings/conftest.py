"""A house with its keys and its journal in a folder of the test's own, and two people with rows in every holding."""

import pytest

from apps.accounts.services.subjects import subject_of
from tests import cast
from tests.data_requests.holdings import everything


@pytest.fixture(autouse=True)
def house(settings, tmp_path, db):
    settings.COVENANT_HOME = tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cast.house()


@pytest.fixture
def clinic(house):
    return cast.client()


@pytest.fixture
def ada(clinic):
    return everything.person(clinic, "Ada", "Lovell")


@pytest.fixture
def ben(clinic):
    return everything.person(clinic, "Ben", "Okafor")


@pytest.fixture
def subject(ada):
    return subject_of(ada)
