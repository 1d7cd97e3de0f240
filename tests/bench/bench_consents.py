"""The one question over 900,000 standings, and an audience of 100,000 people beside a ledger of 1,000,000 events.

`may` looks a standing and its person up by two indexes; beside it: the same standing by its primary key, prepared in the same way. An
audience comes from one index over what stands; beside it: the same people from the ledger alone, by the newest event of each.
Sizes: BENCH_CONSENTS_AUDIENCE (as many again took it back), BENCH_CONSENTS_OTHERS (people with a consent to each of four other purposes).
"""

import time
from datetime import timedelta

import pytest
from django.db import connection

from apps.consents.models import Standing
from apps.consents.services import asking, giving, withdrawing
from apps.consents.states import How
from apps.foundation import prepared
from apps.foundation.actors import SYSTEM
from tests import cast
from tests.bench.conftest import ask, compare, size
from tests.cast import DAY, NOON

AUDIENCE = size("BENCH_CONSENTS_AUDIENCE", 100_000)
OTHERS = size("BENCH_CONSENTS_OTHERS", 175_000)
A_TURN, TURNS = 500, 9
FIRST = 1_000_000  # of the made-up rows, far from what the services number
PURPOSE = "announcements_email"
LATER = NOON + 2 * DAY

BY_KEY = "SELECT 1 FROM consents_standing WHERE id = %s AND stands"

LEDGER = (
    "SELECT {what} FROM (SELECT DISTINCT ON (person_id) person_id, act, until FROM consents_consentevent"
    " WHERE purpose_id = %s AND at <= %s ORDER BY person_id, at DESC, id DESC) said JOIN accounts_person p ON p.id = said.person_id"
    " WHERE said.act = 'given' AND (said.until IS NULL OR said.until > %s) AND p.standing = 'active'"
)


def copies(table: str, source: str, count: int, **changed: str) -> None:
    """So many copies of a row that a service made, each with what makes it another one; `n` counts them from 1."""
    columns = [name for (name,) in ask("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", table)]
    values = [changed.get(name, f'one."{name}"') for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    ask(f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {table} one, generate_series(1, {count}) n WHERE one.{source}")


def reference(prefix: str, number: str, width: int) -> str:
    return f"'{prefix}-' || lpad(({number})::text, {width}, '0')"


def say(person, purpose: str, *, at=NOON):
    text = asking.text_in_force(purpose=purpose, at=at)
    return giving.give(
        person=person, purpose=purpose, text=text.number, shown=bytes(text.digest), shown_at=at - timedelta(minutes=1), how=How.API, by=SYSTEM, at=at
    )


@pytest.fixture
def full(home, transactional_db):
    """People of whom half still allow news by e-mail, and who allow four other things, all copied from one who did it by the services."""
    cast.house()
    ada = cast.ada(cast.client(hipaa=False))
    given = say(ada, PURPOSE)
    standing = Standing.objects.get(event=given)
    others = [say(ada, purpose) for purpose in ("contacts", "calendar", "announcements_in_app", "announcements_sms")]
    gone = withdrawing.withdraw(person=ada, purpose="announcements_sms", how=How.API, by=SYSTEM, at=NOON + DAY)
    others[-1] = say(ada, "announcements_sms", at=NOON + DAY)
    people = 2 * AUDIENCE
    ask("SET session_replication_role = replica")
    copies("accounts_person", f"id = {ada.pk}", people, id=f"{FIRST} + n", reference=reference("PER", "n", 7))
    where = f"id = {given.pk}"
    copies("consents_consentevent", where, people, id=f"{FIRST} + n", person_id=f"{FIRST} + n", reference=reference("CNS", "n", 9))
    copies("consents_standing", f"id = {standing.pk}", AUDIENCE, id=f"{FIRST} + n", person_id=f"{FIRST} + 2 * n - 1", event_id=f"{FIRST} + 2 * n - 1")
    copies(
        "consents_consentevent", f"id = {gone.pk}", AUDIENCE, id=f"2 * {FIRST} + n", person_id=f"{FIRST} + 2 * n", purpose_id=f"'{PURPOSE}'",
        reference=reference("CNS", f"{FIRST} + n", 9), text_id=str(given.text_id),
    )  # fmt: skip
    copies(
        "consents_standing", f"id = {standing.pk}", AUDIENCE, id=f"2 * {FIRST} + n", person_id=f"{FIRST} + 2 * n", event_id=f"2 * {FIRST} + n",
        stands="false", asked_again_from="'2027-03-09T12:00:00+00:00'::timestamptz",
    )  # fmt: skip
    for number, event in enumerate(others, start=3):
        row = Standing.objects.get(event=event).pk
        copies(
            "consents_consentevent", f"id = {event.pk}", OTHERS, id=f"{number} * {FIRST} + n", person_id=f"{FIRST} + n",
            reference=reference("CNS", f"{number} * {FIRST} + n", 9),
        )  # fmt: skip
        copies("consents_standing", f"id = {row}", OTHERS, id=f"{number} * {FIRST} + n", person_id=f"{FIRST} + n", event_id=f"{number} * {FIRST} + n")
    ask("SET session_replication_role = origin")
    for table in ("accounts_person", "consents_consentevent", "consents_standing"):
        ask(f"VACUUM ANALYZE {table}")
    yield
    connection.close()


def one(sql: str, *values):
    with prepared.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def bench_consents(full):
    events, standings = ask("SELECT (SELECT count(*) FROM consents_consentevent), (SELECT count(*) FROM consents_standing)")[0]
    race = compare(f"may, among {standings:,} standings (µs)", unit="µs", counts=min)
    people = [FIRST + 1 + 2 * (n * 7919 % AUDIENCE) for n in range(A_TURN)]
    keys = [row.pk for person in people for row in [Standing.objects.only("pk").get(person_id=person, purpose_id=PURPOSE)]]
    ways = {
        "may": lambda: [asking.may(person_id=person, purpose=PURPOSE, at=LATER) for person in people],
        "the same row by its primary key": lambda: [one(BY_KEY, key) for key in keys],
        "the same question by the ORM": lambda: [
            Standing.objects.filter(person_id=person, purpose_id=PURPOSE, stands=True, person__standing="active").standing(LATER).exists()
            for person in people
        ],
    }  # fmt: skip
    assert all(ways["may"]())
    assert all(ways["the same row by its primary key"]())
    for _turn in range(TURNS):
        for name, way in ways.items():
            timed(race, name, way, A_TURN)
    race.ratio("may", "the same row by its primary key", "at most 2")

    audience = compare(f"an audience of {AUDIENCE:,}, of {events:,} events (ms)")
    ids, people = asking.audience_ids(purpose=PURPOSE, at=LATER), asking.audience(purpose=PURPOSE, at=LATER)
    same = [PURPOSE, LATER, LATER]
    sets = {
        "from what stands": lambda: ids.count(),
        "from the ledger": lambda: ask(LEDGER.format(what="count(*)"), *same)[0][0],
        "from what stands, ids handed over": lambda: len(list(ids.all())),
        "from the ledger, ids handed over": lambda: len(ask(LEDGER.format(what="p.id") + " ORDER BY p.id", *same)),
        "from what stands, as people": lambda: people.count(),
    }
    assert {name: way() for name, way in sets.items()} == dict.fromkeys(sets, AUDIENCE + 1)
    for _turn in range(TURNS):
        for name, way in sets.items():
            audience.time(name, way)
    audience.ratio("from the ledger", "from what stands", "at least 10")
    audience.ratio("from the ledger, ids handed over", "from what stands, ids handed over", "")
    audience.limited("handed over: reading 100,000 ids into Python costs both the same; what writes to many stays in the database")


def timed(race, name, way, amount):
    """One turn, counted for each question."""
    began = time.perf_counter()
    way()
    race.add(name, (time.perf_counter() - began) / amount * 1e6)
