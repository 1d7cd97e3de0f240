"""What a person sees in the product. Asked at every look, so that a withdrawal counts at once."""

from datetime import datetime

from apps.accounts.models import Person
from apps.communications.models import Delivery
from apps.communications.states import DeliveryState
from apps.consents import purposes
from apps.consents.services import asking

MOST_SHOWN = 50


def shown_to(*, person: Person, at: datetime) -> list[dict]:
    """The newest announcements that were handed over under the consent that stands now."""
    if not asking.may(person_id=person.pk, purpose=purposes.ANNOUNCEMENTS_IN_APP, at=at):
        return []
    rows = Delivery.objects.filter(
        person=person, purpose_id=purposes.ANNOUNCEMENTS_IN_APP, stands=True, state=DeliveryState.HANDED, handed_at__lte=at
    )
    return [
        {
            "reference": row.circular.reference, "kind": row.circular.kind, "subject": row.circular.subject, "words": row.circular.words,
            "shown_from": row.handed_at,
        }
        for row in rows.select_related("circular").order_by("-handed_at", "-id")[:MOST_SHOWN]
    ]  # fmt: skip
