"""A person says yes, or no: by the text that is in force and that they were shown, and only once.

| said | stands before | becomes |
|---|---|---|
| yes | nothing, or an older text | a new event; it stands by the new text |
| yes | the same text, not over | nothing: twice is once |
| yes | something whose end has come | it expires first, with its erasures |
| no | nothing | a refusal; nobody asks again for `CONSENT_ASK_AGAIN_MONTHS` |
| no | a refusal | nothing: twice is once, and the months are not counted anew |
| no | a consent | refused here: what stands is withdrawn (`withdrawing`) |

It must never take a yes for a text that the person was not shown, that is no longer in force, or from somebody not active.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.accounts.models import Person
from apps.accounts.states import PersonStanding
from apps.audit.services import journal
from apps.consents.models import ConsentEvent, PurposeText
from apps.consents.months import months_later
from apps.consents.services import asking, saying
from apps.consents.services.withdrawing import end
from apps.consents.states import ONLY_NO, ConsentAct, How
from apps.foundation import doorbell
from apps.foundation.refusals import Refusal

#: how long a shown text counts as shown, and how far two clocks may differ
SHOWN_FOR = timedelta(hours=24)
CLOCKS_DIFFER = timedelta(minutes=5)


class TextNotInForce(Refusal):
    """That is not the text in force, so the answer is not about what would be collected now."""

    code = "text_not_in_force"
    mend = "Show the text that is in force and ask again."


class TextNotShown(Refusal):
    """Nothing proves that the person was shown this text just now."""

    code = "text_not_shown"
    mend = "Show the text in full, then send its digest and the moment it was shown."


class PersonNotActive(Refusal):
    """This person's account is not active, so they can't give consent."""

    code = "giver_not_active"
    mend = "Nothing is asked of somebody whose account is suspended or closed. They can always withdraw."


class PurposeClosed(Refusal):
    """This purpose is not open: nobody is asked for it."""

    code = "purpose_closed"
    mend = "Leave it out. What stands can still be withdrawn."


class ConsentStands(Refusal):
    """A consent stands; it is withdrawn, not refused."""

    code = "consent_stands"
    mend = "Withdraw it instead, so that what was collected under it goes too."


class NotThisWay(Refusal):
    """By this way a person can only say no."""

    code = "not_this_way"
    mend = "Let the person give consent on their preference page or in the product."


@transaction.atomic
def give(
    *, person: Person, purpose: str, text: int, shown: bytes, shown_at: datetime, how: How, where: str = "", by, at: datetime
) -> ConsentEvent:  # fmt: skip
    """Write down that a person allows it: `text` is the number that they were shown, `shown` its digest. Twice is once."""
    if how in ONLY_NO:
        raise NotThisWay
    person = saying.lock_person(person)
    if person.standing != PersonStanding.ACTIVE:
        raise PersonNotActive
    standing = saying.lock_standing(person, purpose)
    read = _shown(purpose=purpose, text=text, shown=shown, shown_at=shown_at, at=at)
    if standing is not None and standing.stands:
        if standing.until is not None and standing.until <= at:
            end(standing, person=person, act=ConsentAct.EXPIRED, how=How.CLOCK, where="", by=by, at=at)
        elif standing.text_id == read.pk:
            return standing.event
    at = saying.not_before(standing, at)
    event = saying.say(
        ConsentAct.GIVEN, person=person, text=read, at=at, by=by, until=months_later(at, read.months) if read.months else None,
        how=how, where=where, shown_digest=shown, shown_at=min(shown_at, at),
    )  # fmt: skip
    saying.stand(event, standing)
    return event


@transaction.atomic
def refuse(
    *, person: Person, purpose: str, text: int, shown: bytes | None, shown_at: datetime | None, how: How, where: str = "", by, at: datetime
) -> ConsentEvent:  # fmt: skip
    """Write down that a person does not allow it. Only a signal of a browser refuses without having been shown anything."""
    person = saying.lock_person(person)
    standing = saying.lock_standing(person, purpose)
    if standing is not None and standing.stands:
        raise ConsentStands
    if standing is not None and standing.event.act == ConsentAct.REFUSED and _is_still_refused(standing.asked_again_from, at):
        return standing.event
    if how == How.SIGNAL and shown is None:
        read, shown_at = _in_force(purpose=purpose, text=text, at=at), None
    else:
        read = _shown(purpose=purpose, text=text, shown=shown, shown_at=shown_at, at=at)
    at = saying.not_before(standing, at)
    event = saying.say(
        ConsentAct.REFUSED, person=person, text=read, at=at, by=by, how=how, where=where, shown_digest=shown,
        shown_at=shown_at and min(shown_at, at),
    )  # fmt: skip
    asked_again_from = months_later(at, settings.CONSENT_ASK_AGAIN_MONTHS)
    saying.stand(event, standing, asked_again_from=asked_again_from)
    journal.owe("consent.refused", about=event.reference, body=_said(person, read, event, asked_again_from), at=at)
    doorbell.ring("journal.owed")
    return event


def _is_still_refused(asked_again_from: datetime | None, at: datetime) -> bool:
    return asked_again_from is not None and asked_again_from > at


def _said(person: Person, text: PurposeText, event: ConsentEvent, asked_again_from: datetime) -> dict:
    return {
        "person": person.reference, "purpose": text.purpose_id, "text": text.number, "how": event.how,
        "asked_again_from": asked_again_from,
    }  # fmt: skip


def _in_force(*, purpose: str, text: int, at: datetime) -> PurposeText:
    read = asking.text_in_force(purpose=purpose, at=at)
    if not read.purpose.is_open:
        raise PurposeClosed
    if read.number != text:
        raise TextNotInForce
    return read


def _shown(*, purpose: str, text: int, shown: bytes | None, shown_at: datetime | None, at: datetime) -> PurposeText:
    """The text in force, where it is the one that the person was shown."""
    read = _in_force(purpose=purpose, text=text, at=at)
    if shown is None or shown_at is None or bytes(read.digest) != bytes(shown):
        raise TextNotShown
    if not max(read.published_at, at - SHOWN_FOR) <= shown_at <= at + CLOCKS_DIFFER:
        raise TextNotShown
    return read
