"""What left, what was refused, permits used and unused, a connection, an exception for a country and a withdrawal notice in each of its states."""

from datetime import timedelta

from apps.accounts.models import Person
from apps.consents.models import ConsentPurpose
from apps.foundation.actors import SYSTEM
from apps.gate.models import CountryException, Crossing, Disclosure, GateRefusal, Permit, WithdrawalNotice
from apps.gate.services import contacts, exceptions, permits, withdrawals
from apps.gate.services.deciding import About, Recipient, Refused, decide
from apps.providers.models import Provider
from apps.staff.models import StaffMember
from tests import cast
from tests.cast import DAY
from tests.gate import agreed, given
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import PRESENT, Rows, Scene


def provider() -> Provider:
    known = Provider.objects.first()
    if known is None:
        known = given.provider()
        given.grant(known)
    return known


def disclosure(number: int) -> Disclosure:
    """One to a provider, one to a client, one to a person."""
    person = accounts.person(number)
    packages = (
        lambda: given.to_provider(provider(), About.person(person.reference)),
        lambda: given.to_client(person.organization),
        lambda: given.to_person(person),
    )
    return decide(package=packages[number](), by=SYSTEM, at=PRESENT - timedelta(hours=3 - number)).disclosure


def refusal(number: int) -> GateRefusal:
    person = Person.objects.first() or accounts.person(0)
    package = (given.to_client(person.organization, purpose="sale"), given.to_person(person, ground="law"))[number % 2]
    try:
        decide(package=package, by=SYSTEM, at=PRESENT - timedelta(hours=3 - number))
    except Refused as no:
        return no.refusal
    raise AssertionError("it was let out")


def permit(number: int) -> Permit:
    """One that lapsed, one that was used, one that may be used."""
    at = PRESENT - timedelta(minutes=(60, 30, 1)[number])
    given_now = contacts.open_contact(recipient=Recipient.provider(provider().reference), why=("look", "try_out", "removal")[number], by=SYSTEM, at=at)
    if number == 1:
        permits.spend(permit=given_now, recipient=Recipient.provider(given_now.recipient), fields=frozenset(), digest=None, at=at)
    return given_now


def crossing(number: int) -> Crossing:
    client = accounts.person(0).organization if number == 0 else None
    recipient = Recipient.client(client.reference) if client else Recipient.provider(provider().reference)
    at = PRESENT - timedelta(minutes=3 - number)
    opened = contacts.open_contact(recipient=recipient, why="look", by=SYSTEM, at=at)
    permits.spend(permit=opened, recipient=recipient, fields=frozenset(), digest=None, at=at)
    return Crossing.objects.create(permit=opened, host="store.example", address="203.0.113.7", port=443, at=at)


def asked(number: int = 0, *, by: StaffMember | None = None) -> CountryException:
    return exceptions.ask(
        recipient=Recipient.provider(provider().reference), country=("CA", "MX", "GB")[number], starts_at=PRESENT,
        ends_at=PRESENT + (10 + number) * DAY, reason="Its second site is there.", by=by or given.dana(), at=PRESENT,
    )  # fmt: skip


def exception(number: int) -> CountryException:
    row = asked(number)
    if number == 1:
        return exceptions.approve(exception=row, by=cast.cleo(), at=PRESENT)
    return exceptions.withdraw(exception=row, by=cast.cleo(), at=PRESENT) if number == 2 else row


def notice(number: int = 0) -> WithdrawalNotice:
    """One to be told, one that was told, one whose erasure is confirmed."""
    to = Provider.objects.filter(legal_name="Somebody Else").first() or given.provider("Somebody Else", role="independent")
    if not ConsentPurpose.objects.filter(pk=agreed.PURPOSE).exists():
        agreed.purpose(to)
    person, at = accounts.person(number), PRESENT - (9 - number) * DAY
    agreed.give(person, at=at - DAY)
    agreed.handed_over(to, person, at=at)
    event = agreed.withdraw(person, at=at)
    withdrawals.notice(at=at) if number == 0 else withdrawals.look_after(at=at)
    made = WithdrawalNotice.objects.get(event=event.reference)
    return withdrawals.confirm(notice=made, evidence="Its letter.", by=cast.cleo(), at=at + DAY) if number == 2 else made


ROWS = {
    Disclosure: Rows(disclosure),
    GateRefusal: Rows(refusal),
    CountryException: Rows(exception),
    Permit: Rows(permit),
    Crossing: Rows(crossing),
    WithdrawalNotice: Rows(notice),
}

SCENES = {
    (CountryException, "approve"): Scene(lambda _member: asked()),
    (CountryException, "reject"): Scene(lambda _member: asked()),
    (CountryException, "withdraw"): Scene(lambda _member: asked()),
    (WithdrawalNotice, "confirm"): Scene(lambda _member: notice(), {"evidence": "Its letter of March 9."}),
}
