"""What people lent us and whom they are matched with goes when they are erased. What others have of them in their own books is the others' data.

A match is about two: where a hold keeps the other one, it is kept for them, sealed and unused, as at the end of a consent.
"""

from datetime import datetime

from django.db.models import Q, QuerySet

from apps.accounts import keeping
from apps.consents.purposes import CONTACTS
from apps.contacts.models import Match
from apps.contacts.services import keeping_apart
from apps.foundation.personal_data import Subject
from apps.holds.services import asking as holds

#: stands where the end of a consent does otherwise
ERASED = "erasure"


def matches(subject: Subject) -> Q:
    return Q(one_id=subject.pk) | Q(other_id=subject.pk)


def keep_for_others(subject: Subject, at: datetime) -> None:
    """In the transaction in which the matches go."""
    if not holds.in_force(at).exists():
        return
    for row in _with_both(matches(subject)):
        other = row.other if row.one_id == subject.pk else row.one
        if keeping.is_kept(person=other, at=at):
            content = {"matches": [[subject.reference, row.since.isoformat()]]}
            keeping_apart.keep(other, CONTACTS, content, source_reference="", event=ERASED, entries=1, at=at)


def _with_both(of_them: Q) -> QuerySet[Match]:
    return Match.objects.filter(of_them).select_related("one__organization", "other__organization").order_by("id")
