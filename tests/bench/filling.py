"""Fills the message table fast and truly: every row is an envelope that opens, in a cohort whose account adds up.

It goes past the reading of lines, the matching and the search for duplicates only; numbers, keys, tags, proofs, COPY, shares
and counts are those of ingest.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from apps.accounts.models import Organization
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.policies.services.force import version_in_force
from apps.retention import envelope
from apps.retention.importing.lines import rfc3339
from apps.retention.models import Batch, BatchShare, Cohort
from apps.retention.services import arrivals, batches, leaves
from tests.cast import NOON

CHUNK = 20_000
PEOPLE = 2_000
CONVERSATIONS = 500
SOURCE = "product"
WORDS = (  # noqa: SIM905
    "the patient was seen today and asked about the results please call back before noon regarding a new appointment for therapy"
    " dose refill chart ward nurse doctor blood pressure tomorrow thanks yes no morning evening report discharge family lab"
).split()
_chance = random.Random(26)
BODIES = [" ".join(_chance.choices(WORDS, k=_chance.randint(4, 60))) for _ in range(4_000)]


def party(number: int, person: str | None = None) -> dict:
    return {"id": f"u{number}", "email": None, "name": f"Person {number}", "owned_by_organization": False, "person": person}


PARTIES = [party(number) for number in range(PEOPLE)]


def messages(count: int, *, first: int, sent_at: datetime, held: dict | None = None, every: int = 0, seed: int = 1) -> Iterator[dict]:
    """Canonical messages of about 400 bytes, one to four people each; `held` writes every so many of them."""
    chance = random.Random(seed)
    sent = [rfc3339(sent_at + timedelta(seconds=second)) for second in range(600)]
    recipients = [chance.sample(PARTIES, chance.choice((1, 1, 1, 2, 3))) for _ in range(5_000)]
    for number in range(first, first + count):
        yield {
            "id": f"m{number}", "conversation": f"c{number % CONVERSATIONS}", "class": None, "sent_at": sent[number % 600],
            "sender": held if every and number % every == 0 else PARTIES[number * 7 % PEOPLE], "recipients": recipients[number * 13 % 5_000],
            "body": BODIES[number * 31 % 4_000], "attachments": [], "thread": None, "edited_at": None, "source": SOURCE,
        }  # fmt: skip


def fill(organization: Organization, day: date, count: int, *, at: datetime = NOON, owed: bool = False, first: int = 1, **kind) -> Cohort:
    """`count` messages of one organization that expire on `day`, with cohort, segment, batch and shares."""
    leaves.make_leaves(at=at, days=[day])
    version = version_in_force(at).pk
    batch = batches.open_batch(organization=organization, source=SOURCE, key=f"fill-{organization.pk}-{day}-{first}", by=SYSTEM, at=at)
    made = messages(count, first=first, sent_at=NOON - timedelta(hours=1), **kind)
    left = count
    while left:
        with transaction.atomic():
            place = arrivals.open_place(organization=organization, day=day, owed=owed, at=at, by=SYSTEM)
            sealer = envelope.for_cohort(keystore(), organization=organization.reference, expiry=day, create=True)
            numbers, sizes = arrivals.next_numbers(min(left, CHUNK)), Counter()
            arrivals.copy_in(
                _sealed(sealer, numbers, made, version, sizes), day=day, organization_id=organization.pk, segment=place.segment,
                policy_version=version,
            )  # fmt: skip
            BatchShare.objects.create(
                batch=batch, cohort=place.cohort, segment=place.segment, conversation_class="", messages=len(numbers),
                bytes=sizes["bytes"], at=at,
            )  # fmt: skip
            left -= len(numbers)
    Batch.objects.filter(pk=batch.pk).update(accepted=count, committed_lines=count, finished_at=at)
    return place.cohort


def _sealed(sealer: envelope.Envelope, numbers: Sequence[int], made: Iterator[dict], version: int, sizes: Counter):
    for number, message in zip(numbers, made, strict=False):
        sealed = sealer.seal(message, number=number, policy_version=version)
        sizes["bytes"] += len(sealed.ciphertext)
        yield number, sealed


def settle(*tables: str) -> None:
    """What autovacuum does to a leaf long before its day: counts from the index, and statistics. Then a checkpoint."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
        cursor.execute("CHECKPOINT")


def leaf_of(day: date) -> str:
    return f"message_{day:%Y%m%d}"
