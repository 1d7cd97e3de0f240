"""Whoever got something on a consent that ended hears that they have to erase it, is reminded every week, and a person confirms that they did.

| step | by | when |
|---|---|---|
| noticed: a row for each recipient, once per end of a consent | the sweep, rung by the withdrawal | at once; a lost ring costs minutes |
| told: a permit to contact, then a mail that names disclosures and the person by references only | the same sweep | right after |
| reminded, with the provider's owner | the same sweep | every week until it is confirmed |
| confirmed, with where the evidence lies | staff | within GATE_WITHDRAWAL_DAYS (11 CCR 7026(f): 15 business days) |

It must never tell one end twice (`once_key`), never miss one because a day of the sweep was missed, and never name what left in other
words than its reference. A consent that is given anew meanwhile takes nothing of it back: what was got before is to be erased all the same.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction

from apps.accounts import details
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.gate.models import WithdrawalNotice
from apps.gate.package import Recipient
from apps.gate.services import contacts, deciding, permits
from apps.gate.states import NOTICE_MOVES, ContactReason, NoticeState
from apps.mail.services import outbox
from apps.mail.services.rendering import AddressUnusable
from apps.providers.models import Provider
from apps.providers.services import telling
from apps.staff.models import StaffMember
from apps.staff.services import presence

CONFIRM = "gate.confirm_withdrawalnotice"
LONGEST_EVIDENCE = 300
A_STEP = 500
REMINDED_EVERY_DAYS = 7

log = structlog.get_logger(__name__)

#: ends of consents on which something left, that nobody noticed yet; what was let out and never left is not asked back
UNNOTICED = """
SELECT e.reference, e.purpose_id, e.at, p.reference, d.recipient, array_agg(d.reference ORDER BY d.id)
FROM consents_consentevent e
JOIN consents_consentpurpose purpose ON purpose.code = e.purpose_id AND purpose.kind = 'disclosure'
JOIN accounts_person p ON p.id = e.person_id
JOIN gate_disclosuresubject s ON s.person_reference = p.reference AND s.consent <> ''
JOIN gate_disclosure d ON d.id = s.disclosure_id AND d.ground = 'consent' AND d.consent = e.purpose_id
JOIN gate_permit permit ON permit.disclosure_id = d.id AND permit.spent_at IS NOT NULL
JOIN consents_consentevent given ON given.reference = s.consent AND given.id < e.id
WHERE e.act IN ('withdrawn', 'expired')
  AND NOT EXISTS (SELECT 1 FROM gate_withdrawalnotice n WHERE n.event = e.reference AND n.recipient = d.recipient)
  AND NOT EXISTS (SELECT 1 FROM consents_consentevent earlier WHERE earlier.person_id = e.person_id AND earlier.purpose_id = e.purpose_id
                  AND earlier.act IN ('withdrawn', 'expired') AND earlier.id > given.id AND earlier.id < e.id)
GROUP BY e.id, e.reference, e.purpose_id, e.at, p.reference, d.recipient ORDER BY e.id, d.recipient LIMIT %s
"""

class NoticeConfirmed(Refusal):
    """That the data was erased there is confirmed already."""

    code = "notice_confirmed"
    mend = "Reload the page."


def look_after(*, at: datetime) -> int:
    """Notice what ended, tell who got something on it, remind who has not confirmed; returns how many mails that made."""
    while notice(at=at) == A_STEP:
        pass
    mails = 0
    for row in WithdrawalNotice.objects.untold().order_by("pk"):
        mails += _tell(row, at)
    for row in WithdrawalNotice.objects.filter(state=NoticeState.TOLD).order_by("pk"):
        mails += _remind(row, at)
    return mails


@transaction.atomic
def notice(*, at: datetime) -> int:
    """Write a notice for each recipient of each consent that ended; returns how many. Two at once write each once."""
    with connection.cursor() as cursor:
        cursor.execute(UNNOTICED, [A_STEP])
        found = cursor.fetchall()
    due = at + timedelta(days=settings.GATE_WITHDRAWAL_DAYS)
    rows = [
        WithdrawalNotice(
            recipient=recipient, person_reference=person, consent=consent, event=event, ended_at=ended, disclosures=got, made_at=at, due_at=due
        )
        for event, consent, ended, person, recipient, got in found
    ]
    references = [row.reference for row in rows]
    WithdrawalNotice.objects.bulk_create(rows, ignore_conflicts=True)
    for row in WithdrawalNotice.objects.filter(reference__in=references).order_by("pk"):
        ledger.record("withdrawal_notice.made", by=SYSTEM, about=row.reference, at=at, facts=_facts(row))
    return len(found)


def _tell(row: WithdrawalNotice, at: datetime) -> int:
    """The permit is committed before the mail: who is contacted stands in the ledger of the gate, whatever dies in between."""
    recipient = Recipient.provider(row.recipient)
    provider = Provider.objects.select_related("owner").filter(reference=row.recipient).first()
    try:
        permit = contacts.open_contact(recipient=recipient, why=ContactReason.REMOVAL, by=SYSTEM, at=at)
        permits.spend(permit=permit, recipient=recipient, fields=frozenset(), digest=None, at=at)
    except (deciding.Refused, permits.PermitRefused) as no:  # recorded there; the check names the notice as not told
        log.warning("withdrawal_not_told", notice=row.reference, code=no.code)
        return 0
    with transaction.atomic():
        locked = _locked(row)
        if locked.state != NoticeState.DUE:
            return 0
        mails = _mail("gate/consent_withdrawn", locked, provider, [provider.contact_email], f"withdrawal-{locked.reference}", at)
        mails += _mail("gate/withdrawal_to_owner", locked, provider, _owners(provider), f"withdrawal-owner-{locked.reference}", at)
        require_move(NOTICE_MOVES, locked.state, NoticeState.TOLD)
        locked.state, locked.told_at, locked.permit = NoticeState.TOLD, at, permit.reference
        locked.save(update_fields=["state", "told_at", "permit"])
        ledger.record("withdrawal_notice.told", by=SYSTEM, about=locked.reference, at=at, facts=_facts(locked) | {"permit": permit.reference})
    return mails


def _remind(row: WithdrawalNotice, at: datetime) -> int:
    """One reminder a week, counted from when it was told; a missed day makes it late and never two."""
    week = (at - row.told_at).days // REMINDED_EVERY_DAYS
    if week < 1:
        return 0
    provider = Provider.objects.select_related("owner").get(reference=row.recipient)
    with transaction.atomic():
        locked = _locked(row)
        if locked.state != NoticeState.TOLD:
            return 0
        mails = _mail("gate/consent_withdrawn", locked, provider, [provider.contact_email], f"withdrawal-{locked.reference}-{week}", at)
        mails += _mail("gate/withdrawal_to_owner", locked, provider, _owners(provider), f"withdrawal-owner-{locked.reference}-{week}", at)
        if mails:
            ledger.record("withdrawal_notice.reminded", by=SYSTEM, about=locked.reference, at=at, facts={"week": week})
    return mails


def _owners(provider: Provider) -> Sequence[str]:
    return [member.email for member in telling.owners(provider)]


def _mail(template: str, row: WithdrawalNotice, provider: Provider, addresses: Sequence[str], once: str, at: datetime) -> int:
    """Queue it to each; an address that is no good any more keeps nobody else from hearing, and the owner hears anyhow."""
    context = {
        "notice": row.reference, "provider": provider.reference, "person": row.person_reference, "consent": row.consent,
        "ended_on": f"{row.ended_at:%Y-%m-%d}", "due_on": f"{row.due_at:%Y-%m-%d}", "is_late": at >= row.due_at,
        "is_again": row.told_at is not None, "disclosures": row.disclosures, "pk": row.pk,
    }  # fmt: skip
    queued = 0
    for number, address in enumerate(addresses):
        try:
            with transaction.atomic():
                mail = outbox.queue(template=template, to=address, context=context, about=row.reference, once_key=f"{once}-{number}", at=at)
        except AddressUnusable:
            ledger.record("withdrawal_notice.not_mailed", by=SYSTEM, about=row.reference, at=at, facts={"why": AddressUnusable.code})
            continue
        queued += mail is not None
    return queued


@transaction.atomic
def confirm(*, notice: WithdrawalNotice, evidence: str, by: StaffMember, at: datetime) -> WithdrawalNotice:
    """Record that the recipient erased what it got, with where its confirmation lies. Final; reminders stop."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, CONFIRM)
    row = _locked(notice)
    if row.state == NoticeState.CONFIRMED:
        raise NoticeConfirmed
    require_move(NOTICE_MOVES, row.state, NoticeState.CONFIRMED)
    row.state, row.confirmed_by, row.confirmed_at = NoticeState.CONFIRMED, str(member.actor), at
    row.evidence = details.line(evidence, field="evidence", longest=LONGEST_EVIDENCE)
    row.save(update_fields=["state", "confirmed_by", "confirmed_at", "evidence"])
    ledger.record("withdrawal_notice.confirmed", by=member, about=row.reference, at=at, facts=_facts(row) | {"late": at >= row.due_at})
    return row


def _locked(row: WithdrawalNotice) -> WithdrawalNotice:
    return WithdrawalNotice.objects.select_for_update().get(pk=row.pk)


def _facts(row: WithdrawalNotice) -> dict:
    return {"recipient": row.recipient, "consent": row.consent, "event": row.event, "disclosures": len(row.disclosures)}
