"""Every test of contacts has an installation of its own, two clients with some people, and files as people lend them.

Ada and Ben are of Hill Clinic, Cora of Mercy General, Dan of neither. Nobody allows anything yet.
"""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from apps.accounts.services import registration
from apps.consents.services import asking, giving, withdrawing
from apps.consents.states import How
from apps.contacts.services import lending, matching, people
from apps.contacts.services.lent import Lent
from apps.foundation.actors import SYSTEM, Actor
from tests import cast
from tests.cast import NOON
from tests.contacts.dav.conftest import between, dav_ground, dav_identity, radicale, running_radicale
from tests.contacts.dav.radicale import PASSWORD, USER

__all__ = ["between", "dav_ground", "dav_identity", "radicale", "running_radicale"]  # a real server, for every test of contacts


@pytest.fixture
def home(settings, tmp_path):
    """A folder for keystore, journal and signing keys that nobody else uses."""
    settings.COVENANT_HOME = tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return tmp_path


@pytest.fixture
def house(home, db):
    cast.house()
    return home


@pytest.fixture
def clinic(house):
    return cast.client()


@pytest.fixture
def mercy(house):
    return cast.client("Mercy General")


def person(organization, name, *emails, phones=()):
    return registration.register_person(
        organization=organization, given_name=name, emails=emails or [f"{name.lower()}@client.example"], phones=phones, country="US",
        by=SYSTEM, at=NOON - timedelta(days=150),
    )  # fmt: skip


@pytest.fixture
def ada(clinic):
    return person(clinic, "Ada", phones=["+12025550101"])


@pytest.fixture
def ben(clinic):
    return person(clinic, "Ben")


@pytest.fixture
def cora(mercy):
    return person(mercy, "Cora", "cora@mercy.example")


@pytest.fixture
def dan(house):
    return person(None, "Dan", "dan@home.example")


def say_yes(someone, purpose="contacts", *, at=NOON):
    """A person says yes, by the text in force, shown a minute before."""
    text = asking.text_in_force(purpose=purpose, at=at)
    return giving.give(
        person=someone, purpose=purpose, text=text.number, shown=bytes(text.digest), shown_at=at - timedelta(minutes=1),
        how=How.PREFERENCE_PAGE, by=Actor("person", someone.reference), at=at,
    )  # fmt: skip


def take_back(someone, purpose="contacts", *, at=NOON):
    return withdrawing.withdraw(person=someone, purpose=purpose, how=How.PREFERENCE_PAGE, by=Actor("person", someone.reference), at=at)


@pytest.fixture
def allow():
    return say_yes


@pytest.fixture
def withdraw():
    return take_back


def cards(*entries):
    """A vCard file: each entry is an address, a number, or several of them."""
    lines = []
    for number, entry in enumerate(entries):
        each = [entry] if isinstance(entry, str) else entry
        reach = [f"{'TEL' if value.startswith('+') else 'EMAIL'}:{value}" for value in each]
        lines += ["BEGIN:VCARD", "VERSION:3.0", f"UID:card-{number}", f"FN:Somebody {number}", *reach, "END:VCARD"]
    return "\r\n".join([*lines, ""]).encode()


def calendar(*times):
    """An iCalendar file: each time is a beginning and an end."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    for number, (starts_at, ends_at) in enumerate(times):
        lines += [
            "BEGIN:VEVENT", f"UID:event-{number}", "SUMMARY:A secret", f"DTSTAMP:{NOON:%Y%m%dT%H%M%SZ}",
            f"DTSTART:{starts_at:%Y%m%dT%H%M%SZ}", f"DTEND:{ends_at:%Y%m%dT%H%M%SZ}", "END:VEVENT",
        ]  # fmt: skip
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


@pytest.fixture
def server(settings, tmp_path, radicale, between, dav_identity):
    """Somebody's own server, with TLS, where people's addresses may lead to."""
    authority = tmp_path / "authority.pem"
    authority.write_text(dav_identity.authority)
    settings.CONTACTS_DAV_AUTHORITY, settings.CONTACTS_DAV_PORTS = str(authority), [between.port]
    settings.CONTACTS_DAV_ALLOWED_PRIVATE_ADDRESSES = ["127.0.0.1"]
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    return between


@pytest.fixture
def lend_address(server):
    """A person gives an address at that server."""

    def lent(someone, path, purpose="contacts", *, password=PASSWORD, at=NOON):
        given = Lent(server.address(path), USER, password)
        return lending.add_address(person=someone, purpose=purpose, given=given, by=Actor("person", someone.reference), at=at)

    return lent


@pytest.fixture
def lend():
    """A person uploads an address book or a calendar."""

    def lent(someone, data, purpose="contacts", *, name="book.vcf", at=NOON):
        return lending.upload(person=someone, purpose=purpose, name=name, data=data, by=Actor("person", someone.reference), at=at)

    return lent


@pytest.fixture
def match():
    """As the sweep does it."""

    def matched(at=NOON):
        people.bring_up_all(at=at)
        return matching.match_changed(at=at)

    return matched


@pytest.fixture
def by_force(house):
    """Raw SQL with all triggers and constraints on foreign keys off: what somebody with all rights on the database could do."""

    def run(sql, *values):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql, values)
            changed = cursor.rowcount
            cursor.execute("SET LOCAL session_replication_role = origin")  # the transaction may be that of the whole test
            return changed

    return run
