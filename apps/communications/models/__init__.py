"""Inquiries with their messages, and the mail they came in by."""

from apps.communications.models.inquiries import Inquiry, InquiryMessage, Mailbox, ReceivedMail, inquiry_reference

__all__ = ["Inquiry", "InquiryMessage", "Mailbox", "ReceivedMail", "inquiry_reference"]
