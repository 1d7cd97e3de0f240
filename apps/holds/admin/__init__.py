"""Holds for staff. The order of the imports is the order on the first page."""

from apps.holds.admin import matters, holds  # isort: skip

__all__ = ["holds", "matters"]
