"""Each test of a certificate signs with keys of its own, in a folder of its own."""

import pytest

from apps.foundation import signing
from apps.retention.certificates import document
from tests.retention.certificates.facts import facts


@pytest.fixture
def key(home):
    """The public key an auditor pinned."""
    signing.create_missing()
    return signing.public_key("certificates")


@pytest.fixture
def signed(key):
    """A genuine certificate."""
    return document.sign(document.build(facts()))
