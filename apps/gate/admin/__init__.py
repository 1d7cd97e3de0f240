"""What left, for staff. The order of the imports is the order on the first page."""

from apps.gate.admin import disclosures, refusals, withdrawals, exceptions, permits  # isort: skip

__all__ = ["disclosures", "exceptions", "permits", "refusals", "withdrawals"]
