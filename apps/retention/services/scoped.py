"""Every message that a set of scopes covers, wherever it stands now: live in its leaf, or aside in a bundle. Read only.

One day and one organization at a time, with literal days, so that no leaf is locked that has nothing to say.
It must never answer from a cohort whose key is gone, and never change a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from apps.accounts.models import Organization
from apps.foundation.keys import KeyDestroyed, KeyMissing, keystore
from apps.holds.models import Hold
from apps.holds.services import asking
from apps.retention import envelope
from apps.retention.models import AsideBundle, AsideMessage, Cohort
from apps.retention.services import aside, grounds
from apps.retention.services.grounds import Scope
from apps.retention.states import READABLE

#: rows fetched at once; few, since each may carry files
CHUNK = 20


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


def scopes_for(cohort: Cohort, holds: Sequence[Hold], at: datetime) -> tuple[Scope, ...]:
    """Those of `holds` that are in force and could cover a message of this cohort."""
    ours = {hold.pk for hold in holds}
    in_force = asking.holds_of_organization(cohort.organization_id, at)
    return tuple(grounds.scope_of(hold) for hold in in_force if hold.pk in ours)


def covered(cohort: Cohort, scopes: tuple[Scope, ...]) -> Iterator[Found]:
    """Every message of one cohort that any of the scopes covers, in the order of their numbers: leaf first, then aside."""
    if not scopes:
        return
    organization = cohort.organization.reference
    if cohort.state in READABLE or cohort.destroyed_at is None:
        try:
            opener = envelope.for_cohort(keystore(), organization=organization, expiry=cohort.expiry_on)
        except (KeyDestroyed, KeyMissing):
            opener = None
        if opener is not None:
            yield from _opened(cohort, scopes, opener, _leaf_rows(cohort, scopes, opener), is_aside=False)
    for bundle in AsideBundle.objects.filter(cohort=cohort, destroyed_at=None).select_related("cohort__organization"):
        opener = aside.envelope_of(bundle, cohort)
        yield from _opened(cohort, scopes, opener, _bundle_rows(bundle, scopes, opener), is_aside=True)


def _opened(cohort: Cohort, scopes: tuple[Scope, ...], opener, rows: Iterator[aside.Row], *, is_aside: bool) -> Iterator[Found]:
    for row in rows:
        message, salt = opener.open(row.ciphertext, number=row.id, policy_version=row.policy_version)
        if any(scope.covers(message) for scope in scopes):
            yield Found(cohort, row, salt, message, is_aside)


def _tags(scopes: tuple[Scope, ...], opener: envelope.Envelope) -> list[bytes] | None:
    found = [scope.tags(opener) for scope in scopes]
    return None if any(tags is None for tags in found) else sorted({tag for tags in found for tag in tags})


def _leaf_rows(cohort: Cohort, scopes: tuple[Scope, ...], opener: envelope.Envelope) -> Iterator[aside.Row]:
    tags = _tags(scopes, opener)
    narrow = "" if tags is None else " AND tags && %s::bytea[]"
    with connection.chunked_cursor() as cursor:
        cursor.itersize = CHUNK
        cursor.execute(
            "SELECT id, segment, policy_version_id, proof, ciphertext FROM message"
            f" WHERE expiry = %s AND organization_id = %s{narrow} ORDER BY id",
            [cohort.expiry_on, cohort.organization_id, *([] if tags is None else [tags])],
        )
        for number, segment, version, proof, text in cursor:
            yield aside.Row(number, segment, version, bytes(proof), bytes(text))


def _bundle_rows(bundle: AsideBundle, scopes: tuple[Scope, ...], opener: envelope.Envelope) -> Iterator[aside.Row]:
    tags = _tags(scopes, opener)
    rows = AsideMessage.objects.filter(bundle=bundle).order_by("id")
    if tags is not None:
        rows = rows.filter(tags__overlap=tags)
    for row in rows.iterator(chunk_size=CHUNK):
        yield aside.Row(row.pk, row.segment, row.policy_version_id, bytes(row.proof), bytes(row.ciphertext))
