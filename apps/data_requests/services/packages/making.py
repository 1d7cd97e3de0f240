"""Makes the package of a request for access, or of the categories of what is held. Killed anywhere, it is called again and goes on.

| step | what stays when it is killed after it |
|---|---|
| the row of the package | whatever lies under its reference belongs to it |
| each holding collected | its piece, sealed; it is not asked again |
| the zip written | a draft that nobody reads |
| the zip named, and the row says what it is, committed together | the package; made once |

The name comes before the commit: who is killed in between finds a file that the row does not know, and writes it anew. It must never leave plaintext
on a disk, never hand over a row of another person (holdings redact), and never make a package without an approved request.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from apps.accounts.models import Person
from apps.accounts.services import subjects
from apps.audit.services import installation, ledger
from apps.data_requests import order
from apps.data_requests.models import DataRequest, Package
from apps.data_requests.packages.contents import Contents, Section
from apps.data_requests.services.packages import collecting, overview, rendering, sealing
from apps.data_requests.states import Kind
from apps.foundation.actors import SYSTEM
from apps.foundation.personal_data import Holding, Role, Subject
from apps.foundation.refusals import Refusal
from apps.policies.services.force import version_in_force


class NobodyToHandTo(Refusal):
    """The request names nobody whose data could be handed over."""

    code = "nobody_to_hand_to"
    mend = "Match the request to a person first, or deny it."


def make_package(request: DataRequest, *, at: datetime) -> Package:
    """The package of a request that is being carried out; the one there is where it was made. Twice is once, and may be resumed."""
    package = collecting.begin(request, at=at)
    if package.made_at is not None:
        return package
    try:
        made = _make(package, at)
    except FileNotFoundError:  # somebody who was faster has cleared the pieces away
        made = Package.objects.get(pk=package.pk)
        if made.made_at is None:
            raise
    sealing.clear_pieces(package.reference)
    return made


def _make(package: Package, at: datetime) -> Package:
    request = package.request
    person = Person.objects.select_related("organization").filter(pk=request.person_id).first()
    if person is None:
        raise NobodyToHandTo
    subject = subjects.subject_of(person)
    held = _held(package, subject, at)
    contents = _contents(package, subject, held, at)
    path = sealing.path_of(package.reference)
    with sealing.writing(path, reference=package.reference, about=package.reference) as (writer, draft):
        rendering.write(contents, writer)
    with transaction.atomic():
        row = Package.objects.select_for_update().get(pk=package.pk)
        if row.made_at is not None:  # somebody else was faster; theirs counts
            draft.unlink(missing_ok=True)
            return row
        sealing.publish(draft, path)
        row.digest, row.sealed_digest, row.size = writer.digest, writer.sealed_digest, writer.size
        row.made_at, row.expires_at = at, at + timedelta(days=settings.REQUEST_PACKAGE_DAYS)
        row.categories = overview.categories_of(holding for holding, _count in held)
        row.holdings = [{"code": section.code, "rows": section.rows, "files": section.files} for section in contents.sections]
        row.save(update_fields=["digest", "sealed_digest", "size", "made_at", "expires_at", "categories", "holdings"])
        ledger.record(
            "request.package_made", by=SYSTEM, about=request.reference, at=at,
            facts={"package": row.reference, "sha256": row.digest, "size": row.size, "holdings": len(row.holdings), "expires_at": row.expires_at},
        )  # fmt: skip
    return row


def _held(package: Package, subject: Subject, at: datetime) -> list[tuple[Holding, int]]:
    """The holdings in which something of the person lies, with how many entries; collected where the rows were asked for."""
    if package.request.kind == Kind.CATEGORIES:
        counts = [(holding, holding.count(subject, at)) for holding in reversed(order.in_order()) if holding.count is not None]
        return [(holding, count) for holding, count in counts if count]
    taken = [(holding, collecting.take(package, holding, subject=subject, at=at)) for holding in collecting.holdings()]
    return [(holding, found.rows) for holding, found in taken if found.rows or found.files]


def _contents(package: Package, subject: Subject, held: list[tuple[Holding, int]], at: datetime) -> Contents:
    request = package.request
    with_rows = request.kind == Kind.ACCESS
    house = installation.current()
    left_out = [collecting.left_out(request, subject, holding, at) for holding in order.in_order()] if with_rows else []
    return Contents(
        package=package.reference, request=request.reference, person=subject.reference,
        title="Your data" if with_rows else "The kinds of data we hold of you",
        lead="What you asked us for: a copy of what we hold about you." if with_rows else "What you asked us for: which kinds of data we hold about you.",
        operator=settings.CONTROLLER_NAME, contact=settings.CONTROLLER_EMAIL, installation=str(house.installation_id) if house else "",
        policy=_policy(at), made_at=at, overview=overview.sections(subject, held),
        sections=tuple(_section(package, holding) for holding, _count in held) if with_rows else (),
        left_out=tuple(one for one in left_out if one is not None), with_rows=with_rows,
    )  # fmt: skip


def _policy(at: datetime) -> str:
    number = version_in_force(at).number
    return f"version {number}, {settings.BASE_URL.rstrip('/')}{reverse('policies:version', args=[number])}"


def _section(package: Package, holding: Holding) -> Section:
    found = collecting.counted(package, holding.code)
    decides = "we" if holding.role == Role.CONTROLLER else "your organization"
    return Section(
        code=holding.code, title=holding.title, lead="", open=lambda: collecting.records(package, holding.code), rows=found.rows, files=found.files,
        facts={"how it is collected": holding.collected, "how it ends": holding.ends, "who decides on it": decides},
    )  # fmt: skip
