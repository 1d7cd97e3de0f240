"""What the admin's log says about a person's own row: by reference, who of the staff changed which fields. It goes with the person.

Entries about other rows of theirs go with these rows (apps.foundation.held). What was done stays in the ledger.
"""

from collections.abc import Iterator
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet

from apps.foundation.held import AT_A_TIME, MOST
from apps.foundation.personal_data import Collected, Ended, Subject


def entries(subject: Subject) -> QuerySet[LogEntry]:
    return LogEntry.objects.filter(object_repr=subject.reference).order_by("pk")


def count(subject: Subject, at: datetime) -> int:
    return entries(subject).count()


def collect(subject: Subject, at: datetime) -> Iterator[Collected]:
    """Field names without values; who it was is not told, for it is about a member of staff."""
    rows = entries(subject).iterator(chunk_size=AT_A_TIME)
    yield Collected(
        title="What staff changed of yours",
        rows=({"At": row.action_time.isoformat(), "What": row.get_action_flag_display(), "Fields": row.get_change_message()} for row in rows),
    )


def erase(subject: Subject, at: datetime) -> Ended:
    found = list(entries(subject).values_list("pk", flat=True)[:MOST])
    LogEntry.objects.filter(pk__in=found).delete()
    return Ended(erased=len(found), more=len(found) == MOST)
