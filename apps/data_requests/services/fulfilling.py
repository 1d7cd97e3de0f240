"""Kinds of requests that neither hand over nor erase: each is fulfilled by a verb of a floor below, then answered by a letter.

| kind | what is done | its answer |
|---|---|---|
| withdrawal | the consent that the person names falls, with all that rests on it | the letter “withdrawn” |
| correction | staff open the person's page, and put it right there | the letter “corrected” |
| report of a minor | the person is found, suspended, and a case with its own clock is open; removal comes from the case | the letter “answer” |
| complaint or question | nothing by a machine | the letter “answer” |
| Shine the Light, accounting of disclosures | taken in and clocked | none yet: it is made from the register of disclosures |

It must never do anything for a request that nobody proved, except to protect a minor, nor answer from a record that is not kept.
"""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import MinorCase, Person
from apps.accounts.services import minors
from apps.accounts.states import FoundOut
from apps.audit.services import ledger
from apps.consents.models import ConsentEvent
from apps.consents.services import withdrawing
from apps.consents.states import How
from apps.data_requests.models import DataRequest
from apps.data_requests.services import merging, moving
from apps.data_requests.states import OVER, Kind, State
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

WORK, WITHDRAW, AMEND, OPEN_CASE = (
    "data_requests.work_datarequest", "consents.withdraw_standing", "accounts.change_person", "accounts.open_minorcase",
)  # fmt: skip
#: answered from the register of disclosures, which comes later
FROM_THE_REGISTER = frozenset({Kind.MARKETING_DISCLOSURES, Kind.ACCOUNTING})


class AnotherKind(Refusal):
    """That is not what this request asks for, or it is not in work."""

    code = "request_of_another_kind"
    mend = "Reload the page. If the kind is wrong, correct it first."


class NobodyNamed(Refusal):
    """It is not known whom this request is about."""

    code = "request_names_nobody"
    mend = "Match the request to a person first, or deny it: who asked could not be verified."


class NothingStands(Refusal):
    """No consent of the person for that purpose stands."""

    code = "request_nothing_stands"
    mend = "Answer the request: there is nothing to withdraw."


class PersonUnknown(Refusal):
    """There is no person of that reference."""

    code = "person_unknown"
    mend = "Look for them under People, and copy the reference, like PER-7F3K2M9."


class ComesWithTheRegister(Refusal):
    """The answer to this kind is made from the register of disclosures, which is not kept here yet."""

    code = "comes_with_the_register"
    mend = "It comes with the register of disclosures. Until then the request stays in work and its clock runs; extend it with a reason where the rule allows."


def require_answerable(request: DataRequest) -> None:
    """Refuse to answer from a record that is not kept."""
    if request.kind in FROM_THE_REGISTER:
        raise ComesWithTheRegister


@transaction.atomic
def withdraw(*, request: DataRequest, purpose: str, by: StaffMember, at: datetime) -> ConsentEvent:
    """Withdraw the consent that a proven request names. The request stays in work: there may be another one to withdraw."""
    worker = presence.lock(by)[by.pk]
    presence.require_right(worker, WORK)
    presence.require_right(worker, WITHDRAW)
    row = _in_work(request, Kind.WITHDRAWAL)
    event = withdrawing.withdraw(person=row.person, purpose=purpose, how=How.STAFF, where=row.reference, by=worker, at=at)
    if event is None:
        raise NothingStands
    ledger.record("request.consent_withdrawn", by=worker, about=row.reference, at=at, facts={"purpose": purpose, "consent": event.reference})
    return event


@transaction.atomic
def begin_correction(*, request: DataRequest, by: StaffMember, at: datetime) -> Person:
    """Whose page is to be put right; that it was opened for this request is recorded."""
    worker = presence.lock(by)[by.pk]
    presence.require_right(worker, WORK)
    presence.require_right(worker, AMEND)
    row = _in_work(request, Kind.CORRECTION)
    ledger.record("request.correction_begun", by=worker, about=row.reference, at=at, facts={"person": row.person_reference})
    return row.person


@transaction.atomic
def open_case(*, request: DataRequest, person_reference: str, by: StaffMember, at: datetime) -> MinorCase:
    """Somebody reported a minor, and staff found out who it is: suspended at once, a case is open, and the request is about them."""
    worker = presence.lock(by)[by.pk]
    presence.require_right(worker, WORK)
    presence.require_right(worker, OPEN_CASE)
    person = Person.objects.select_related("organization").filter(reference=person_reference.strip().upper()).first()
    if person is None:
        raise PersonUnknown
    row = moving.locked(request.pk)
    if row.kind != Kind.MINOR or row.state in OVER:
        raise AnotherKind
    merging.known_as(row, person=person, by=worker, at=at)
    case = minors.report(person=person, how=FoundOut.REPORT, by=worker, at=at)
    ledger.record("request.about_a_minor", by=worker, about=row.reference, at=at, facts={"case": case.reference, "person": person.reference})
    return case


def _in_work(request: DataRequest, kind: Kind) -> DataRequest:
    row = moving.locked(request.pk)
    if row.kind != kind or row.state != State.IN_WORK:
        raise AnotherKind
    if row.person is None:
        raise NobodyNamed
    return row
