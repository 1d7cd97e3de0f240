"""Data requests, for staff. The order of the imports is the order on the first page."""

from apps.data_requests.admin import requests, letters, notices, client_questions, plans  # isort: skip

__all__ = ["client_questions", "letters", "notices", "plans", "requests"]
