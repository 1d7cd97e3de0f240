"""What this floor holds on a person goes: what they wrote to us with its secrets, and that something was delivered to them.

How many deliveries of a circular ended how is worth knowing and is about nobody: the numbers stay, and the rows they were counted from go (P21).
It must never take an inquiry for theirs by a name, and never one that another person on file wrote.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from apps.communications import texts
from apps.communications.models import Delivery, Inquiry
from apps.communications.services.inquiries import ending
from apps.foundation import held
from apps.foundation.keys import KeyDestroyed, KeyMissing, SealBroken
from apps.foundation.personal_data import Collected, Ended, Subject

UNOPENABLE = (SealBroken, KeyMissing, KeyDestroyed)
UNREADABLE = "can't be opened any more"
INQUIRIES_A_CALL = 200

#: what waits never goes out any more, and what lies in the outbox is taken back with the mails
COUNT_AND_KEEP = """
WITH gone AS (
    SELECT d.circular_id, CASE WHEN m.state = 'sent' OR (d.state = 'handed' AND d.mail_id IS NULL) THEN 'sent'
        WHEN d.state = 'waiting' OR (d.state = 'handed' AND m.state = 'queued') THEN 'not_active'
        WHEN d.state = 'handed' AND m.state = 'parked' THEN 'failed' WHEN d.state = 'handed' THEN 'cancelled' ELSE d.state END AS outcome
    FROM communications_delivery d LEFT JOIN mail_outgoingmail m ON m.id = d.mail_id WHERE d.id = ANY(%s)
)
INSERT INTO communications_formerdeliveries (circular_id, outcome, count)
SELECT circular_id, outcome, count(*) FROM gone GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (circular_id, outcome) DO UPDATE SET count = communications_formerdeliveries.count + EXCLUDED.count
"""


def theirs(subject: Subject) -> Q:
    """Inquiries of a person: where they stand in it, or where nobody does and it came from an address of theirs."""
    digests = [texts.sender_digest(address) for address in subject.emails]
    return Q(person_id=subject.pk) | Q(person_id__isnull=True, sender_digest__in=digests)


def through_inquiries(subject: Subject) -> Q:
    """What belongs to an inquiry of theirs."""
    return Q(inquiry__in=Inquiry.objects.filter(theirs(subject)).order_by())


def count(subject: Subject, at: datetime) -> int:
    return _inquiries(subject).count()


def collect(subject: Subject, at: datetime) -> Iterator[Collected]:
    """Each message with its words, notes among us included: they are about the person."""
    yield Collected(title="What you asked us, and what we answered", rows=_said(subject))


def _inquiries(subject: Subject) -> QuerySet[Inquiry]:
    return Inquiry.objects.filter(theirs(subject)).order_by("pk")


def _said(subject: Subject) -> Iterator[dict[str, Any]]:
    for inquiry in _inquiries(subject).iterator(chunk_size=held.AT_A_TIME):
        address = _opened(lambda inquiry=inquiry: texts.open_sender(inquiry))
        for message in inquiry.messages.select_related("inquiry").order_by("number"):
            words = _opened(lambda message=message: texts.open_words(message))
            is_open = isinstance(words, texts.Words)
            yield {
                "Inquiry": inquiry.reference, "About": inquiry.get_topic_display(), "Your address": address, "Message": message.get_kind_display(),
                "At": message.at.isoformat(), "Subject": words.subject if is_open else words, "Text": words.text if is_open else words,
                "Names of attachments, which are not kept": list(words.attachments) if is_open else [],
            }  # fmt: skip


def _opened(read) -> Any:
    try:
        return read()
    except UNOPENABLE:
        return UNREADABLE


def erase(subject: Subject, at: datetime) -> Ended:
    """With the mail they came in by; the journal knows of each, so that a restored backup forgets it again."""
    found = list(_inquiries(subject).select_for_update(of=("self",), no_key=True)[:INQUIRIES_A_CALL])
    for inquiry in found:
        ending.erase(inquiry, at=at)
    return Ended(erased=len(found), secrets=tuple(texts.secret_of(one.reference) for one in found), more=len(found) == INQUIRIES_A_CALL)


def deliveries(subject: Subject) -> QuerySet[Delivery]:
    return Delivery.objects.filter(person_id=subject.pk).order_by("pk")


def count_deliveries(subject: Subject, at: datetime) -> int:
    return deliveries(subject).count()


def collect_deliveries(subject: Subject, at: datetime) -> Iterator[Collected]:
    """Which circular, by its subject; its words are the same for everybody and about nobody."""
    rows = deliveries(subject).select_related("circular", "mail")
    yield Collected(
        title="Announcements and notices for you",
        rows=(
            {
                "Announcement": row.circular.reference, "Subject": row.circular.subject, "Under the consent": row.purpose_id or "",
                "State": row.get_state_display(), "Handed over at": row.handed_at.isoformat() if row.handed_at else "",
            }
            for row in rows.iterator(chunk_size=held.AT_A_TIME)
        ),
    )  # fmt: skip


def erase_deliveries(subject: Subject, at: datetime) -> Ended:
    """The numbers stay without the person."""
    found = list(deliveries(subject).select_for_update(of=("self",)).values_list("pk", flat=True)[: held.MOST])
    if found:
        with connection.cursor() as cursor:
            cursor.execute(COUNT_AND_KEEP, [found])
    return Ended(anonymised=held.forget(found, model=Delivery), more=len(found) == held.MOST)
