"""How long contacts take: one person with 500 entries read and stored, all of 1,000 people matched, one person's matches by the API.

Sizes by BENCH_LENDERS and BENCH_ENTRIES. Half of what is in a book are other lenders, as in a company that uses the service.
"""

import os
import random
import time
from datetime import timedelta

import pytest

from apps.accounts.models import Person, PersonEmail
from apps.accounts.services import tokens
from apps.consents.services import asking, giving
from apps.consents.states import How
from apps.contacts.hashing import EMAIL, inner
from apps.contacts.models import ContactKey, Match, Rematch, Source
from apps.contacts.reading.found import Card
from apps.contacts.services import lending, matching, people, seeing, storing
from apps.foundation.actors import SYSTEM, Actor
from apps.policies.services.force import version_in_force
from tests import cast
from tests.cast import NOON

LENDERS = int(os.environ.get("BENCH_LENDERS", "1000"))
ENTRIES = int(os.environ.get("BENCH_ENTRIES", "500"))


@pytest.fixture
def clients(settings, tmp_path, db):
    settings.COVENANT_HOME = tmp_path
    cast.house()
    return [cast.client(f"Client {number}") for number in range(10)]


def lenders(clients):
    """People of ten clients who allow contacts, each with one address."""
    version = version_in_force(NOON)
    everybody = Person.objects.bulk_create(
        Person(organization=clients[number % len(clients)], given_name="Somebody", registered_at=NOON, policy_version=version) for number in range(LENDERS)
    )
    PersonEmail.objects.bulk_create(
        PersonEmail(
            person=person, organization=person.organization, address=f"p{number}@client.example", normalised=f"p{number}@client.example", added_at=NOON,
            policy_version=version,
        )
        for number, person in enumerate(everybody)
    )  # fmt: skip
    text = asking.text_in_force(purpose="contacts", at=NOON)
    for person in everybody:
        giving.give(
            person=person, purpose="contacts", text=text.number, shown=bytes(text.digest), shown_at=NOON - timedelta(minutes=1),
            how=How.PREFERENCE_PAGE, by=SYSTEM, at=NOON,
        )  # fmt: skip
    return everybody


def measured(measure, name, work):
    began = time.perf_counter()
    answer = work()
    seconds = time.perf_counter() - began
    measure(name, seconds)
    return answer


@pytest.fixture
def measure(record_property):
    """Prints a number, and keeps it for who collects them."""

    def said(name, seconds):
        record_property(name, seconds)
        print(f"\n{name}: {seconds * 1000:,.1f} ms")

    return said


def bench_contacts(clients, measure, client):
    chance = random.Random(26)
    everybody = lenders(clients)
    addresses = [f"p{number}@client.example" for number in range(LENDERS)]
    books = {
        person.pk: chance.sample(addresses, min(ENTRIES // 2, LENDERS)) + [f"x{chance.randrange(10**7)}@else.example" for _n in range(ENTRIES - ENTRIES // 2)]
        for person in everybody
    }
    inner(EMAIL, "warm")
    measured(measure, f"own keys of {LENDERS:,} people", lambda: people.bring_up_all(at=NOON))

    def store_all():
        for person in everybody:
            source = Source.objects.create(
                person=person, purpose_id="contacts", how="file", name_hash=b"n" * 16, added_at=NOON, policy_version=version_in_force(NOON)
            )
            storing.store(source, storing.by_item(Card(str(n), (address,), ()) for n, address in enumerate(books[person.pk])), gone=None, at=NOON)

    measured(measure, f"{LENDERS:,} books of {ENTRIES} stored", store_all)
    measured(measure, f"all {ContactKey.objects.count():,} keys matched", lambda: matching.match_changed(at=NOON))
    print(f"\n{Match.objects.count():,} matches")

    one = everybody[0]
    file = "".join(f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\nUID:{n}\r\nEMAIL:{address}\r\nEND:VCARD\r\n" for n, address in enumerate(books[one.pk])).encode()
    act = {"person": one, "purpose": "contacts", "name": "book.vcf", "by": Actor("person", one.reference), "at": NOON}
    measured(measure, f"one file of {ENTRIES} entries uploaded", lambda: lending.upload(data=file, **act))
    measured(measure, "the same file again", lambda: lending.upload(data=file, **act))
    assert Rematch.objects.count() == 1
    measured(measure, "one person matched", lambda: matching.match_changed(at=NOON))
    found = measured(
        measure, "one person's matches read", lambda: seeing.groups_of(one, since=NOON, until=NOON + timedelta(days=7), at=NOON)
    )
    token = tokens.issue(name="product", scopes=["people"], organization=None, by=SYSTEM, at=NOON)[1]
    path, headers = f"/api/v1/people/{one.reference}/matches", {"Authorization": f"Bearer {token}"}
    client.get(path, headers=headers)
    answer = measured(measure, "the same by the API", lambda: client.get(path, headers=headers))
    told = answer.json()["groups"] if answer.status_code == 200 else None
    assert told is not None
    assert sum(len(group.people) for group in found) > 0
