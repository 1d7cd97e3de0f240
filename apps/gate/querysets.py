"""Questions about what left, in the policy's words."""

from datetime import datetime

from django.db import models

from apps.gate.states import ExceptionState, NoticeState


class DisclosureQuerySet(models.QuerySet):
    def about_person(self, reference: str):
        """Those that name the person as one whose data it is."""
        return self.filter(subjects__person_reference=reference)

    def to(self, recipient: str):
        return self.filter(recipient=recipient)

    def between(self, start: datetime, end: datetime):
        """Decided from `start` on and before `end`."""
        return self.filter(at__gte=start, at__lt=end)


class PermitQuerySet(models.QuerySet):
    def spent(self):
        return self.exclude(spent_at=None)

    def usable(self, at: datetime):
        return self.filter(spent_at=None, lapses_at__gt=at)

    def lapsed(self, at: datetime):
        """Never used, and never to be."""
        return self.filter(spent_at=None, lapses_at__lte=at)


class CountryExceptionQuerySet(models.QuerySet):
    def in_force(self, at: datetime):
        return self.filter(state=ExceptionState.APPROVED, starts_at__lte=at, ends_at__gt=at)

    def waiting(self):
        return self.filter(state=ExceptionState.ASKED)

    def lapsed(self, at: datetime):
        return self.filter(state=ExceptionState.APPROVED, ends_at__lte=at)


class WithdrawalNoticeQuerySet(models.QuerySet):
    def open(self):
        """Nobody confirmed the erasure yet."""
        return self.exclude(state=NoticeState.CONFIRMED)

    def untold(self):
        return self.filter(state=NoticeState.DUE)

    def overdue(self, at: datetime):
        return self.open().filter(due_at__lte=at)
