"""One person's 10,000 messages among 5,000,000 of their client's: counted, collected, erased, given a pseudonym; and what marks cost ingest.

BENCH_PERSON_STORED (default 5,000,000) messages on BENCH_PERSON_STORED_DAYS (250) live days; each 500th is Ada's. The pseudonyms are not
committed, so that the same rows can be deleted after. Beside it as many other rows deleted by their numbers, one statement a day: it finds,
decrypts and records nothing.
Ingest takes 10,000 messages of 2,000 people, without anybody erased, and with 10,000 erased participants of whom ten are in each batch.
"""

import secrets
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial

import pytest
from django.db import transaction

from apps.accounts.services.subjects import subject_of
from apps.audit.services import journal
from apps.foundation.actors import SYSTEM
from apps.retention.importing.lines import Incoming, Party
from apps.retention.models import EarlyDeletion, ErasedParticipant
from apps.retention.promises import every_account_adds_up
from apps.retention.services import batches, ingest, people
from apps.retention.services.people import marks
from tests import cast
from tests.bench import filling
from tests.bench.conftest import ask, compare, size

STORED = size("BENCH_PERSON_STORED", 5_000_000)
DAYS = size("BENCH_PERSON_STORED_DAYS", 250)
EVERY = size("BENCH_PERSON_EVERY", 500)
FIRST = cast.NOON.date() + timedelta(days=8)
BATCH, BATCHES, ERASED = 10_000, 7, 10_000


def everything(subject, answer) -> int:
    """Piece by piece, each committed, as data requests do it."""
    ended = 0
    while True:
        with transaction.atomic():
            piece = people.erase(subject, cast.NOON, answer)
        ended += piece.erased + piece.anonymised
        if not piece.more:
            return ended


@pytest.mark.django_db(transaction=True)
def bench_person_messages(home):
    cast.house()
    clinic = cast.hill_clinic(3000)
    ada = cast.ada(clinic)
    subject = subject_of(ada)
    theirs = filling.party(0, person=ada.reference)
    days = [FIRST + timedelta(days=number) for number in range(DAYS)]
    a_day, wanted = STORED // DAYS, STORED // EVERY
    for number, day in enumerate(days):
        filling.fill(clinic, day, a_day, first=1 + number * a_day, held=theirs, every=EVERY)
    filling.settle("message")
    found = compare(f"one person's {wanted:,} messages among {STORED:,}, on {DAYS} days: found")
    for _turn in range(3):
        found.time("counted, by one tag a day", lambda: require(people.count(subject, cast.NOON), wanted))
    handed = compare(f"those {wanted:,} handed over: decrypted, and others taken out of them")
    for _turn in range(2):
        handed.time("collected", lambda: require(sum(1 for one in people.collect(subject, cast.NOON, "release") for _row in one.rows), wanted))
    ended = compare(f"those {wanted:,} ended")
    with all_put_back():
        ended.time("given a pseudonym", lambda: require(everything(subject, "pseudonymise"), wanted))
    ended.time("deleted early, each with its record", lambda: require(everything(subject, "erase"), wanted))
    assert EarlyDeletion.objects.count() == wanted
    assert every_account_adds_up(cast.NOON).violations == ()
    ended.time("their lines written into the journal", journal.write_owed)
    same = [(day, [number for (number,) in ask(f"SELECT id FROM {filling.leaf_of(day)} ORDER BY id LIMIT %s", wanted // DAYS)]) for day in days]
    ended.time("as many rows deleted by their numbers, and nothing else", lambda: deleted(same))


def require(number: int, wanted: int) -> None:
    """A number counts only where all of it was done."""
    assert number == wanted


@contextmanager
def all_put_back():
    """What is done inside is not committed, piece by piece or whole: the next way ends the same rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def deleted(numbers: list[tuple[date, list[int]]]) -> None:
    for day, ids in numbers:
        ask("DELETE FROM message WHERE expiry = %s AND id = ANY(%s)", day, ids)


def lines(first: int) -> list[Incoming]:
    """A batch of 10,000, each of two of 2,000 people who are known by an address."""
    parties = [Party(email=f"p{number}@client.example", name=f"Person {number}") for number in range(filling.PEOPLE)]
    return [
        Incoming(
            number=number + 1, id=f"i{first + number}", conversation=f"c{number % 500}", conversation_class=None, sent_at=cast.NOON,
            sender=parties[number * 7 % filling.PEOPLE], recipients=(parties[number * 13 % filling.PEOPLE],), body=filling.BODIES[number * 31 % 4_000],
        )
        for number in range(BATCH)
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def bench_ingest_beside_the_erased(home):
    cast.house()
    clinics = {"nobody was erased": cast.hill_clinic(90), f"{ERASED:,} were erased, ten of them in the batch": cast.client("Mercy General")}
    nobody, many = clinics.values()
    cast.rule(many, 90)
    key = marks.digest_key(many.reference)
    addresses = [f"p{number}@client.example" for number in range(10)] + [f"gone{number}@client.example" for number in range(ERASED - 10)]
    ErasedParticipant.objects.bulk_create(
        ErasedParticipant(
            organization=many, digest=marks.digest_of(key, ("email", address)), alias=secrets.token_bytes(16), answer="erase", at=cast.NOON,
            kept_until=cast.NOON + 700 * cast.DAY,
        )
        for address in addresses
    )  # fmt: skip
    race = compare(f"{BATCH:,} messages taken in")
    for turn in range(BATCHES):
        for name, clinic in clinics.items():
            made = lines(turn * BATCH)
            batch = batches.open_batch(organization=clinic, source="product", key=f"b{turn}", by=SYSTEM, at=cast.NOON)
            taken = partial(ingest.take_in, batch=batch, lines=made, last_number=BATCH, digest=None, by=SYSTEM, at=cast.NOON)
            race.time(name, lambda taken=taken: require(taken().total("accepted"), BATCH))
