"""Repeats what the journal says of matters and holds, after the database was restored from a backup.

Each function is the handler of one kind of line and runs in the transaction of its line; an act that is there already is
left alone. The words come from the journal, opened with the matter's secret, which lies outside the database and its
backups. An approval that the backup lacks is not made up: that a release was repeated stands in the ledger.

It must never hold less than the journal says: a person whom the backup does not know is held by reference all the same.
"""

from datetime import date, datetime

from apps.accounts.models import Organization, Person
from apps.audit.journal_file import Line
from apps.audit.services import ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.refusals import Refusal
from apps.holds import standstill, texts
from apps.holds.models import Hold, Matter
from apps.holds.states import HoldState, MatterState


class NotKnownHere(Refusal):
    """The journal speaks of something that the database does not know."""

    code = "not_known_here"
    mend = "Restore a backup that is newer than its registration: what is held can't be told without it."


def matter_opened(line: Line, *, at: datetime) -> None:
    """The matter is there again, with its words."""
    if Matter.objects.filter(reference=line.about).exists():
        return
    words = texts.unseal(line.body["words"], matter=line.about, about=line.about)
    Matter.objects.create(
        reference=line.about, title=words["title"], reason=words["reason"], opened_by=line.body["by"], opened_at=line.at
    )


def matter_closed(line: Line, *, at: datetime) -> None:
    """The matter that was closed by hand is closed again."""
    _close(_matter(line.about), line)


def hold_placed(line: Line, *, at: datetime) -> None:
    """The hold is in force again, on exactly what it kept."""
    standstill.wait_for_destructions()
    if Hold.objects.filter(reference=line.about).exists():
        return
    body, matter = line.body, _matter(line.body["matter"])
    words = texts.unseal(body["words"], matter=matter.reference, about=line.about)
    Hold.objects.create(
        reference=line.about, matter=matter, organization=_organization(body["organization"]),
        person=Person.objects.filter(reference=body["person"]).first() if body["person"] else None,
        person_reference=body["person"], conversation_source=words["source"], conversation_id=words["conversation"],
        sent_from=_day(body["sent_from"]), sent_until=_day(body["sent_until"]), reason=words["reason"],
        salt=bytes.fromhex(words["salt"]), placed_by=body["by"], placed_at=line.at,
    )  # fmt: skip
    doorbell.ring("holds.changed")


def hold_released(line: Line, *, at: datetime) -> None:
    """The hold is released again as it was, its grace counted from then; its matter closes with it where it did."""
    body = line.body
    matter = _matter(body["matter"])
    hold = Hold.objects.select_for_update(of=("self",)).filter(reference=line.about).first()
    if hold is None:
        raise NotKnownHere(f"The database does not know {line.about}, of which the journal says that it was released.")
    if hold.state == HoldState.ACTIVE:
        words = texts.unseal(body["words"], matter=matter.reference, about=line.about)
        hold.release_asked_by, hold.release_asked_at = body["asked_by"], datetime.fromisoformat(body["asked_at"])
        hold.release_reason, hold.released_by, hold.released_at = words["reason"], body["by"], line.at
        hold.state, hold.kept_until = HoldState.RELEASED, datetime.fromisoformat(body["kept_until"])
        hold.save()
        facts = {"asked_by": hold.release_asked_by, "released_by": hold.released_by}
        ledger.record("hold.released_again", by=SYSTEM, about=hold.reference, at=at, facts=facts)
        doorbell.ring("holds.changed")
    if body["closes_matter"] and not matter.holds.active().exists():
        _close(matter, line)


def _close(matter: Matter, line: Line) -> None:
    if matter.state == MatterState.OPEN:
        matter.state, matter.closed_by, matter.closed_at = MatterState.CLOSED, line.body["by"], line.at
        matter.save(update_fields=["state", "closed_by", "closed_at"])


def _matter(reference: str) -> Matter:
    matter = Matter.objects.select_for_update().filter(reference=reference).first()
    if matter is None:
        raise NotKnownHere(f"The database does not know {reference}.")
    return matter


def _organization(reference: str) -> Organization | None:
    if not reference:
        return None
    organization = Organization.objects.filter(reference=reference).first()
    if organization is None:
        raise NotKnownHere(f"The database does not know {reference}, of which the journal says that it is held.")
    return organization


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
