"""A person takes a consent back, or its time is over: use stops at once, and what was collected under it goes in the same transaction.

Order within the transaction: person and standing locked (so whoever uses the consent right now is waited for), the event, the erasers
of this kind of consent while it still stands, their counts as evidence, and then the standing falls. Rows that an eraser forgot keep the
standing from falling (their foreign key refuses), so nothing commits and nothing is claimed.

| who depends on it | on what |
|---|---|
| whatever was collected under a consent | that its eraser is called once, in this transaction, with the event as its reason |
| the gate | the ring `consents.withdrawn`: providers hear of it |
| a restored database | the journal's line `consent.withdrawn`, which withdraws and erases again |

It must never depend on whether the person is active, on a text, or on anything but that something stands.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from apps.accounts.models import Person
from apps.audit.services import journal, ledger
from apps.consents.erasing import eraser_of
from apps.consents.models import ConsentErasure, ConsentEvent, Standing
from apps.consents.months import months_later
from apps.consents.services import saying
from apps.consents.states import ConsentAct, How
from apps.foundation import doorbell


@transaction.atomic
def withdraw(*, person: Person, purpose: str, how: How, where: str = "", by, at: datetime) -> ConsentEvent | None:
    """Take a consent back. None where nothing stands: twice is once."""
    person = saying.lock_person(person)
    standing = saying.lock_standing(person, purpose)
    if standing is None or not standing.stands:
        return None
    return end(standing, person=person, act=ConsentAct.WITHDRAWN, how=how, where=where, by=by, at=at)


def end(
    standing: Standing, *, person: Person, act: ConsentAct, how: How, where: str, by, at: datetime, reference: str = ""
) -> ConsentEvent:  # fmt: skip
    """Let a consent fall that stands and is locked, with all that rests on it. `reference`: of an event that the journal tells again."""
    at = saying.not_before(standing, at)
    named = {"reference": reference} if reference else {}
    event = saying.say(act, person=person, text=standing.text, at=at, by=by, how=how, where=where, **named)
    _erase(event, person=person, kind=standing.purpose.kind, by=by, at=at)
    asked_again_from = months_later(at, settings.CONSENT_ASK_AGAIN_MONTHS) if act == ConsentAct.WITHDRAWN else None
    saying.stand(event, standing, asked_again_from=asked_again_from)
    if act == ConsentAct.WITHDRAWN:
        body = {"person": person.reference, "purpose": event.purpose_id, "text": event.text.number, "how": event.how, "asked_again_from": asked_again_from}
        journal.owe("consent.withdrawn", about=event.reference, body=body, at=at)
        doorbell.ring("journal.owed")
    doorbell.ring("consents.withdrawn")
    return event


def _erase(event: ConsentEvent, *, person: Person, kind: str, by, at: datetime) -> None:
    """What was collected under the consent goes, or is kept apart for a hold; how much of each is written down."""
    erase = eraser_of(kind)
    if erase is None:
        return
    for erased in erase(person=person, purpose=event.purpose_id, event=event, at=at):
        ConsentErasure.objects.create(event=event, kind=erased.kind, erased=erased.erased, kept_for_hold=erased.kept_for_hold, at=at)
        facts = {"kind": erased.kind, "erased": erased.erased, "kept_for_hold": erased.kept_for_hold}
        ledger.record("consent.erased_under_it", by=by, about=event.reference, at=at, facts=facts)
