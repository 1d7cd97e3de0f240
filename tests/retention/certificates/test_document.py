"""What a certificate says, and that it is only made of what was done."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from apps.foundation.digests import canonical
from apps.retention.certificates import verify
from apps.retention.certificates.document import SIGNED_PREFIX, NothingToCertify, build
from tests.retention.certificates.facts import ACCOUNT, facts


def test_a_certificate_says_who_what_how_many_how_and_when():
    certificate = build(facts())
    assert certificate["format"] == "covenant-certificate/1"
    assert certificate["organization"] == {
        "reference": "ORG-7F3K2MP", "name": "Mercy General", "country": "US", "hipaa_covered": True,
    }  # fmt: skip
    assert certificate["cohort"] == {
        "reference": "COH-2B9XK1T",
        "expired_on": "2026-03-08",
        "first_ingest_at": "2026-03-01T09:00:00.123456Z",
        "last_ingest_at": "2026-03-06T17:00:00.123456Z",
        "policy_versions": [3, 4],
    }
    assert certificate["account"] == ACCOUNT
    assert certificate["method"]["steps"] == [
        {
            "step": "intent recorded in the database and in the signed journal",
            "at": "2026-03-09T00:03:00.123456Z",
            "journal_sequence": 1841,
            "journal_digest": "ef" * 32,
        },
        {"step": "key of the day destroyed in the keystore", "at": "2026-03-09T00:03:40.123456Z"},
        {"step": "rows of the day removed from the database", "at": "2026-03-09T00:04:20.123456Z"},
    ]
    assert certificate["verification"] == {
        "key_absent": True,
        "canary_opens": False,
        "leaf_rows": 0,
        "checked_at": "2026-03-09T00:04:20.123456Z",
    }
    assert certificate["segments"][1] == {
        "number": 1, "messages": 13, "bytes": 9001, "merkle_root": "cd" * 32, "sealed_at": "2026-03-08T00:00:00.123456Z",
    }  # fmt: skip


def test_it_has_every_field_of_a_sanitization_certificate_of_nist_sp_800_88():
    sanitization = build(facts())["sanitization"]
    assert set(sanitization) == {
        "standard", "manufacturer", "model", "serial_number", "media_property_number", "media_type", "media_source",
        "pre_sanitization_confidentiality", "sanitization_description", "method_used", "tool_used", "verification_method",
        "post_sanitization_confidentiality", "post_sanitization_destination", "data_backed_up", "performed_by",
        "performed_at", "verified_by", "verified_at", "location",
    }  # fmt: skip
    assert all(sanitization.values())
    assert sanitization["sanitization_description"] == "Purge"
    assert sanitization["pre_sanitization_confidentiality"].startswith("patient information")
    assert (
        build(facts(hipaa_covered=False))["sanitization"]["pre_sanitization_confidentiality"]
        == "confidential message data"
    )


def test_what_stands_aside_and_what_went_early_is_told_apart_from_what_is_destroyed():
    account = ACCOUNT | {"destroyed": 1200, "aside_for_hold": 1, "aside_for_archive": 16}
    certificate = build(facts(account=account))
    assert certificate["does_not_cover"][:2] == [
        "1 message that a legal hold keeps, hidden from everybody else.",
        "16 messages kept aside, hidden, until the organization's archive has them or their review is done.",
    ]
    assert certificate["covers"][-1] == (
        "What backups and logs still held of 4 messages deleted before the day, at the source or on request."
    )
    assert len(build(facts(account=ACCOUNT | {"ingested": 1217, "deleted_early": 0}))["covers"]) == 2


@pytest.mark.parametrize(
    "undone",
    [
        {"key_absent": False},
        {"rows_left": 1},
        {"account": ACCOUNT | {"in_leaf": 1217, "destroyed": 0}},
        {"account": ACCOUNT | {"ingested": 1222}},
    ],
)
def test_what_is_not_destroyed_gets_no_certificate(undone):
    with pytest.raises(NothingToCertify):
        build(facts(**undone))


def test_a_day_on_which_nothing_came_in_can_be_certified_too():
    empty = dict.fromkeys(ACCOUNT, 0)
    certificate = build(
        facts(first_ingest_at=None, last_ingest_at=None, segments=[], policy_versions=[], account=empty)
    )
    assert certificate["cohort"]["first_ingest_at"] is None
    assert verify.inconsistencies(certificate) == []


def test_its_bytes_are_the_same_for_the_signer_and_for_the_verifier_and_survive_storage(signed):
    certificate = signed["certificate"]
    assert verify.canonical(certificate) == canonical(certificate)
    assert canonical(json.loads(json.dumps(certificate))) == canonical(certificate)


def test_the_signature_is_made_over_the_format_and_the_certificate(signed, key):
    assert SIGNED_PREFIX == b"covenant-certificate/1\n"
    assert signed["signature"]["algorithm"] == "Ed25519"
    assert signed["signature"]["key"] == key.hex()
    value = bytes.fromhex(signed["signature"]["value"])
    Ed25519PublicKey.from_public_bytes(key).verify(
        value, b"covenant-certificate/1\n" + canonical(signed["certificate"])
    )
