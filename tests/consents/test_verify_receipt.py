"""The command that checks a receipt: genuine, changed, no file, no receipt at all."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.consents.services import receipts

GIVEN = "genuine: {reference} given"


def verified(path):
    out = StringIO()
    try:
        call_command("verify_receipt", str(path), stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def written(ada, give, tmp_path):
    path = tmp_path / "receipt.json"
    path.write_bytes(receipts.receipt(give(ada)))
    return path


def test_a_genuine_receipt_says_who_said_what_and_when(written, ada):
    code, said = verified(written)
    assert code == 0
    assert said.startswith(GIVEN.format(reference=ada.reference))
    assert "2026-03-08T12:00:00+00:00" in said


@pytest.mark.parametrize("change", [lambda b: b.replace(b"given", b"taken", 1), lambda b: b[:-20], lambda b: b"", lambda b: b"[]", lambda b: b"\xff" * 99])
def test_a_changed_one_is_told(written, change):
    written.write_bytes(change(written.read_bytes()))
    code, said = verified(written)
    assert (code, "no receipt that this installation signed" in said) == (1, True)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CommandError, match="can't be read"):
        call_command("verify_receipt", str(tmp_path / "none.json"))
