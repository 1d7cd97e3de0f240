"""How far a circular has come, and how it ended: counts only."""

from dataclasses import dataclass

from django.db import connection

from apps.communications.models import Circular

#: what the mail server took counts as sent, whatever happened to its delivery meanwhile
COUNTED = (
    "SELECT CASE WHEN d.state = 'waiting' THEN 'waiting' WHEN m.state = 'sent' OR (d.state = 'handed' AND d.mail_id IS NULL) THEN 'sent'"
    " WHEN d.state = 'handed' AND m.state = 'queued' THEN 'in_outbox' WHEN d.state = 'handed' AND m.state = 'parked' THEN 'failed'"
    " WHEN d.state = 'handed' THEN 'cancelled' ELSE d.state END AS outcome, count(*)"
    " FROM communications_delivery d LEFT JOIN mail_outgoingmail m ON m.id = d.mail_id WHERE d.circular_id = %s GROUP BY 1"
)
#: with those of people who were erased since
ALL_COUNTED = (
    f"SELECT outcome, sum(count)::bigint FROM ({COUNTED} UNION ALL"
    " SELECT outcome, count FROM communications_formerdeliveries WHERE circular_id = %s) AS all_of_it GROUP BY 1"
)


@dataclass(frozen=True)
class Report:
    """How many deliveries stand how."""

    waiting: int = 0
    in_outbox: int = 0
    sent: int = 0
    failed: int = 0
    withdrawn: int = 0
    not_active: int = 0
    no_address: int = 0
    cancelled: int = 0

    @property
    def people(self) -> int:
        return self.still_to_go + self.ended

    @property
    def still_to_go(self) -> int:
        return self.waiting + self.in_outbox

    @property
    def ended(self) -> int:
        return self.sent + self.failed + self.withdrawn + self.not_active + self.no_address + self.cancelled

    @property
    def lines(self) -> list[tuple[str, str, int]]:
        """Code, words and count of what there is, in the order of the bar."""
        words = {
            "sent": "sent", "in_outbox": "in the outbox", "waiting": "wait their turn", "withdrawn": "withdrew permission meanwhile",
            "not_active": "account not active", "no_address": "no usable address", "failed": "failed five times", "cancelled": "cancelled",
        }  # fmt: skip
        return [(code, label, getattr(self, code)) for code, label in words.items() if getattr(self, code)]


def report(circular: Circular) -> Report:
    with connection.cursor() as cursor:
        cursor.execute(ALL_COUNTED, [circular.pk, circular.pk])
        return Report(**dict(cursor.fetchall()))
