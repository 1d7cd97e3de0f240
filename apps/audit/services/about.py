"""What the ledger says about a person, and the end of its personal detail.

An event names a person by reference and stays; its detail, where it has one, goes with them and leaves a commitment that says nothing.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from apps.audit.models import Event, EventDetail
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.held import AT_A_TIME
from apps.foundation.personal_data import Collected, Ended, Subject

DETAILS_A_CALL = 500


def events(subject: Subject) -> QuerySet[Event]:
    return Event.objects.filter(object=subject.reference).order_by("pk")


def count(subject: Subject, at: datetime) -> int:
    return events(subject).count()


def collect(subject: Subject, at: datetime) -> Iterator[Collected]:
    """Who acted is told as what they are: a colleague's name is theirs."""
    rows = events(subject).values_list("pk", "at", "verb", "actor")
    yield Collected(
        title="What was done with your data",
        rows=(
            {"Entry": f"E{pk}", "At": moment.isoformat(), "What": verb, "By": actor.partition(":")[0]}
            for pk, moment, verb, actor in rows.iterator(chunk_size=AT_A_TIME)
        ),
    )


def details(subject: Subject) -> QuerySet[EventDetail]:
    """Of events about them, and of others that name them in their detail."""
    return EventDetail.objects.filter(Q(event__object=subject.reference) | Q(detail__person=subject.reference)).order_by("pk")


def count_details(subject: Subject, at: datetime) -> int:
    return details(subject).count()


def collect_details(subject: Subject, at: datetime) -> Iterator[Collected]:
    rows = details(subject).values_list("event_id", "detail")
    yield Collected(title="Details of what was done", rows=({"Entry": f"E{pk}", "Detail": detail} for pk, detail in rows.iterator(chunk_size=AT_A_TIME)))


def erase_details(subject: Subject, at: datetime) -> Ended:
    """Each erasure is an event of its own, so that the seal of the first stays explained."""
    found = list(details(subject).select_related("event")[:DETAILS_A_CALL])
    erased = sum(ledger.erase_detail(one.event, by=SYSTEM, at=at, ground="erasure") for one in found)
    return Ended(erased=erased, more=len(found) == DETAILS_A_CALL)
