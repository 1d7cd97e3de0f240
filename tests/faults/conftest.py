"""Faults need an installation whose files real processes share."""

import pytest


@pytest.fixture
def home(settings, tmp_path):
    """A folder for keystore, journal and signing keys that nobody else uses."""
    settings.COVENANT_HOME = tmp_path
    return tmp_path
