"""What waits for a person under a consent goes in the transaction of its withdrawal (`settings.CONSENT_ERASERS`)."""

from datetime import datetime

from apps.accounts.models import Person
from apps.communications.models import Delivery
from apps.communications.states import DeliveryState
from apps.consents.erasing import Erased
from apps.consents.models import ConsentEvent
from apps.mail.services import outbox


def erase(*, person: Person, purpose: str, event: ConsentEvent, at: datetime) -> list[Erased]:
    """Deliveries that wait end here; mails in the outbox are taken back and emptied. That something arrived stays on record.

    A hold keeps what was collected from a person. Here nothing was: the words are the circular's, and stay with it.
    """
    resting = Delivery.objects.filter(person=person, purpose_id=purpose, stands=True).order_by("pk").select_for_update(of=("self",))
    rows = list(resting.values_list("pk", "state", "mail_id"))
    back = outbox.take_back(mails=[mail for _pk, state, mail in rows if state == DeliveryState.HANDED and mail], at=at)
    unsent = {pk for pk, state, mail in rows if state == DeliveryState.WAITING or mail in back}
    # each row once: the second change of a row in one transaction would look its circular up again, which a sender has locked
    Delivery.objects.filter(pk__in=unsent).update(state=DeliveryState.WITHDRAWN, stands=None)
    Delivery.objects.filter(pk__in=[pk for pk, _state, _mail in rows if pk not in unsent]).update(stands=None)
    return [Erased("announcements_unsent", len(unsent))]
