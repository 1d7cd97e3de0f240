"""Somebody below 18 without a representative is found: suspended at once, a case with its clock, and its end (P24).

| who depends on it | on what |
|---|---|
| every use of a person's data | that the standing is suspended in the transaction in which the age became known |
| representing | that a verified representative closes the case and resumes the standing in its own transaction |
| a restore | that the journal says who was suspended and resumed |

The 18th birthday ends the need for a representative by itself: that is a pure function of the day (details.is_minor), and only an open case
has to be closed for it. It must never resume somebody below 18 whom nobody verified represents; the database refuses that too.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.accounts import details
from apps.accounts.models import MinorCase, Person, Representative
from apps.accounts.services import standing
from apps.accounts.states import CASE_MOVES, CaseState, FoundOut, PersonStanding
from apps.audit.services import ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.clock import day_of
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.policies.services.force import version_in_force
from apps.staff.models import StaffMember


class PersonClosed(Refusal):
    """The registration is closed; there is nothing to suspend."""

    code = "person_closed"
    mend = "Nothing needs to be done."


class IsRepresented(Refusal):
    """A verified representative acts for this person already."""

    code = "minor_represented"
    mend = "If that was verified by mistake, end the representation: that opens a case by itself."


class StillAMinor(Refusal):
    """By the date of birth on file the person is below 18."""

    code = "still_a_minor"
    mend = "If the date of birth is wrong, correct it; else register a representative and have two people verify them."


class CaseClosed(Refusal):
    """That case is closed already."""

    code = "case_closed"
    mend = "Reload the page to see how it ended."


class AgeUnderCase(Refusal):
    """A case about this person's age is open, so a service can't say that they are of age."""

    code = "age_under_case"
    mend = "Send what shows the age to our privacy office; a member of staff corrects the date of birth."


def lock(person: Person) -> Person:
    """The person as they are now, locked. Whatever changes a standing takes this row before any other of this floor."""
    return Person.objects.select_for_update(no_key=True, of=("self",)).select_related("organization").get(pk=person.pk)


@transaction.atomic
def report(*, person: Person, how: str, by: Actor | StaffMember, at: datetime) -> MinorCase:
    """Somebody says that the person is below 18, whatever the date of birth on file: suspended at once, and a case is open. Twice is once."""
    locked = lock(person)
    if locked.representatives.in_force(day_of(at)).exists():
        raise IsRepresented
    return open_case(locked, how=FoundOut(how), by=by, at=at)


def open_case(person: Person, *, how: FoundOut, by: Actor | StaffMember, at: datetime) -> MinorCase:
    """The case of a locked person, opened where there is none, inside the caller's transaction."""
    if person.standing == PersonStanding.CLOSED:
        raise PersonClosed
    known = person.minor_cases.open().first()
    if known is not None:
        return known
    case = MinorCase.objects.create(
        person=person, how=how, opened_at=at, opened_by=str(actor_of(by)), due_at=at + timedelta(days=settings.MINOR_REMOVAL_DAYS),
        policy_version=version_in_force(at),
    )  # fmt: skip
    ledger.record(
        "minor_case.opened", by=by, about=case.reference, at=at,
        facts={"person": person.reference, "how": str(how), "due_at": case.due_at, "policy": case.policy_version.reference},
    )  # fmt: skip
    standing.suspend(person, case=case, by=by, at=at)
    return case


def actor_of(by: Actor | StaffMember) -> Actor:
    return by if isinstance(by, Actor) else by.actor


def birth_date_changed(person: Person, *, was_minor: bool, by: Actor | StaffMember, at: datetime) -> None:
    """What follows from another date of birth of a locked person, inside the caller's transaction."""
    if person.standing == PersonStanding.CLOSED:
        return
    day = day_of(at)
    if details.is_minor(person.birth_date, on=day):
        standing.see_age(person, at=at)
        if not person.representatives.in_force(day).exists():
            open_case(person, how=FoundOut.BIRTH_DATE, by=by, at=at)
        return
    case = person.minor_cases.open().first()
    if case is None:
        standing.see_age(person, at=at)
    elif not isinstance(by, StaffMember):
        raise AgeUnderCase
    elif was_minor and person.birth_date is not None:
        close(case, person=person, state=CaseState.MISTAKEN, by=by, at=at)


def close(
    case: MinorCase, *, person: Person, state: CaseState, by: Actor | StaffMember, at: datetime, representative: Representative | None = None
) -> MinorCase:
    """Close a case of a locked person and let the registration go on, inside the caller's transaction."""
    require_move(CASE_MOVES, case.state, state)
    case.state, case.closed_at, case.closed_by, case.representative = state, at, str(actor_of(by)), representative
    case.save(update_fields=["state", "closed_at", "closed_by", "representative"])
    ledger.record(
        "minor_case.closed", by=by, about=case.reference, at=at,
        facts={"person": person.reference, "state": str(state), "representative": representative.reference if representative else ""},
    )  # fmt: skip
    if person.standing == PersonStanding.SUSPENDED:
        standing.resume(person, case=case, by=by, at=at)
    return case


def settle(person: Person, *, by: Actor | StaffMember, at: datetime) -> MinorCase | None:
    """Close the open case of a locked person where a representative is in force by now, or the 18th birthday has come."""
    case = person.minor_cases.open().first()
    if case is None:
        return None
    found = person.representatives.in_force(day_of(at)).order_by("pk").first()
    if found is not None:
        return close(case, person=person, state=CaseState.REPRESENTED, representative=found, by=by, at=at)
    was_minor, is_minor = (details.is_minor(person.birth_date, on=day_of(moment)) for moment in (case.opened_at, at))
    if was_minor and not is_minor:  # a date of birth that never said "minor" was what the report doubted
        return close(case, person=person, state=CaseState.OF_AGE, by=SYSTEM, at=at)
    return None


def _locked(case: MinorCase) -> tuple[Person, MinorCase]:
    person = lock(case.person)
    row = MinorCase.objects.select_for_update().get(pk=case.pk)
    if row.state != CaseState.OPEN:
        raise CaseClosed
    return person, row


@transaction.atomic
def find_mistaken(*, case: MinorCase, by: StaffMember, at: datetime) -> MinorCase:
    """The person is no minor after all: the case is closed and the registration goes on. The date of birth on file must not say otherwise."""
    person, row = _locked(case)
    if details.is_minor(person.birth_date, on=day_of(at)):
        raise StillAMinor
    return close(row, person=person, state=CaseState.MISTAKEN, by=by, at=at)


@transaction.atomic
def ask_removal(*, case: MinorCase, by: StaffMember, at: datetime) -> MinorCase:
    """Have the person removed with their data, because nobody represents them. The row is the work: a data request follows at once
    (config/wakeups.py), which finds and erases all that is held. Asked twice is once; the registration stays suspended until it is gone."""
    person, row = _locked(case)
    if row.removal_asked_at is None:
        row.removal_asked_at, row.removal_asked_by = at, str(actor_of(by))
        row.save(update_fields=["removal_asked_at", "removal_asked_by"])
        ledger.record("minor_case.removal_asked", by=by, about=row.reference, at=at, facts={"person": person.reference})
        doorbell.ring("minors.removal")
    return row
