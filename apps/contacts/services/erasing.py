"""A consent to contacts or calendars ends: all that was collected under it goes, in the transaction of the withdrawal.

| what | goes | where a hold keeps the person |
|---|---|---|
| sources with their keys or busy times | all, in statements over sets | into a sealed bundle, unused, until the hold is over |
| the person's own keys | all | all: how they are reached stands in accounts, where the hold keeps it |
| matches, also as the other person sees them | all | a list of them into a bundle |

Locks: the sources first, so that whoever is taking one away is done before anything else is touched. A refresh that is on its way loses:
it asks for the consent again in the transaction in which it writes. The secrets of the sources are destroyed right after the commit.
"""

from datetime import datetime

from django.db.models import Q, QuerySet

from apps.accounts import keeping
from apps.accounts.models import Person
from apps.consents.erasing import Erased
from apps.consents.models import ConsentEvent
from apps.consents.purposes import CONTACTS
from apps.contacts.models import BusyTime, ContactKey, Match, PersonKey, Rematch, Source
from apps.contacts.services import keeping_apart
from apps.foundation import doorbell
from apps.holds.services import asking as holds


def erase(*, person: Person, purpose: str, event: ConsentEvent, at: datetime) -> list[Erased]:
    """As `settings.CONSENT_ERASERS` has it called; counts are what stood there when it ended."""
    sources = list(Source.objects.select_for_update(of=("self",)).select_related("person").of(person).filter(purpose_id=purpose))
    is_kept = bool(sources or purpose == CONTACTS) and keeping.is_kept(person=person, at=at)
    found = []
    if purpose == CONTACTS:
        found += _part(person, event=event, is_kept=is_kept, at=at)
    rows = (ContactKey if purpose == CONTACTS else BusyTime).objects.filter(person=person, purpose_id=purpose)
    count = sum(keeping_apart.end(source, event=event.reference, is_kept=is_kept, at=at) for source in sources) + _delete(rows)
    name = "contacts" if purpose == CONTACTS else "busy-times"
    found.append(_counted(name, count, is_kept))
    found.append(_counted("sources", len(sources), is_kept))
    Rematch.objects.filter(person=person).delete()  # nobody is left to be matched
    doorbell.ring("contacts.left")
    return found


def _counted(kind: str, count: int, is_kept: bool) -> Erased:
    return Erased(kind, 0 if is_kept else count, count if is_kept else 0)


def _part(person: Person, *, event: ConsentEvent, is_kept: bool, at: datetime) -> list[Erased]:
    """The person is found by nobody any more, and finds nobody."""
    own = _delete(PersonKey.objects.filter(person=person))
    rows = Match.objects.filter(Q(one=person) | Q(other=person))
    if is_kept:
        content = keeping_apart.matches_of(person)
        keeping_apart.keep(person, CONTACTS, {"matches": content}, source_reference="", event=event.reference, entries=len(content), at=at)
    _keep_for_others(person, rows, event=event, at=at)
    matches = _delete(rows)
    return [Erased("own-keys", own), _counted("matches", matches, is_kept)]


def _keep_for_others(person: Person, rows: QuerySet, *, event: ConsentEvent, at: datetime) -> None:
    """A match is about two: where a hold keeps the other one, it is kept for them."""
    if not holds.in_force(at).exists():
        return
    for row in rows.select_related("one__organization", "other__organization").order_by("id"):
        other = row.other if row.one_id == person.pk else row.one
        if keeping.is_kept(person=other, at=at):
            content = {"matches": [[person.reference, row.since.isoformat()]]}
            keeping_apart.keep(other, CONTACTS, content, source_reference="", event=event.reference, entries=1, at=at)


def _delete(rows: QuerySet) -> int:
    """In one statement; nothing above this floor points to these rows."""
    return rows._raw_delete(rows.db)
