"""What every higher floor asks before it destroys or erases. Questions only: nothing here changes anything.

| who asks | what | under which lock |
|---|---|---|
| stepping aside, dry runs, reports | `in_force`, `holds_of_organization` | none: an early answer, asked again before the deed |
| destruction, right before the key goes | `keep_new_holds_out`, then `holds_of_organization` or `newest` | shared, until its transaction ends |
| erasure of a person | `require_free`, `keepers` | takes the lock itself, until the caller's transaction ends |

It must never answer that something is free because a hold is new, its person unknown or its release fresh.
"""

from datetime import datetime

from django.db.models import Max, QuerySet

from apps.accounts.models import Person
from apps.foundation.personal_data import Subject
from apps.foundation.refusals import Refusal
from apps.holds import standstill
from apps.holds.models import Hold
from apps.holds.standstill import keep_new_holds_out

__all__ = ["UnderHold", "holds_of_organization", "holds_of_person", "in_force", "keep_new_holds_out", "keepers", "newest", "require_free"]

NAMED = 5


class UnderHold(Refusal):
    """A hold keeps this: it may be neither destroyed nor erased."""

    code = "under_hold"
    mend = "Release the hold, or ask counsel to."


def in_force(at: datetime) -> QuerySet[Hold]:
    """Every hold that keeps something at that moment: active, or released with its grace still running."""
    return Hold.objects.in_force(at).select_related("matter", "organization", "person")


def holds_of_organization(organization_id: int, at: datetime) -> list[Hold]:
    """Every hold in force that could keep a message of that organization, oldest first."""
    return list(in_force(at).touching_organization(organization_id))


def holds_of_person(person_id: int, at: datetime) -> list[Hold]:
    """Every hold in force that keeps what is held about that person, oldest first."""
    return list(in_force(at).touching_person(Person.objects.get(pk=person_id)))


def require_free(*, person: Person, at: datetime) -> None:
    """Refuse with UnderHold where a hold keeps the person; where none does, none can come before this transaction ends."""
    standstill.keep_new_holds_out()
    holds = holds_of_person(person.pk, at)
    if holds:
        named = ", ".join(hold.reference for hold in holds[:NAMED]) + (" and others" if len(holds) > NAMED else "")
        raise UnderHold(f"{person.reference} is kept by {named}.")


def keepers(*, subject: Subject, at: datetime) -> list[str]:
    """By reference every hold in force that keeps what is held about somebody, oldest first; also where their row is gone already.

    None can come before this transaction ends.
    """
    standstill.keep_new_holds_out()
    return list(in_force(at).touching_subject(subject).values_list("reference", flat=True))


def newest(at: datetime) -> int:
    """The highest id of any hold ever placed, 0 if none: unchanged means that no hold came in between.

    Whatever clock wrote a hold, it counts from its row on; `at` is taken as by every question here and decides nothing.
    """
    return Hold.objects.aggregate(highest=Max("id"))["highest"] or 0
