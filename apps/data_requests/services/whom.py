"""Whom a request is about, remembered from the beginning of an erasure to its end, also when their own rows are gone.

Sealed in the plan under the secret `request/<plan>`; whoever resumes after a death, the search afterwards and the answer read it here.
When the request is over and nothing of the person is left to be erased, the secret goes, and with it what it sealed.
It must never be logged, nor leave this process in any other way than to the holdings.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from apps.accounts.models import Person
from apps.accounts.services import subjects
from apps.audit.services import ledger
from apps.data_requests import hashing
from apps.data_requests.models import DataRequest, Plan, Remainder, RequestLink
from apps.data_requests.services import contacts
from apps.data_requests.states import OVER, LinkPurpose
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import canonical
from apps.foundation.keys import keystore, seal, unseal
from apps.foundation.personal_data import Subject
from apps.foundation.refusals import Refusal

A_SWEEP = 500


class NobodyKnown(Refusal):
    """This request names nobody whose data could be found."""

    code = "nobody_known"
    mend = "Match the request to a person first, or deny it: nothing is held about who asked."


@dataclass(frozen=True)
class Known:
    """Whom it is about, and the contact on file that the answer goes to; empty where there is none."""

    subject: Subject
    answer_to: str = ""

    def __repr__(self) -> str:
        return f"<known {self.subject.reference}>"


def look_up(request: DataRequest, *, at: datetime) -> Known:
    """As the rows say now; the answer goes to the contact that was proven, else to the oldest on file."""
    person = Person.objects.select_related("organization").filter(pk=request.person_id).first()
    if person is None:
        raise NobodyKnown
    addresses = [contact.address for contact in contacts.on_file(person, at=at)]
    proven = set(
        map(bytes, RequestLink.objects.filter(request=request, purpose=LinkPurpose.PROVE, spent_at__isnull=False, contact_digest__isnull=False)
            .values_list("contact_digest", flat=True))
    )  # fmt: skip
    first = next((address for address in addresses if hashing.of_email(address) in proven), addresses[0] if addresses else "")
    return Known(subjects.subject_of(person), first)


def keep(plan: Plan, known: Known) -> None:
    """Seal it into the plan, in the caller's transaction."""
    words = asdict(known.subject) | {"answer_to": known.answer_to}
    plan.subject = seal(canonical(words), store=keystore(), secret=_secret(plan), about=plan.reference)
    plan.save(update_fields=["subject"])


def known(request: DataRequest, *, at: datetime) -> Known:
    """What was kept when the erasure began; before that, and where nothing is erased, what the rows say."""
    plan = Plan.objects.filter(request=request, void_at__isnull=True, subject__isnull=False).first()
    if plan is None:
        return look_up(request, at=at)
    words = json.loads(unseal(plan.subject, store=keystore(), secret=_secret(plan), about=plan.reference))
    answer_to = words.pop("answer_to")
    words["identities"] = tuple(tuple(one) for one in words["identities"])
    return Known(Subject(**{name: tuple(value) if isinstance(value, list) else value for name, value in words.items()}), answer_to)


def digests(subject: Subject) -> list[bytes]:
    """Keyed hashes of all by which the person is known, former values included; sorted, each once."""
    found = {hashing.of_email(one) for one in subject.emails} | {hashing.of_phone(one) for one in subject.phones}
    found |= {hashing.keyed("identity", subject.organization, source, external_id) for source, external_id in subject.identities}
    return sorted(found)


def forget_due(*, at: datetime) -> int:
    """Forget whom requests were about that are over, where nothing is left to be erased; returns how many. A sweep, and safe beside others."""
    open_ones = Remainder.objects.filter(request=OuterRef("request"), ended_at__isnull=True)
    over = Plan.objects.filter(~Exists(open_ones), subject__isnull=False, request__state__in=OVER).order_by("pk")[:A_SWEEP]
    return sum(_forget(plan, at) for plan in over)


def _forget(plan: Plan, at: datetime) -> bool:
    """The secret first: a death in between leaves a row that nobody can open, and the next sweep empties it."""
    keystore().destroy(_secret(plan))
    with transaction.atomic():
        locked = Plan.objects.select_for_update().select_related("request").get(pk=plan.pk)
        if locked.subject is None:
            return False
        locked.subject = None
        locked.save(update_fields=["subject"])
        ledger.record("request.person_forgotten", by=SYSTEM, about=locked.request.reference, at=at, facts={"plan": locked.reference})
    return True


def _secret(plan: Plan) -> str:
    return f"request/{plan.reference}"
