"""Somebody with a row in every holding, by the services that write it where there is one."""

import secrets
from datetime import date, timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from apps.accounts.models import LinkAttempt, MinorCase, Person, RememberedRequest, Representative, ServiceToken
from apps.accounts.services import acceptance, amending, documents, linking, registration, tokens
from apps.accounts.states import Authority, CaseState, FoundOut, PersonStanding, RejectionReason, RepresentativeState
from apps.consents.models import LinkRequest, SeenSignal, SignalEffect
from apps.consents.services import asking, giving, links
from apps.consents.states import How
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.clock import day_of
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from tests import cast
from tests.cast import DAY, NOON

HOUR = timedelta(hours=1)
PDF = b"%PDF-1.7 a document about "


def address_of(given: str) -> str:
    return f"{given.lower()}@private.example"


def person(organization, given: str, family: str) -> Person:
    """Registered, with a former name and a former address, and with everything else that the floors hold."""
    someone = registration.register_person(
        organization=organization, given_name=given, family_name=f"{family}-Before", emails=[address_of(given), f"Old.{address_of(given)}"],
        phones=[f"+1202555{ord(given[0]):04d}"], birth_date=date(1990, 3, 8), street=f"{len(family)} Elm Street", city="Springfield",
        postal_code="12345", state="CA", country="US", identities=[("slack", f"U-{given}")], by=SYSTEM, at=NOON - 150 * DAY,
    )  # fmt: skip
    someone = amending.amend_person(person=someone, changes={"family_name": family}, by=SYSTEM, at=NOON - 140 * DAY)
    amending.remove(row=someone.emails.get(normalised=f"old.{address_of(given)}"), by=SYSTEM, at=NOON - 130 * DAY)
    for plant in (accounts, consents, mails, admin_log):
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
    return registration.register_person(organization=someone.organization, given_name=f"Child of {someone.given_name}", by=SYSTEM, at=NOON - 100 * DAY)


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


def close(someone: Person) -> None:
    """As an erasure begins."""
    someone.standing = PersonStanding.CLOSED
    someone._history_date = NOON
    someone.save(update_fields=["standing"])
