"""A person accepts the policy in force, or goes on using the service under it; both are recorded once, and neither changes anything collected before.

| who depends on it | on what |
|---|---|
| who has to show what somebody agreed to | that the version was in force at that moment, and that the row never changes |
| what was collected before | that accepting a later version extends neither its life nor its purposes: nothing reads an acceptance to allow anything |

It must never take an acceptance of a version that is not in force any more: whoever showed it showed the wrong words.
"""

from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.models import Person, PolicyAcceptance
from apps.accounts.states import AcceptedHow, PersonStanding
from apps.audit.services import ledger
from apps.foundation.refusals import Refusal
from apps.policies.models import PolicyVersion
from apps.policies.services.force import version_in_force

#: how far the clock of whoever tells us may be ahead
AHEAD = timedelta(minutes=5)


class VersionNotInForce(Refusal):
    """That version of the policy was not in force at that moment."""

    code = "version_not_in_force"
    mend = "Show the version that is in force, and send its number."


class MomentNotFit(Refusal):
    """It can't have been said in the future, or before the person was registered."""

    code = "moment_not_fit"
    mend = "Send the moment at which it was said, with its time zone, or leave it out for now."


class RegistrationClosed(Refusal):
    """The person's registration is closed."""

    code = "registration_closed"
    mend = "Nothing to do: who has left accepts nothing any more."


@transaction.atomic
def record(
    *, person: Person, version: int, how: AcceptedHow | str, by, at: datetime, said_at: datetime | None = None
) -> tuple[PolicyAcceptance, bool]:  # fmt: skip
    """Write down that a person accepted a version, or used the service under it; and whether that is new. Twice is once."""
    how, said_at = AcceptedHow(how), said_at or at
    person = Person.objects.select_for_update(no_key=True, of=("self",)).get(pk=person.pk)
    if person.standing == PersonStanding.CLOSED:
        raise RegistrationClosed
    if not person.registered_at <= said_at <= at + AHEAD:
        raise MomentNotFit
    said_at = min(said_at, at)
    in_force = version_in_force(said_at)
    if in_force.number != version:
        raise VersionNotInForce
    actor = getattr(by, "actor", by)
    row, is_new = PolicyAcceptance.objects.get_or_create(
        person=person, policy_version=in_force, how=how, defaults={"at": said_at, "by": str(actor)}
    )
    if is_new:
        facts = {"person": person.reference, "version": in_force.reference, "how": str(how), "said_at": said_at.isoformat()}
        ledger.record("policy.accepted", by=by, about=row.reference, at=at, facts=facts)
    return row, is_new


def known_by(person: Person) -> PolicyVersion:
    """The newest version that this person accepted expressly; else the one they were registered under."""
    row = PolicyAcceptance.objects.filter(person=person, how=AcceptedHow.ACCEPTED).select_related("policy_version").order_by("-policy_version__number").first()
    registered = person.policy_version
    return row.policy_version if row is not None and row.policy_version.number > registered.number else registered
