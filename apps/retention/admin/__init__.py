"""Message Data for staff. The order of the imports is the order on the first page."""

from apps.retention.admin import cohorts, certificates, rules, asides, reviews, work  # isort: skip

__all__ = ["asides", "certificates", "cohorts", "reviews", "rules", "work"]
