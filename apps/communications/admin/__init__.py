"""Pages of staff on what people write to us and what we write to them."""

from apps.communications.admin import announcements, inquiries

__all__ = ["announcements", "inquiries"]
