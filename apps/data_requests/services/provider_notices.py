"""Whoever got something of a person who is erased hears that it has to erase it too, is reminded every week, and confirms that it did.

| way | when | acknowledged by |
|---|---|---|
| webhook, signed with a key of the provider's own | it has an address for machines | its answer, or staff |
| e-mail to its contact | it has none, or that failed five times | staff, with where its confirmation lies |
| a task for staff | its address is of no use | the same |

Every one passes the gate as a contact to remove what lies there, and names person and disclosures by reference only.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from apps.audit.services import ledger
from apps.data_requests.models import DataRequest, ErasureHook, ErasureNotice
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.personal_data import Subject
from apps.foundation.references import new_reference
from apps.gate.models import Disclosure
from apps.gate.states import AboutKind, RecipientKind

WEBHOOK, EMAIL, TASK = "webhook", "email", "task"
#: references that a notice names; who got more hears that all of it is meant
MOST_NAMED = 200


def who_got_something(subject: Subject) -> dict[str, list[str]]:
    """Each provider that something of the person left to, or of all of their organization, with the newest of what it got."""
    left = Disclosure.objects.filter(recipient_kind=RecipientKind.PROVIDER, permit__spent_at__isnull=False)
    about = Q(subjects__person_reference=subject.reference)
    if subject.organization:
        about |= Q(about_kind=AboutKind.ORGANIZATION, about_organization=subject.organization)
    found: dict[str, list[str]] = {}
    for provider in sorted(set(left.filter(about).order_by().values_list("recipient", flat=True))):
        got = left.filter(about, recipient=provider).order_by("-pk").values_list("reference", flat=True).distinct()
        found[provider] = list(got[:MOST_NAMED])
    return found


def make(request: DataRequest, *, provider: str, person: str, disclosures: list[str], at: datetime) -> ErasureNotice:
    """Write down that this provider is to hear; the sweep tells it. Twice is once."""
    way = WEBHOOK if ErasureHook.objects.filter(provider=provider).exists() else EMAIL
    row, is_new = ErasureNotice.objects.get_or_create(
        request=request, provider=provider,
        defaults={
            "reference": new_reference("ERN"), "person_reference": person, "disclosures": disclosures, "way": way, "made_at": at, "next_try_at": at,
            "due_at": at + timedelta(days=settings.REQUEST_PROVIDER_DAYS),
        },
    )  # fmt: skip
    if is_new:
        facts = {"request": request.reference, "provider": provider, "disclosures": len(disclosures), "way": way}
        ledger.record("erasure_notice.made", by=SYSTEM, about=row.reference, at=at, facts=facts)
        doorbell.ring("requests.due")
    return row
