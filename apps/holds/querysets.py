"""Questions about holds, in the policy's words. Every other floor asks them through services/asking.py."""

from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q

from apps.accounts.models import Person
from apps.foundation.personal_data import Subject
from apps.holds.states import HoldState, MatterState
from apps.staff.models import Approval

RELEASE = "holds.release_hold"


class MatterQuerySet(models.QuerySet):
    def open(self):
        return self.filter(state=MatterState.OPEN)


class HoldQuerySet(models.QuerySet):
    def active(self):
        return self.filter(state=HoldState.ACTIVE)

    def in_force(self, at: datetime):
        """Active, or released so lately that what they kept is not due yet."""
        return self.filter(Q(state=HoldState.ACTIVE) | Q(kept_until__gt=at)).order_by("id")

    def in_their_grace(self, at: datetime):
        return self.filter(state=HoldState.RELEASED, kept_until__gt=at)

    def over(self, at: datetime):
        return self.filter(state=HoldState.RELEASED, kept_until__lte=at)

    def waiting_for_release(self):
        """Active, and somebody asks for their release."""
        asked = Approval.objects.waiting().filter(act=RELEASE, subject=OuterRef("reference"))
        return self.active().filter(Exists(asked))

    def touching_organization(self, organization_id: int):
        """Those that could keep a message of that organization. A person who belongs to none may appear in any."""
        anywhere = Q(organization=None) & (
            Q(person=None) | Q(person__organization=None) | Q(person__organization_id=organization_id)
        )
        return self.filter(Q(organization_id=organization_id) | anywhere)

    def touching_person(self, person: Person):
        """Those that name the person, and those that keep all of their organization or all there is.

        A hold on one conversation keeps its messages, not what is held about those who took part.
        """
        everybody = Q(person_reference="", conversation_id="") & (
            Q(organization=None) | Q(organization__isnull=False, organization_id=person.organization_id)
        )
        return self.filter(Q(person_reference=person.reference) | everybody)

    def touching_subject(self, subject: Subject):
        """The same of somebody whose row may be gone already."""
        everybody = Q(person_reference="", conversation_id="") & (
            Q(organization=None) | Q(organization__isnull=False, organization__reference=subject.organization)
        )
        return self.filter(Q(person_reference=subject.reference) | everybody)
