"""What lower floors leave to be done about a person: a registration that was cancelled, a minor whom nobody represents. Each begins a request.

| row below | begins |
|---|---|
| a person with `closed_at` | a request to close the account, which erases (P20); its clock counts from that day |
| an open case about a minor with `removal_asked_at` | a request about the minor, which erases (P24); the same |

Nobody is asked for proof again: who closed or asked knew who it is. While another request that erases the person is open, that one does it; where
it ends without, this begins then. It must never begin twice for one row, nor touch the row below.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.accounts.models import MinorCase, Person
from apps.data_requests.models import DataRequest, Remainder
from apps.data_requests.services import opening
from apps.data_requests.states import ERASES, OVER, Channel, Kind
from apps.data_requests.words import Asked
from apps.foundation.actors import SYSTEM

MOST_A_SWEEP = 200


def take_due(*, at: datetime) -> int:
    """Begin what is due; returns how many requests began or were joined. Safe beside other workers."""
    closed = [(Kind.CLOSING, pk) for pk in _closed().values_list("pk", flat=True)[:MOST_A_SWEEP]]
    minors = [(Kind.MINOR, pk) for pk in _minors().values_list("pk", flat=True)[:MOST_A_SWEEP]]
    return sum(_take(kind, pk, at) for kind, pk in minors + closed)


def _closed() -> QuerySet[Person]:
    return _waiting(Person.objects.filter(closed_at__isnull=False).order_by("closed_at", "pk"), Kind.CLOSING)


def _minors() -> QuerySet[Person]:
    return _waiting(Person.objects.filter(pk__in=MinorCase.objects.to_remove().order_by().values("person_id")).order_by("pk"), Kind.MINOR)


def _waiting(people: QuerySet[Person], kind: Kind) -> QuerySet[Person]:
    """Those for whom neither this was begun nor anything else that erases them is open, and of whom nothing is kept that goes by itself."""
    about = DataRequest.objects.filter(person_reference=OuterRef("reference"))
    erasing = about.filter(kind__in=ERASES - {kind}).exclude(state__in=OVER)
    kept = Remainder.objects.filter(request__person_reference=OuterRef("reference"), ended_at__isnull=True)
    return people.filter(~Exists(about.filter(kind=kind, channel=Channel.OWN)), ~Exists(erasing), ~Exists(kept))


@transaction.atomic
def _take(kind: Kind, pk: int, at: datetime) -> bool:
    """The person's row is locked and asked about again, so that two sweeps begin one request."""
    if not Person.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(pk=pk).exists():
        return False
    person = (_closed() if kind == Kind.CLOSING else _minors()).filter(pk=pk).select_related("organization").first()
    if person is None:
        return False
    received_at, text = _begun(kind, person)
    opening.open_request(Asked(kind=kind, text=text), channel=Channel.OWN, person=person, received_at=received_at, by=SYSTEM, at=at)
    return True


def _begun(kind: Kind, person: Person) -> tuple[datetime, str]:
    if kind == Kind.CLOSING:
        return person.closed_at, "The registration was cancelled."
    case = MinorCase.objects.to_remove().get(person=person)
    return case.removal_asked_at, f"{case.reference}: nobody represents this minor; staff asked that they are removed with their data."
