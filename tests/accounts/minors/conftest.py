"""A house with its keys and its journal in a folder of the test's own."""

import pytest

from tests import cast


@pytest.fixture(autouse=True)
def house(settings, tmp_path, db):
    settings.COVENANT_HOME = tmp_path
    cast.house()
