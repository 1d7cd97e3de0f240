"""Sends what is due to many people, in chunks, each in its own transaction: resumable, nobody twice, nobody missed.

| step | in one transaction | what a kill in the middle leaves |
|---|---|---|
| the moment comes | approved → on its way | it begins with the next sweep |
| the audience is fixed | the next people by id get their delivery; how far it came stands in the circular | the next sweep goes on behind the last person |
| handed over | consents asked again under their locks, mails queued, deliveries marked | all of the chunk, or none |
| done | nothing waits, nothing lies in the outbox: sent | the next sweep looks again |

Locks are taken in one order: the circular, each person with their consent by the person's id, the deliveries, the outbox. A withdrawal
takes person, consent, delivery, outbox: so it comes before a chunk, whose person is then left out, or after it, and takes the mail back.
The circular is locked without its key: whoever writes a delivery shares that key, and must not wait for who waits for them.

It must never hand over more than `CIRCULAR_IN_OUTBOX` mails that did not leave yet (a pause must be felt at once, and mail to one person
must not drown), never rest on a consent that it did not lock, and never hold more than one chunk in memory.
"""

import secrets
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import journal, ledger
from apps.communications.models import Circular, Delivery
from apps.communications.services.circulars import wording
from apps.communications.states import CIRCULAR_MOVES, CircularState, DeliveryState
from apps.consents.purposes import Channel
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import sha256
from apps.foundation.moves import require_move
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.states import State as MailState

CHUNK = 500
FIXED_AT_ONCE = 2_000
SECONDS_A_RUN = 50
LEASE = timedelta(minutes=3)
MOST_ATTEMPTS = 5

NEXT_ALLOWED = (
    "SELECT max(person_id) FROM (SELECT person_id FROM consents_standing WHERE purpose_id = %s AND stands AND person_id > %s"
    " ORDER BY person_id LIMIT %s) AS next"
)
#: the locks come first: who withdraws at this moment is waited for, or waits
FIX_ALLOWED = (
    "WITH allowed AS (SELECT person_id, until FROM consents_standing WHERE purpose_id = %(purpose)s AND stands"
    "  AND person_id > %(after)s AND person_id <= %(through)s ORDER BY person_id FOR KEY SHARE)"
    " INSERT INTO communications_delivery (circular_id, person_id, purpose_id, stands, state, tries)"
    " SELECT %(circular)s, p.id, %(purpose)s, true, 'waiting', 0 FROM allowed a JOIN accounts_person p ON p.id = a.person_id"
    " WHERE p.standing = 'active' AND (a.until IS NULL OR a.until > %(at)s) ORDER BY p.id ON CONFLICT (circular_id, person_id) DO NOTHING"
)
NEXT_PEOPLE = "SELECT max(id) FROM (SELECT id FROM accounts_person WHERE id > %s ORDER BY id LIMIT %s) AS next"
#: who registered under the new version was shown it then
FIX_PEOPLE = (
    "INSERT INTO communications_delivery (circular_id, person_id, state, tries)"
    " SELECT %(circular)s, p.id, 'waiting', 0 FROM accounts_person p JOIN policies_policyversion v ON v.id = %(version)s"
    " WHERE p.id > %(after)s AND p.id <= %(through)s AND p.standing = 'active' AND p.registered_at < v.published_at"
    " ORDER BY p.id ON CONFLICT (circular_id, person_id) DO NOTHING"
)
LOCK_ALLOWED = (
    "SELECT p.id, p.standing, s.stands AND (s.until IS NULL OR s.until > %s), greatest(s.since, %s) FROM accounts_person p"
    " JOIN consents_standing s ON s.person_id = p.id AND s.purpose_id = %s WHERE p.id = ANY(%s) ORDER BY p.id FOR SHARE OF p, s"
)
LOCK_PEOPLE = "SELECT p.id, p.standing, true, %s FROM accounts_person p WHERE p.id = ANY(%s) ORDER BY p.id FOR SHARE OF p"
ADDRESSES = "SELECT DISTINCT ON (person_id) person_id, address FROM accounts_personemail WHERE person_id = ANY(%s) ORDER BY person_id, id"
MARK = (
    "UPDATE communications_delivery d SET state = 'handed', tries = m.tries, handed_at = m.handed_at, mail_id = m.mail,"
    " unsubscribe_digest = m.digest FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[], %s::bigint[], %s::bytea[])"
    " AS m(id, tries, handed_at, mail, digest) WHERE d.id = m.id"
)


class _Clock:
    """The moment of a run as it goes on: `at`, and what has passed since on a clock that never jumps."""

    def __init__(self, at: datetime):
        self._at, self._began = at, time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def moment(self) -> datetime:
        return self._at + timedelta(seconds=self.seconds)


def sweep(*, at: datetime) -> int:
    """Start what is due and carry on what is on its way, for a minute at most; returns how many deliveries were handed over."""
    clock, handed = _Clock(at), 0
    for circular in Circular.objects.to_start(at):
        start(circular, at=at)
    tried: set[int] = set()
    while clock.seconds < SECONDS_A_RUN and (circular := _claim(clock.moment, but=tried)) is not None:
        tried.add(circular.pk)
        handed += _carry_on(circular, clock)
    return handed


@transaction.atomic
def start(circular: Circular, *, at: datetime) -> Circular:
    """From its approval to on its way. The journal knows of it: a restored backup must not send it all again."""
    row = _locked(circular)
    if row.state != CircularState.APPROVED:
        return row
    require_move(CIRCULAR_MOVES, row.state, CircularState.SENDING)
    row.state, row.started_at = CircularState.SENDING, at
    row.save(update_fields=["state", "started_at"])
    journal.owe("circular.started", about=row.reference, body={"version": row.about_version and row.about_version.number}, at=at)
    ledger.record(f"{word(row)}.started", by=SYSTEM, about=row.reference, at=at)
    doorbell.ring("journal.owed")
    return row


def word(circular: Circular) -> str:
    """How the ledger calls it."""
    return "announcement" if circular.is_announcement else "notice"


@transaction.atomic
def _claim(at: datetime, *, but: set[int]) -> Circular | None:
    """Take one that nobody is at; the attempt counts before the work, so that one that ends its workers is found out and stopped."""
    row = Circular.objects.to_work_on(at).exclude(pk__in=but).select_for_update(skip_locked=True, of=("self",), no_key=True).first()
    while row is not None and row.attempts >= MOST_ATTEMPTS:
        row.state, row.leased_until, row.attempts, row.trouble = CircularState.PAUSED, None, 0, "its worker ended five times without getting further"
        row.save(update_fields=["state", "leased_until", "attempts", "trouble"])
        ledger.record(f"{word(row)}.stopped", by=SYSTEM, about=row.reference, at=at, facts={"attempts": MOST_ATTEMPTS})
        row = Circular.objects.to_work_on(at).exclude(pk__in=but).select_for_update(skip_locked=True, of=("self",), no_key=True).first()
    if row is not None:
        row.attempts, row.leased_until = row.attempts + 1, at + LEASE
        row.save(update_fields=["attempts", "leased_until"])
    return row


def _carry_on(circular: Circular, clock: _Clock) -> int:
    """Chunk by chunk until nothing is left, the outbox is full, somebody stops it, or the run is over."""
    while not is_fixed(circular) and clock.seconds < SECONDS_A_RUN:
        if not _fix(circular, clock.moment):
            break
    room = _room(circular)
    handed = 0
    while is_fixed(circular) and handed < room and clock.seconds < SECONDS_A_RUN:
        chunk = _hand_over(circular, clock.moment, most=min(CHUNK, room - handed))
        if not chunk:
            break
        handed += chunk
    _let_go(circular, clock.moment)
    return handed


def is_fixed(circular: Circular) -> bool:
    return Circular.objects.filter(pk=circular.pk, frozen_at__isnull=False).exists()


@transaction.atomic
def _fix(circular: Circular, at: datetime) -> bool:
    """The next people get their delivery; False where somebody stopped it meanwhile."""
    row = _locked(circular)
    if row.state != CircularState.SENDING or row.frozen_at is not None:
        return False
    values = {"circular": row.pk, "purpose": row.purpose_id, "version": row.about_version_id, "after": row.frozen_through, "at": at}
    with connection.cursor() as cursor:
        if row.is_announcement:
            cursor.execute(NEXT_ALLOWED, [row.purpose_id, row.frozen_through, FIXED_AT_ONCE])
        else:
            cursor.execute(NEXT_PEOPLE, [row.frozen_through, FIXED_AT_ONCE])
        (through,) = cursor.fetchone()
        if through is None:
            row.frozen_at = at
            ledger.record(f"{word(row)}.audience_fixed", by=SYSTEM, about=row.reference, at=at, facts={"people": row.audience})
        else:
            cursor.execute(FIX_ALLOWED if row.is_announcement else FIX_PEOPLE, values | {"through": through})
            row.frozen_through, row.audience = through, row.audience + cursor.rowcount
    row.attempts = 0
    row.save(update_fields=["frozen_at", "frozen_through", "audience", "attempts"])
    return True


def _room(circular: Circular) -> int:
    """How many more may be handed over in this run."""
    if circular.channel != Channel.EMAIL:
        return settings.CIRCULAR_IN_OUTBOX
    return settings.CIRCULAR_IN_OUTBOX - OutgoingMail.objects.filter(about=circular.reference, is_bulk=True, state=MailState.QUEUED).count()


@transaction.atomic
def _hand_over(circular: Circular, at: datetime, *, most: int) -> int:
    """One chunk; returns how many deliveries came to an end or into the outbox. 0: nothing waits, or somebody stopped it."""
    row = _locked(circular)
    if row.state != CircularState.SENDING:
        return 0
    next_ones = dict(Delivery.objects.waiting().filter(circular=row).order_by("id").values_list("person_id", "id")[:most])
    if not next_ones:
        return 0
    people = _lock_people(row, list(next_ones), at)
    waiting = Delivery.objects.waiting().filter(pk__in=next_ones.values()).order_by("id").select_for_update().in_bulk()
    ready: list[Delivery] = []
    gone: dict[DeliveryState, list[int]] = {}
    addresses = _addresses(list(next_ones)) if row.channel == Channel.EMAIL else {}
    for delivery in waiting.values():
        active, allowed, moment = people.get(delivery.person_id, (False, False, at))
        if not active or not allowed:
            gone.setdefault(DeliveryState.NOT_ACTIVE if not active else DeliveryState.WITHDRAWN, []).append(delivery.pk)
        elif row.channel == Channel.EMAIL and delivery.person_id not in addresses:
            gone.setdefault(DeliveryState.NO_ADDRESS, []).append(delivery.pk)
        else:
            delivery.handed_at, delivery.tries = moment, delivery.tries + 1
            ready.append(delivery)
    if row.channel == Channel.EMAIL:
        _queue(row, ready, addresses, at)
        unusable = [delivery for delivery in ready if delivery.mail_id is None]
        if unusable:
            gone.setdefault(DeliveryState.NO_ADDRESS, []).extend(delivery.pk for delivery in unusable)
            ready = [delivery for delivery in ready if delivery.mail_id is not None]
    _mark(ready)
    for state, ids in gone.items():
        Delivery.objects.filter(pk__in=ids).update(state=state, stands=None)
    Circular.objects.filter(pk=row.pk).update(attempts=0, leased_until=at + LEASE)
    return len(next_ones)


def _lock_people(row: Circular, ids: list[int], at: datetime) -> dict[int, tuple[bool, bool, datetime]]:
    """person → active, allowed, the moment that counts; none of it changes until this transaction ends.

    The moment is never before the consent it rests on, also where the clocks of two hosts differ.
    """
    with connection.cursor() as cursor:
        if row.is_announcement:
            cursor.execute(LOCK_ALLOWED, [at, at, row.purpose_id, ids])
        else:
            cursor.execute(LOCK_PEOPLE, [at, ids])
        return {person: (standing == "active", allowed, moment) for person, standing, allowed, moment in cursor.fetchall()}


def _addresses(ids: list[int]) -> dict[int, str]:
    """The address of each: the one that they gave first."""
    with connection.cursor() as cursor:
        cursor.execute(ADDRESSES, [ids])
        return dict(cursor.fetchall())


def _queue(row: Circular, ready: Sequence[Delivery], addresses: dict[int, str], at: datetime) -> None:
    copies = []
    for delivery in ready:
        url = ""
        if row.is_announcement:
            token = secrets.token_urlsafe(32)
            delivery.unsubscribe_digest, url = sha256(token.encode()), wording.unsubscribe_url(token)
        copies.append(outbox.Copy(addresses[delivery.person_id], f"circular-{delivery.pk}-{delivery.tries}", url))
    queued = outbox.queue_copies(template=wording.template(row), context=wording.context(row), copies=copies, about=row.reference, at=at)
    for delivery, copy in zip(ready, copies, strict=True):
        delivery.mail_id = queued[copy.once_key]


def _mark(ready: Sequence[Delivery]) -> None:
    if not ready:
        return
    columns = zip(*((one.pk, one.tries, one.handed_at, one.mail_id, one.unsubscribe_digest) for one in ready), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(MARK, [list(column) for column in columns])


@transaction.atomic
def _let_go(circular: Circular, at: datetime) -> None:
    """Others may carry on. It is sent when nobody waits any more and nothing of it lies in the outbox."""
    row = _locked(circular)
    row.leased_until, row.attempts = None, 0
    waits = row.frozen_at is None or Delivery.objects.waiting().filter(circular=row).exists()
    if row.state == CircularState.SENDING and not waits and not _lies_in_the_outbox(row):
        require_move(CIRCULAR_MOVES, row.state, CircularState.SENT)
        row.state, row.ended_at = CircularState.SENT, at
        ledger.record(f"{word(row)}.sent", by=SYSTEM, about=row.reference, at=at, facts={"people": row.audience})
    elif row.state == CircularState.SENDING and waits and _room(row) > 0:
        doorbell.ring("circulars.due")
    row.save(update_fields=["leased_until", "attempts", "state", "ended_at"])


def _lies_in_the_outbox(row: Circular) -> bool:
    return OutgoingMail.objects.filter(about=row.reference, is_bulk=True, state=MailState.QUEUED).exists()


def _locked(circular: Circular) -> Circular:
    return Circular.objects.select_for_update(of=("self",), no_key=True).get(pk=circular.pk)
