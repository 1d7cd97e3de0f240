"""Where a person's messages stand: live in the leaves of their client's days, or aside in bundles. Read only, by one tag per cohort.

Many cohorts by one statement, with literal days, so that no leaf is locked that has nothing to say. It must never answer from a
leaf whose day is over, and never decrypt: who needs the words opens the rows that are named here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from apps.foundation.clock import day_of
from apps.foundation.keys import KeyDestroyed, KeyMissing, keystore
from apps.foundation.personal_data import Subject
from apps.retention import envelope
from apps.retention.models import AsideBundle, AsideMessage, Cohort
from apps.retention.services import arrivals, aside
from apps.retention.services.people.whose import Whose

#: cohorts asked by one statement
TOGETHER = 100


class Place(NamedTuple):
    """One row with a tag of the person, not opened."""

    id: int
    segment: int
    size: int


@dataclass(frozen=True)
class Look:
    """A cohort that can be opened, and the tags under which the person stands in it."""

    cohort: Cohort
    opener: envelope.Envelope
    tags: list[bytes]


def live_cohorts(subject: Subject, at: datetime):
    """The cohorts of the person's client that are not over, the first to end first."""
    return (
        Cohort.objects.readable()
        .filter(organization__reference=subject.organization, expiry_on__gt=day_of(at))
        .select_related("organization")
    )


def live(subject: Subject, whose: Whose, at: datetime) -> Iterator[tuple[Look, list[Place]]]:
    """Each live cohort that has rows with a tag of the person, and these rows in the order of their numbers."""
    if not subject.organization:
        return
    cohorts = iter(live_cohorts(subject, at).iterator(chunk_size=TOGETHER))
    while group := list(islice(cohorts, TOGETHER)):
        looks = {cohort.pk: look for cohort in group if (look := _look(cohort, whose)) is not None}
        for number, rows in groupby(_places(list(looks.values())), key=itemgetter(0)):
            yield looks[number], [Place(*row[1:4]) for row in rows]


def _look(cohort: Cohort, whose: Whose) -> Look | None:
    try:
        opener = envelope.for_cohort(keystore(), organization=cohort.organization.reference, expiry=cohort.expiry_on)
    except (KeyDestroyed, KeyMissing):
        return None
    return Look(cohort, opener, whose.tags(opener))


def _places(looks: Sequence[Look]) -> list[tuple]:
    """Cohort, number, segment and size of each row, by one statement."""
    if not looks:
        return []
    pieces, values = [], []
    for place, look in enumerate(looks):
        pieces.append(
            f"SELECT {look.cohort.pk}::bigint, id, segment, octet_length(ciphertext) AS size, {place} AS place FROM message"
            " WHERE expiry = %s AND organization_id = %s AND tags && %s::bytea[]"
        )
        values += [look.cohort.expiry_on, look.cohort.organization_id, arrivals.as_array(look.tags)]
    return aside.read(f"{' UNION ALL '.join(pieces)} ORDER BY place, id", values)


def rows(look: Look, numbers: Sequence[int]) -> list[tuple[bytes, aside.Row]]:
    """The rows of these numbers that are still in their leaf, each with its source tag. Call it under the cohort's lock where they are changed."""
    found = aside.read(
        "SELECT source_tag, id, segment, policy_version_id, proof, ciphertext FROM message"
        " WHERE expiry = %s AND id = ANY(%s::bigint[]) ORDER BY id",
        [look.cohort.expiry_on, list(numbers)],
    )
    return [(row[0], aside.Row(*row[1:])) for row in found]


def set_aside(subject: Subject, whose: Whose) -> Iterator[tuple[AsideBundle, list[AsideMessage]]]:
    """Bundles that still have rows with a tag of the person, and these rows; hidden, each under the key of its bundle."""
    if not subject.organization:
        return
    bundles = AsideBundle.objects.filter(cohort__organization__reference=subject.organization, destroyed_at=None)
    for bundle in bundles.select_related("cohort__organization", "matter").order_by("cohort__expiry_on", "id"):
        try:
            opener = aside.envelope_of(bundle, bundle.cohort)
        except (KeyDestroyed, KeyMissing):
            continue
        found = list(AsideMessage.objects.filter(bundle=bundle, tags__overlap=whose.tags(opener)).order_by("id"))
        if found:
            yield bundle, found


def as_row(row: AsideMessage) -> aside.Row:
    return aside.Row(row.pk, row.segment, row.policy_version_id, bytes(row.proof), bytes(row.ciphertext))
