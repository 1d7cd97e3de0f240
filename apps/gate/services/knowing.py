"""What the house knows about a package: the provider's standing, whose data it is, and the exceptions for where it goes.

A handful of look-ups by reference, each by an index; none where nothing is asked. Answers are as of now, so whoever lets something
out asks under the provider's lock.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from apps.foundation import prepared
from apps.gate.package import Package, Recipient
from apps.gate.services.rules import HOME, Client, Known
from apps.gate.states import RecipientKind
from apps.providers.services import asking
from apps.providers.services.asking import Standing

CLIENTS = "SELECT reference, standing = 'active', hipaa_covered, country FROM accounts_organization WHERE reference = ANY(%s)"
PEOPLE = (
    "SELECT p.reference, o.reference, o.standing = 'active', o.hipaa_covered, o.country"
    " FROM accounts_person p LEFT JOIN accounts_organization o ON o.id = p.organization_id WHERE p.reference = ANY(%s)"
)
EXCEPTIONS = (
    "SELECT country, reference FROM gate_countryexception WHERE recipient = %s AND recipient_kind = %s AND country = ANY(%s)"
    " AND state = 'approved' AND starts_at <= %s AND ends_at > %s ORDER BY ends_at, id FOR SHARE"
)


def known(package: Package, at: datetime) -> Known:
    """What the rules need to know about a sound package."""
    recipient, about = package.recipient, package.about
    standing = standing_of(package, at) if recipient.kind == RecipientKind.PROVIDER else None
    clients = {about.organization_named, recipient.reference if recipient.kind == RecipientKind.CLIENT else ""} - {""}
    people = {*about.people_named, *([recipient.reference] if recipient.kind == RecipientKind.PERSON else [])}
    found, client_of = {}, {}
    for reference, *client in _rows(PEOPLE, [sorted(people)]) if people else ():
        client_of[reference] = client[0]
        if client[0] is not None:
            found[client[0]] = Client(*client)
    for row in _rows(CLIENTS, [sorted(clients)]) if clients else ():
        found[row[0]] = Client(*row)
    there = {*package.countries, *(standing.countries if standing else ())}
    return Known(standing, found, client_of, exceptions(recipient, there, at))


def standing_of(package: Package, at: datetime) -> Standing | None:
    """How the provider stands towards this package; None where there is no such provider."""
    try:
        return asking.ask(
            provider=package.recipient.reference, categories=package.categories, purpose=package.purpose,
            patient_information=package.patient_information, at=at,
        )  # fmt: skip
    except asking.ProviderUnknown:
        return None


def lock(recipient: Recipient) -> None:
    """Keep a provider as it is until the caller's transaction ends. One that is not there needs no lock: it gets nothing."""
    if recipient.kind == RecipientKind.PROVIDER:
        with suppress(asking.ProviderUnknown):
            asking.lock(provider=recipient.reference)


def exceptions(recipient: Recipient, countries: Iterable[str], at: datetime) -> dict[str, str]:
    """The exception in force for each country other than the United States; of several the one that ends last."""
    outside = sorted(set(countries) - {HOME})
    return dict(_rows(EXCEPTIONS, [recipient.reference, recipient.kind, outside, at, at])) if outside else {}


def _rows(sql: str, values: Sequence) -> list[tuple]:
    with prepared.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
