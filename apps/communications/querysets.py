"""Questions about inquiries, the mail they came in by, and what goes to many people, in the policy's words."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from apps.communications.states import ANNOUNCED, CircularState, DeliveryState, InquiryState, Outcome
from apps.mail.states import State as MailState


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


class CircularQuerySet(models.QuerySet):
    def to_start(self, at: datetime):
        """Approved, and their moment has come."""
        return self.filter(state=CircularState.APPROVED, send_at__lte=at).order_by("send_at", "id")

    def to_work_on(self, at: datetime):
        """On their way, and nobody else is at them. What a person needs goes before what we would like to tell."""
        free = Q(leased_until__isnull=True) | Q(leased_until__lte=at)
        return self.filter(free, state=CircularState.SENDING).order_by(F("purpose_id").asc(nulls_first=True), "id")

    def announcements(self):
        return self.filter(kind__in=ANNOUNCED)

    def notices(self):
        return self.exclude(kind__in=ANNOUNCED)


class DeliveryQuerySet(models.QuerySet):
    def waiting(self):
        return self.filter(state=DeliveryState.WAITING)

    def unsent(self):
        """Waits its turn, or lies in the outbox and did not leave."""
        return self.filter(Q(state=DeliveryState.WAITING) | Q(state=DeliveryState.HANDED, mail__state__in=(MailState.QUEUED, MailState.PARKED)))

    def past_their_life(self, before: datetime):
        """Of what ended before then; one whose consent still stands is kept, because its reader may still unsubscribe by it."""
        return self.filter(stands=None, circular__ended_at__lt=before)
