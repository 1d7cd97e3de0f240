"""Data requests, for staff. The order of the imports is the order on the first page."""

from apps.data_requests.admin import requests, arrivals, letters, client_questions, packages  # isort: skip

__all__ = ["arrivals", "client_questions", "letters", "packages", "requests"]
