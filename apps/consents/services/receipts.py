"""The receipt that a person keeps of what they allowed, refused or took back: JSON with the fields of ISO/IEC TS 27560:2023, signed.

It says what the ledger says, by the person's reference and without their name, so that it can be shown to whom they like. Made anew it
is the same, byte for byte: everything in it is of the event and of the text, which never change. Signed with Ed25519 under the key of this
installation's certificates, over a prefix of its own, so that no other document can pass for a receipt.
"""

import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from apps.consents.models import ConsentEvent
from apps.consents.purposes import Kind
from apps.consents.states import ConsentAct, How
from apps.foundation import signing
from apps.foundation.digests import canonical
from apps.foundation.refusals import Refusal
from apps.policies.vocabulary import CATEGORIES

FORMAT = "covenant-consent-receipt/1"
SIGNED_PREFIX = FORMAT.encode() + b"\n"
LARGEST = 65_536

EVENT_TYPES = {
    ConsentAct.GIVEN: ("explicit", "given"), ConsentAct.REFUSED: ("explicit", "refused"), ConsentAct.WITHDRAWN: ("explicit", "withdrawn"),
    ConsentAct.EXPIRED: ("implicit", "terminated"),
}  # fmt: skip
WAYS = {
    How.PREFERENCE_PAGE: "by the person, on their preference page", How.API: "by the person, in the product",
    How.STAFF: "told to a member of staff", How.ONE_CLICK: "by the person, with one click in a mail",
    How.SIGNAL: "by a signal of the person's browser", How.IMPORT: "taken over from an earlier record", How.CLOCK: "by the end of its time",
}  # fmt: skip


class ReceiptNotValid(Refusal):
    """This is no receipt that this installation signed, or it was changed since."""

    code = "receipt_not_valid"
    mend = "Use the file as it was downloaded; a receipt can be downloaded again at any time."


def receipt(event: ConsentEvent) -> bytes:
    """The signed receipt of one event, as JSON that people can read too."""
    document = _document(event)
    value = signing.sign("certificates", SIGNED_PREFIX + canonical(document))
    signed = {
        "receipt": document,
        "signature": {"algorithm": "Ed25519", "key": signing.public_key("certificates").hex(), "value": value.hex()},
    }
    return json.dumps(signed, indent=1, ensure_ascii=False).encode() + b"\n"


def verify(content: bytes) -> dict[str, Any]:
    """What a receipt says, where this installation signed it. Raises ReceiptNotValid."""
    try:
        if len(content) > LARGEST:
            raise ValueError("longer than any receipt")
        signed = json.loads(content)
        document, signature = signed["receipt"], signed["signature"]
        value, message = bytes.fromhex(signature["value"]), SIGNED_PREFIX + canonical(document)
        sound = document["receipt_metadata"]["format"] == FORMAT and signature["algorithm"] == "Ed25519"
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ReceiptNotValid from None
    if not sound or not signing.is_signed(signing.public_key("certificates"), message, value):
        raise ReceiptNotValid
    return document


def _document(event: ConsentEvent) -> dict[str, Any]:
    """The sections of clause 6.3 (header, processing, parties, event) under the metadata of clause 6.4."""
    text, purpose = event.text, event.text.purpose
    kind, state = EVENT_TYPES[event.act]
    return {
        "receipt_metadata": {"format": FORMAT, "receipt_id": event.reference, "structure": "ISO/IEC TS 27560:2023"},
        "record_header": {"schema_version": FORMAT, "record_id": event.reference, "pii_principal_id": event.person.reference},
        "pii_processing": [
            {
                "privacy_notice": _address(reverse("policies:version", args=[event.policy_version.number])),
                "privacy_notice_version": event.policy_version.number,
                "language": "en",
                "purposes": [{"purpose": purpose.title, "purpose_code": purpose.code, "purpose_type": purpose.get_kind_display()}],
                "purpose_description": text.words,
                "lawful_basis": "consent",
                "notice_text": {
                    "number": text.number, "what_for": text.words, "collected": text.collected, "lost_without": text.lost_without,
                    "sha256": bytes(text.digest).hex(),
                },
                "pii_information": [
                    {
                        "pii_type": str(CATEGORIES[category]), "pii_attribute_id": category, "pii_optional": True,
                        "sensitive_pii_category": False, "special_pii_category": False,
                    }
                    for category in sorted(text.categories)
                ],
                "pii_controllers": ["controller"],
                "collection_method": WAYS[event.how],
                "processing_method": text.collected,
                "storage_locations": ["US"],
                "processing_locations": ["US"],
                "geographic_restrictions": ["US"],
                "retention_period": _retention(text.months),
                "recipient_third_parties": [purpose.recipient] if purpose.kind == Kind.DISCLOSURE else [],
                "withdrawal_method": _address("/preferences/"),
                "privacy_rights": _address(reverse("policies:in_force")),
                "jurisdictions": ["US"],
            }
        ],
        "party_identification": [
            {
                "party_id": "controller", "party_name": settings.CONTROLLER_NAME, "party_email": settings.CONTROLLER_EMAIL,
                "party_url": settings.BASE_URL, "party_role": "PII controller", "party_type": "organization",
            }
        ],
        "events": [
            {
                "event_time": _time(event.at), "event_type": kind, "event_state": state, "entity_id": event.person.reference,
                "validity_duration": _time(event.until) if event.until else "until it is withdrawn" if event.act == ConsentAct.GIVEN else "",
                "shown_at": _time(event.shown_at) if event.shown_at else "",
                "shown_sha256": bytes(event.shown_digest).hex() if event.shown_digest else "",
            }
        ],
    }  # fmt: skip


def _retention(months: int | None) -> str:
    return f"until it is withdrawn, {months} months at most" if months else "until it is withdrawn"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _address(path: str) -> str:
    return settings.BASE_URL.rstrip("/") + path
