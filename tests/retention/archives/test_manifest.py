"""A manifest says what belongs to an archive, is signed, and is never made of what does not add up."""

import json

import pytest

from apps.foundation import signing
from apps.foundation.digests import canonical
from apps.retention.archives import manifest, verify_archive
from tests.retention.archives import written


@pytest.fixture
def signed(archive):
    return json.loads((archive / "manifest.json").read_bytes())


def test_a_manifest_says_everything_that_belongs_to_the_archive(signed):
    document = signed["manifest"]
    parts = document.pop("parts")
    assert document == {
        "format": "covenant-archive/1",
        "archive": "ARC-9QX7F3K",
        "organization": "ORG-7F3K2MP",
        "cohort": "COH-2B9XK1T",
        "expiry": "2026-03-15",
        "installation": "0b7e6f1c-52c5-4a0e-9d2e-6f2f3f3a9c11",
        "policy_versions": [3],
        "target": {"kind": "s3", "country": "US"},
        "recipients": [written.RECIPIENT],
        "segments": [{"number": number, "messages": count, "merkle_root": root} for number, count, root in written.sealed()],
        "deleted": [9],
        "deleted_after_seal": [{"id": number, "segment": 0, "proof": written.row(number).proof.hex()} for number in (12, 44)],
        "counts": {"parts": 3, "lines": 65, "bytes": sum(part["bytes"] for part in parts), "messages": 64, "deleted": 3},
        "closed_at": "2026-03-15T00:04:20.123456Z",
    }
    assert [(part["number"], part["name"], part["segments"], part["lines"]) for part in parts] == [
        (1, "part-00001.jsonl.zst.age", [0], 40), (2, "part-00002.jsonl.zst.age", [0], 20), (3, "part-00003.jsonl.zst.age", [1], 5),
    ]  # fmt: skip


def test_a_manifest_is_signed_by_the_installation_under_a_name_of_its_own(signed):
    document, value = signed["manifest"], bytes.fromhex(signed["signature"]["value"])
    ours = signing.public_key("certificates")
    assert signed["signature"]["key"] == ours.hex()
    assert signing.is_signed(ours, b"covenant-archive/1\n" + canonical(document), value)
    assert not signing.is_signed(ours, canonical(document), value)


def test_a_signed_manifest_is_the_same_bytes_every_time(signed, archive):
    assert manifest.sign(signed["manifest"]) == (archive / "manifest.json").read_bytes()


PART = {
    "number": 1, "name": "part-00001.jsonl.zst.age", "segments": [0], "lines": 5, "bytes": 400, "sha256": "ab" * 32,
    "plain_bytes": 900, "plain_sha256": "cd" * 32, "start_sha256": "ef" * 32,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"parts": [PART | {"number": 2}]}, "Its parts are not numbered one by one."),
        ({"parts": [PART, PART]}, "Its parts are not numbered one by one."),
        ({"parts": [PART | {"name": "../part"}]}, "Its parts are not numbered one by one."),
        ({"parts": [PART, PART | {"number": 2, "name": "part-00002.jsonl.zst.age"}]}, "Two of its parts are the same."),
        ({"parts": [PART | {"sha256": "AB" * 32}]}, "The SHA-256 of a part is not one."),
        ({"parts": [PART | {"lines": -1}]}, "Its counts do not add up."),
        ({"segments": [(0, 4, "00")]}, "The Merkle root of a segment is not one."),
        ({"segments": [(0, 4, "ab" * 32), (0, 5, "ab" * 32)]}, "Its segments are not in order."),
        ({"deleted": [9, 9]}, "A deleted message is named twice, or not by its number."),
        ({"deleted": [12]}, "A deleted message is named twice, or not by its number."),
        ({"deleted": [-1]}, "A deleted message is named twice, or not by its number."),
        ({"deleted_after_seal": [(12, 0, "")]}, "A message deleted after the seal lacks its proof."),
        ({"archive": None}, "What it is about is not named."),
        ({"target_country": None}, "What it is about is not named."),
    ],
)
def test_what_does_not_add_up_is_not_signed(changes, said):
    with pytest.raises(manifest.NotAWholeArchive) as refused:
        manifest.build(written.facts(**({"parts": [PART]} | changes)))
    assert said in str(refused.value)


def test_what_we_would_not_sign_is_what_the_verifier_would_not_believe(signed):
    document = signed["manifest"]
    assert verify_archive.inconsistencies(document) == []
    assert verify_archive.inconsistencies(document | {"parts": document["parts"][::-1]}) == ["Its parts are not numbered one by one."]
    assert verify_archive.inconsistencies({}) == ["A field of it is missing or of the wrong kind."]
