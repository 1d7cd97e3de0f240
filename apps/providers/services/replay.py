"""Repeats what the journal says was closed, after the database was restored from a backup. It never opens anything.

Each function is the handler of one kind of line and runs in the transaction of its line. What the backup does not know can get no
data, so there is nothing to close; what was opened again after the line, on a second person's word, stays open.
"""

from datetime import date, datetime

from apps.audit.journal_file import Line
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.providers.models import Agreement, Grant, Provider
from apps.providers.services import locking
from apps.providers.states import COUNTS, AgreementState, GrantState, ProviderState

REPEATED = "repeated from the journal"


def provider_suspended(line: Line, *, at: datetime) -> None:
    """The provider is suspended again, unless it was activated later than that."""
    provider = Provider.objects.select_for_update(no_key=True, of=("self",)).filter(reference=line.about, state=ProviderState.ACTIVE).first()
    if provider is None or provider.activated_at > line.at:
        return
    provider.state, provider.suspended_by, provider.suspended_at = ProviderState.SUSPENDED, line.body["by"], line.at
    provider.suspension_reason = REPEATED
    locking.save(provider, ["state", "suspended_by", "suspended_at", "suspension_reason"], by=SYSTEM, at=at, reason=REPEATED)
    ledger.record("provider.suspended_again", by=SYSTEM, about=provider.reference, at=at, facts={"by": line.body["by"]})


def provider_ended(line: Line, *, at: datetime) -> None:
    """The provider is ended again, and its grants withdrawn."""
    provider = Provider.objects.select_for_update(no_key=True, of=("self",)).filter(reference=line.about).first()
    if provider is None or provider.state == ProviderState.ENDED:
        return
    provider.state, provider.ended_by, provider.ended_at, provider.data_end = ProviderState.ENDED, line.body["by"], line.at, line.body["data"]
    provider.data_due_on = date.fromisoformat(line.body["due_on"]) if line.body["due_on"] else None
    locking.save(provider, ["state", "ended_by", "ended_at", "data_end", "data_due_on"], by=SYSTEM, at=at, reason=REPEATED)
    for grant in provider.grants.active().order_by("pk"):
        _withdraw(grant, line, at)
    ledger.record("provider.ended_again", by=SYSTEM, about=provider.reference, at=at, facts={"by": line.body["by"]})


def agreement_ended(line: Line, *, at: datetime) -> None:
    """The agreement is ended again."""
    agreement = Agreement.objects.filter(reference=line.about, state__in=COUNTS).first()
    if agreement is None:
        return
    agreement = locking.belonging(agreement)
    agreement.state, agreement.ended_by, agreement.ended_at = AgreementState.ENDED, line.body["by"], line.at
    locking.save(agreement, ["state", "ended_by", "ended_at"], by=SYSTEM, at=at, reason=REPEATED)
    ledger.record("agreement.ended_again", by=SYSTEM, about=agreement.reference, at=at, facts={"by": line.body["by"]})


def grant_withdrawn(line: Line, *, at: datetime) -> None:
    """The grant is withdrawn again."""
    grant = Grant.objects.filter(reference=line.about).first()
    if grant is None:
        return
    grant = locking.belonging(grant)
    if grant.state == GrantState.ACTIVE:
        _withdraw(grant, line, at)
        ledger.record("grant.withdrawn_again", by=SYSTEM, about=grant.reference, at=at, facts={"by": line.body["by"]})


def _withdraw(grant: Grant, line: Line, at: datetime) -> None:
    grant.state, grant.withdrawn_by, grant.withdrawn_at = GrantState.WITHDRAWN, line.body["by"], line.at
    locking.save(grant, ["state", "withdrawn_by", "withdrawn_at"], by=SYSTEM, at=at, reason=REPEATED)
