"""The policy on the preference page: which version is in force, what changed since the one that the person knows, and the word that they accept it.

It must never make anything depend on that word: what was collected before stays under the version of its time.
"""

from datetime import datetime

from django.http import HttpRequest

from apps.accounts.models import Person, PolicyAcceptance
from apps.accounts.services import acceptance
from apps.accounts.states import AcceptedHow, PersonStanding
from apps.consents import visits
from apps.consents.preferences import AnswerUnknown
from apps.foundation.actors import Actor
from apps.policies import changes
from apps.policies.services.force import version_in_force

LISTED = 20


def section(person: Person, *, at: datetime) -> visits.Section:
    """What is in force, what the person knows of it, and what they accepted so far."""
    version, known = version_in_force(at), acceptance.known_by(person)
    said = list(PolicyAcceptance.objects.filter(person=person).select_related("policy_version").order_by("-at", "-id")[:LISTED])
    context = {
        "version": version, "known": known, "said": said, "changes": changes.between(known, version) if known.number < version.number else None,
        "is_accepted": any(row.policy_version_id == version.pk and row.how == AcceptedHow.ACCEPTED for row in said) or known.pk == version.pk,
        "may_accept": person.standing != PersonStanding.CLOSED,
    }  # fmt: skip
    return visits.Section("The privacy policy", "consents/policy.html", context, "policy")


@visits.door
def accept(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> str:
    """The version that was on the page, where it is in force still."""
    number = request.POST.get("version", "")
    if not (number.isascii() and number.isdigit() and len(number) < 7):
        raise AnswerUnknown
    by = Actor("person", visit.person.reference)
    row, is_new = acceptance.record(person=visit.person, version=int(number), how=AcceptedHow.ACCEPTED, by=by, at=at)
    if not is_new:
        return f"You had accepted version {row.policy_version.number} already. Nothing was changed."
    return f"You accepted version {row.policy_version.number} of the policy. What was collected before stays under the version of its time."
