"""An announcement to 100,000 people: the audience fixed, and every delivery handed over to the outbox with the consent asked again.

Beside it: as many mails written by the ORM, without asking anything. Then what
the report, the estimate and a look at the next mail cost while 100,000 lie there. Size: BENCH_ANNOUNCEMENT_PEOPLE.
"""

import resource
from datetime import timedelta

import pytest

from apps.communications.models import Circular, Delivery
from apps.communications.services.announcements import drafting
from apps.communications.services.circulars import reporting, sending, wording
from apps.consents.models import Standing
from apps.mail.models import OutgoingMail
from tests import cast
from tests.bench.bench_gate import copies, reference
from tests.bench.conftest import ask, compare, size
from tests.cast import NOON
from tests.communications.announcements import circulars

PEOPLE = size("BENCH_ANNOUNCEMENT_PEOPLE", 100_000)
FIRST = 1_000_000


def _people() -> None:
    """Copies of one person who allows it, with their address, what they said and what stands."""
    (one,) = circulars.readers(1)
    ask("SET session_replication_role = replica")
    copies("accounts_person", f"id = {one.pk}", PEOPLE - 1, id=f"{FIRST} + n", reference=reference("PER", "n"))
    copies(
        "accounts_personemail", f"person_id = {one.pk}", PEOPLE - 1, id=f"{FIRST} + n", person_id=f"{FIRST} + n",
        address="'r' || n || '@client.example'", normalised="'r' || n || '@client.example'",
    )  # fmt: skip
    copies("consents_consentevent", f"person_id = {one.pk}", PEOPLE - 1, id=f"{FIRST} + n", person_id=f"{FIRST} + n", reference=reference("CNS", "n", 9))
    copies("consents_standing", f"person_id = {one.pk}", PEOPLE - 1, id=f"{FIRST} + n", person_id=f"{FIRST} + n", event_id=f"{FIRST} + n")
    ask("SET session_replication_role = origin")
    ask("ANALYZE")


def _hand_over(circular: Circular) -> int:
    handed = 0
    while chunk := sending._hand_over(circular, NOON, most=sending.CHUNK):
        handed += chunk
    return handed


def _bare_mails(circular: Circular) -> None:
    """As many mails with the same words, written by the ORM in chunks as large, each in its transaction, and nothing asked."""
    subject, words = wording.preview(circular)
    for first in range(0, PEOPLE, sending.CHUNK):
        OutgoingMail.objects.bulk_create(
            OutgoingMail(
                to_address=f"r{number}@client.example", subject=subject, body=words, template="bare", about="BARE", once_key=f"bare-{number}",
                created_at=NOON, next_try_at=NOON + timedelta(days=1), is_bulk=True,
            )
            for number in range(first, min(first + sending.CHUNK, PEOPLE))
        )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def bench_an_announcement(home, settings):
    cast.house()
    _people()
    assert Standing.objects.filter(stands=True).count() == PEOPLE
    circular = circulars.approved()
    sending.start(circular, at=NOON)

    race = compare(f"an announcement to {PEOPLE:,} people", unit="rows/s")
    before = _memory()
    race.time("audience fixed, in chunks", lambda: _fix(circular), amount=PEOPLE)
    assert Circular.objects.get(pk=circular.pk).audience == PEOPLE
    race.time("handed over to the outbox, consent asked again", lambda: _hand_over(circular), amount=PEOPLE)
    assert Delivery.objects.filter(state="handed", mail__isnull=False).count() == PEOPLE
    grown = _memory() - before
    race.time("bare mails written by the ORM", lambda: _bare_mails(circular), amount=PEOPLE)
    race.ratio("handed over to the outbox, consent asked again", "bare mails written by the ORM", "at least half of its rows a second")
    race.limited(f"Both write {PEOPLE:,} mails with their words; memory grew by {grown:.0f} MB while an audience was fixed and handed over.")

    looks = compare(f"with {PEOPLE:,} deliveries in the outbox")
    for _turn in range(5):
        looks.time("report", lambda: reporting.report(circular))
        looks.time("estimate of the audience", lambda: drafting.estimate(channel="email", at=NOON))
        looks.time("the next mail to one person", lambda: OutgoingMail.objects.due(NOON).first())
    found = reporting.report(circular)
    assert found.in_outbox == found.people == PEOPLE


def _fix(circular: Circular) -> None:
    while not sending.is_fixed(circular):
        assert sending._fix(circular, NOON)


def _memory() -> float:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
