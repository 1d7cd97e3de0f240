"""Issues the certificate of one cohort's destruction, signed, and tells the organization's contact that it exists.

It must state only what was looked at: the key's absence and the empty leaf are checked here, not assumed.
"""

from datetime import datetime

from django.db.models import Max, Min

from apps.audit.models import Installation, JournalEntry
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import KeyDestroyed, KeyMissing, keystore
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox
from apps.mail.services.rendering import AddressUnusable
from apps.retention import envelope
from apps.retention.certificates import document
from apps.retention.models import (
    AsideMessage,
    BatchShare,
    Certificate,
    Cohort,
    Destruction,
    EarlyDeletion,
    Message,
    certificate_number,
)
from apps.retention.services import whereabouts
from apps.retention.services.accounts import require_balance
from apps.retention.states import DestructionScope

#: printed on certificates; the same as in pyproject.toml (a test compares)
TOOL_VERSION = "0.1.0"


class NotDestroyed(Refusal):
    """The key or the rows are still there, so no certificate is issued."""

    code = "not_destroyed"
    mend = "Look at the destruction's last error; it goes on by itself when the cause is mended."


def issue(*, cohort: Cohort, work: Destruction, messages: int, at: datetime) -> Certificate:
    """Make, sign and store the certificate of `messages` of a cohort, in the transaction that destroyed the rows."""
    store = keystore()
    key_absent = store.was_destroyed(work.secret)
    rows_left = _rows_left(cohort, work)
    account = require_balance(cohort)
    if not key_absent or rows_left:
        raise NotDestroyed(f"{cohort.reference}: key {'gone' if key_absent else 'still there'}, {rows_left} rows left.")
    intent = JournalEntry.objects.get(pk=work.intent_entry)
    shares = BatchShare.objects.filter(cohort__in=whereabouts.came_through(cohort))
    span = shares.aggregate(first=Min("at"), last=Max("at"))
    number = certificate_number()
    facts = document.CertificateFacts(
        number=number,
        issued_at=at,
        installation=str(Installation.objects.get().installation_id),
        organization_reference=cohort.organization.reference,
        organization_name=cohort.organization.name,
        organization_country=cohort.organization.country,
        hipaa_covered=cohort.organization.hipaa_covered,
        cohort=cohort.reference,
        expiry_on=cohort.expiry_on,
        first_ingest_at=span["first"],
        last_ingest_at=span["last"],
        policy_versions=sorted(
            set(shares.values_list("batch__policy_version__number", flat=True))
        ),
        segments=[
            (segment.number, segment.messages, segment.bytes, bytes(segment.merkle_root).hex(), segment.sealed_at)
            for segment in cohort.segments.order_by("number")
        ],
        account=account.as_dict(),
        destruction=work.reference,
        intended_at=work.intended_at,
        journal_sequence=intent.sequence,
        journal_digest=bytes(intent.digest).hex(),
        key_destroyed_at=work.shredded_at,
        truncated_at=at,
        keystore_destroys=store.destroys,
        keystore_snapshots=store.snapshots,
        tool="Covenant",
        tool_version=TOOL_VERSION,
        performed_by="system:covenant",
        key_absent=key_absent,
        rows_left=rows_left,
        verified_at=at,
        scope=work.scope,
        ended=messages,
        secret=work.secret,
        set_aside_early=EarlyDeletion.objects.filter(cohort=cohort, kept_for_hold=True).count(),
        canary_opens=_canary_opens(cohort),
        archive=work.archive.reference if work.archive else "",
        archive_place=_place(work),
    )
    certificate = Certificate.objects.create(
        number=number, cohort=cohort, destruction=work, issued_at=at, messages=messages,
        document=document.sign(document.build(facts)),
    )  # fmt: skip
    _write_to_contact(certificate, at)
    return certificate


def _write_to_contact(certificate: Certificate, at: datetime) -> None:
    """Tell the organization's contact. An address that can't be used does not keep a destruction from its end."""
    cohort = certificate.cohort
    try:
        outbox.queue(
            template="retention/certificate_issued", to=cohort.organization.contact_email, about=certificate.number,
            context={
                "organization": cohort.organization.reference, "number": certificate.number, "day": cohort.expiry_on,
                "messages": certificate.messages,
            },
            once_key=f"certificate-{certificate.number}", at=at,
        )  # fmt: skip
    except AddressUnusable:
        ledger.record("certificate.not_mailed", by=SYSTEM, about=certificate.number, at=at, facts={"why": AddressUnusable.code})


def _rows_left(cohort: Cohort, work: Destruction) -> int:
    """Rows that the destroyed secret encrypted and that are still there; a hosted archive's lie in files, removed before."""
    if work.scope == DestructionScope.ARCHIVE:
        return 0
    if work.scope == DestructionScope.ASIDE:
        return AsideMessage.objects.filter(bundle__secret=work.secret).count()
    return Message.objects.on_days([cohort.expiry_on]).filter(organization_id=cohort.organization_id).count()


def _canary_opens(cohort: Cohort) -> bool:
    """Whether the cohort's own key still opens its canary. It may not: the day's secret goes before anything is certified."""
    if cohort.canary is None:
        return False
    try:
        key = envelope.for_cohort(keystore(), organization=cohort.organization.reference, expiry=cohort.expiry_on)
    except (KeyDestroyed, KeyMissing):
        return False
    return envelope.opens_canary(key, bytes(cohort.canary), cohort=cohort.reference)


def _place(work: Destruction) -> str:
    """Where a hosted archive lay, as far as an outsider may know it."""
    if work.archive is None:
        return ""
    return f"{work.archive.target.get_place_display()}, {work.archive.target.country}"
