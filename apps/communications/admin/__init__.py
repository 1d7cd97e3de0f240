"""Pages of staff on what people write to us and what we write to them."""

from apps.communications.admin import inquiries

__all__ = ["inquiries"]
