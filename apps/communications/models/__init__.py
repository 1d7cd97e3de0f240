"""Inquiries with their messages, the mail they came in by, and what goes to many people with each delivery."""

from apps.communications.models.announcements import Announcement, Circular, Delivery, FormerDeliveries, Notice
from apps.communications.models.inquiries import Inquiry, InquiryMessage, Mailbox, ReceivedMail, inquiry_reference

__all__ = [
    "Announcement", "Circular", "Delivery", "FormerDeliveries", "Inquiry", "InquiryMessage", "Mailbox", "Notice", "ReceivedMail", "inquiry_reference",
]  # fmt: skip
