"""One person's 10,000 messages, found in the leaves and opened, beside the same rows in one table with an index on the person.

First 400 live days with 25 of them each, among BENCH_PERSON_DAY (default 500) messages a day; then seven years of leaves, a day each,
with 4 of another person's on each. Both ways fetch and decrypt the same rows under the same keys. Ours finds a person by another tag
in each cohort, looks at every cohort there is, live or aside, and compares each message with the scope; the other knows by one look
into one index where all of them are.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import psycopg
import pytest
from django.db import connection

from apps.accounts.models import Organization, Person
from apps.accounts.services import registration
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.holds.models import Hold
from apps.holds.services import matters, placing
from apps.retention import envelope
from apps.retention.services import coverage, leaves
from apps.staff.roles import Role
from tests import cast
from tests.bench import filling
from tests.bench.conftest import ask, compare, size

A_DAY = size("BENCH_PERSON_DAY", 500)
YEARS_DAYS = size("BENCH_PERSON_LEAVES", 2_556)
WANTED = size("BENCH_PERSON_WANTED", 10_000)
LIVE_DAYS = size("BENCH_PERSON_DAYS", 400)
ROUNDS = 5
FIRST = cast.NOON.date() + timedelta(days=8)


def someone(clinic: Organization, name: str) -> tuple[Person, Hold]:
    """A person, and a hold on them: whose messages counsel looks for."""
    person = registration.register_person(
        organization=clinic, given_name=name, family_name="Found", emails=[f"{name}@client.example"], by=SYSTEM, at=cast.NOON - 150 * cast.DAY
    )
    ezra = cast.staff(f"ezra-{name}", Role.COUNSEL)
    matter = matters.open_matter(title=name, reason="asked by the court", by=ezra, at=cast.NOON)
    return person, placing.place(matter=matter, person=person, reason="asked by the court", by=ezra, at=cast.NOON)


def filled(clinic: Organization, person: Person, days: Sequence[date], *, own: int, of: int, first: int) -> None:
    """On each day `own` messages of the person among `of`; and the same rows in the one table, which is told whose they are."""
    held = filling.party(1, person=person.reference)
    for number, day in enumerate(days):
        filling.fill(clinic, day, of, held=held, every=of // own, first=first + number * of)
        tag = envelope.for_cohort(keystore(), organization=clinic.reference, expiry=day).tag("person", person.reference)
        ask(
            f"INSERT INTO other_message SELECT id, expiry, segment, policy_version_id, proof, ciphertext, CASE WHEN %s = ANY (tags) THEN {person.pk} END"
            f" FROM message WHERE expiry = '{day}' ON CONFLICT DO NOTHING", tag
        )  # fmt: skip
    filling.settle("other_message", *map(filling.leaf_of, days))


def in_our_leaves(hold: Hold) -> int:
    """By what counsel asks: the coverage report opens every message that it counts."""
    return coverage.report(holds=[hold], at=cast.NOON).messages


def in_one_table(clinic: Organization, person: Person) -> int:
    store, openers, found = keystore(), {}, 0
    with psycopg.Cursor(connection.connection) as cursor:
        rows = cursor.execute(
            f"SELECT id, expiry, policy_version_id, proof, ciphertext FROM other_message WHERE person = {person.pk}", binary=True
        )
        for number, day, version, _proof, text in rows:
            if day not in openers:
                openers[day] = envelope.for_cohort(store, organization=clinic.reference, expiry=day)
            openers[day].open(text, number=number, policy_version=version)
            found += 1
    return found


@pytest.mark.django_db(transaction=True)
def bench_one_person(home):
    cast.house()
    clinic = cast.hill_clinic(7)
    ask("CREATE TABLE other_message AS SELECT id, expiry, segment, policy_version_id, proof, ciphertext, 0::bigint AS person FROM message WHERE false")
    ask("ALTER TABLE other_message ADD PRIMARY KEY (expiry, id)")
    ask("CREATE INDEX ON other_message (person)")
    days = [FIRST + timedelta(days=number) for number in range(YEARS_DAYS)]
    leaves.make_leaves(at=cast.NOON, days=days)
    ada, of_ada = someone(clinic, "ada")
    filled(clinic, ada, days[:LIVE_DAYS], own=WANTED // LIVE_DAYS, of=A_DAY, first=1)
    compared(clinic, ada, of_ada, f"one person's {WANTED:,} messages over {LIVE_DAYS} live days")
    ben, of_ben = someone(clinic, "ben")
    a_day = WANTED // YEARS_DAYS + 1
    filled(clinic, ben, days, own=a_day, of=a_day * 10, first=10_000_001)
    compared(clinic, ben, of_ben, f"one person's {a_day * YEARS_DAYS:,} messages over {YEARS_DAYS:,} leaves")
    ask("DROP TABLE other_message")


def compared(clinic: Organization, person: Person, hold: Hold, what: str) -> None:
    race = compare(what, counts=min)
    assert in_our_leaves(hold) == in_one_table(clinic, person) >= WANTED
    for _round in range(ROUNDS):
        race.time("ours", lambda: in_our_leaves(hold))
        race.time("one table, indexed", lambda: in_one_table(clinic, person))
    race.ratio("ours", "one table, indexed", "at most 4 times its time")
    race.limited(
        "A statement for each group of leaves, planned leaf by leaf; a tag and a cached key for each cohort; each message decrypted, as in the one"
        " table. Physical limit: that one look into one index, and the same decryption."
    )
