"""What the house knows about a package: the provider's standing, whose data it is, and the exceptions for where it goes.

A handful of look-ups by reference, each by an index; none where nothing is asked. Answers are as of now, so whoever lets something
out asks under the provider's lock.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from apps.foundation import prepared
from apps.gate.package import Package, Recipient
from apps.gate.services.rules import HOME, AskedFor, Client, Consent, Known
from apps.gate.states import Ground, RecipientKind
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
ASKED_FOR = "SELECT kind, recipient, disclosure_purpose FROM consents_consentpurpose WHERE code = %s"
#: shared locks, always in the same order, taken before who else could change a row: a withdrawal comes before the answer or waits for its commit
CONSENTS = (
    "SELECT p.reference, e.reference, t.categories, s.until FROM consents_standing s JOIN accounts_person p ON p.id = s.person_id"
    " JOIN consents_consentevent e ON e.id = s.event_id JOIN consents_purposetext t ON t.id = s.text_id"
    " WHERE s.purpose_id = %s AND s.stands AND (s.until IS NULL OR s.until > %s) AND p.standing = 'active' AND p.reference = ANY(%s)"
    " ORDER BY s.id FOR SHARE OF s"
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
    asked_for, consents = on_consent(package, at) if package.ground == Ground.CONSENT else (None, {})
    return Known(standing, found, client_of, exceptions(recipient, there, at), asked_for, consents)


def on_consent(package: Package, at: datetime) -> tuple[AskedFor | None, dict[str, Consent]]:
    """What people were asked for, and the consent of each who gave it and may still be held to it; held until the caller's transaction ends."""
    asked_for = [AskedFor(*row) for row in _rows(ASKED_FOR, [package.consent])]
    given = _rows(CONSENTS, [package.consent, at, sorted(package.about.people_named)]) if asked_for else ()
    return next(iter(asked_for), None), {person: Consent(event, frozenset(covered), until) for person, event, covered, until in given}


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
