"""Findings that name a person by reference: the finding stays as proof of what was found, without them, once they are erased."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import F, QuerySet

from apps.assurance.models import Finding
from apps.foundation.held import MOST
from apps.foundation.personal_data import Collected, Ended, Subject


def naming(subject: Subject) -> QuerySet[Finding]:
    return Finding.objects.filter(object=subject.reference).order_by("pk")


def count(subject: Subject, at: datetime) -> int:
    return naming(subject).count()


def collect(subject: Subject, at: datetime) -> Iterator[Collected]:
    yield Collected(
        title="What checks of our promises found about you",
        rows=(
            {"Reference": row.reference, "Found": row.why, "Since": row.since.isoformat(), "Gone at": row.gone_at.isoformat() if row.gone_at else ""}
            for row in naming(subject)
        ),
    )


def anonymise(subject: Subject, at: datetime) -> Ended:
    """In place of the person stands the finding's own reference: of two people who are erased neither is known, and both findings stay."""
    found = list(naming(subject).select_for_update().values_list("pk", flat=True)[:MOST])
    return Ended(anonymised=Finding.objects.filter(pk__in=found).update(object=F("reference")), more=len(found) == MOST)
