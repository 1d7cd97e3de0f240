"""The rotating matching keys: which one is written under, and how one takes the place of another without an address being known.

| step | what happens | meanwhile |
|---|---|---|
| announced (`announce`) | a key is coming; people's own keys are doubled under it | everything matches under the current one |
| current (`_promote`) | what is read from now on is written under it | old values match under the old key, new ones under the new |
| converted (`_convert`) | values of address books are opened with the old key and closed with the new, in chunks, each its own transaction | as before |
| destroyed (`_finish`) | no value is left under the old key; its secret is destroyed | |

Whoever writes a value locks its key's row, shared, until the value is committed: so no key is destroyed while a value under it is on
its way. A rotation that was killed goes on with the next sweep. It must never destroy a key that something still rests on.
"""

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max

from apps.audit.services import journal, ledger
from apps.contacts.hashing import RotatingKey, ValueNotOfThisKey, secret_of
from apps.contacts.models import ContactKey, MatchingKey, PersonKey
from apps.contacts.states import KEY_MOVES, KeyState
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import forget, keystore
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import presence

ROTATE = "contacts.rotate_matchingkey"
A_CHUNK = 5_000
CHUNKS_A_SWEEP = 100
#: advisory lock: who writes people's own keys takes it shared, who makes a coming key the current one alone
PEOPLES_KEYS = 0x434F_0501

#: a consent that is being withdrawn this moment is passed over: its keys are going, and waiting here could wait for ever
UNDOUBLED = """
SELECT k.person_id, k.email_id, k.phone_id, k.value FROM contacts_personkey k
JOIN consents_standing s ON s.person_id = k.person_id AND s.purpose_id = k.purpose_id AND s.stands
WHERE k.key_id = %s AND NOT EXISTS (
    SELECT 1 FROM contacts_personkey twin WHERE twin.key_id = %s AND (twin.email_id = k.email_id OR twin.phone_id = k.phone_id))
ORDER BY k.id LIMIT %s FOR SHARE OF s SKIP LOCKED
"""
OLD_VALUES = "SELECT id, value FROM contacts_contactkey WHERE key_id = %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
REPLACE = """
UPDATE contacts_contactkey c SET key_id = %s, value = fresh.value FROM unnest(%s::bigint[], %s::bytea[]) AS fresh (id, value) WHERE c.id = fresh.id
"""


class RotationRuns(Refusal):
    """A rotation is under way already."""

    code = "rotation_runs"
    mend = "Wait until the key before the current one is destroyed; the list of keys shows it."


def current(*, at: datetime) -> RotatingKey:
    """The key that values are written under; nobody destroys it before the caller's transaction ends. The first one is made here."""
    while True:
        # a promotion that commits right now leaves this question without an answer for one moment
        for row in _locked("state = 'current'"):
            return RotatingKey(row.number)
        if not MatchingKey.objects.filter(state=KeyState.CURRENT).exists():
            _make_first(at)


def _make_first(at: datetime) -> None:
    number = _free_number()
    RotatingKey(number, create=True)
    first = MatchingKey(number=number, state=KeyState.CURRENT, announced_at=at, announced_by=str(SYSTEM), current_at=at)
    MatchingKey.objects.bulk_create([first], ignore_conflicts=True)


def living(*, at: datetime) -> list[RotatingKey]:
    """Every key that people's own keys are written under; none is added, promoted or destroyed before the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [PEOPLES_KEYS])
    current(at=at)
    return [RotatingKey(row.number) for row in _locked("state <> 'destroyed'")]


def _locked(condition: str) -> list[MatchingKey]:
    return list(MatchingKey.objects.raw(f"SELECT * FROM contacts_matchingkey WHERE {condition} ORDER BY number FOR SHARE"))


def _free_number() -> int:
    """One above all that were ever used, also by a database that a backup does not know of."""
    number, store = (MatchingKey.objects.aggregate(last=Max("number"))["last"] or 0) + 1, keystore()
    while store.was_destroyed(secret_of(number)):
        number += 1
    return number


@transaction.atomic
def announce(*, by: StaffMember, at: datetime) -> MatchingKey:
    """Announce a new key. Sweeps bring it in, convert what there is and destroy the old one. Raises RotationRuns."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, ROTATE)
    current(at=at)
    if MatchingKey.objects.filter(state__in=[KeyState.COMING, KeyState.RETIRING]).exists():
        raise RotationRuns
    number = _free_number()
    RotatingKey(number, create=True)
    key = MatchingKey.objects.create(number=number, state=KeyState.COMING, announced_at=at, announced_by=str(member.actor))
    ledger.record("matching_key.announced", by=member, about=secret_of(number), at=at, facts={})
    doorbell.ring("contacts.rotating")
    return key


def rotate(*, at: datetime) -> int:
    """Go on with whatever rotation is under way; returns how many values were converted. A sweep, and safe beside another."""
    while _double():
        pass
    _promote(at)
    converted = 0
    for _chunk in range(CHUNKS_A_SWEEP):
        count = _convert(at)
        converted += count
        if not count:
            break
    _finish(at)
    _destroy_secrets()
    return converted


def _number(state: KeyState) -> int | None:
    return MatchingKey.objects.filter(state=state).values_list("number", flat=True).first()


@transaction.atomic
def _double() -> int:
    """Give people's own keys a twin under the key that is coming."""
    coming, now = _number(KeyState.COMING), _number(KeyState.CURRENT)
    if coming is None or now is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(UNDOUBLED, [now, coming, A_CHUNK])
        rows = cursor.fetchall()
    old, new = RotatingKey(now), RotatingKey(coming)
    twins = [
        PersonKey(person_id=person, purpose_id="contacts", email_id=email, phone_id=phone, key_id=coming, value=new.close(old.open(value)))
        for person, email, phone, value in rows
    ]
    PersonKey.objects.bulk_create(twins, ignore_conflicts=True)
    return len(rows)


@transaction.atomic
def _promote(at: datetime) -> None:
    """Make the coming key the current one, once every person has all their keys under it. Nobody writes people's keys meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PEOPLES_KEYS])
        keys = {key.state: key for key in MatchingKey.objects.select_for_update().order_by("number")}
        if KeyState.COMING not in keys:
            return
        coming, now = keys[KeyState.COMING], keys[KeyState.CURRENT]
        cursor.execute(UNDOUBLED.replace("FOR SHARE OF s SKIP LOCKED", ""), [now.number, coming.number, 1])
        if cursor.fetchall():
            return
    _move(now, KeyState.RETIRING, retiring_at=at)
    _move(coming, KeyState.CURRENT, current_at=at)
    ledger.record("matching_key.current", by=SYSTEM, about=secret_of(coming.number), at=at, facts={"instead_of": now.number})


@transaction.atomic
def _convert(at: datetime) -> int:
    """One chunk of values goes from the retiring key to the current one. What is being removed right now is left alone."""
    retiring = _number(KeyState.RETIRING)
    if retiring is None:
        return 0
    new, old = current(at=at), RotatingKey(retiring)
    with connection.cursor() as cursor:
        cursor.execute(OLD_VALUES, [retiring, A_CHUNK])
        rows = cursor.fetchall()
        ids, values, strange = [], [], []
        for pk, value in rows:
            try:
                values.append(new.close(old.open(value)))
                ids.append(pk)
            except ValueNotOfThisKey:
                strange.append(pk)
        cursor.execute(REPLACE, [new.number, ids, values])
    if strange:  # whoever wrote them had no key: they match nobody, and nobody can tell what they are
        ContactKey.objects.filter(pk__in=strange).delete()
        ledger.record("matching_key.noise_removed", by=SYSTEM, about=secret_of(retiring), at=at, facts={"values": len(strange)})
    return len(rows)


@transaction.atomic
def _finish(at: datetime) -> None:
    """Let go of the retiring key once nothing rests on it; who still writes under it is waited for."""
    key = MatchingKey.objects.select_for_update().filter(state=KeyState.RETIRING).first()
    if key is None or ContactKey.objects.filter(key=key).exists():
        return
    twins = PersonKey.objects.filter(key=key)._raw_delete(PersonKey.objects.db)
    _move(key, KeyState.DESTROYED, destroyed_at=at)
    journal.owe("matching_key.destroyed", about=secret_of(key.number), body={"number": key.number}, at=at)
    ledger.record("matching_key.destroyed", by=SYSTEM, about=secret_of(key.number), at=at, facts={"twins": twins})
    doorbell.ring("journal.owed")


def _move(key: MatchingKey, state: KeyState, **when: datetime) -> None:
    require_move(KEY_MOVES, key.state, state)
    key.state = state
    for name, moment in when.items():
        setattr(key, name, moment)
    key.save(update_fields=["state", *when])


def _destroy_secrets() -> None:
    """Destroy the secrets of keys that are recorded as destroyed; also of one whose rotation was killed right before."""
    store = keystore()
    for number in MatchingKey.objects.filter(state=KeyState.DESTROYED).order_by("number").values_list("number", flat=True):
        if store.exists(secret_of(number)):
            store.destroy(secret_of(number))
            forget(store.identity, secret_of(number))
