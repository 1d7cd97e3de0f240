"""Hands a package over, to nobody but who still has the contact on file, and not before the gate has recorded it.

| step | what keeps it safe |
|---|---|
| `offer` | the letter goes to the contact that proved the request: a link that lives as long as the package, and hands nothing over |
| `ask_anew` | behind that link a button sends another one to the same contact, for half an hour: whoever found the first mail alone gets nothing |
| `begin` | that one is spent once; the gate decides and records, the download is counted, all in one transaction, before the first byte |
| `stream` | the file, opened piece by piece; nothing of it lies anywhere in clear |

A link over, one for a package that is gone and one that never was are answered alike. It must never mail anything to an address that came with a request,
nor hand over a byte that was not recorded as a disclosure to the person.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import file_digest

from django.conf import settings
from django.db import transaction

from apps.audit.services import ledger
from apps.data_requests.models import DataRequest, Package, RequestLink
from apps.data_requests.services import contacts, letters, links, moving
from apps.data_requests.services.contacts import Contact
from apps.data_requests.services.links import LinkOver
from apps.data_requests.services.packages import sealing
from apps.data_requests.states import HANDS_OVER, LinkPurpose, State
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.refusals import Refusal
from apps.gate import package as gate_words
from apps.gate.models import Permit
from apps.gate.package import About, Recipient
from apps.gate.services import deciding, permits
from apps.gate.services.rules import HOME
from apps.gate.states import Ground
from apps.mail.services import outbox
from apps.policies.vocabulary import DisclosurePurpose
from apps.staff.models import StaffMember
from apps.staff.services import presence

#: fresh links for one package within a day; the button answers the same beyond it
FRESH_LINKS_A_DAY = 5
DAY = timedelta(days=1)
A_SWEEP = 200
#: the letter that answers the request
LETTER = "delivery"
WORK = "data_requests.work_datarequest"


class NotMade(Refusal):
    """There is no package to hand over."""

    code = "package_not_made"
    mend = "Have the request carried out first."


class NoContact(Refusal):
    """The person has no contact on file that could be trusted with their data."""

    code = "no_contact_on_file"
    mend = "Wait until a contact has been on file long enough, or hand it over in person and note that."


class FetchedOften(Refusal):
    """This package was fetched as often as it may be."""

    code = "package_fetched"
    mend = "Ask for a copy of your data anew if none of the downloads arrived."


class PackageBroken(Refusal):
    """The package can't be opened as it was made, so nothing of it is handed over."""

    code = "package_broken"
    mend = "Tell us, by the contact in the privacy policy: we make it anew."


@dataclass(frozen=True)
class Handing:
    """A package that was let out, and may be streamed once."""

    package: Package
    size: int
    name: str


@transaction.atomic
def offer(request: DataRequest, *, at: datetime) -> bool:
    """Tell the person that their package waits, by the letter that answers their request; False where they were told, or nobody can be yet.

    The caller has locked the request, which goes on to be answered. Raises NotMade.
    """
    package = Package.objects.select_for_update().filter(request=request).first()
    if package is None:
        raise NotMade
    if request.letters.filter(template__code=LETTER).exists():
        return False
    _require_waiting(package, at)
    package.request = request
    try:
        _offer(package, f"{request.reference}/answer", by=SYSTEM, at=at)
    except NoContact as refusal:
        if request.last_code != refusal.code:
            DataRequest.objects.filter(pk=request.pk).update(last_code=refusal.code)
            ledger.record("request.package_not_offered", by=SYSTEM, about=request.reference, at=at, facts={"because": refusal.code})
        return False
    return True


def offer_due(*, at: datetime) -> int:
    """Tell whose package waits and who was not told; returns how many. A sweep: whoever has no contact on file yet is told once they have."""
    waiting = DataRequest.objects.filter(state=State.ANSWERING, kind__in=HANDS_OVER, package__expires_at__gt=at, package__destroyed_at=None)
    unsaid = waiting.exclude(letters__template__code=LETTER).order_by("pk").values_list("pk", flat=True)
    return sum(_offer_if_due(pk, at) for pk in list(unsaid[:A_SWEEP]))


@transaction.atomic
def _offer_if_due(pk: int, at: datetime) -> bool:
    request = moving.locked(pk)
    return request.state == State.ANSWERING and offer(request, at=at)


@transaction.atomic
def offer_anew(*, package: Package, by: StaffMember, at: datetime) -> RequestLink:
    """Another link, where the first mail was lost: staff, after a word from the person. The ones before open nothing any more."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, WORK)
    request = moving.locked(package.request_id)
    package = Package.objects.select_for_update().get(pk=package.pk)
    package.request = request
    _require_waiting(package, at)
    links.void(request, LinkPurpose.DELIVERY, LinkPurpose.FETCH, at=at)
    return _offer(package, f"{request.reference}/{LETTER}/{request.letters.count() + 1}", by=member, at=at)


def _offer(package: Package, once_key: str, *, by: Actor | StaffMember, at: datetime) -> RequestLink:
    request = package.request
    contact = contact_of(request, at=at)
    if contact is None:
        raise NoContact
    link, url = links.make(request, purpose=LinkPurpose.DELIVERY, contact=contact.address, until=package.expires_at, at=at)
    days = max(1, round((package.expires_at - at) / DAY))
    letters.send(
        request, code=LETTER, to=letters.PERSON, address=contact.address, context={"url": url, "days": str(days)},
        once_key=once_key, by=by, at=at,
    )  # fmt: skip
    ledger.record("request.package_offered", by=by, about=request.reference, at=at, facts={"package": package.reference, "until": package.expires_at})
    return link


def contact_of(request: DataRequest, *, at: datetime) -> Contact | None:
    """Where it is offered: the contact that proved the request, while it is on file; else the oldest that is not fresh."""
    if request.person is None:
        return None
    proven = RequestLink.objects.filter(request=request, purpose=LinkPurpose.PROVE, spent_at__isnull=False, contact_digest__isnull=False).order_by("spent_at")
    for digest in proven.values_list("contact_digest", flat=True):
        if (found := contacts.of_digest(request.person, digest, at=at)) is not None:
            return found
    return next((one for one in contacts.on_file(request.person, at=at) if not one.is_fresh), None)


def find(token: str, *, at: datetime) -> Package | None:
    """The package behind an offer, while it can be fetched; changes nothing."""
    link = links.find(token, purpose=LinkPurpose.DELIVERY, at=at)
    return None if link is None else _waiting(link.request_id, at)


def find_fresh(token: str, *, at: datetime) -> Package | None:
    """The package behind a fresh link, while it can be fetched; changes nothing."""
    link = links.find(token, purpose=LinkPurpose.FETCH, at=at)
    return None if link is None else _waiting(link.request_id, at)


def _waiting(request_id: int, at: datetime) -> Package | None:
    found = Package.objects.select_related("request").filter(request_id=request_id, destroyed_at=None, made_at__isnull=False, expires_at__gt=at).first()
    return found if found is not None and found.fetches < settings.REQUEST_PACKAGE_FETCHES else None


def _require_waiting(package: Package, at: datetime) -> None:
    if package.made_at is None or package.destroyed_at is not None or package.expires_at <= at:
        raise NotMade
    if package.fetches >= settings.REQUEST_PACKAGE_FETCHES:
        raise FetchedOften


@transaction.atomic
def ask_anew(token: str, *, at: datetime) -> Package:
    """Send a fresh link to the contact that the offer went to, while it is on file. The answer is the same where it is not, or had enough of them."""
    package = find(token, at=at)
    if package is None:
        raise LinkOver
    package = Package.objects.select_for_update(of=("self",)).select_related("request__person__organization").get(pk=package.pk)
    link = links.find(token, purpose=LinkPurpose.DELIVERY, at=at)
    request = package.request
    contact = contacts.of_digest(request.person, link.contact_digest, at=at) if link is not None and request.person is not None else None
    sent = RequestLink.objects.filter(request=request, purpose=LinkPurpose.FETCH, made_at__gt=at - DAY).count()
    if contact is None or sent >= FRESH_LINKS_A_DAY:
        return package
    until = min(at + timedelta(minutes=settings.REQUEST_FETCH_MINUTES), package.expires_at)
    links.void(request, LinkPurpose.FETCH, at=at)
    fresh, url = links.make(request, purpose=LinkPurpose.FETCH, contact=contact.address, until=until, at=at)
    context = {"url": url, "minutes": settings.REQUEST_FETCH_MINUTES, "reference": request.reference, "organization": _organization(request)}
    once = f"fetch:{package.reference}:{fresh.pk}"
    outbox.queue(template="data_requests/package_link", to=contact.address, context=context, about=request.reference, once_key=once, at=at)
    return package


def begin(token: str, *, at: datetime) -> Handing:
    """Spend a fresh link: the gate records what is about to leave, and the download is counted. Raises LinkOver, PackageBroken or the gate's Refused."""
    package = find_fresh(token, at=at)
    if package is None:
        raise LinkOver
    _require_whole(package)
    asked = _asked_of_the_gate(package)
    by = Actor("person", package.request.person_reference)
    permit = deciding.decide(package=asked, by=by, at=at, along=lambda given: _hand_over(token, package, given, by, at))
    permits.spend(permit=permit, recipient=asked.recipient, fields=asked.fields, digest=asked.digest, at=at)
    return Handing(package=package, size=package.size, name=f"{package.reference}.zip")


def _hand_over(token: str, package: Package, permit: Permit, by: Actor, at: datetime) -> None:
    """What belongs to the gate's record, in its transaction: of two clicks at once the second finds the link spent, and the record of it is undone."""
    request, _link = links.spend(token, purpose=LinkPurpose.FETCH, at=at)
    row = Package.objects.select_for_update().get(pk=package.pk)
    _require_waiting(row, at)
    row.fetches, row.fetched_at, row.disclosure = row.fetches + 1, at, permit.disclosure.reference
    row.save(update_fields=["fetches", "fetched_at", "disclosure"])
    facts = {"package": row.reference, "fetch": row.fetches, "disclosure": row.disclosure, "sha256": row.digest}
    ledger.record("request.package_fetched", by=by, about=request.reference, at=at, facts=facts)


def _asked_of_the_gate(package: Package) -> gate_words.Package:
    """The package as the gate is asked about it. It leaves here, wherever the person reads it then."""
    request = package.request
    person = request.person_reference
    covered = request.organization is not None and request.organization.hipaa_covered
    return gate_words.Package(
        recipient=Recipient.person(person), about=About.person(person), categories=frozenset(package.categories),
        fields=frozenset(one["code"] for one in package.holdings), purpose=DisclosurePurpose.ANSWERING, ground=Ground.PERSON,
        patient_information=covered and "message" in package.categories, digest=bytes(package.digest), size=package.size, what=package.reference,
        countries=(HOME,),
    )  # fmt: skip


def _require_whole(package: Package) -> None:
    """The file is the one that was made; looked at before anything is recorded or leaves."""
    try:
        with open(sealing.path_of(package.reference), "rb") as file:
            is_whole = file_digest(file, "sha256").digest() == bytes(package.sealed_digest)
    except FileNotFoundError:
        is_whole = False
    if not is_whole:
        raise PackageBroken


def stream(handing: Handing) -> Iterator[bytes]:
    """The zip, piece by piece, each authenticated before it leaves. Call `begin` first."""
    reference = handing.package.reference
    return sealing.reading(sealing.path_of(reference), reference=reference, about=reference)


def _organization(request: DataRequest) -> str:
    return request.organization.name if request.organization else ""
