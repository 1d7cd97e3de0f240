"""Destroys packages whose days are over, and clears what lies about without belonging to one.

The secret goes first, then the files, and only then the row says so: who is killed in between is repeated by the next sweep, and nothing is said to be
gone that is there. A download that runs when the days end may finish: it has an hour.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from apps.audit.services import ledger
from apps.data_requests.models import Package
from apps.data_requests.services import links
from apps.data_requests.services.packages import sealing
from apps.data_requests.states import OVER, LinkPurpose
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.foundation.personal_data import Collected, Ended, Subject

GRACE = timedelta(hours=1)


def end_due(*, at: datetime) -> int:
    """Destroy the packages whose days are over, and what was begun for requests that ended without one; returns how many."""
    due = Package.objects.filter(destroyed_at=None, expires_at__lte=at - GRACE)
    left = Package.objects.filter(destroyed_at=None, made_at=None, request__state__in=OVER)
    return sum(_end(package, because, at) for rows, because in ((due, "its days are over"), (left, "its request ended")) for package in rows.order_by("id"))


def _end(package: Package, because: str, at: datetime) -> bool:
    sealing.destroy(package.reference)
    with transaction.atomic():
        row = Package.objects.select_for_update(of=("self",)).select_related("request").get(pk=package.pk)
        if row.destroyed_at is not None:
            return False
        row.destroyed_at = at
        row.save(update_fields=["destroyed_at"])
        links.void(row.request, LinkPurpose.DELIVERY, LinkPurpose.FETCH, at=at)
        ledger.record(
            "request.package_destroyed", by=SYSTEM, about=row.request.reference, at=at,
            facts={"package": row.reference, "fetches": row.fetches, "because": because.replace(" ", "_")},
        )  # fmt: skip
    return True


def clear_left(*, at: datetime) -> int:
    """Clear what belongs to no package any more: of packages that are gone everything, of made ones their pieces; returns of how many.

    The row of a package commits before its secret or its first byte is made, so whatever lies here without a row lost it to a restore or an erasure.
    """
    lying = sorted(sealing.references() | {name.partition("/")[2] for name in keystore().names("package")})  # first: whose row is not there then has none
    rows = dict(Package.objects.values_list("reference", "destroyed_at"))
    made = set(Package.objects.filter(made_at__isnull=False, destroyed_at=None).values_list("reference", flat=True))
    cleared = 0
    for reference in lying:
        if reference not in rows or rows[reference] is not None:
            sealing.destroy(reference)
            cleared += 1
        elif reference in made:
            cleared += bool(sealing.clear_pieces(reference) + sealing.clear_drafts(reference))
    return cleared


# --- as a holding -------------------------------------------------------------------------------------------------------


def _of(subject: Subject):
    return Package.objects.filter(request__person_reference=subject.reference, destroyed_at=None).order_by("id")


def count(subject: Subject, at: datetime) -> int:
    """Packages that were made for the person and lie there still."""
    return _of(subject).count()


def collect(subject: Subject, at: datetime) -> Iterator[Collected]:
    """That there were packages before, and when; what was in one is in the holdings it was made of."""
    made = Package.objects.filter(request__person_reference=subject.reference, made_at__isnull=False).order_by("id")
    yield Collected(
        title="Copies of your data that we made for you before",
        rows=(
            {
                "Reference": row.reference, "Made": row.made_at.isoformat(), "Fetched": row.fetched_at.isoformat() if row.fetched_at else "",
                "How often": row.fetches, "Destroyed": row.destroyed_at.isoformat() if row.destroyed_at else "",
            }
            for row in made.iterator()
        ),
    )  # fmt: skip


def erase(subject: Subject, at: datetime) -> Ended:
    """Packages of the person end with their data: their secrets and files are owed to destruction, and the rows say that they are gone."""
    secrets, files = [], []
    for row in _of(subject).select_for_update(of=("self",)).select_related("request"):
        row.destroyed_at = at
        row.save(update_fields=["destroyed_at"])
        links.void(row.request, LinkPurpose.DELIVERY, LinkPurpose.FETCH, at=at)
        secrets.append(sealing.secret_of(row.reference))
        files += sealing.files_of(row.reference)
    return Ended(anonymised=len(secrets), secrets=tuple(secrets), files=tuple(files))
