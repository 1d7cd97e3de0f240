"""An exception lets one recipient get data in one other country for a while: asked by one, approved by another, withdrawn at once by one.

| who depends on it | on what |
|---|---|
| every decision and every use of a permit | that what is not approved, not yet begun, over or withdrawn is not there to them |
| a restored backup | that a withdrawal stands in the journal, so that a replay withdraws again |
| the check of P19 | that recipient, country and times of an exception never change (migration 0002) |

It must never be longer than a year, never begin in the past, and never be decided by who asked. Staff rows are locked first, then the
exception; a decision that rests on an exception holds a share of its row, so that a withdrawal comes before it or after it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts import details
from apps.accounts.models import Organization, Person
from apps.accounts.places import COUNTRIES
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.clock import day_of
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.gate.models import CountryException
from apps.gate.package import Recipient
from apps.gate.services.rules import HOME
from apps.gate.states import EXCEPTION_MOVES, ExceptionState, RecipientKind
from apps.mail.services import outbox
from apps.providers.models import Provider
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence

ASK, APPROVE, WITHDRAW = "gate.add_countryexception", "gate.approve_countryexception", "gate.withdraw_countryexception"
LONGEST = timedelta(days=366)
LONGEST_REASON = 500
WARNED_DAYS = (30, 7, 1)

KNOWN_BY = {RecipientKind.PROVIDER: Provider, RecipientKind.CLIENT: Organization, RecipientKind.PERSON: Person}


class RecipientUnknown(Refusal):
    """There is nobody with that reference."""

    code = "recipient_unknown"
    mend = "Give the reference of a provider, an organization or a person."


class CountryNotForeign(Refusal):
    """No exception is needed for the United States, and none can be had for what is no country."""

    code = "country_not_foreign"
    mend = "Give the two capital letters of another country."


class TimeNotFit(Refusal):
    """An exception begins today or later, ends after it begins, and is in force for a year at most."""

    code = "time_not_fit"
    mend = "Correct its days; ask for a new one when it ends."


class ExceptionNotAsked(Refusal):
    """Nobody asks for this exception, or no longer."""

    code = "exception_not_asked"
    mend = "Reload the page. If it is needed, ask for a new one."


def digest_of(exception: CountryException) -> bytes:
    """What an approval is bound to."""
    return sha256(
        canonical([
            exception.reference, exception.recipient, exception.country, exception.starts_at.isoformat(), exception.ends_at.isoformat(),
            exception.reason, exception.asked_by,
        ])
    )  # fmt: skip


def asked_for(exception: CountryException) -> Approval | None:
    """The open request for this exception, if there is one."""
    return Approval.objects.waiting().filter(act=APPROVE, subject=exception.reference).select_related("asked_by").first()


@transaction.atomic
def ask(
    *, recipient: Recipient, country: str, starts_at: datetime, ends_at: datetime, reason: str, by: StaffMember, at: datetime
) -> CountryException:
    """Ask for an exception. Nothing leaves by it before somebody else has approved it."""
    asker = presence.lock(by)[by.pk]
    presence.require_right(asker, ASK)
    _require_known(recipient)
    if country not in COUNTRIES or country == HOME:
        raise CountryNotForeign
    if day_of(starts_at) < day_of(at) or not starts_at < ends_at or ends_at - starts_at > LONGEST or ends_at <= at:
        raise TimeNotFit
    exception = CountryException(
        recipient_kind=recipient.kind, recipient=recipient.reference, country=country, starts_at=starts_at, ends_at=ends_at,
        reason=details.line(reason, field="reason", longest=LONGEST_REASON), asked_by=str(asker.actor), asked_at=at,
    )  # fmt: skip
    standing = CountryException.objects.waiting().filter(recipient=recipient.reference, country=country).first()
    if standing is not None:
        same = ("starts_at", "ends_at", "reason", "asked_by")
        if all(getattr(standing, name) == getattr(exception, name) for name in same):
            return standing
        raise approvals.AlreadyAsked(f"{standing} is asked for the same recipient and country, and not decided yet.")
    exception.save(force_insert=True)
    approvals.ask(act=APPROVE, subject=exception.reference, digest=digest_of(exception), by=asker, at=at)
    ledger.record("country_exception.asked", by=asker, about=exception.reference, at=at, facts=facts(exception))
    return exception


@transaction.atomic
def approve(*, exception: CountryException, by: StaffMember, at: datetime) -> CountryException:
    """Approve an exception that somebody else asked for; from its beginning on, data may go there."""
    return _decide(exception, ExceptionState.APPROVED, by=by, at=at)


@transaction.atomic
def reject(*, exception: CountryException, by: StaffMember, at: datetime) -> CountryException:
    """Reject an exception that somebody else asked for."""
    return _decide(exception, ExceptionState.REJECTED, by=by, at=at)


def _decide(exception: CountryException, verdict: ExceptionState, *, by: StaffMember, at: datetime) -> CountryException:
    approval = asked_for(exception)
    if approval is None:
        raise ExceptionNotAsked(f"Nobody asks for {exception}.")
    decider = presence.lock(by, approval.asked_by)[by.pk]
    row = _locked(exception)
    require_move(EXCEPTION_MOVES, row.state, verdict)
    if verdict == ExceptionState.APPROVED and row.ends_at <= at:
        raise TimeNotFit(f"The time of {row} is over.")
    decided = approvals.approve if verdict == ExceptionState.APPROVED else approvals.reject
    decided(approval=approval, digest=digest_of(row), by=decider, at=at)
    row.state, row.decided_by, row.decided_at = verdict, str(decider.actor), at
    row.save(update_fields=["state", "decided_by", "decided_at"])
    ledger.record(f"country_exception.{verdict.value}", by=decider, about=row.reference, at=at, facts=facts(row) | {"asked_by": row.asked_by})
    return row


@transaction.atomic
def withdraw(*, exception: CountryException, by: StaffMember, at: datetime) -> CountryException:
    """End an exception at once: nothing is let out by it any more, and what was let out and not yet sent does not leave."""
    withdrawer = presence.lock(by)[by.pk]
    presence.require_right(withdrawer, WITHDRAW)
    row = _locked(exception)
    require_move(EXCEPTION_MOVES, row.state, ExceptionState.WITHDRAWN)
    approval = asked_for(row)
    if approval is not None:
        approvals.void(approval=approval, at=at)
    row.state, row.withdrawn_by, row.withdrawn_at = ExceptionState.WITHDRAWN, str(withdrawer.actor), at
    row.save(update_fields=["state", "withdrawn_by", "withdrawn_at"])
    ledger.record("country_exception.withdrawn", by=withdrawer, about=row.reference, at=at, facts=facts(row))
    journal.owe("country_exception.withdrawn", about=row.reference, at=at, body={"by": row.withdrawn_by})
    doorbell.ring("journal.owed")
    return row


def warn_of_lapses(*, at: datetime) -> int:
    """Write to who asked and who approved 30, 7 and 1 days before an exception lapses, each once; returns how many mails."""
    sent = 0
    ending = CountryException.objects.in_force(at).filter(ends_at__lte=at + timedelta(days=WARNED_DAYS[0])).order_by("ends_at", "id")
    for exception in ending:
        days = min(days for days in WARNED_DAYS if exception.ends_at <= at + timedelta(days=days))
        for member in told(exception):
            sent += _warn(exception, member, days, at)
    return sent


def told(exception: CountryException) -> Sequence[StaffMember]:
    """Who asked and who approved, as far as they are still here; else everybody who may ask for the next one."""
    actors = {exception.asked_by.removeprefix("staff:"), exception.decided_by.removeprefix("staff:")}
    active = list(StaffMember.objects.active().order_by("pk"))
    return [member for member in active if member.reference in actors] or [member for member in active if member.has_perm(ASK)]


@transaction.atomic
def _warn(exception: CountryException, member: StaffMember, days: int, at: datetime) -> int:
    mail = outbox.queue(
        template="gate/exception_lapses", to=member.email, about=exception.reference,
        context={
            "exception": exception.reference, "recipient": exception.recipient, "country": exception.country,
            "ends_on": f"{exception.ends_at:%Y-%m-%d %H:%M} UTC", "left": "a day at most" if days == 1 else f"{days} days at most",
        },
        once_key=f"country-exception-{exception.reference}-{days}-{member.pk}", at=at,
    )  # fmt: skip
    return int(mail is not None)


def what_it_allows(exception: CountryException) -> str:
    """What an exception lets out, in words."""
    return f"{exception.recipient} may get data in {exception.country} from {exception.starts_at:%Y-%m-%d} until {exception.ends_at:%Y-%m-%d} (UTC)."


def facts(exception: CountryException) -> dict:
    return {
        "recipient": exception.recipient, "country": exception.country, "starts_at": exception.starts_at.isoformat(),
        "ends_at": exception.ends_at.isoformat(),
    }  # fmt: skip


def _require_known(recipient: Recipient) -> None:
    if not recipient.is_sound or not KNOWN_BY[RecipientKind(recipient.kind)].objects.filter(reference=recipient.reference).exists():
        raise RecipientUnknown


def _locked(exception: CountryException) -> CountryException:
    return CountryException.objects.select_for_update().get(pk=exception.pk)
