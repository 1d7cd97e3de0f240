"""Data requests, for staff. The order of the imports is the order on the first page."""
