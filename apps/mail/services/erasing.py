"""What the outbox holds on a person: counted, handed over, and emptied when they are erased.

A mail is theirs by the address it goes to, or by any that they ever had. What did not leave yet never leaves. The row
stays as proof that a mail was sent and how it ended, without address, subject and text. It must never empty a mail to somebody else.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce, Lower

from apps.foundation.held import AT_A_TIME, MOST
from apps.foundation.personal_data import Collected, Ended, Subject
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox


def theirs(subject: Subject) -> QuerySet[OutgoingMail]:
    """Every mail to them that was not emptied yet. What we write to others about somebody names them by reference alone."""
    addresses = sorted({written for address in subject.emails for written in (address.lower(), address.casefold())})
    return OutgoingMail.objects.exclude(to_address="").alias(addressee=Lower("to_address")).filter(addressee__in=addresses).order_by("pk")


def count(subject: Subject, at: datetime) -> int:
    return theirs(subject).count()


def collect(subject: Subject, at: datetime) -> Iterator[Collected]:
    rows = theirs(subject).values("reference", "to_address", "subject", "body", "state", "created_at", "sent_at")
    yield Collected(
        title="Mail that we wrote to you lately",
        rows=(
            {
                "Reference": row["reference"], "To": row["to_address"], "Subject": row["subject"], "Text": row["body"], "State": row["state"],
                "Written at": row["created_at"].isoformat(), "Sent at": row["sent_at"].isoformat() if row["sent_at"] else "",
            }
            for row in rows.iterator(chunk_size=AT_A_TIME)
        ),
    )  # fmt: skip


def erase(subject: Subject, at: datetime) -> Ended:
    """Take back what waits, empty the rest."""
    found = list(theirs(subject).select_for_update().values_list("pk", flat=True)[:MOST])
    outbox.take_back(mails=found, at=at)
    rows = OutgoingMail.objects.filter(pk__in=found)
    rows.update(to_address="", subject="", body="", unsubscribe_url="", in_reply_to="", emptied_at=Coalesce("emptied_at", Value(at)))
    return Ended(erased=len(found), more=len(found) == MOST)
