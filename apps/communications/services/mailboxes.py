"""Rounds of reading a mailbox: one reader at a time, tried later and later while it fails, and a mail that ends its reader found out.

Whoever takes mail in (inquiries here, data requests on a higher floor) reads in such rounds and says what to do with one mail. The row of the
mailbox is known by its code; what is read lies where the settings say. A round must never keep the mails behind a bad one waiting.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from apps.communications.models import Mailbox
from apps.communications.receiving import mailbox
from apps.communications.receiving.mailbox import Box, Lying, MailboxTrouble
from apps.foundation.refusals import Refusal

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
#: minutes to wait after the first, second… failure in a row, the last for all that follow
BACK_OFF = (1, 5, 15, 60)
MOST_ATTEMPTS = 3
KILLS_ITS_READER = "ends_its_reader"

One = Callable[[Mailbox, Box, Lying, datetime], None]


def read(*, code: str, url: str, one: One, at: datetime) -> int:
    """Call `one` for each mail that waits in the mailbox at `url`; returns how many. Without a mailbox in the settings there is nothing to do."""
    if not url:
        return 0
    row = claim(code, at)
    if row is None:
        return 0
    try:
        taken = _round(row, url, one, at)
    except Refusal as trouble:  # of the mail server, or of our own house, such as a keystore that is out of reach
        _failed(row, trouble, at)
        return 0
    Mailbox.objects.filter(pk=row.pk).update(leased_until=None, read_at=at, failures=0, next_try_at=None, last_error="")
    return taken


@transaction.atomic
def claim(code: str, at: datetime) -> Mailbox | None:
    """The mailbox's row, leased; None while somebody else reads, or until the next try."""
    Mailbox.objects.get_or_create(code=code)
    row = Mailbox.objects.select_for_update().get(code=code)
    if (row.leased_until and row.leased_until > at) or (row.next_try_at and row.next_try_at > at):
        return None
    row.leased_until, row.tried_at = at + LEASE, at
    row.save(update_fields=["leased_until", "tried_at"])
    return row


@transaction.atomic
def begin(row: Mailbox, validity: int, uid: int) -> bool:
    """Count the attempt before the work; False where a mail has ended its readers often enough."""
    row = Mailbox.objects.select_for_update().get(pk=row.pk)
    name = f"{validity}/{uid}"
    row.at_attempts = row.at_attempts + 1 if row.at_mail == name else 1
    row.at_mail = name
    row.save(update_fields=["at_mail", "at_attempts"])
    return row.at_attempts <= MOST_ATTEMPTS


def _round(row: Mailbox, url: str, one: One, at: datetime) -> int:
    with mailbox.opened(mailbox.address(url)) as box:
        waiting = box.waiting()
        for lying in waiting:
            one(row, box, lying, at)
        box.forget_refused(before=at - timedelta(days=settings.INQUIRY_REFUSED_DAYS))
    return len(waiting)


@transaction.atomic
def _failed(row: Mailbox, trouble: Refusal, at: datetime) -> None:
    row = Mailbox.objects.select_for_update().get(pk=row.pk)
    row.failures += 1
    row.leased_until, row.last_error = None, trouble.code
    row.next_try_at = at + timedelta(minutes=BACK_OFF[min(row.failures, len(BACK_OFF)) - 1])
    if not isinstance(trouble, MailboxTrouble):
        row.at_attempts = 0  # no fault of the mail's
    row.save(update_fields=["failures", "leased_until", "last_error", "next_try_at", "at_attempts"])
    log.warning("mailbox_not_read", mailbox=row.code, error=trouble.code)
