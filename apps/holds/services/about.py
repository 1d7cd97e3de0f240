"""What matters and holds have of a person: that a hold names them. Once it is over, their row is taken out and only the reference stays."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from apps.accounts.models import Person
from apps.foundation.actors import SYSTEM
from apps.foundation.personal_data import Collected, Ended, Redaction, Subject
from apps.holds.models import Hold
from apps.holds.services import releasing


def naming(subject: Subject) -> QuerySet[Hold]:
    return Hold.objects.filter(Q(person_id=subject.pk) | Q(person_reference=subject.reference)).order_by("pk")


def count(subject: Subject, at: datetime) -> int:
    """Those that still point to the person's row."""
    return Hold.objects.filter(person_id=subject.pk).count()


def collect(subject: Subject, at: datetime) -> Iterator[Collected]:
    """That something is kept, and since when. Why is between the company and its counsel."""
    rows = naming(subject)
    yield Collected(
        title="Legal holds that name you",
        rows=(
            {
                "Reference": row.reference, "State": row.get_state_display(), "Since": row.placed_at.isoformat(),
                "Over at": row.kept_until.isoformat() if row.kept_until else "",
            }
            for row in rows
        ),
        redactions=_reasons(rows),
    )  # fmt: skip


def _reasons(rows: QuerySet) -> Iterator[Redaction]:
    number = rows.count()
    if number:
        yield Redaction("Legal holds", "the matter and the reason", number, "They are confidential between the company and its counsel.")


def let_go(subject: Subject, at: datetime) -> Ended:
    """Take their row out of holds that are over. Whoever calls it has made sure that none is in force."""
    person = Person.objects.filter(pk=subject.pk).first()
    return Ended(anonymised=releasing.let_go(person=person, by=SYSTEM, at=at)) if person is not None else Ended()
