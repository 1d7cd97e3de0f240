"""A person's registration is suspended, resumed and closed, in the transaction of what causes it, and the journal knows.

Whoever asks whether something may be done for a person reads the standing, so that all use stops with the commit. It must never be
called without the person's row locked by the caller, and never let one active whose case is open.
"""

from datetime import datetime

from apps.accounts.models import MinorCase, Person
from apps.accounts.states import PERSON_MOVES, ClosedHow, PersonStanding
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.actors import Actor
from apps.foundation.clock import day_of
from apps.foundation.moves import require_move
from apps.staff.models import StaffMember


def see_age(person: Person, *, at: datetime) -> None:
    """Note for which day the age was looked at; the database judges by it."""
    if person.age_seen_on != day_of(at):
        _save(person, "age_seen_on", at=at)


def suspend(person: Person, *, case: MinorCase, by: Actor | StaffMember, at: datetime) -> None:
    """Nothing is done for the person any more but what the case needs."""
    require_move(PERSON_MOVES, person.standing, PersonStanding.SUSPENDED)
    person.standing = PersonStanding.SUSPENDED
    _save(person, "standing", "age_seen_on", at=at)
    ledger.record("person.suspended", by=by, about=person.reference, at=at, facts={"case": case.reference, "how": case.how})
    journal.owe(
        "person.suspended", about=person.reference, at=at,
        body={"case": case.reference, "how": case.how, "opened_at": case.opened_at, "opened_by": case.opened_by, "due_at": case.due_at},
    )  # fmt: skip
    doorbell.ring("journal.owed")


def resume(person: Person, *, case: MinorCase, by: Actor | StaffMember, at: datetime) -> None:
    """The registration goes on after its case was closed."""
    require_move(PERSON_MOVES, person.standing, PersonStanding.ACTIVE)
    person.standing = PersonStanding.ACTIVE
    _save(person, "standing", "age_seen_on", at=at)
    ledger.record("person.resumed", by=by, about=person.reference, at=at, facts={"case": case.reference, "because": case.state})
    journal.owe(
        "person.resumed", about=person.reference, at=at,
        body={
            "case": case.reference, "state": case.state, "closed_by": case.closed_by,
            "representative": case.representative.reference if case.representative else "",
        },
    )  # fmt: skip
    doorbell.ring("journal.owed")


def close(person: Person, *, how: ClosedHow, by: Actor | StaffMember, at: datetime) -> None:
    """The registration is over, for good: nothing is done for the person any more but what erases them."""
    require_move(PERSON_MOVES, person.standing, PersonStanding.CLOSED)
    person.standing, person.closed_at = PersonStanding.CLOSED, at
    _save(person, "standing", "age_seen_on", "closed_at", at=at)
    ledger.record("person.closed", by=by, about=person.reference, at=at, facts={"how": str(how)})
    journal.owe("person.closed", about=person.reference, at=at, body={"how": str(how)})
    doorbell.ring("journal.owed")


def _save(person: Person, *fields: str, at: datetime) -> None:
    person.age_seen_on = day_of(at)
    person._history_date = at
    person.save(update_fields=fields)
