"""How P09 is proven of inquiries: by SQL on what is stored, what was closed and what holds keep.

It shares no code with the services: the life of an inquiry and what a hold keeps are written down here a second time.
"""

from datetime import datetime, timedelta

from django.conf import settings

from apps.foundation.promises import Check, Looked, Violation, fetch

MOST_FOUND = 1_000
#: the sweep is daily
GRACE = "interval '26 hours'"

#: whether a hold that counts at that moment keeps who wrote: one that names them, one on all of their organization, one on everybody
HELD = """
EXISTS (
    SELECT 1 FROM holds_hold h
    WHERE (h.state = 'active' OR h.kept_until > %s) AND h.conversation_id = ''
      AND (h.person_reference = p.reference
           OR (h.person_reference = '' AND (h.organization_id IS NULL OR h.organization_id = p.organization_id)))
)
"""


def none_is_older_than_its_life(at: datetime) -> Looked:
    """An inquiry past its end is erased within a day, unless a hold keeps it. One that nobody closes has no end, so its age is looked at."""
    months = settings.INQUIRY_KEEP_MONTHS
    ended = fetch(
        "SELECT i.reference FROM communications_inquiry i LEFT JOIN accounts_person p ON p.id = i.person_id"
        f" WHERE i.state IN ('closed', 'kept') AND i.ends_at + {GRACE} < %s AND NOT {HELD} ORDER BY i.id LIMIT %s",
        [at, at, MOST_FOUND],
    )  # fmt: skip
    forgotten = fetch(
        "SELECT reference FROM communications_inquiry WHERE state IN ('open', 'answered')"
        " AND greatest(opened_at, heard_at, answered_at) + make_interval(months => %s) < %s ORDER BY id LIMIT %s",
        [months, at, MOST_FOUND],
    )
    found = [Violation(reference, "It is past its life, no hold keeps it, and it is still here.") for (reference,) in ended]
    found += [Violation(reference, f"Nobody wrote for {months} months, and nobody closed it, so it has no end.") for (reference,) in forgotten]
    return Looked(_count(), tuple(found))


def none_is_closed_without_an_end(at: datetime) -> Looked:
    """What is closed says when it ends, and no later than the life after closing allows."""
    months = settings.INQUIRY_KEEP_MONTHS
    found = fetch(
        "SELECT reference, ends_at IS NULL OR closed_at IS NULL FROM communications_inquiry WHERE state IN ('closed', 'kept')"
        " AND (ends_at IS NULL OR closed_at IS NULL OR ends_at > closed_at + make_interval(months => %s) + interval '1 day')"
        " ORDER BY id LIMIT %s",
        [months, MOST_FOUND],
    )
    return Looked(_count(), tuple(
        Violation(reference, "It is closed, and nothing says when it ends." if endless else f"It ends later than {months} months after it was closed.")
        for reference, endless in found
    ))  # fmt: skip


def what_is_kept_is_kept_by_a_hold(at: datetime) -> Looked:
    """An inquiry that stands as kept for a hold has one; when the hold is over the daily sweep erases it."""
    found = fetch(
        "SELECT i.reference FROM communications_inquiry i LEFT JOIN accounts_person p ON p.id = i.person_id"
        f" WHERE i.state = 'kept' AND NOT {HELD} ORDER BY i.id LIMIT %s",
        [at - timedelta(hours=26), MOST_FOUND],
    )  # fmt: skip
    rows = fetch("SELECT count(*) FROM communications_inquiry WHERE state = 'kept'")[0][0]
    return Looked(rows, tuple(Violation(reference, "It is past its life, and no hold keeps it any more.") for (reference,) in found))


def every_mail_was_seen(at: datetime) -> Looked:
    """A mail that could not be read waits for somebody to look before it goes from the mailbox."""
    days = settings.INQUIRY_REFUSED_DAYS
    found = fetch(
        "SELECT id FROM communications_receivedmail WHERE outcome = 'refused' AND looked_at IS NULL"
        " AND received_at + make_interval(days => %s) - interval '7 days' < %s ORDER BY id LIMIT %s",
        [days, at, MOST_FOUND],
    )
    rows = fetch("SELECT count(*) FROM communications_receivedmail")[0][0]
    return Looked(rows, tuple(
        Violation(f"mail {number}", f"It could not be read, goes from the mailbox {days} days after it came, and nobody has looked.") for (number,) in found
    ))  # fmt: skip


def _count() -> int:
    return fetch("SELECT count(*) FROM communications_inquiry")[0][0]


CHECKS = (
    Check("P09", "inquiries_end", "No inquiry is older than its life", none_is_older_than_its_life),
    Check("P09", "closed_inquiries_have_an_end", "Every closed inquiry has its end", none_is_closed_without_an_end),
    Check("P09", "inquiries_kept_by_holds", "What is kept past its life is kept by a hold", what_is_kept_is_kept_by_a_hold),
    Check("P09", "refused_mail_is_looked_at", "Mail that could not be read was looked at", every_mail_was_seen),
)
