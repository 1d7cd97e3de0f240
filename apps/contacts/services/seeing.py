"""Whom a person is matched with, and when those are busy: what the person, and the product for them, may see.

Both sides allow it, both are active; when somebody is busy is told only among those who both lent that. Constant in the number of
queries. It must never answer anything about an address: it is asked by person, and tells only of people who were found from both sides.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.accounts.models import Organization, Person
from apps.consents.models import Standing
from apps.consents.purposes import CALENDAR, CONTACTS
from apps.consents.services import asking
from apps.contacts.models import BusyTime, Match

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class Found:
    """One person of a match. `busy` is None where the two don't both lend their calendars."""

    person: Person
    since: datetime
    busy: tuple[Stretch, ...] | None


@dataclass(frozen=True)
class Group:
    """The people of one organization; None: of those who registered by themselves."""

    organization: Organization | None
    people: tuple[Found, ...]


def groups_of(person: Person, *, since: datetime, until: datetime, at: datetime) -> list[Group]:
    """A person's matches by organization, their own first, with the time from `since` up to `until`. Empty without their consent."""
    if not asking.may(person_id=person.pk, purpose=CONTACTS, at=at):
        return []
    matches = Match.objects.of(person.pk, at=at).select_related("one__organization", "other__organization")
    others = [(match.other if match.one_id == person.pk else match.one, match.since) for match in matches]
    busy = _busy(person, [other.pk for other, _since in others], since, until, at)
    grouped: dict[Organization | None, list[Found]] = defaultdict(list)
    for other, matched in others:
        grouped[other.organization].append(Found(other, matched, busy.get(other.pk)))
    groups = [Group(organization, tuple(sorted(people, key=_by_reference))) for organization, people in grouped.items()]
    return sorted(groups, key=lambda group: _by_nearness(group, person))


def _by_reference(found: Found) -> str:
    return found.person.reference


def _by_nearness(group: Group, person: Person) -> tuple:
    if group.organization is None:
        return 2, ""
    return group.organization.pk != person.organization_id, group.organization.reference


def _busy(person: Person, others: Sequence[int], since: datetime, until: datetime, at: datetime) -> dict[int, tuple[Stretch, ...]]:
    """For everybody who lends a calendar, where the person who asks does too."""
    lending = set(
        Standing.objects.standing(at).filter(purpose_id=CALENDAR, person_id__in=[person.pk, *others]).values_list("person_id", flat=True)
    )
    if person.pk not in lending:
        return {}
    times: dict[int, list[Stretch]] = {pk: [] for pk in lending}
    rows = BusyTime.objects.within(since, until).filter(person_id__in=lending - {person.pk})
    for pk, starts_at, ends_at in rows.values_list("person_id", "starts_at", "ends_at"):
        times[pk].append((max(starts_at, since), min(ends_at, until)))
    return {pk: tuple(merged(each)) for pk, each in times.items()}


def merged(times: Iterable[Stretch]) -> list[Stretch]:
    """Stretches in their order, without overlaps: how many appointments there are is nobody's business."""
    joined: list[Stretch] = []
    for starts_at, ends_at in times:
        if joined and starts_at <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends_at))
        else:
            joined.append((starts_at, ends_at))
    return joined
