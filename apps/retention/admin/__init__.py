"""Message Data for staff. The order of the imports is the order on the first page."""

from apps.retention.admin import cohorts, certificates, rules, person_rules, targets, archives, asides, reviews, rescheduling, work  # isort: skip

__all__ = ["archives", "asides", "certificates", "cohorts", "person_rules", "rescheduling", "reviews", "rules", "targets", "work"]
