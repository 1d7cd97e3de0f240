"""Questions about inquiries and the mail they came in by, in the policy's words."""

from datetime import datetime

from django.db import models

from apps.communications.states import InquiryState, Outcome


class InquiryQuerySet(models.QuerySet):
    def waiting(self):
        """They wait for us, the one that waits longest first."""
        return self.filter(state=InquiryState.OPEN).order_by("heard_at", "id")

    def of_sender(self, digest: bytes):
        """Of one address, and not past their life."""
        return self.filter(sender_digest=digest).exclude(state=InquiryState.KEPT)

    def gone_quiet(self, before: datetime):
        """Answered, and nobody wrote since."""
        return self.filter(state=InquiryState.ANSWERED, answered_at__lt=before, heard_at__lt=before).order_by("id")

    def past_their_life(self, at: datetime):
        return self.filter(state__in=(InquiryState.CLOSED, InquiryState.KEPT), ends_at__lte=at).order_by("ends_at", "id")


class ReceivedMailQuerySet(models.QuerySet):
    def unread_by_us(self):
        """Could not be read, and nobody has looked yet."""
        return self.filter(outcome=Outcome.REFUSED, looked_at=None)

    def of_no_inquiry(self, before: datetime):
        return self.filter(inquiry=None, received_at__lt=before)
