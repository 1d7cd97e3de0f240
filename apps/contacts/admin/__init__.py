"""What people lent us, for staff. The order of the imports is the order on the first page."""

from apps.contacts.admin import sources, refused, kept, keys  # isort: skip

__all__ = ["keys", "kept", "refused", "sources"]
