"""What giving, refusing, withdrawing and expiring have in common: the locks, the event, and the standing beside it.

| order | lock | why |
|---|---|---|
| 1 | the person's row, FOR NO KEY UPDATE | two that speak for one person come one after the other, also where no standing is there yet |
| 2 | the standing, FOR UPDATE | whoever uses the consent right now (`asking.lock`) is waited for |

It must never write an event without its standing, or before what was said before it.
"""

from datetime import datetime

from apps.accounts.models import Person
from apps.audit.services import ledger
from apps.consents.models import ConsentEvent, PurposeText, Standing
from apps.consents.states import ConsentAct
from apps.policies.services.force import version_in_force


def lock_person(person: Person) -> Person:
    """The person as they are now; nobody else says anything for them until this transaction ends."""
    return Person.objects.select_for_update(no_key=True, of=("self",)).get(pk=person.pk)


def lock_standing(person: Person, purpose: str) -> Standing | None:
    """What stands for one purpose, or stood; whoever uses it is waited for."""
    rows = Standing.objects.select_for_update(of=("self",)).select_related("event", "text", "purpose")
    return rows.filter(person=person, purpose_id=purpose).first()


def not_before(standing: Standing | None, at: datetime) -> datetime:
    """`at`, or the moment of what was said last where a clock is behind: the ledger keeps the order in which things happened."""
    return at if standing is None else max(at, standing.since)


def say(act: ConsentAct, *, person: Person, text: PurposeText, at: datetime, by, **more) -> ConsentEvent:
    """Write one event, with its entry in the ledger of acts. `more`: until, how, where, shown_digest, shown_at, reference."""
    event = ConsentEvent.objects.create(
        person=person, purpose_id=text.purpose_id, text=text, policy_version=version_in_force(at), act=act, at=at, **more
    )
    facts = {
        "person": person.reference, "purpose": text.purpose_id, "text": text.number, "digest": bytes(text.digest).hex(),
        "policy": event.policy_version.reference, "how": event.how,
    }  # fmt: skip
    ledger.record(f"consent.{act}", by=by, about=event.reference, at=at, facts=facts)
    return event


def stand(event: ConsentEvent, standing: Standing | None, *, asked_again_from: datetime | None = None) -> Standing:
    """Set beside the ledger what the event says."""
    row = standing or Standing(person_id=event.person_id, purpose_id=event.purpose_id)
    row.stands, row.text, row.since, row.until = event.act == ConsentAct.GIVEN, event.text, event.at, event.until
    row.event, row.asked_again_from = event, asked_again_from
    row.save()
    return row
