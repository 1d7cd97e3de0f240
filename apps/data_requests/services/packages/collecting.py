"""Has each holding hand over what it has of a person, once: what it said waits, sealed, until all are there.

| killed | what the next one finds |
|---|---|
| before the row of the package | nothing was begun |
| while a holding is written | a draft, which nobody reads, and which the sweep removes |
| after it got its name | a piece: that holding is not asked again |

A piece has its name only when it is whole and on disk; of two workers at once each writes the same, and the later name counts.
The client decides on Message Data: without its word nothing of it is handed over, and the package says so.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit.services import ledger
from apps.data_requests import order
from apps.data_requests.models import ClientQuestion, DataRequest, Package
from apps.data_requests.packages import pieces
from apps.data_requests.packages.contents import LeftOut
from apps.data_requests.packages.pieces import Counted
from apps.data_requests.services import moving
from apps.data_requests.services.packages import sealing
from apps.data_requests.states import HANDS_OVER, ClientAnswer, State
from apps.foundation.actors import SYSTEM
from apps.foundation.personal_data import Holding, Subject
from apps.foundation.refusals import Refusal
from apps.retention.services import people
from apps.retention.states import OnAccess

#: on what is in it the client decides, and not the person alone
CLIENT_DECIDES = "retention.messages"
#: what is said where messages are not handed over; where they are, nothing has to be
CLIENT_SAID = {
    OnAccess.WITHHOLD: "Your organization decides on messages in our service; we keep them for it. It does not release them to us to hand over. Ask it.",
    OnAccess.ASK: "Your organization decides on messages in our service; we keep them for it. We asked it, and it has not answered yet. Ask it yourself.",
}


class NothingToHandOver(Refusal):
    """A request of this kind hands nothing over."""

    code = "nothing_to_hand_over"
    mend = "Answer it by a letter."


class NotRunning(Refusal):
    """A package is made only while its request, which somebody approved, is carried out."""

    code = "not_running"
    mend = "Have the request approved first."


class PackageGone(Refusal):
    """The package of this request was destroyed already."""

    code = "package_gone"
    mend = "Take the person's request in anew: each request has one package, and it lives some days."


@transaction.atomic(durable=True)  # whatever lies on the disk has a row by then, whatever the caller does
def begin(request: DataRequest, *, at: datetime) -> Package:
    """The package's row, before its first byte; the one there is where it was begun. Raises NotRunning."""
    row = moving.locked(request.pk)
    if row.kind not in HANDS_OVER:
        raise NothingToHandOver
    package = Package.objects.filter(request=row).first()
    if package is not None:
        if package.destroyed_at is not None:
            raise PackageGone
        return package
    if row.state != State.RUNNING:
        raise NotRunning
    package = Package.objects.create(request=row, began_at=at)
    ledger.record("request.package_begun", by=SYSTEM, about=row.reference, at=at, facts={"package": package.reference})
    return package


def holdings() -> list[Holding]:
    """Every holding that hands something over, in the order in which people read it: who they are first."""
    return [holding for holding in reversed(order.in_order()) if holding.collect is not None]


def collect_holding(request: DataRequest, holding: str, *, subject: Subject, at: datetime) -> int:
    """Have one holding hand over what it has, unless it has already; returns how many rows. A step of a plan; twice is once."""
    found = next((one for one in holdings() if one.code == holding), None)
    if found is None:
        raise ValueError("no such holding hands anything over")
    return take(begin(request, at=at), found, subject=subject, at=at).rows


def take(package: Package, holding: Holding, *, subject: Subject, at: datetime) -> Counted:
    """The piece of one holding: as it waits, or collected now."""
    path = sealing.piece_of(package.reference, holding.code)
    if path.is_file():
        return counted(package, holding.code)
    with sealing.writing(path, reference=package.reference, about=f"{package.reference}/{holding.code}") as (writer, draft), transaction.atomic():
        found = pieces.write(_collected(package, holding, subject, at), writer.write)
    sealing.publish(draft, path)
    return found


def _collected(package: Package, holding: Holding, subject: Subject, at: datetime):
    if holding.code == CLIENT_DECIDES:
        return people.collect(subject, at, answer_of(package.request, subject))
    return holding.collect(subject, at)


def records(package: Package, holding: str) -> Iterator[tuple[bytes, Any]]:
    """What a holding handed over, record by record."""
    about = f"{package.reference}/{holding}"
    return pieces.read(sealing.reading(sealing.piece_of(package.reference, holding), reference=package.reference, about=about))


def counted(package: Package, holding: str) -> Counted:
    """How much a holding handed over, as its piece says at its end."""
    return next(Counted(**value) for kind, value in records(package, holding) if kind == pieces.END)


def answer_of(request: DataRequest, subject: Subject) -> str:
    """What the client said of this request; empty where its standing rule counts, or nothing was said."""
    said = ClientQuestion.objects.filter(request=request, organization=subject.organization).values_list("answer", flat=True).first()
    return said if said in (ClientAnswer.RELEASE, ClientAnswer.WITHHOLD) else ""


def left_out(request: DataRequest, subject: Subject, holding: Holding, at: datetime) -> LeftOut | None:
    """Why a holding is not handed over; None where it is, and where nothing of the person lies in it."""
    if holding.collect is not None and holding.code != CLIENT_DECIDES:
        return None
    if holding.count is not None and holding.count(subject, at) == 0:
        return None
    if holding.collect is None:
        return LeftOut(holding.code, holding.title, holding.unfound or holding.survives)
    said = answer_of(request, subject) or people.rule_of(subject.organization).access
    return LeftOut(holding.code, holding.title, CLIENT_SAID[said]) if said in CLIENT_SAID else None
