"""Data requests, for staff. The order of the imports is the order on the first page."""

from apps.data_requests.admin import requests, arrivals, letters, notices, client_questions, plans, packages, proofs  # isort: skip

__all__ = ["arrivals", "client_questions", "letters", "notices", "packages", "plans", "proofs", "requests"]

requests.DataRequestAdmin.acts += plans.ACTS  # added here, so that the queue is the first list, and plans come behind it
