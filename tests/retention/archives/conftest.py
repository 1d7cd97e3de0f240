"""Tests of archives sign with keys of their own, in a folder of its own."""

import pytest

from apps.foundation import signing
from tests.retention.archives import written


@pytest.fixture
def key(home):
    """The public key an auditor pinned."""
    signing.create_missing()
    return signing.public_key("certificates")


@pytest.fixture
def archive(key, tmp_path):
    """The folder of a genuine archive."""
    folder = tmp_path / "ORG-7F3K2MP" / "2026-03-15" / "ARC-9QX7F3K"
    written.write(folder)
    return folder


@pytest.fixture
def identity_file(tmp_path):
    path = tmp_path / "identity"
    path.write_text(f"# created: 2026-03-15\n# public key: {written.RECIPIENT}\n{written.IDENTITY}\n")
    return path
