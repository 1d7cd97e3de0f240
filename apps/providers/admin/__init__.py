"""The registry for staff. The order of the imports is the order on the first page."""

from apps.providers.admin import providers, agreements, reviews, grants, chain, notices, register  # isort: skip

__all__ = ["agreements", "chain", "grants", "notices", "providers", "register", "reviews"]
