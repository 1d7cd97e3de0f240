"""Whoever got something of a person who is erased hears that it has to erase it too, is reminded every week, and confirms that it did.

| way | when | acknowledged by |
|---|---|---|
| webhook, signed with a key of the provider's own | it has an address for machines | its answer, or staff |
| e-mail to its contact | it has none, or that failed five times | staff, with where its confirmation lies |
| a task for staff | its address is of no use, or the gate does not let us | the same |

Every one passes the gate as a contact to remove what lies there, and names person and disclosures by reference only. The attempt is counted
before it is made: a worker that dies in between tells it once more, and the provider knows it by its reference.

What a webhook gets, as canonical JSON: {"format": "covenant-erasure-notice/1", "notice", "person", "disclosures", "due_on", "is_again"}, with
`Covenant-Signature: t=<seconds>,v1=<hex>`, HMAC-SHA256 with its key over `<seconds>.<body>`. Any 2xx means that it was heard;
{"acknowledged": true} in it, that it is erased.
"""

import hmac
import json
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from apps.accounts import details
from apps.audit.services import ledger
from apps.data_requests.models import DataRequest, ErasureHook, ErasureNotice
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import canonical
from apps.foundation.keys import derive, keystore
from apps.foundation.personal_data import Subject
from apps.foundation.references import new_reference
from apps.foundation.refusals import Refusal
from apps.gate.client.addresses import Guard
from apps.gate.client.passage import NOT_LET_OUT, through
from apps.gate.client.troubles import PeerTrouble
from apps.gate.client.wire import Limits, ask, trust
from apps.gate.models import Disclosure
from apps.gate.package import Recipient
from apps.gate.services import contacts, permits
from apps.gate.states import AboutKind, ContactReason, RecipientKind
from apps.mail.services import outbox
from apps.mail.services.rendering import AddressUnusable
from apps.providers.models import Provider
from apps.providers.services import telling
from apps.staff.models import StaffMember
from apps.staff.services import presence

FORMAT = "covenant-erasure-notice/1"
KEY_VERSION = b"covenant-erasure-hook/1"
ACKNOWLEDGE, SET_HOOK = "data_requests.acknowledge_erasurenotice", "data_requests.add_erasurehook"
LONGEST_EVIDENCE = 300
CHASED_EVERY = timedelta(days=7)
#: after so many failures of a webhook its provider is written to
MOST_ATTEMPTS = 5
BACK_OFF = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))
AT_A_TIME = 100
LIMITS = Limits(connect=10, silence=20, patience=40, largest_reply=16 * 1024)

log = structlog.get_logger(__name__)


class NoticeAcknowledged(Refusal):
    """That it was erased there is recorded already."""

    code = "notice_acknowledged"
    mend = "Reload the page."


class ProviderUnknown(Refusal):
    """There is no provider of that reference."""

    code = "provider_unknown"
    mend = "Look for it in the register of providers, and copy its reference."


WEBHOOK, EMAIL, TASK = "webhook", "email", "task"
#: references that a notice names; who got more hears that all of it is meant
MOST_NAMED = 200


def who_got_something(subject: Subject) -> dict[str, list[str]]:
    """Each provider that something of the person left to, or of all of their organization, with the newest of what it got."""
    left = Disclosure.objects.filter(recipient_kind=RecipientKind.PROVIDER, permit__spent_at__isnull=False)
    about = Q(subjects__person_reference=subject.reference)
    if subject.organization:
        about |= Q(about_kind=AboutKind.ORGANIZATION, about_organization=subject.organization)
    found: dict[str, list[str]] = {}
    for provider in sorted(set(left.filter(about).order_by().values_list("recipient", flat=True))):
        got = left.filter(about, recipient=provider).order_by("-pk").values_list("reference", flat=True).distinct()
        found[provider] = list(got[:MOST_NAMED])
    return found


def make(request: DataRequest, *, provider: str, person: str, disclosures: list[str], at: datetime) -> ErasureNotice:
    """Write down that this provider is to hear; the sweep tells it. Twice is once."""
    way = WEBHOOK if ErasureHook.objects.filter(provider=provider).exists() else EMAIL
    row, is_new = ErasureNotice.objects.get_or_create(
        request=request, provider=provider,
        defaults={
            "reference": new_reference("ERN"), "person_reference": person, "disclosures": disclosures, "way": way, "made_at": at, "next_try_at": at,
            "due_at": at + timedelta(days=settings.REQUEST_PROVIDER_DAYS),
        },
    )  # fmt: skip
    if is_new:
        facts = {"request": request.reference, "provider": provider, "disclosures": len(disclosures), "way": way}
        ledger.record("erasure_notice.made", by=SYSTEM, about=row.reference, at=at, facts=facts)
        doorbell.ring("requests.due")
    return row


def tell_due(*, at: datetime) -> int:
    """Tell who has not heard, remind who has not confirmed; returns how many were told. A sweep, and safe beside others."""
    told = 0
    for _number in range(AT_A_TIME):
        notice = _claim(at)
        if notice is None:
            break
        told += _tell(notice, at)
    return told


@transaction.atomic
def _claim(at: datetime) -> ErasureNotice | None:
    """The next that is due; its attempt is counted before it is made."""
    due = ErasureNotice.objects.filter(acknowledged_at__isnull=True, next_try_at__lte=at).exclude(way=TASK)
    row = due.select_for_update(of=("self",), skip_locked=True).order_by("next_try_at", "pk").first()
    if row is not None:
        row.attempts += 1
        row.next_try_at = at + BACK_OFF[min(row.attempts, len(BACK_OFF)) - 1]
        row.save(update_fields=["attempts", "next_try_at"])
    return row


def _tell(notice: ErasureNotice, at: datetime) -> bool:
    try:
        if notice.way == WEBHOOK:
            permit, is_erased = _call(notice, at)
        else:
            permit, is_erased = _contact(notice, at), False
        _heard(notice, permit, is_erased=is_erased, at=at)
        return True
    except PeerTrouble as trouble:
        _failed(notice, trouble.code, instead=EMAIL, at=at)
    except (*NOT_LET_OUT, AddressUnusable) as no:
        _failed(notice, no.code, instead=TASK, at=at)
    return False


def _call(notice: ErasureNotice, at: datetime) -> tuple[str, bool]:
    """Its webhook hears; whether its answer says that it is erased."""
    hook = ErasureHook.objects.filter(provider=notice.provider).first()
    if hook is None:  # taken away meanwhile
        raise PeerTrouble("The provider has no address for machines any more.")
    body = canonical(_words(notice))
    guard = Guard.of(ports=settings.ARCHIVE_PORTS, allowed=settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES)
    target, recipient = guard.read(hook.url, scheme="https"), Recipient.provider(notice.provider)
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Covenant-Signature": signature(notice.provider, body, at)}
    permit = contacts.open_contact(recipient=recipient, why=ContactReason.REMOVAL, by=SYSTEM, at=at)
    with through(permit, recipient=recipient, at=at) as passage:
        pinned = guard.within(passage).pin(target)
        with ask(
            pinned, "POST", target.path or "/", headers=headers, context=trust(), limits=LIMITS, body=[body], size=len(body),
            at_most=LIMITS.largest_reply,
        ) as answer:  # fmt: skip
            answer.require(200, 201, 202, 204)
            said = answer.read()
    return permit.reference, _says_erased(said)


def _says_erased(said: bytes) -> bool:
    with suppress(ValueError, RecursionError):
        found = json.loads(said)
        return isinstance(found, dict) and found.get("acknowledged") is True
    return False


def signature(provider: str, body: bytes, at: datetime) -> str:
    """By which the provider knows that it comes from us, and when."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={hmac.new(key_of(provider), str(seconds).encode() + b'.' + body, sha256).hexdigest()}"


def key_of(provider: str) -> bytes:
    """The provider's own key; made now if it never had one."""
    return derive(keystore(), (f"request/hook-{provider}",), KEY_VERSION, create=True)


def _contact(notice: ErasureNotice, at: datetime) -> str:
    """A mail is let out by a contact that the gate has recorded; the words are queued with the notice's own record."""
    recipient = Recipient.provider(notice.provider)
    permit = contacts.open_contact(recipient=recipient, why=ContactReason.REMOVAL, by=SYSTEM, at=at)
    permits.spend(permit=permit, recipient=recipient, fields=frozenset(), digest=None, at=at)
    return permit.reference


def _heard(notice: ErasureNotice, permit: str, *, is_erased: bool, at: datetime) -> None:
    """It was told, or is told by the mail that is queued here; reminded a week from now. Its owner hears as well."""
    with transaction.atomic():
        row = ErasureNotice.objects.select_for_update().get(pk=notice.pk)
        if row.acknowledged_at is not None:
            return
        provider = Provider.objects.select_related("owner").get(reference=row.provider)
        turn = "again" if row.told_at else "told"
        week = (at - row.told_at).days // CHASED_EVERY.days if row.told_at else 0
        if row.way == EMAIL:
            _mail("data_requests/erasure_notice", row, provider.contact_email, f"erasure-{row.reference}-{week}", at)
        for number, member in enumerate(telling.owners(provider) if week else []):
            with suppress(AddressUnusable):
                _mail("data_requests/erasure_notice_to_owner", row, member.email, f"erasure-owner-{row.reference}-{week}-{number}", at)
        if row.told_at is None:
            row.told_at = at
        else:
            row.chased_at = at
        row.permit, row.attempts, row.last_code, row.next_try_at = permit, 0, "", at + CHASED_EVERY
        if is_erased:
            row.acknowledged_at, row.acknowledged_by, row.evidence = at, f"provider:{row.provider}", "answered its webhook"
        row.save()
        ledger.record(f"erasure_notice.{turn}", by=SYSTEM, about=row.reference, at=at, facts=_facts(row) | {"permit": permit})
        if is_erased:
            ledger.record("erasure_notice.acknowledged", by=SYSTEM, about=row.reference, at=at, facts=_facts(row))


def _failed(notice: ErasureNotice, code: str, *, instead: str, at: datetime) -> None:
    """After five failures of a webhook its provider is written to; where that can't be, staff have a task."""
    with transaction.atomic():
        row = ErasureNotice.objects.select_for_update().get(pk=notice.pk)
        row.last_code = code
        if instead == TASK or row.attempts >= MOST_ATTEMPTS:
            row.way, row.attempts, row.next_try_at = instead, 0, at if instead == EMAIL else None
            ledger.record("erasure_notice.other_way", by=SYSTEM, about=row.reference, at=at, facts=_facts(row) | {"code": code})
        row.save(update_fields=["last_code", "way", "attempts", "next_try_at"])


def _mail(template: str, row: ErasureNotice, address: str, once_key: str, at: datetime) -> None:
    context = _words(row) | {"provider": row.provider, "is_late": at >= row.due_at, "pk": row.pk}
    outbox.queue(template=template, to=address, context=context, about=row.reference, once_key=once_key, at=at)


def _words(row: ErasureNotice) -> dict:
    return {
        "format": FORMAT, "notice": row.reference, "person": row.person_reference, "disclosures": row.disclosures,
        "due_on": f"{row.due_at:%Y-%m-%d}", "is_again": row.told_at is not None,
    }  # fmt: skip


@transaction.atomic
def acknowledge(*, notice: ErasureNotice, evidence: str, by: StaffMember, at: datetime) -> ErasureNotice:
    """Record that the provider erased what it got, with where its confirmation lies. Final; reminders stop."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, ACKNOWLEDGE)
    row = ErasureNotice.objects.select_for_update().get(pk=notice.pk)
    if row.acknowledged_at is not None:
        raise NoticeAcknowledged
    row.acknowledged_at, row.acknowledged_by, row.next_try_at = at, str(member.actor), None
    row.evidence = details.line(evidence, field="evidence", longest=LONGEST_EVIDENCE)
    row.save(update_fields=["acknowledged_at", "acknowledged_by", "evidence", "next_try_at"])
    ledger.record("erasure_notice.acknowledged", by=member, about=row.reference, at=at, facts=_facts(row) | {"late": at >= row.due_at})
    return row


@transaction.atomic
def tell_again(*, notice: ErasureNotice, by: StaffMember, at: datetime) -> ErasureNotice:
    """The provider's address was mended: it is told by it, now."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, ACKNOWLEDGE)
    row = ErasureNotice.objects.select_for_update().get(pk=notice.pk)
    if row.acknowledged_at is not None:
        raise NoticeAcknowledged
    row.way = WEBHOOK if ErasureHook.objects.filter(provider=row.provider).exists() else EMAIL
    row.attempts, row.next_try_at = 0, at
    row.save(update_fields=["way", "attempts", "next_try_at"])
    ledger.record("erasure_notice.asked_again", by=member, about=row.reference, at=at, facts=_facts(row))
    doorbell.ring("requests.due")
    return row


@transaction.atomic
def set_hook(*, provider: str, url: str, by: StaffMember, at: datetime) -> tuple[ErasureHook, str]:
    """Where a provider takes notices by machine, and its key, which is shown now and stays the same."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, SET_HOOK)
    if not Provider.objects.filter(reference=provider).exists():
        raise ProviderUnknown
    Guard.of(ports=settings.ARCHIVE_PORTS, allowed=settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES).read(url, scheme="https")
    hook, _is_new = ErasureHook.objects.update_or_create(provider=provider, defaults={"url": url, "set_by": str(member.actor), "set_at": at})
    ledger.record("erasure_hook.set", by=member, about=provider, at=at)
    return hook, key_of(provider).hex()


def _facts(row: ErasureNotice) -> dict:
    return {"request": row.request.reference, "provider": row.provider, "way": row.way, "disclosures": len(row.disclosures)}
