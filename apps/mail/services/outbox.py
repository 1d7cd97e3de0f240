"""Mail is queued with the act that causes it and sent after its commit, at least once and almost always exactly once.

A worker that is killed between the server's yes and its own commit sends that one mail again; nothing else doubles: the
`once_key` keeps an act that is repeated from queueing twice, the claim keeps two workers from sending the same row. Every
sending of a mail has the same Message-ID, by which mailboxes know a double.

It must never keep an error's text (servers quote addresses), never let a value break out of its header, and never keep
address and words longer than needed: some days after it was sent, or given up, a mail is emptied.
"""

import smtplib
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.message import BadHeaderError
from django.db import transaction
from django.db.models import Q

from apps.foundation import doorbell
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.mail.models import OutgoingMail
from apps.mail.services import rendering
from apps.mail.states import MOVES, State

MOST_ATTEMPTS = 5
#: longer than a run and the last mail it took up, even if the server gives each answer just before EMAIL_TIMEOUT
LEASE = timedelta(minutes=10)
#: minutes to wait after the first, second… failed attempt
BACK_OFF = (1, 5, 30, 120)
MAILS_A_RUN = 100
#: then a run takes up no further mail: its leases count from its beginning, and a slow server must not hold a worker
SECONDS_A_RUN = 60


class NotParked(Refusal):
    """That mail is not parked."""

    code = "not_parked"
    mend = "Reload the page: somebody may have taken it up already."


class NothingToSend(Refusal):
    """That mail was emptied; its address and words are gone."""

    code = "nothing_to_send"
    mend = "Open what the mail was about and tell its contact in another way."


@dataclass(frozen=True)
class Copy:
    """One of many mails with the same words; only where it goes, and where its reader unsubscribes, is its own."""

    to: str
    once_key: str
    unsubscribe_url: str = ""


@transaction.atomic
def queue(
    *, template: str, to: str, context: dict, about: str, once_key: str, at: datetime, in_reply_to: str = ""
) -> OutgoingMail | None:
    """Queue `templates/mail/<template>.txt` for `to`, in the caller's transaction; None where `once_key` was queued before.

    `in_reply_to` is the Message-ID of the mail that it answers; one that would not stay in its header is left out.
    """
    subject, body = rendering.render(template, context)
    row, is_new = OutgoingMail.objects.get_or_create(
        once_key=once_key,
        defaults={
            "to_address": rendering.address(to), "subject": subject, "body": body, "template": template, "about": about,
            "created_at": at, "next_try_at": at, "in_reply_to": in_reply_to if rendering.is_message_id(in_reply_to) else "",
        },
    )  # fmt: skip
    if not is_new:
        return None
    doorbell.ring("mail.queued")
    return row


#: stands in the rendered words for the address of each copy
_ITS_ADDRESS = "\ue000unsubscribe\ue000"


@transaction.atomic
def queue_copies(*, template: str, context: dict, copies: Sequence[Copy], about: str, at: datetime) -> dict[str, int | None]:
    """Queue the same words to many, rendered once: once_key → the mail's id, None where the address is not usable.

    Whoever calls it has made sure that none of them was queued before: a `once_key` that is there already is an error. The words have
    `unsubscribe_url`, each copy its own; mail programs find it in the headers (RFC 8058). These mails wait for those that go to one person.
    """
    subject, words = rendering.render(template, context | {"unsubscribe_url": _ITS_ADDRESS})
    queued: dict[str, int | None] = {}
    rows = []
    for copy in copies:
        queued[copy.once_key] = None
        try:
            to = rendering.address(copy.to)
        except rendering.AddressUnusable:
            continue
        url = rendering.unsubscribe_address(copy.unsubscribe_url) if copy.unsubscribe_url else ""
        rows.append(
            OutgoingMail(
                to_address=to, subject=subject, body=words.replace(_ITS_ADDRESS, url), unsubscribe_url=url, is_bulk=True, template=template,
                about=about, once_key=copy.once_key, created_at=at, next_try_at=at,
            )  # fmt: skip
        )
    if rows:
        queued |= {row.once_key: row.pk for row in OutgoingMail.objects.bulk_create(rows)}
        doorbell.ring("mail.queued")
    return queued


@transaction.atomic
def take_back(*, mails: Iterable[int], at: datetime, untried_only: bool = False) -> set[int]:
    """Keep what did not leave from leaving, and empty it; returns the ids of these. What was tried may have left, with its answer lost.

    One that a worker is sending at this moment is taken back too, so that it is never tried again; if the server takes it now, it says so.
    """
    unsent = OutgoingMail.objects.filter(pk__in=list(mails), state__in=(State.QUEUED, State.PARKED))
    if untried_only:
        unsent = unsent.filter(state=State.QUEUED, attempts=0)
    ids = list(unsent.order_by("pk").select_for_update().values_list("pk", flat=True))
    OutgoingMail.objects.filter(pk__in=ids).update(
        state=State.TAKEN_BACK, to_address="", subject="", body="", unsubscribe_url="", in_reply_to="", emptied_at=at, leased_until=None
    )
    return set(ids)


def send_due(*, at: datetime) -> int:
    """Send what is due; returns how many the server took. Failures wait and are tried again, the fifth is parked.

    A run that ends before all of it has left rings for the next one: a hundred thousand mails must not wait a minute for each hundred.
    """
    sent, began = 0, time.monotonic()
    for _turn in range(MAILS_A_RUN):
        mail = _claim(at)
        if mail is None:
            return sent
        sent += _send(mail, at)
        if time.monotonic() - began > SECONDS_A_RUN:
            break
    if OutgoingMail.objects.due(at).exists():
        doorbell.ring("mail.queued")
    return sent


@transaction.atomic
def _claim(at: datetime) -> OutgoingMail | None:
    """Take the mail that is due longest; the attempt counts before the work, so that a mail that kills workers is found out."""
    waiting = OutgoingMail.objects.due(at).select_for_update(skip_locked=True)
    while (mail := waiting.first()) is not None and mail.attempts >= MOST_ATTEMPTS:
        _park(mail, "the worker ended before the server's answer")
        mail.save(update_fields=["state", "last_error", "leased_until"])
    if mail is None:
        return None
    mail.attempts += 1
    mail.leased_until = at + LEASE
    mail.save(update_fields=["attempts", "leased_until"])
    return mail


def _send(mail: OutgoingMail, at: datetime) -> int:
    try:
        EmailMessage(
            subject=mail.subject,
            body=mail.body,
            from_email=settings.DEFAULT_FROM_EMAIL,
            to=[mail.to_address],
            headers=_headers(mail),
            connection=get_connection(timeout=settings.EMAIL_TIMEOUT),
        ).send()
    except (OSError, smtplib.SMTPException, BadHeaderError, ValueError) as error:
        _failed(mail, _kind(error), at)
        return 0
    with transaction.atomic():
        row = OutgoingMail.objects.select_for_update().get(pk=mail.pk)
        if State.SENT in MOVES[row.state]:
            row.state, row.sent_at, row.leased_until, row.last_error = State.SENT, at, None, ""
            row.save(update_fields=["state", "sent_at", "leased_until", "last_error"])
    return 1


def _headers(mail: OutgoingMail) -> dict[str, str]:
    """The headers that are not of every mail program's making."""
    headers = {
        "Message-ID": f"<{mail.reference}@{parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834 §5
        "X-Auto-Response-Suppress": "All",
    }
    if rendering.is_message_id(mail.in_reply_to):  # RFC 5322 §3.6.4: mail programs show both as one conversation
        headers |= {"In-Reply-To": mail.in_reply_to, "References": mail.in_reply_to}
    if mail.is_bulk:
        headers["Precedence"] = "bulk"
    if mail.unsubscribe_url:  # RFC 2369 §3.2 and RFC 8058 §3.1: the button of the mail program, by one POST without a page
        url = rendering.unsubscribe_address(mail.unsubscribe_url)
        headers |= {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return headers


def _kind(error: Exception) -> str:
    """The kind of an error, with the server's code where it gave one; never its text."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):  # there is one recipient, and so one answer
        return " ".join([type(error).__name__, *(str(code) for code, _text in error.recipients.values())])
    if isinstance(error, socket.gaierror):
        return "the mail server's name is not known"
    return type(error).__name__


@transaction.atomic
def _failed(mail: OutgoingMail, kind: str, at: datetime) -> None:
    row = OutgoingMail.objects.select_for_update().get(pk=mail.pk)
    if row.state != State.QUEUED or row.leased_until != mail.leased_until:
        return  # it was so slow that somebody else took the mail up, whose outcome counts
    if row.attempts >= MOST_ATTEMPTS:
        _park(row, kind)
    else:
        row.last_error, row.leased_until = kind[:80], None
        row.next_try_at = at + timedelta(minutes=BACK_OFF[row.attempts - 1])
    row.save(update_fields=["last_error", "leased_until", "state", "next_try_at"])


def _park(row: OutgoingMail, kind: str) -> None:
    require_move(MOVES, row.state, State.PARKED)
    row.state, row.last_error, row.leased_until = State.PARKED, kind[:80], None


@transaction.atomic
def retry(*, mail: OutgoingMail, at: datetime) -> OutgoingMail:
    """Take a parked mail up again, after a person looked at why it failed."""
    row = OutgoingMail.objects.select_for_update().get(pk=mail.pk)
    if row.state != State.PARKED:
        raise NotParked
    if row.emptied_at is not None:
        raise NothingToSend
    require_move(MOVES, row.state, State.QUEUED)
    row.state, row.attempts, row.next_try_at = State.QUEUED, 0, at
    row.save(update_fields=["state", "attempts", "next_try_at"])
    doorbell.ring("mail.queued")
    return row


def empty_ended(*, at: datetime) -> int:
    """Empty address and words of mails sent, or given up, long enough ago; the row stays as proof of how it ended."""
    before = at - timedelta(days=settings.MAIL_EMPTIED_AFTER_DAYS)
    sent = Q(state=State.SENT, sent_at__lt=before)
    given_up = Q(state=State.PARKED, next_try_at__lt=before)  # the time of its last try
    due = OutgoingMail.objects.filter(sent | given_up, emptied_at=None)
    return due.update(to_address="", subject="", body="", unsubscribe_url="", in_reply_to="", emptied_at=at)
