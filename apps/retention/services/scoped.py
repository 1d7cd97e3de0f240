"""Every message that a set of scopes covers, wherever it stands now: live in its leaf, or aside in a bundle. Read only.

Some cohorts at a time, with literal days, so that no leaf is locked that has nothing to say; asked one by one, each would cost as
much as a hundred of its rows.
It must never answer from a cohort whose key is gone, and never change a row.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import NamedTuple

from django.db import connection

from apps.accounts.models import Organization
from apps.foundation.keys import KeyDestroyed, KeyMissing, keystore
from apps.holds.models import Hold
from apps.holds.services import asking
from apps.retention import envelope
from apps.retention.models import AsideBundle, AsideMessage, Cohort
from apps.retention.services import arrivals, aside, grounds
from apps.retention.services.grounds import Scope
from apps.retention.states import READABLE

#: rows fetched at once; few, since each may carry files
CHUNK = 20
#: cohorts asked by one statement
TOGETHER = 100
NOTHING: tuple[None, tuple] = (None, ())


@dataclass(frozen=True)
class Found:
    """One covered message: its row, the 32 bytes of its proof, itself, and whether it stands aside."""

    cohort: Cohort
    row: aside.Row
    salt: bytes
    message: dict
    is_aside: bool


def organizations_touched(holds: Sequence[Hold]) -> list[Organization]:
    """The organizations whose messages these holds could cover."""
    if any(hold.organization_id is None and (hold.person_id is None or hold.person.organization_id is None) for hold in holds):
        return list(Organization.objects.order_by("id"))
    wanted = {hold.organization_id or hold.person.organization_id for hold in holds}
    return list(Organization.objects.filter(pk__in=wanted).order_by("id"))


def cohorts_touched(holds: Sequence[Hold]):
    """Their cohorts, oldest day first, whatever their state."""
    organizations = organizations_touched(holds)
    return Cohort.objects.filter(organization__in=organizations).select_related("organization").order_by("expiry_on", "id")


def by_cohort(holds: Sequence[Hold], at: datetime, *, only: str = "") -> Iterator[tuple[Cohort, Iterator[Found]]]:
    """Each cohort with its messages that any of the holds in force covers, in the order of their numbers: leaf first, then aside.

    `only` is the reference of the one organization whose cohorts are wanted; of every organization where it is empty.
    The messages of one must be taken before the next cohort is asked for; what is not taken then is passed over.
    """
    in_force: dict[int, tuple[Scope, ...]] = {}
    touched = cohorts_touched(holds)
    cohorts = iter((touched.filter(organization__reference=only) if only else touched).iterator(chunk_size=TOGETHER))
    while group := list(islice(cohorts, TOGETHER)):
        for missing in {cohort.organization_id for cohort in group} - in_force.keys():
            in_force[missing] = scopes_for(missing, holds, at)
        looks = [look for cohort in group if (look := _look(cohort, in_force[cohort.organization_id])) is not None]
        bundles = defaultdict(list)
        for bundle in AsideBundle.objects.filter(cohort__in=group, destroyed_at=None).select_related("cohort__organization").order_by("id"):
            bundles[bundle.cohort_id].append(bundle)
        openers = {look.cohort.pk: look.opener for look in looks}
        with closing(_leaf_rows(looks)) as rows:
            found = groupby(rows, key=itemgetter(0))
            number, mine = next(found, NOTHING)
            for cohort in group:
                scopes = in_force[cohort.organization_id]
                if number == cohort.pk:
                    live = _opened(cohort, scopes, openers[number], (aside.Row(*row[1:]) for row in mine), is_aside=False)
                    yield cohort, chain(live, _from_bundles(cohort, scopes, bundles[cohort.pk]))
                    number, mine = next(found, NOTHING)
                else:
                    yield cohort, _from_bundles(cohort, scopes, bundles[cohort.pk])


def scopes_for(organization_id: int, holds: Sequence[Hold], at: datetime) -> tuple[Scope, ...]:
    """Those of `holds` that are in force and could cover a message of this organization."""
    ours = {hold.pk for hold in holds}
    in_force = asking.holds_of_organization(organization_id, at)
    return tuple(grounds.scope_of(hold) for hold in in_force if hold.pk in ours)


class _Look(NamedTuple):
    """What to look for in the leaf of one cohort, and what opens it."""

    cohort: Cohort
    opener: envelope.Envelope
    tags: list[bytes] | None


def _look(cohort: Cohort, scopes: tuple[Scope, ...]) -> _Look | None:
    """None where nothing can be covered, or nothing can be opened any more."""
    if not scopes or not (cohort.state in READABLE or cohort.destroyed_at is None):
        return None
    try:
        opener = envelope.for_cohort(keystore(), organization=cohort.organization.reference, expiry=cohort.expiry_on)
    except (KeyDestroyed, KeyMissing):
        return None
    return _Look(cohort, opener, _tags(scopes, opener))


def _leaf_rows(looks: Sequence[_Look]) -> Iterator[tuple]:
    """The rows of the leaves, each with its cohort's number before it, in the order of the looks and of their numbers.

    What needs all rows of a leaf is asked for by itself: the server keeps what it has found until it is fetched.
    """
    for needs_all, some in groupby(looks, key=lambda look: look.tags is None):
        for together in ([look] for look in some) if needs_all else [list(some)]:
            yield from _rows_of(together)


def _rows_of(looks: Sequence[_Look]) -> Iterator[tuple]:
    """By one statement."""
    pieces, values = [], []
    for place, look in enumerate(looks):
        narrow = "" if look.tags is None else " AND tags && %s::bytea[]"
        pieces.append(
            f"SELECT {look.cohort.pk}::bigint, id, segment, policy_version_id, proof, ciphertext, {place} AS place FROM message"
            f" WHERE expiry = %s AND organization_id = %s{narrow}"
        )
        values += [look.cohort.expiry_on, look.cohort.organization_id, *([] if look.tags is None else [arrivals.as_array(look.tags)])]
    with connection.chunked_cursor() as wrapped, connection.wrap_database_errors:
        cursor = wrapped.cursor  # the driver's own, which reads the wire's binary form
        cursor.itersize = CHUNK
        cursor.execute(f"{' UNION ALL '.join(pieces)} ORDER BY place, id", values, binary=True)
        for row in cursor:
            yield row[:-1]


def _from_bundles(cohort: Cohort, scopes: tuple[Scope, ...], bundles: Sequence[AsideBundle]) -> Iterator[Found]:
    if not scopes:
        return
    for bundle in bundles:
        opener = aside.envelope_of(bundle, cohort)
        yield from _opened(cohort, scopes, opener, _bundle_rows(bundle, scopes, opener), is_aside=True)


def _opened(cohort: Cohort, scopes: tuple[Scope, ...], opener: envelope.Envelope, rows: Iterable[aside.Row], *, is_aside: bool) -> Iterator[Found]:
    for row in rows:
        message, salt = opener.open(row.ciphertext, number=row.id, policy_version=row.policy_version)
        if any(scope.covers(message) for scope in scopes):
            yield Found(cohort, row, salt, message, is_aside)


def _tags(scopes: tuple[Scope, ...], opener: envelope.Envelope) -> list[bytes] | None:
    found = [scope.tags(opener) for scope in scopes]
    return None if any(tags is None for tags in found) else sorted({tag for tags in found for tag in tags})


def _bundle_rows(bundle: AsideBundle, scopes: tuple[Scope, ...], opener: envelope.Envelope) -> Iterator[aside.Row]:
    tags = _tags(scopes, opener)
    rows = AsideMessage.objects.filter(bundle=bundle).order_by("id")
    if tags is not None:
        rows = rows.filter(tags__overlap=tags)
    for row in rows.iterator(chunk_size=CHUNK):
        yield aside.Row(row.pk, row.segment, row.policy_version_id, bytes(row.proof), bytes(row.ciphertext))
