"""The start is refused where the journal or its keys can't do their work, with the mend in the message."""

import pytest

from apps.audit.checks import home_is_safe
from apps.audit.services import installation, journal
from apps.foundation import signing

from .conftest import NOON


def ids():
    return [message.id for message in home_is_safe()]


def test_a_home_in_order_is_not_complained_about(open_journal):
    assert home_is_safe() == []


def test_a_home_that_does_not_exist_yet_is_in_order(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path / "later" / "home"
    assert home_is_safe() == []


def test_a_home_that_is_a_file_is_refused(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path / "file"
    settings.COVENANT_HOME.touch()
    assert ids() == ["covenant.E201"]


@pytest.mark.parametrize("use", ["journal", "ledger"])
def test_a_journal_without_its_keys_is_refused(open_journal, home, use):
    (home / "signing" / f"{use}.pem").unlink()
    assert ids() == ["covenant.E202"]


def test_a_key_that_others_can_read_is_refused(home):
    (home / "signing" / "journal.pem").chmod(0o640)
    assert ids() == ["covenant.E203"]
    assert home_is_safe()[0].hint == f"chmod 600 {home / 'signing' / 'journal.pem'}"


def test_a_key_that_is_none_is_refused(home):
    (home / "signing" / "ledger.pem").rename(home / "old")
    (home / "signing" / "ledger.pem").write_text("nonsense")
    (home / "signing" / "ledger.pem").chmod(0o600)
    assert ids() == ["covenant.E204"]


def test_a_journal_open_to_others_is_refused(open_journal):
    open_journal.chmod(0o644)
    open_journal.parent.chmod(0o755)
    assert ids() == ["covenant.E205", "covenant.E205"]


@pytest.mark.django_db(transaction=True)
def test_no_journal_is_begun_without_its_key(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path / "without keys"
    installation.ensure(NOON)
    with pytest.raises(signing.SigningKeyUnusable):
        journal.open_journal(NOON)
    assert not (settings.COVENANT_HOME / "journal").exists()
