"""What left is forgotten once its years are over (GATE_LEDGER_KEEP_DAYS), in small steps; while any hold is in force nothing of it is.

The database counts six years by its own clock and refuses any earlier removal, whatever this is told (migration 0002).
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.gate.models import RememberedDecision
from apps.holds.services import asking

A_STEP = 5_000
STEPS = 20
REMEMBERED = timedelta(days=3)

OLD = "SELECT id FROM gate_disclosure WHERE at < %s ORDER BY at LIMIT %s"
OF_DISCLOSURES = (
    "DELETE FROM gate_remembereddecision WHERE permit_id IN (SELECT id FROM gate_permit WHERE disclosure_id = ANY(%s))",
    "DELETE FROM gate_crossing WHERE permit_id IN (SELECT id FROM gate_permit WHERE disclosure_id = ANY(%s))",
    "DELETE FROM gate_permit WHERE disclosure_id = ANY(%s)",
    "DELETE FROM gate_disclosuresubject WHERE disclosure_id = ANY(%s)",
    "DELETE FROM gate_disclosure WHERE id = ANY(%s)",
)
OLD_CONTACTS = "SELECT id FROM gate_permit WHERE kind = 'contact' AND given_at < %s ORDER BY given_at LIMIT %s"
OF_CONTACTS = ("DELETE FROM gate_crossing WHERE permit_id = ANY(%s)", "DELETE FROM gate_permit WHERE id = ANY(%s)")
OLD_REFUSALS = "SELECT id FROM gate_gaterefusal WHERE at < %s ORDER BY at LIMIT %s"
OF_REFUSALS = ("DELETE FROM gate_gaterefusal WHERE id = ANY(%s)",)
OLD_EXCEPTIONS = "SELECT id FROM gate_countryexception WHERE ends_at < %s ORDER BY ends_at LIMIT %s"
OF_EXCEPTIONS = ("DELETE FROM gate_countryexception WHERE id = ANY(%s)",)
OLD_NOTICES = "SELECT id FROM gate_withdrawalnotice WHERE state = 'confirmed' AND made_at < %s ORDER BY made_at LIMIT %s"
OF_NOTICES = ("DELETE FROM gate_withdrawalnotice WHERE id = ANY(%s)",)

#: what it is called, how the old are found, how they go
KINDS = (
    ("disclosures", OLD, OF_DISCLOSURES), ("contacts", OLD_CONTACTS, OF_CONTACTS), ("refusals", OLD_REFUSALS, OF_REFUSALS),
    ("exceptions", OLD_EXCEPTIONS, OF_EXCEPTIONS), ("notices", OLD_NOTICES, OF_NOTICES),
)  # fmt: skip


def end_old(*, at: datetime) -> dict[str, int]:
    """Remove what is older than it has to be kept; returns how many of each kind. The rest waits for the next time."""
    before = at - timedelta(days=settings.GATE_LEDGER_KEEP_DAYS)
    gone = {}
    for name, old, of_them in KINDS:
        for _step in range(STEPS):
            count = _end(name, old, of_them, before=before, at=at)
            gone[name] = gone.get(name, 0) + count
            if count < A_STEP:
                break
    RememberedDecision.objects.filter(made_at__lt=at - REMEMBERED).delete()
    return gone


@transaction.atomic
def _end(name: str, old: str, of_them: tuple[str, ...], *, before: datetime, at: datetime) -> int:
    asking.keep_new_holds_out()
    if asking.in_force(at).exists():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(old, [before, A_STEP])
        keys = [key for (key,) in cursor.fetchall()]
        if keys:
            for sql in of_them:
                cursor.execute(sql, [keys])
            facts = {"kind": name, "rows": len(keys), "before": before.isoformat()}
            ledger.record("gate.old_ended", by=SYSTEM, about="gate", at=at, facts=facts)
    return len(keys)
