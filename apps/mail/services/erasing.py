"""What the outbox holds on a person: counted, handed over, and emptied when they are erased.

A mail is theirs by the address it goes to, whichever of theirs that was. What did not leave yet never leaves. The row stays as proof that a mail
was sent and how it ended, without address, subject and text, and under its own reference instead of the person's. It must never empty a mail to
somebody else, nor keep one to somebody else from leaving.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce, Lower

from apps.foundation.held import AT_A_TIME, MOST
from apps.foundation.personal_data import Collected, Ended, Subject
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox


def to_them(subject: Subject) -> QuerySet[OutgoingMail]:
    """Every mail to them that was not emptied yet. What we write to others about somebody names them by reference alone."""
    addresses = sorted({written for address in subject.emails for written in (address.lower(), address.casefold())})
    return OutgoingMail.objects.exclude(to_address="").alias(addressee=Lower("to_address")).filter(addressee__in=addresses).order_by("pk")


def about_them(subject: Subject) -> QuerySet[OutgoingMail]:
    """Rows that are about them by reference, emptied or not."""
    return OutgoingMail.objects.filter(about=subject.reference).order_by("pk")


def count(subject: Subject, at: datetime) -> int:
    return len({*to_them(subject).values_list("pk", flat=True), *about_them(subject).values_list("pk", flat=True)})


def collect(subject: Subject, at: datetime) -> Iterator[Collected]:
    rows = to_them(subject).values("reference", "to_address", "subject", "body", "state", "created_at", "sent_at")
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
    """Take back what waits for them, empty the rest, and take their reference out of both."""
    found = list(to_them(subject).select_for_update().values_list("pk", flat=True)[:MOST])
    outbox.take_back(mails=found, at=at)
    rows = OutgoingMail.objects.filter(pk__in=found)
    rows.update(to_address="", subject="", body="", unsubscribe_url="", in_reply_to="", emptied_at=Coalesce("emptied_at", Value(at)))
    named = list(about_them(subject).select_for_update().values_list("pk", flat=True)[:MOST])
    OutgoingMail.objects.filter(pk__in=named).update(about=F("reference"), once_key=F("reference"))
    return Ended(erased=len(found), anonymised=len(set(named) - set(found)), more=MOST in (len(found), len(named)))
