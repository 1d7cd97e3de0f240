"""Repeats what the journal says was withdrawn, after the database was restored from a backup. It never opens anything.

What the backup does not know lets nothing out, so there is nothing to withdraw. Permits need no line: they lapse within the hour.
"""

from datetime import datetime

from apps.audit.journal_file import Line
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.gate.models import CountryException
from apps.gate.services.exceptions import asked_for
from apps.gate.states import EXCEPTION_MOVES, ExceptionState
from apps.staff.services import approvals


def exception_withdrawn(line: Line, *, at: datetime) -> None:
    """The exception is withdrawn again, also one that the backup knows only as asked for."""
    exception = CountryException.objects.select_for_update().filter(reference=line.about).first()
    if exception is None or ExceptionState.WITHDRAWN not in EXCEPTION_MOVES[exception.state]:
        return
    approval = asked_for(exception)
    if approval is not None:
        approvals.void(approval=approval, at=at)
    exception.state, exception.withdrawn_by, exception.withdrawn_at = ExceptionState.WITHDRAWN, line.body["by"], line.at
    exception.save(update_fields=["state", "withdrawn_by", "withdrawn_at"])
    ledger.record("country_exception.withdrawn_again", by=SYSTEM, about=exception.reference, at=at, facts={"by": line.body["by"]})
