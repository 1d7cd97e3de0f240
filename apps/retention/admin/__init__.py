"""Message Data for staff. The order of the imports is the order on the first page."""

from apps.retention.admin import cohorts, certificates, rules, work  # isort: skip

__all__ = ["certificates", "cohorts", "rules", "work"]
