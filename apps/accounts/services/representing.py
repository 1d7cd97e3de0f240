"""Authorized Individual Representatives: registered with a document, checked by one person, approved by another, ended (P24).

| step | by | what it does |
|---|---|---|
| register | staff | nothing yet: the representative counts for nobody |
| ask | who read the document and found in it what it has to show | a second person is asked |
| approve | another person, who read it too | it counts from its first day on; an open case of the person is closed |
| reject | the same | never counts; document and names go some days later |
| bind | registration of the child | the representative acts for that one person |
| end | staff | at once; an active minor without another one is suspended |

It must never let one person both check and approve, and never bind a representative to anybody but the child that was named.
"""

from datetime import date, datetime

from django.db import transaction

from apps.accounts import details
from apps.accounts.models import Person, Representative
from apps.accounts.services import documents, minors, standing
from apps.accounts.services.looking import Reason, ReasonMissing
from apps.accounts.states import REPRESENTATIVE_MOVES, Authority, EndReason, FoundOut, PersonStanding, RejectionReason, RepresentativeState
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.clock import day_of
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.policies.services.force import version_in_force
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence

REGISTER, APPROVE, END = "accounts.add_representative", "accounts.approve_representative", "accounts.end_representative"
REVEALED = ("full_name", "email", "minor_given_name", "minor_birth_date")


class DaysBackwards(Refusal):
    """A representation ends after it begins, and after today."""

    code = "representation_backwards"
    mend = "Correct its days; “until” is the day after its last."


class NotAMinor(Refusal):
    """Only a person below 18 needs a representative."""

    code = "not_a_minor"
    mend = "Correct the date of birth if it is wrong. From the 18th birthday on nobody acts for a person."


class RepresentativeNotUsable(Refusal):
    """No verified representative of that reference may register this child today."""

    code = "representative_not_usable"
    mend = (
        "See that two people verified the representative, that today lies in the time of it, that it was not used for another child,"
        " and that given name and date of birth are those that were verified."
    )


class RepresentativeNotNeeded(Refusal):
    """A representative was named for somebody who is 18 or older, or whose date of birth was not given."""

    code = "representative_not_needed"
    mend = "Leave the representative out, or correct the date of birth."


class NobodyAsks(Refusal):
    """Nobody asks for a decision on this representative."""

    code = "nobody_asks"
    mend = "Reload the page to see what was decided; else have a colleague read the document and ask."


class BoundMeanwhile(Refusal):
    """The child was registered with this representative at this very moment."""

    code = "bound_meanwhile"
    mend = "Reload the page and do it again."


@transaction.atomic
def register(
    *, full_name: str, email: str, authority: str, valid_from: date, valid_until: date | None, content: bytes, by: StaffMember, at: datetime,
    person: Person | None = None, minor_given_name: str = "", minor_birth_date: date | None = None,
) -> Representative:  # fmt: skip
    """Take a representative in, for somebody who is registered or for a named child who is to be. Nobody is represented by it yet."""
    actor = _acting(by, REGISTER)
    day = day_of(at)
    if valid_until is not None and valid_until <= max(valid_from, day):
        raise DaysBackwards
    if person is not None:
        person = minors.lock(person)
        if not (details.is_minor(person.birth_date, on=day) or person.minor_cases.open().exists()):
            raise NotAMinor
        child = {"minor_given_name": "", "minor_birth_date": None}
    else:
        if not details.is_minor(details.birth_date(minor_birth_date, on=day), on=day):
            raise NotAMinor
        name = details.line(minor_given_name, field="given name of the child", longest=80)
        child = {"minor_given_name": name, "minor_birth_date": minor_birth_date}
    row = Representative(
        person=person, full_name=details.line(full_name, field="name", longest=120), email=details.email(email),
        authority=Authority(authority), valid_from=valid_from, valid_until=valid_until, proposed_by=str(actor.actor), proposed_at=at,
        policy_version=version_in_force(at), **child,
    )  # fmt: skip
    documents.put(row, content)
    row.save(force_insert=True)
    ledger.record(
        "representative.registered", by=actor, about=row.reference, at=at,
        facts={
            "person": person.reference if person else "", "authority": row.authority, "from": valid_from, "until": valid_until,
            "document": bytes(row.document_digest), "policy": row.policy_version.reference,
        },
    )  # fmt: skip
    return row


def digest_of(row: Representative) -> bytes:
    """What an approval is bound to: who, for whom, on what authority, how long, and the document."""
    born, until = (day.isoformat() if day else "" for day in (row.minor_birth_date, row.valid_until))
    return sha256(
        canonical([
            row.reference, row.person_id, row.minor_given_name, born, row.full_name, row.email, row.authority, row.valid_from.isoformat(),
            until, bytes(row.document_digest).hex(),
        ])
    )  # fmt: skip


def waiting(row: Representative) -> Approval | None:
    """The open request for a decision, if there is one."""
    return Approval.objects.waiting().filter(act=APPROVE, subject=row.reference).select_related("asked_by").first()


@transaction.atomic
def ask(*, representative: Representative, by: StaffMember, at: datetime) -> Representative:
    """Say that the document shows what it has to, and ask a second person to approve it."""
    asker = _acting(by, REGISTER)
    row = _locked(representative)
    require_move(REPRESENTATIVE_MOVES, row.state, RepresentativeState.VERIFIED)
    documents.require_taken(row, by=asker)
    approvals.ask(act=APPROVE, subject=row.reference, digest=digest_of(row), by=asker, at=at)
    ledger.record("representative.approval_asked", by=asker, about=row.reference, at=at)
    return row


@transaction.atomic
def approve(*, representative: Representative, by: StaffMember, at: datetime) -> Representative:
    """Verify a representative whom somebody else checked. An open case of the person is closed, and the registration goes on."""
    approval, approver, row = _decided(representative, by)
    documents.require_taken(row, by=approver)
    approvals.approve(approval=approval, digest=digest_of(row), by=approver, at=at)
    if row.valid_until is not None and row.valid_until <= day_of(at):
        raise DaysBackwards
    _decide(row, RepresentativeState.VERIFIED, approval, approver, at)
    ledger.record(
        "representative.verified", by=approver, about=row.reference, at=at,
        facts={"person": row.person.reference if row.person else "", "asked_by": row.asked_by, "authority": row.authority},
    )  # fmt: skip
    if row.person is not None:
        minors.settle(row.person, by=approver, at=at)
    return row


@transaction.atomic
def reject(*, representative: Representative, reason: str, by: StaffMember, at: datetime) -> Representative:
    """Refuse a representative whom somebody else checked; it never counts. The reason is kept, in one of the words there are for it."""
    approval, approver, row = _decided(representative, by)
    row.rejection = RejectionReason(reason)
    approvals.reject(approval=approval, digest=digest_of(row), by=approver, at=at)
    _decide(row, RepresentativeState.REJECTED, approval, approver, at)
    ledger.record("representative.rejected", by=approver, about=row.reference, at=at, facts={"reason": row.rejection})
    return row


def _decided(representative: Representative, by: StaffMember) -> tuple[Approval, StaffMember, Representative]:
    """The open request, who decides it, and the row: staff are locked first, then the person, then the row."""
    approval = waiting(representative)
    if approval is None:
        raise NobodyAsks
    approver = presence.lock(by, approval.asked_by)[by.pk]
    presence.require_right(approver, APPROVE)
    return approval, approver, _locked(representative)


def _decide(row: Representative, state: RepresentativeState, approval: Approval, by: StaffMember, at: datetime) -> None:
    require_move(REPRESENTATIVE_MOVES, row.state, state)
    row.state, row.asked_by, row.asked_at = state, str(approval.asked_by.actor), approval.asked_at
    row.decided_by, row.decided_at = str(by.actor), at
    row.save(update_fields=["state", "asked_by", "asked_at", "decided_by", "decided_at", "rejection"])


def for_registration(reference: str, *, given_name: str, birth_date: date, at: datetime) -> Representative:
    """The representative who may register this child today, locked, inside the caller's transaction. Whatever is wrong, one answer."""
    row = Representative.objects.select_for_update(of=("self",)).in_force(day_of(at)).filter(reference=reference, person=None).first()
    if row is None or row.minor_birth_date != birth_date or row.minor_given_name.casefold() != given_name.casefold():
        raise RepresentativeNotUsable
    return row


def bind(row: Representative, person: Person, *, by, at: datetime) -> None:
    """From now on the representative acts for this person; what named the child before goes, the person's own row has it."""
    row.person, row.minor_given_name, row.minor_birth_date = person, "", None
    row.save(update_fields=["person", "minor_given_name", "minor_birth_date"])
    ledger.record("representative.bound", by=by, about=row.reference, at=at, facts={"person": person.reference})


@transaction.atomic
def end(*, representative: Representative, reason: str, by: StaffMember, at: datetime) -> Representative:
    """End a representation before its time. A minor whom nobody else represents is suspended in the same transaction."""
    actor = _acting(by, END)
    row = _locked(representative)
    require_move(REPRESENTATIVE_MOVES, row.state, RepresentativeState.ENDED)
    row.state, row.ended_by, row.ended_at, row.end_reason = RepresentativeState.ENDED, str(actor.actor), at, EndReason(reason)
    row.save(update_fields=["state", "ended_by", "ended_at", "end_reason"])
    ledger.record("representative.ended", by=actor, about=row.reference, at=at, facts={"reason": row.end_reason})
    case = after_an_end(row, by=actor, at=at) if row.person else None
    journal.owe(
        "representative.ended", about=row.reference, at=at,
        body={
            "by": row.ended_by, "reason": row.end_reason, "case": case.reference if case else "", "due_at": case.due_at if case else None,
        },
    )  # fmt: skip
    doorbell.ring("journal.owed")
    return row


def after_an_end(row: Representative, *, by, at: datetime):
    """The case that is open once this one no longer acts for the person, whose row is locked; None where none is needed.

    Where no date of birth is known, that the person had a representative says that they are a minor.
    """
    person, day = row.person, day_of(at)
    if person.standing != PersonStanding.ACTIVE or person.representatives.in_force(day).exists():
        return None
    if person.birth_date is not None and not details.is_minor(person.birth_date, on=day):
        standing.see_age(person, at=at)
        return None
    return minors.open_case(person, how=FoundOut.UNREPRESENTED, by=by, at=at)


@transaction.atomic
def reveal(*, representative: Representative, reason: str, by: StaffMember, at: datetime) -> list[tuple[str, str]]:
    """Who the representative is, as (label, value), once it is recorded that somebody looked and why."""
    if reason not in Reason.values:
        raise ReasonMissing
    row = Representative.objects.get(pk=representative.pk)
    fields = [Representative._meta.get_field(name) for name in REVEALED]
    seen = sorted(field.name for field in fields if getattr(row, field.name))
    ledger.record("representative.revealed", by=by, about=row.reference, at=at, facts={"fields": seen, "reason": str(reason)})
    return [(str(field.verbose_name), str(getattr(row, field.name) or "")) for field in fields]


def _acting(by: StaffMember, permission: str) -> StaffMember:
    member = presence.lock(by)[by.pk]
    presence.require_right(member, permission)
    return member


def _locked(representative: Representative) -> Representative:
    """The row as it is now, locked after the person for whom it is, who stands in it."""
    whom = Representative.objects.filter(pk=representative.pk).values_list("person_id", flat=True).first()
    person = minors.lock(Person(pk=whom)) if whom else None
    row = Representative.objects.select_for_update(of=("self",)).get(pk=representative.pk)
    if row.person_id != whom:
        raise BoundMeanwhile
    row.person = person
    return row
