"""Somebody with a row in every holding, by the services that write it where there is one."""

import secrets
from contextlib import suppress
from datetime import date, timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from apps.accounts.models import LinkAttempt, MinorCase, Person, RememberedRequest, Representative, ServiceToken
from apps.accounts.services import acceptance, amending, documents, linking, registration, tokens
from apps.accounts.states import Authority, CaseState, FoundOut, PersonStanding, RejectionReason, RepresentativeState
from apps.assurance.models import Finding, Promise
from apps.audit.services import ledger
from apps.communications.models import Circular, Delivery, Mailbox, ReceivedMail
from apps.communications.services.inquiries import opening
from apps.communications.states import Channel
from apps.communications.texts import Words
from apps.consents.models import ConsentPurpose, LinkRequest, SeenSignal, SignalEffect
from apps.consents.services import asking, giving, links
from apps.consents.states import How
from apps.contacts.models import Rematch
from apps.contacts.services import keeping_apart, lending, matching, people, refusing
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.clock import day_of
from apps.gate.services import remembering, withdrawals
from apps.gate.services.deciding import About, Refused, decide
from apps.holds.services import matters, placing, releasing
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.providers.models import Provider
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import agreed, given

HOUR = timedelta(hours=1)
PDF = b"%PDF-1.7 a document about "


def address_of(given: str) -> str:
    return f"{given.lower()}@private.example"


def person(organization, given: str, family: str) -> Person:
    """Registered, with a former name and a former address, and with everything else that the floors hold."""
    someone = registration.register_person(
        organization=organization, given_name=given, family_name=f"{family}-Before", emails=[address_of(given), f"Old.{address_of(given)}"],
        phones=[f"+1202555{ord(given[0]):04d}"], birth_date=date(1990, 3, 8), street=f"4 {given} Street", city="Springfield",
        postal_code="12345", state="CA", country="US", identities=[("slack", f"U-{given}")], by=SYSTEM, at=NOON - 150 * DAY,
    )  # fmt: skip
    someone = amending.amend_person(person=someone, changes={"family_name": family}, by=SYSTEM, at=NOON - 140 * DAY)
    amending.remove(row=someone.emails.get(normalised=f"old.{address_of(given)}"), by=SYSTEM, at=NOON - 130 * DAY)
    for plant in (accounts, consents, mails, admin_log, holds, lent, written, delivered, left, seen_by_us):
        plant(someone)
    return someone


def accounts(someone: Person) -> None:
    at = NOON - 2 * DAY
    actor = Actor("person", someone.reference)
    linking.link(
        person=someone, provider="elsewhere", subject=f"sub-{someone.given_name}", scopes=["openid", "email"],
        claims={"sub": f"sub-{someone.given_name}", "email": address_of(someone.given_name)}, tokens={"access_token": f"token-{someone.given_name}"},
        how="api", by=SYSTEM, at=at,
    )  # fmt: skip
    LinkAttempt.objects.create(
        person=someone, provider="elsewhere", state_digest=secrets.token_bytes(32), browser_digest=secrets.token_bytes(32), begun_at=at, lapses_at=at + HOUR
    )
    acceptance.record(person=someone, version=1, how="accepted", by=actor, at=at)
    RememberedRequest.objects.create(
        token=service(), key_digest=secrets.token_bytes(32), body_digest=secrets.token_bytes(32), organization=someone.organization, person=someone,
        made_at=NOON - HOUR,
    )  # fmt: skip
    MinorCase.objects.create(person=someone, how=FoundOut.REPORT, opened_at=at, opened_by="staff:bo", due_at=at + DAY, policy_version=someone.policy_version)
    case = MinorCase.objects.get(person=someone)
    case.state, case.closed_at, case.closed_by = CaseState.MISTAKEN, at + HOUR, "staff:bo"
    case.save()
    representative(someone, "Rita Guardian", "rita@guardian.example")
    reject(representative(child_of(someone), f"{someone.given_name} {someone.family_name}", address_of(someone.given_name).upper()))


def child_of(someone: Person) -> Person:
    """For whom somebody wanted to act: a person of their own, of whom nothing may go."""
    return registration.register_person(organization=someone.organization, given_name="Cora", by=SYSTEM, at=NOON - 100 * DAY)


def reject(row: Representative) -> None:
    row.state, row.rejection, row.asked_by, row.decided_by = RepresentativeState.REJECTED, RejectionReason.DOUBTFUL, "staff:bo", "staff:cleo"
    row.asked_at = row.decided_at = NOON - 8 * DAY
    row.save()


def service() -> ServiceToken:
    known = ServiceToken.objects.filter(name="product").first()
    return known or tokens.issue(name="product", scopes=["people"], organization=None, by=cast.staff("adm", cast.Role.ADMINISTRATOR), at=NOON)[0]


def representative(someone: Person, name: str, email: str, *, until: date | None = None) -> Representative:
    """Proposed for somebody, with a document."""
    row = Representative(
        person=someone, full_name=name, email=email, authority=Authority.PARENT, valid_from=day_of(NOON - 9 * DAY), valid_until=until, proposed_by="staff:bo",
        proposed_at=NOON - 9 * DAY, policy_version=someone.policy_version,
    )  # fmt: skip
    documents.put(row, PDF + name.encode())
    row.save(force_insert=True)
    return row


def consents(someone: Person) -> None:
    for purpose in ("contacts", "calendar"):
        text = asking.text_in_force(purpose=purpose, at=NOON - DAY)
        giving.give(
            person=someone, purpose=purpose, how=How.PREFERENCE_PAGE, by=Actor("person", someone.reference), at=NOON - DAY, text=text.number,
            shown=bytes(text.digest), shown_at=NOON - DAY - timedelta(minutes=1),
        )  # fmt: skip
    links.ask(address=address_of(someone.given_name), at=NOON - HOUR)
    links.answer_due(at=NOON - HOUR)
    url, _ends = links.make(person=someone, by=SYSTEM, at=NOON - HOUR)
    links.spend(token=url.rstrip("/").rpartition("/")[2], visit=secrets.token_urlsafe(32), at=NOON - HOUR)
    LinkRequest.objects.create(address=address_of(someone.given_name), asked_at=NOON)
    seen = SeenSignal.objects.create(
        person=someone, signal="gpc", answer="noted", policy_version=someone.policy_version, first_at=NOON - DAY, last_at=NOON - HOUR
    )
    SignalEffect.objects.create(seen=seen, purpose_id="contacts", effect="left", consent_event="CNS-1", at=NOON - HOUR)


def mails(someone: Person) -> None:
    """One that waits to an address of now, one that was sent to a former one."""
    for number, address in enumerate([address_of(someone.given_name), f"OLD.{address_of(someone.given_name)}"]):
        outbox.queue(
            template="consents/preference_link", to=address, context={"url": "https://example.org/", "minutes": 30, "organization": "Hill Clinic"},
            about=someone.reference, once_key=f"{someone.reference}-{number}", at=NOON - HOUR,
        )  # fmt: skip
    OutgoingMail.objects.filter(once_key=f"{someone.reference}-1").update(state="sent", sent_at=NOON - HOUR)


def admin_log(someone: Person) -> None:
    """What the admin wrote down when staff changed a person, and an address of theirs."""
    for row in (someone, someone.emails.get()):
        LogEntry.objects.create(
            user=cast.bo(), content_type=ContentType.objects.get_for_model(type(row)), object_id=str(row.pk), object_repr=str(row), action_flag=CHANGE,
            change_message="Changed a field.",
        )  # fmt: skip


def holds(someone: Person) -> None:
    """A hold that is over."""
    by = given.ezra()
    matter = matters.open_matter(title="Docket 26-117", reason="A court asks for it.", by=by, at=NOON - 90 * DAY)
    hold = placing.place(matter=matter, reason="The court names it.", person=someone, by=by, at=NOON - 90 * DAY)
    releasing.ask_release(hold=hold, reason="The case is settled.", by=by, at=NOON - 80 * DAY)
    releasing.approve_release(hold=hold, by=cast.cleo(), at=NOON - 80 * DAY)


def lent(someone: Person) -> None:
    """An address book with everybody in it, a calendar, what could not be read, and what an earlier hold kept."""
    by = Actor("person", someone.reference)
    book = cards(address_of("Ada"), address_of("Ben"), f"friend-of-{address_of(someone.given_name)}")
    lending.upload(person=someone, purpose="contacts", name="book.vcf", data=book, by=by, at=NOON - HOUR)
    lending.upload(person=someone, purpose="calendar", name="days.ics", data=appointment(NOON + DAY), by=by, at=NOON - HOUR)
    refusing.note(person=someone, purpose="contacts", how="file", code="not_a_book", size=9, by=by, at=NOON - HOUR)
    people.bring_up_all(at=NOON - HOUR)
    while matching.match_changed(at=NOON - HOUR):
        pass
    Rematch.objects.get_or_create(person=someone, defaults={"since": NOON})
    with transaction.atomic():
        keeping_apart.keep(someone, "contacts", {"matches": []}, source_reference="", event="CNS-0", entries=0, at=NOON - 60 * DAY)


def cards(*addresses: str) -> bytes:
    return "".join(f"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\nEMAIL:{one}\r\nEND:VCARD\r\n" for one in addresses).encode()


def appointment(start) -> bytes:
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260308T120000Z\r\nDTSTART:{start:%Y%m%dT%H%M%SZ}\r\n"
        "DURATION:PT1H\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()


def written(someone: Person) -> None:
    """An inquiry from an address on file, with the mail it came in by, and one from before anybody knew them."""
    sender = address_of(someone.given_name)
    with transaction.atomic():
        inquiry = opening.begin(channel=Channel.MAIL, sender=sender, words=Words("A question", f"I am {someone.given_name}."), at=NOON - HOUR)
    box, _is_new = Mailbox.objects.get_or_create(code="inquiries")
    ReceivedMail.objects.create(
        mailbox=box, uid_validity=1, uid=someone.pk, digest=secrets.token_bytes(32), outcome="opened", size=100, inquiry=inquiry, received_at=NOON - HOUR
    )
    with transaction.atomic():
        opening.begin(channel=Channel.MAIL, sender=f"old.{sender}", words=Words("An older question", "Who are you?"), at=NOON - 2 * HOUR)


def delivered(someone: Person) -> None:
    """One notice of a version of the policy that waits for them."""
    circular, _is_new = Circular.objects.get_or_create(
        kind="policy", defaults={
            "channel": "email", "about_version": someone.policy_version, "subject": "A new version", "words": "It is new.", "created_at": NOON,
            "state": "sending", "started_at": NOON, "approved_at": NOON,
        },
    )  # fmt: skip
    Delivery.objects.create(circular=circular, person=someone)


def left(someone: Person) -> None:
    """Something left about them to a provider, something was refused, a consent ended on which something left."""
    cirrus = Provider.objects.filter(legal_name="Cirrus Hosting").first() or given.provider()
    if not cirrus.agreements.get().grants.exists():
        given.grant(cirrus)
    remembering.decide_once(
        package=given.to_provider(cirrus, About.person(someone.reference)), service=service(), key=f"key-{someone.reference}", body=b"a body", at=NOON
    )
    with suppress(Refused):
        decide(package=given.to_provider(cirrus, About.person(someone.reference), purpose="analytics"), by=SYSTEM, at=NOON)
    recipient = somebody_else()
    agreed.give(someone, at=NOON - HOUR)
    agreed.handed_over(recipient, someone, at=NOON - HOUR + timedelta(minutes=1))
    agreed.withdraw(someone, at=NOON - timedelta(minutes=50))
    withdrawals.notice(at=NOON - timedelta(minutes=50))


def somebody_else() -> Provider:
    """A third party of its own, with a purpose that people may allow."""
    if not ConsentPurpose.objects.filter(code=agreed.PURPOSE).exists():
        agreed.purpose(given.provider("Somebody Else", role="independent"))
    return Provider.objects.get(legal_name="Somebody Else")


def seen_by_us(someone: Person) -> None:
    """Somebody read a message of theirs, and a check found something about them."""
    with transaction.atomic():
        ledger.record("message.read", by=SYSTEM, about="RDG-1", at=NOON, detail={"person": someone.reference, "source": "slack", "conversation": "c1"})
    promise, _is_new = Promise.objects.get_or_create(code="P20", defaults={"section": 4, "title": "Deletion"})
    Finding.objects.create(promise=promise, check_code="late", object=someone.reference, why="It is late.", since=NOON, last_seen_at=NOON)


def close(someone: Person) -> None:
    """As an erasure begins."""
    someone.standing = PersonStanding.CLOSED
    someone._history_date = NOON
    someone.save(update_fields=["standing"])
