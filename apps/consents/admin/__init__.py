"""Consents for staff. The order of the imports is the order on the first page."""

from apps.consents.admin import purposes, texts, ledger, standings, browsers  # isort: skip

__all__ = ["browsers", "ledger", "purposes", "standings", "texts"]
