"""Who asks proves that a contact on file is theirs; nothing is said or done about anybody before that.

| step | what it does |
|---|---|
| `begin` | a request that was taken in waits for proof, or goes to work where none is needed |
| `send_links` | one link to each contact on file, under the caps; to nobody else, whatever address was given |
| `prove` | spends a link; a contact that came lately does not suffice, and the request cools off |
| `by_staff` | proof of another kind, looked at by staff: how is recorded |

An address that was given proves nothing, and neither does knowing things about a person. It must never send to any address but one on file,
and never tell whoever holds a link anything about the person.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import TextChoices

from apps.accounts.models import Person
from apps.audit.services import ledger
from apps.data_requests.models import DataRequest, RequestLink
from apps.data_requests.services import contacts, cooling, flooding, links, moving
from apps.data_requests.services.contacts import Contact
from apps.data_requests.states import NEEDS_NO_PROOF, Asker, Kind, LinkPurpose, State
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox
from apps.staff.models import StaffMember

log = structlog.get_logger(__name__)

A_SWEEP = 500
PURPOSES = (LinkPurpose.PROVE, LinkPurpose.CONFIRM_AGENT)


class Way(TextChoices):
    """How staff saw who asks."""

    CALLED_BACK = "called_back", "called back at a phone number on file"
    DOCUMENT = "document", "a document that identifies them, compared with what is on file"
    LETTER = "letter", "a letter that came back from the postal address on file"
    POWER = "power", "a power of attorney"


class NotWaiting(Refusal):
    """This request does not wait for proof of who asks."""

    code = "request_waits_for_no_proof"
    mend = "Reload the page: it may have been proven meanwhile."


class ContactGone(Refusal):
    """The address that this link was sent to is not on file any more."""

    code = "request_contact_gone"
    mend = "Ask again with an address that is on file."


class WayMissing(Refusal):
    """How the person was identified is not said."""

    code = "request_way_missing"
    mend = "Choose how you identified them."


class NobodyMatched(Refusal):
    """Nobody is known by what was given."""

    code = "request_nobody_matched"
    mend = "Match the request to a person first, or deny it as unverified."


def begin(request: DataRequest, *, at: datetime) -> DataRequest:
    """What follows on RECEIVED. The caller holds the row."""
    if request.kind in NEEDS_NO_PROOF or request.verified_at is not None:
        return moving.move(request, State.IN_WORK, by=SYSTEM, at=at)
    request = moving.move(request, State.IDENTIFYING, by=SYSTEM, at=at)
    send_links(request, at=at)
    return request


def begin_due(*, at: datetime) -> int:
    """Begin what was opened elsewhere, and mail the links that a cap held up; returns how many requests it touched."""
    received = DataRequest.objects.filter(state=State.RECEIVED).order_by("pk").values_list("pk", flat=True)[:A_SWEEP]
    unsent = DataRequest.objects.filter(state=State.IDENTIFYING, person__isnull=False, links__isnull=True).exclude(asker=Asker.ATTORNEY)
    return sum(_touch(pk, at) for pk in [*received, *unsent.order_by("pk").values_list("pk", flat=True)[:A_SWEEP]])


def _touch(pk: int, at: datetime) -> bool:
    try:
        with transaction.atomic():
            request = moving.locked(pk)
            if request.state == State.RECEIVED:
                begin(request, at=at)
                return True
            return request.state == State.IDENTIFYING and send_links(request, at=at) > 0
    except Exception as error:  # one request that can't go on must not keep the others waiting
        log.warning("request_not_begun", error=type(error).__name__)
        return False


def send_links(request: DataRequest, *, at: datetime) -> int:
    """Mail a link to each contact on file that may get one now; returns how many. The caller holds the row, which waits for proof."""
    if request.person_id is None or request.asker == Asker.ATTORNEY:
        return 0
    purpose = LinkPurpose.CONFIRM_AGENT if request.asker == Asker.AGENT else LinkPurpose.PROVE
    Person.objects.select_for_update(no_key=True).get(pk=request.person_id)  # two workers count the links of one person one after the other
    sent = 0
    for contact in contacts.on_file(request.person, at=at):
        if flooding.may_mail_links(at=at) and flooding.may_mail_link_to(contact.digest, at=at):
            _mail(request, contact, purpose, at)
            sent += 1
    if sent:
        ledger.record("request.links_sent", by=SYSTEM, about=request.reference, at=at, facts={"purpose": purpose.value, "contacts": sent})
    return sent


def _mail(request: DataRequest, contact: Contact, purpose: LinkPurpose, at: datetime) -> None:
    until = at + timedelta(hours=settings.REQUEST_LINK_HOURS)
    link, url = links.make(request, purpose=purpose, contact=contact.address, until=until, at=at)
    template = "data_requests/confirm_agent" if purpose == LinkPurpose.CONFIRM_AGENT else "data_requests/proof"
    context = {
        "url": url, "hours": settings.REQUEST_LINK_HOURS, "kind": Kind(request.kind).label, "reference": request.reference,
        "organization": request.organization.name if request.organization else "",
    }  # fmt: skip
    outbox.queue(template=template, to=contact.address, context=context, about=request.reference, once_key=f"request-link:{link.pk}", at=at)


@transaction.atomic
def send_again(*, request: DataRequest, by: StaffMember, at: datetime) -> int:
    """Staff have the links sent once more; the caps hold for them too."""
    row = moving.locked(request.pk)
    if row.state != State.IDENTIFYING:
        raise NotWaiting
    if row.person_id is None:
        raise NobodyMatched
    ledger.record("request.links_asked", by=by, about=row.reference, at=at)
    return send_links(row, at=at)


@transaction.atomic
def prove(token: str, *, at: datetime) -> DataRequest:
    """Whoever clicked the button has this contact. Raises LinkOver or ContactGone."""
    request, link = links.spend(token, purpose=LinkPurpose.PROVE, at=at)
    return control_shown(request, link, at=at)


def control_shown(request: DataRequest, link: RequestLink, *, at: datetime) -> DataRequest:
    """Control of a contact on file was shown by a link that was spent. The caller holds the request."""
    if request.state not in (State.IDENTIFYING, State.COOLING_OFF) or request.person is None:
        raise links.LinkOver
    contact = contacts.of_digest(request.person, link.contact_digest, at=at)
    if contact is None:
        raise ContactGone
    by = Actor("person", request.person_reference)
    if contact.is_fresh:
        return request if request.state == State.COOLING_OFF else cooling.begin(request, by=by, at=at)
    return _proven(request, by=by, facts={"by": "link"}, at=at)


@transaction.atomic
def by_staff(*, request: DataRequest, way: str, by: StaffMember, at: datetime) -> DataRequest:
    """Staff identified who asks. Whoever approves what follows is somebody else (staff.approvals)."""
    if way not in Way.values:
        raise WayMissing
    row = moving.locked(request.pk)
    if row.state != State.IDENTIFYING:
        raise NotWaiting
    if row.person_id is None:
        raise NobodyMatched
    return _proven(row, by=by, facts={"by": "staff", "way": way}, at=at)


def _proven(request: DataRequest, *, by, facts: dict, at: datetime) -> DataRequest:
    if request.verified_at is None:
        request.verified_at = at
    request.cools_until = None
    request.save(update_fields=["verified_at", "cools_until"])
    links.void(request, *PURPOSES, LinkPurpose.CALL_BACK, at=at)
    return moving.move(request, State.IN_WORK, by=by, at=at, facts=facts)
