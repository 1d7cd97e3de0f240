"""The one question: may this be used for that, for this person, now?

| who asks | what | under which lock |
|---|---|---|
| whatever is about to use something for one person | `may`, `require`: one prepared query by one index | none: an answer for now |
| whatever writes or sends under a consent | `lock`, in its own transaction | the standing, shared: a withdrawal waits for the caller, or came before |
| whatever writes to many | `audience` (or `audience_ids`, which reads no person), then `lock` for each when it is handed over | none |
| who has to prove a past time | `stood`: from the ledger alone | none: the ledger never changes |
| who would like to ask | `may_ask` | none |

It must never say yes for somebody who is not active, for a consent past its end, or because a sweep is late; and it keeps
nothing in a cache, so that a withdrawal counts from its commit on.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.models import Person
from apps.accounts.states import PersonStanding
from apps.audit.services.ledger import NotInTransaction
from apps.consents.models import ConsentEvent, ConsentPurpose, PurposeText, Standing
from apps.consents.states import ConsentAct
from apps.foundation import prepared
from apps.foundation.refusals import Refusal

MAY = (
    "SELECT 1 FROM accounts_person p JOIN consents_standing s ON s.person_id = p.id"
    " WHERE s.person_id = %s AND s.purpose_id = %s AND s.stands AND (s.until IS NULL OR s.until > %s::timestamptz) AND p.standing = 'active'"
)
#: the person first, as everywhere: their row is locked before what hangs on it
LOCK = MAY + " FOR KEY SHARE OF p FOR SHARE OF s"


class ConsentMissing(Refusal):
    """No consent of this person stands for that now."""

    code = "consent_missing"
    mend = "Ask the person on their preference page, where they may be asked; until they say yes, leave it."


class PurposeUnknown(Refusal):
    """There is no such purpose."""

    code = "purpose_unknown"
    mend = "Use a code of the list of purposes, e.g. calendar."


def may(*, person_id: int, purpose: str, at: datetime) -> bool:
    """Whether this may be used for that, for this person, now."""
    return _is_there(MAY, (person_id, purpose, at))


def require(*, person_id: int, purpose: str, at: datetime) -> None:
    """Refuse with ConsentMissing unless it may."""
    if not may(person_id=person_id, purpose=purpose, at=at):
        raise ConsentMissing(f"No consent to {purpose} stands for this person.")


def lock(*, person_id: int, purpose: str, at: datetime) -> None:
    """Require it, and keep it standing until the caller's transaction ends: a withdrawal comes before this or after that."""
    if not connection.in_atomic_block:
        raise NotInTransaction("the lock on a consent lasts as long as its transaction, so without one it would last no time")
    if not _is_there(LOCK, (person_id, purpose, at)):
        raise ConsentMissing(f"No consent to {purpose} stands for this person.")


def audience(*, purpose: str, at: datetime) -> QuerySet[Person]:
    """Everybody who allows it now, by one index, in the order of their ids."""
    lasting = Q(consents__until__isnull=True) | Q(consents__until__gt=at)
    return Person.objects.filter(
        lasting, consents__purpose_id=purpose, consents__stands=True, standing=PersonStanding.ACTIVE
    ).order_by("pk")


def audience_ids(*, purpose: str, at: datetime) -> QuerySet:
    """The same people by their ids alone, from what stands less the few who are not active: several times as fast for a hundred thousand."""
    inactive = Person.objects.filter(pk=OuterRef("person_id")).exclude(standing=PersonStanding.ACTIVE)
    standing = Standing.objects.standing(at).filter(~Exists(inactive), purpose_id=purpose)
    return standing.order_by("person_id").values_list("person_id", flat=True)


def stood(*, person_id: int, purpose: str, at: datetime) -> ConsentEvent | None:
    """The consent that stood at any past moment, as the ledger says; None where none did."""
    said = ConsentEvent.objects.of(person_id=person_id, purpose=purpose).last_until(at).first()
    if said is None or said.act != ConsentAct.GIVEN or (said.until is not None and said.until <= at):
        return None
    return said


def may_ask(*, person_id: int, purpose: str, at: datetime) -> bool:
    """Whether this person may be asked now: they are active, nothing stands, and no refusal is younger than its 12 months."""
    if not Person.objects.filter(pk=person_id, standing=PersonStanding.ACTIVE).exists():
        return False
    if not ConsentPurpose.objects.filter(pk=purpose, is_open=True).exists():
        return False
    standing = Standing.objects.filter(person_id=person_id, purpose_id=purpose).first()
    if standing is None:
        return True
    if standing.stands:
        return standing.until is not None and standing.until <= at
    return standing.asked_again_from is None or standing.asked_again_from <= at


def text_in_force(*, purpose: str, at: datetime) -> PurposeText:
    """What a person has to be shown now. Raises PurposeUnknown where nothing was ever published."""
    text = PurposeText.objects.in_force(at).filter(purpose_id=purpose).select_related("purpose").first()
    if text is None:
        raise PurposeUnknown
    return text


def _is_there(sql: str, values: Sequence) -> bool:
    with prepared.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone() is not None
