"""The receipt a person keeps: what the ledger says, signed, the same every time it is made, and nobody's name in it."""

import json

import pytest

from apps.consents.models import ConsentEvent
from apps.consents.services import receipts
from apps.consents.services.receipts import ReceiptNotValid
from apps.foundation import signing
from tests.cast import NOON


def test_a_receipt_says_to_whom_what_for_what_of_by_which_text_and_when(ada, give):
    event = give(ada)

    said = receipts.verify(receipts.receipt(event))

    assert said["record_header"] == {
        "schema_version": "covenant-consent-receipt/1", "record_id": event.reference, "pii_principal_id": ada.reference,
    }  # fmt: skip
    processing = said["pii_processing"][0]
    assert processing["lawful_basis"] == "consent"
    assert processing["purposes"] == [{"purpose": "Your contacts", "purpose_code": "contacts", "purpose_type": "contacts"}]
    assert processing["notice_text"]["sha256"] == bytes(event.text.digest).hex() == said["events"][0]["shown_sha256"]
    assert [one["pii_attribute_id"] for one in processing["pii_information"]] == ["contact", "identity"]
    assert processing["privacy_notice"].endswith("/privacy/versions/1/")
    assert processing["withdrawal_method"].endswith("/preferences/")
    assert said["events"][0]["event_state"] == "given"
    assert said["events"][0]["event_time"] == NOON.isoformat()
    assert said["party_identification"][0]["party_role"] == "PII controller"


@pytest.mark.parametrize(
    "section",
    [
        "receipt_metadata", "record_header", "pii_processing", "party_identification", "events",
    ],
)  # fmt: skip
def test_a_receipt_has_every_section_of_the_specification(ada, refuse, section):
    assert receipts.verify(receipts.receipt(refuse(ada)))[section]


def test_a_receipt_names_nobody(ada, give):
    content = receipts.receipt(give(ada)).decode()

    assert "Ada" not in content
    assert "Lovell" not in content
    assert "ada@client.example" not in content


def test_a_receipt_is_the_same_whenever_it_is_made(ada, give, withdraw):
    event = give(ada)
    first = receipts.receipt(event)
    withdraw(ada)

    assert receipts.receipt(ConsentEvent.objects.get(pk=event.pk)) == first


def test_a_withdrawal_has_its_receipt_too(ada, give, withdraw):
    give(ada)

    assert receipts.verify(receipts.receipt(withdraw(ada)))["events"][0]["event_state"] == "withdrawn"


def test_a_receipt_that_was_changed_is_not_valid(ada, give):
    signed = json.loads(receipts.receipt(give(ada)))
    signed["receipt"]["events"][0]["event_state"] = "withdrawn"

    with pytest.raises(ReceiptNotValid):
        receipts.verify(json.dumps(signed).encode())


def test_another_document_of_ours_does_not_pass_for_a_receipt(house):
    document = {"receipt_metadata": {"format": receipts.FORMAT}}
    value = signing.sign("certificates", b'covenant-certificate/1\n{"receipt_metadata":{"format":"covenant-consent-receipt/1"}}')

    with pytest.raises(ReceiptNotValid):
        receipts.verify(json.dumps({"receipt": document, "signature": {"algorithm": "Ed25519", "value": value.hex()}}).encode())


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"receipt": {}, "signature": {}}', b"[" * 100_000, b"x" * 70_000, b'{"receipt": 1.5, "signature": {"value": "00"}}'],
)
def test_what_is_no_receipt_is_not_valid(house, content):
    signing.create_missing()

    with pytest.raises(ReceiptNotValid):
        receipts.verify(content)
