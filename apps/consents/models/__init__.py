"""Purposes with their texts, the ledger of what people said, what stands, and what went when it ended."""

from apps.consents.models.ledger import ConsentErasure, ConsentEvent, Standing, consent_reference
from apps.consents.models.purposes import ConsentPurpose, PurposeText

__all__ = ["ConsentErasure", "ConsentEvent", "ConsentPurpose", "PurposeText", "Standing", "consent_reference"]
