"""Purposes with their texts, the ledger of what people said, what stands, and what went when it ended; links, visits and signals."""

from apps.consents.models.browsers import SeenSignal, SignalEffect, SignalSwitch
from apps.consents.models.ledger import ConsentErasure, ConsentEvent, Standing, consent_reference
from apps.consents.models.links import AccessLink, LinkRequest, Visit
from apps.consents.models.purposes import ConsentPurpose, PurposeText

__all__ = [
    "AccessLink", "ConsentErasure", "ConsentEvent", "ConsentPurpose", "LinkRequest", "PurposeText", "SeenSignal", "SignalEffect",
    "SignalSwitch", "Standing", "Visit", "consent_reference",
]  # fmt: skip
