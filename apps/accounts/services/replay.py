"""Repeats what the journal says about people after the database was restored: who was suspended, resumed, closed, represented no more.

Each function is the handler of one kind of line and runs in its transaction; twice is once. A person whom the backup does not know is not there
to be suspended. It must never make somebody below 18 active whom nobody represents in the restored database: such a case stays open.
"""

from datetime import datetime

from apps.accounts import details
from apps.accounts.models import MinorCase, Person, Representative
from apps.accounts.services import minors, standing
from apps.accounts.states import CASE_MOVES, CaseState, FoundOut, PersonStanding, RepresentativeState
from apps.audit.journal_file import Line
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.moves import require_move
from apps.policies.services.force import version_in_force


def person_suspended(line: Line, *, at: datetime) -> None:
    """The person is suspended again, under the case of that reference, whose clock goes on from where it was."""
    person = _person(line.about)
    if person is None or person.standing == PersonStanding.CLOSED or MinorCase.objects.filter(reference=line.body["case"]).exists():
        return
    _suspend(
        person, case=line.body["case"], how=line.body["how"], opened_by=line.body["opened_by"],
        opened_at=datetime.fromisoformat(line.body["opened_at"]), due_at=datetime.fromisoformat(line.body["due_at"]),
    )  # fmt: skip
    ledger.record("person.suspended_again", by=SYSTEM, about=person.reference, at=at, facts={"case": line.body["case"]})


def person_resumed(line: Line, *, at: datetime) -> None:
    """The case is closed again and the registration goes on, where the restored database knows what allows that."""
    person = _person(line.about)
    case = MinorCase.objects.open().filter(reference=line.body["case"]).first()
    if person is None or case is None or case.person_id != person.pk:
        return
    day, found = day_of(line.at), person.representatives.filter(reference=line.body["representative"]).first()
    represented = person.representatives.in_force(day).exists()
    needs_one = details.is_minor(person.birth_date, on=day) or line.body["state"] == CaseState.REPRESENTED
    if needs_one and not (found and represented):
        ledger.record("person.not_resumed_again", by=SYSTEM, about=person.reference, at=at, facts={"case": case.reference})
        return
    require_move(CASE_MOVES, case.state, line.body["state"])
    case.state, case.closed_at, case.closed_by = CaseState(line.body["state"]), line.at, line.body["closed_by"]
    case.representative = found if case.state == CaseState.REPRESENTED else None
    case.save(update_fields=["state", "closed_at", "closed_by", "representative"])
    if person.standing == PersonStanding.SUSPENDED:
        _stand(person, PersonStanding.ACTIVE, line.at)
    ledger.record("person.resumed_again", by=SYSTEM, about=person.reference, at=at, facts={"case": case.reference})


def person_closed(line: Line, *, at: datetime) -> None:
    """The registration is closed again, from the day on which it was; what follows from it follows again."""
    person = _person(line.about)
    if person is None or person.standing == PersonStanding.CLOSED:
        return
    person.closed_at = line.at
    _stand(person, PersonStanding.CLOSED, line.at, "closed_at")
    ledger.record("person.closed_again", by=SYSTEM, about=person.reference, at=at, facts={"how": line.body["how"]})


def representative_ended(line: Line, *, at: datetime) -> None:
    """The representation is ended again, and a minor whom nobody else represents suspended under the case that was opened for it."""
    whom = Representative.objects.filter(reference=line.about).values_list("person_id", flat=True).first()
    person = minors.lock(Person(pk=whom)) if whom else None
    row = Representative.objects.select_for_update(of=("self",)).filter(reference=line.about, state=RepresentativeState.VERIFIED).first()
    if row is None:
        return
    row.state, row.ended_by, row.ended_at, row.end_reason = RepresentativeState.ENDED, line.body["by"], line.at, line.body["reason"]
    row.save(update_fields=["state", "ended_by", "ended_at", "end_reason"])
    ledger.record("representative.ended_again", by=SYSTEM, about=row.reference, at=at, facts={"by": line.body["by"]})
    if person is None or person.standing != PersonStanding.ACTIVE:
        return
    if line.body["case"]:
        _suspend(
            person, case=line.body["case"], how=FoundOut.UNREPRESENTED, opened_by=line.body["by"], opened_at=line.at,
            due_at=datetime.fromisoformat(line.body["due_at"]),
        )  # fmt: skip
    else:
        standing.see_age(person, at=line.at)


def _person(reference: str) -> Person | None:
    return Person.objects.select_for_update(no_key=True, of=("self",)).filter(reference=reference).first()


def _suspend(person: Person, *, case: str, how: str, opened_by: str, opened_at: datetime, due_at: datetime) -> None:
    if not person.minor_cases.open().exists():
        MinorCase.objects.create(
            person=person, reference=case, how=how, opened_at=opened_at, opened_by=opened_by, due_at=due_at, policy_version=version_in_force(opened_at),
        )  # fmt: skip
    if person.standing == PersonStanding.ACTIVE:
        _stand(person, PersonStanding.SUSPENDED, opened_at)


def _stand(person: Person, how: PersonStanding, at: datetime, *more: str) -> None:
    person.standing, person.age_seen_on, person._history_date = how, day_of(at), at
    person.save(update_fields=["standing", "age_seen_on", *more])
