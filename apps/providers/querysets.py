"""Questions about providers in the policy's words. Whether one may get data is asked of services/asking.py alone."""

from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q

from apps.foundation.clock import day_of
from apps.providers.states import COUNTS, ChainState, DataEnd, GrantState, ProviderState
from apps.staff.models import Approval

ACTIVATE = "providers.approve_provider"
CONFIRM = "providers.approve_agreement"
GRANT = "providers.approve_grant"
ANNOUNCE = "providers.approve_subprocessor"

#: those whose lapses matter to somebody
IN_USE = (ProviderState.ACTIVE, ProviderState.SUSPENDED)


class ProviderQuerySet(models.QuerySet):
    def active(self):
        return self.filter(state=ProviderState.ACTIVE)

    def in_use(self):
        """Active, or suspended for now: what they agreed goes on, and lapses."""
        return self.filter(state__in=IN_USE)

    def waiting_for_activation(self):
        asked = Approval.objects.waiting().filter(act=ACTIVATE, subject=OuterRef("reference"))
        return self.filter(Exists(asked))

    def owing_data(self):
        """Ended, and nobody has confirmed yet that what they had is returned or destroyed."""
        return self.filter(state=ProviderState.ENDED, data_confirmed_at=None).exclude(data_end=DataEnd.NOTHING)


class AgreementQuerySet(models.QuerySet):
    def in_force(self, at: datetime):
        """Confirmed by a second person, and within its days."""
        today = day_of(at)
        return self.filter(Q(ends_on=None) | Q(ends_on__gt=today), state__in=COUNTS, starts_on__lte=today)


class SecurityReviewQuerySet(models.QuerySet):
    def newest(self):
        """Of each provider and kind the one that counts."""
        later = self.model.objects.filter(provider=OuterRef("provider"), kind=OuterRef("kind")).filter(
            Q(reviewed_on__gt=OuterRef("reviewed_on")) | Q(reviewed_on=OuterRef("reviewed_on"), pk__gt=OuterRef("pk"))
        )
        return self.filter(~Exists(later))


class GrantQuerySet(models.QuerySet):
    def active(self):
        return self.filter(state=GrantState.ACTIVE)

    def in_force(self, at: datetime):
        """Approved, neither withdrawn nor past its own end. Whether its agreement stands is asked with it, in asking."""
        return self.active().filter(Q(ends_on=None) | Q(ends_on__gt=day_of(at)))


class SubProcessorQuerySet(models.QuerySet):
    def in_effect(self, at: datetime):
        """Those that get data at that moment."""
        return self.filter(
            Q(until_at=None) | Q(until_at__gt=at), state__in=(ChainState.ANNOUNCED, ChainState.LEAVING), since_at__lte=at
        )

    def coming(self, at: datetime):
        """Announced, and not in use yet."""
        return self.filter(state__in=(ChainState.ANNOUNCED, ChainState.LEAVING), since_at__gt=at)

    def going(self, at: datetime):
        """In use, and their end is announced."""
        return self.in_effect(at).filter(state=ChainState.LEAVING)


class ChainNoticeQuerySet(models.QuerySet):
    def objected(self):
        return self.exclude(objected_at=None)
