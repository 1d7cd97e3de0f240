"""What proves how a case about a minor went: the case and the ledger's events about it, by reference only, signed by this installation.

Whoever has the installation's public key for certificates can check it: the signature is over FORMAT, a line feed and the canonical JSON
of what is under "case". It must never hold a name, a date of birth or a byte of a document.
"""

import json
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import MinorCase
from apps.audit.models import Event, Installation
from apps.audit.services import ledger
from apps.foundation import signing
from apps.foundation.digests import canonical
from apps.staff.models import StaffMember

FORMAT = "covenant-minor-case/1"
#: what of a person's own events belongs to a case
OF_A_PERSON = (
    "person.registered", "person.amended", "person.suspended", "person.resumed", "person.suspended_again", "person.resumed_again",
    "person.not_resumed_again",
)  # fmt: skip
MOST = 500


def events_of(case: MinorCase) -> list[Event]:
    """What the ledger tells of the case, its person's age and standing, and who represents them, the oldest first."""
    acting = list(case.person.representatives.order_by("pk").values_list("reference", flat=True))
    about_person = Event.objects.filter(object=case.person.reference, verb__in=OF_A_PERSON)
    return list((Event.objects.filter(object__in=[case.reference, *acting]) | about_person).order_by("pk")[:MOST])


@transaction.atomic
def of_case(*, case: MinorCase, by: StaffMember, at: datetime) -> bytes:
    """The signed file; that it was taken is recorded."""
    said = _said(case, at)
    ledger.record("minor_case.evidence_taken", by=by, about=case.reference, at=at, facts={"events": len(said["events"])})
    value = signing.sign("certificates", FORMAT.encode() + b"\n" + canonical(said))
    signature = {"algorithm": "Ed25519", "key": signing.public_key("certificates").hex(), "value": value.hex()}
    return json.dumps({"case": said, "signature": signature}, indent=2, sort_keys=True).encode()


def _said(case: MinorCase, at: datetime) -> dict[str, Any]:
    acting = case.person.representatives.order_by("pk").defer("document")
    return {
        "format": FORMAT, "installation": str(Installation.objects.get().installation_id), "made_at": at.isoformat(),
        "reference": case.reference, "person": case.person.reference, "standing": case.person.standing, "how": case.how,
        "opened_at": case.opened_at.isoformat(), "opened_by": case.opened_by, "due_at": case.due_at.isoformat(), "state": case.state,
        "closed_at": case.closed_at.isoformat() if case.closed_at else None, "closed_by": case.closed_by,
        "policy": case.policy_version.reference,
        "representatives": [
            {
                "reference": row.reference, "authority": row.authority, "state": row.state, "from": row.valid_from.isoformat(),
                "until": row.valid_until.isoformat() if row.valid_until else None, "document_sha256": bytes(row.document_digest).hex(),
                "document_destroyed_at": row.document_destroyed_at.isoformat() if row.document_destroyed_at else None,
                "checked_by": row.asked_by, "decided_by": row.decided_by, "rejection": row.rejection,
            }
            for row in acting
        ],
        "events": [
            {"number": event.pk, "at": event.at.isoformat(), "by": event.actor, "verb": event.verb, "about": event.object}
            for event in events_of(case)
        ],
    }  # fmt: skip
