"""Message Data for staff. The order of the imports is the order on the first page."""

from apps.retention.admin import cohorts, certificates, rules, asides, reviews, rescheduling, work  # isort: skip

__all__ = ["asides", "certificates", "cohorts", "rescheduling", "reviews", "rules", "work"]
