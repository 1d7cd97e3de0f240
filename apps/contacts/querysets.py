"""Questions about sources, what was read from them, and who is matched."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from apps.accounts.states import PersonStanding
from apps.contacts.states import RefusedState, SourceHow, SourceState


class SourceQuerySet(models.QuerySet):
    def of(self, person):
        """A person's own, in the order in which they lent them."""
        return self.filter(person=person).order_by("pk")

    def usable(self, at: datetime):
        """Of people who are active, under a consent that stands: a late sweep changes nothing about that."""
        consent = Q(person__consents__purpose_id=F("purpose_id"), person__consents__stands=True)
        lasting = Q(person__consents__until__isnull=True) | Q(person__consents__until__gt=at)
        return self.filter(consent & lasting, person__standing=PersonStanding.ACTIVE)

    def due(self, at: datetime):
        """Addresses whose next reading has come, oldest first; one that is being read comes after its lease."""
        free = Q(leased_until__isnull=True) | Q(leased_until__lte=at)
        return self.usable(at).filter(free, how=SourceHow.DAV, state=SourceState.ACTIVE, next_at__lte=at).order_by("next_at", "pk")

    def late(self, before: datetime):
        """Addresses that are in use, and were read last, or added, before that moment."""
        return self.filter(how=SourceHow.DAV, state=SourceState.ACTIVE).filter(
            Q(last_success_at__lt=before) | Q(last_success_at__isnull=True, added_at__lt=before)
        )


class MatchQuerySet(models.QuerySet):
    def of(self, person_id: int, *, at: datetime):
        """Matches of one person that may be used now: both are active and allow it. Whose consent is past its end is left out."""
        found = self.filter(Q(one_id=person_id) | Q(other_id=person_id))
        for side in ("one", "other"):
            consent = Q(**{f"{side}__consents__purpose_id": F("purpose_id"), f"{side}__consents__stands": True})
            lasting = Q(**{f"{side}__consents__until__isnull": True}) | Q(**{f"{side}__consents__until__gt": at})
            found = found.filter(consent & lasting, **{f"{side}__standing": PersonStanding.ACTIVE})
        return found.order_by("pk")


class BusyTimeQuerySet(models.QuerySet):
    def within(self, since: datetime, until: datetime):
        """What overlaps a half-open period."""
        return self.filter(starts_at__lt=until, ends_at__gt=since).order_by("starts_at", "ends_at", "pk")


class RefusedFileQuerySet(models.QuerySet):
    def open(self):
        return self.filter(state=RefusedState.OPEN)
