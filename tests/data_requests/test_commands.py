"""Commands for auditors: a search for whom they name on standard input, and a check of an evidence that somebody shows."""

import io
import json
import sys

import pytest
from django.core.management import CommandError, call_command

from apps.data_requests.services import evidence
from apps.foundation import signing
from tests import cast
from tests.data_requests import asked

AT = cast.NOON


@pytest.fixture
def ada(house):
    return cast.ada(cast.hill_clinic(7))


def search(monkeypatch, said, *options) -> tuple[int, str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(said if isinstance(said, str) else json.dumps(said)))
    out = io.StringIO()
    try:
        call_command("search_person", *options, stdout=out)
    except SystemExit as left:
        return int(left.code), out.getvalue()
    return 0, out.getvalue()


def test_a_search_says_where_and_what_kind_and_never_what(ada, monkeypatch):
    code, said = search(monkeypatch, {"emails": ["ada@client.example"], "names": ["Ada Lovell"]})

    assert code == 1
    assert "found    accounts_personemail.address: e-mail address, 1\n" in said
    assert said.endswith("Something of this person is left.\n")
    assert [word for word in ("ada@", "Lovell") if word in said] == []


def test_a_search_for_somebody_who_was_never_here_finds_nothing(ada, monkeypatch):
    code, said = search(monkeypatch, {"emails": ["zoe@nowhere.example"], "phones": ["+12025550199"], "identities": [["slack", "U-none-such"]]}, "--json")

    assert code == 0
    assert json.loads(said)["found"] == []
    assert json.loads(said)["tables"] > 100


@pytest.mark.parametrize(
    "said", ["", "[]", "{", '{"emails": "ada@client.example"}', '{"emails": [1]}', "{}", '{"emials": []}', '{"identities": [["one"]]}', '{"row": "1"}']
)
def test_what_names_nobody_or_is_no_such_object_is_refused_without_repeating_it(ada, monkeypatch, said):
    with pytest.raises(CommandError) as refused:
        search(monkeypatch, said)
    assert "client.example" not in str(refused.value)


def verify(*arguments) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("verify_request_evidence", *map(str, arguments), stdout=out)
    except SystemExit as left:
        return int(left.code), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def shown(ada, tmp_path):
    path = tmp_path / "shown.json"
    path.write_bytes(evidence.download(evidence.make(asked.request(person=ada), at=AT)))
    return path


def test_a_genuine_evidence_is_called_so_also_against_a_pinned_key(shown):
    for arguments in ((shown,), (shown, "--key", signing.public_key("certificates").hex())):
        code, said = verify(*arguments)
        assert (code, said.partition(",")[0].partition("REQ")[0]) == (0, "genuine: ")


def test_a_changed_one_and_another_key_are_not_genuine(shown):
    assert verify(shown, "--key", signing.public_key("journal").hex())[0] == 1
    shown.write_bytes(shown.read_bytes().replace(b'"kind": "deletion"', b'"kind": "access"'))
    assert verify(shown)[0] == 1
    shown.write_bytes(b"[]")
    assert verify(shown)[0] == 1


def test_a_missing_file_and_half_a_key_are_said(shown, tmp_path):
    for arguments in ((tmp_path / "none.json",), (shown, "--key", "abcd")):
        with pytest.raises(CommandError):
            verify(*arguments)
