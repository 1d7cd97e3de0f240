"""What requests themselves say about a person, as it is handed to them: when they asked what, how, and how it was answered. By reference only."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet

from apps.data_requests import hashing
from apps.data_requests.models import Arrival, DataRequest
from apps.foundation.personal_data import Collected, Subject


def requests_of(subject: Subject) -> QuerySet[DataRequest]:
    return DataRequest.objects.filter(person_reference=subject.reference).order_by("pk")


def count(subject: Subject, at: datetime) -> int:
    return requests_of(subject).count()


def collect(subject: Subject, at: datetime) -> Iterator[Collected]:
    yield Collected(
        title="What you asked us about your data",
        rows=(
            {
                "Reference": row.reference, "What": row.get_kind_display(), "How": row.get_channel_display(), "Received": row.received_at.isoformat(),
                "Where it stands": row.get_state_display(), "Outcome": row.get_outcome_display() if row.outcome else "",
                "Ended": row.closed_at.isoformat() if row.closed_at else "",
            }
            for row in requests_of(subject).iterator()
        ),
    )  # fmt: skip


def waiting(subject: Subject, at: datetime) -> int:
    """What came in from an address of theirs and is not settled."""
    digests = [hashing.of_email(address) for address in subject.emails]
    return Arrival.objects.filter(from_digest__in=digests, settled_at__isnull=True).count() if digests else 0
