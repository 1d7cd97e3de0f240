"""Every test of Message Data has an installation of its own: keys, journal and a policy in force, in a folder of its own."""

import pytest

from tests import cast


@pytest.fixture
def home(settings, tmp_path):
    """A folder for keystore, journal and signing keys that nobody else uses."""
    settings.COVENANT_HOME = tmp_path
    return tmp_path


@pytest.fixture
def house(home, db):
    """An installation without organizations."""
    cast.house()
    return home
