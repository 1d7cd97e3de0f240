"""What a drill does in its copy: guard, replay, sweep, then looks whether anything came back or a hold was lost.

Runs in a process whose database and home are the copy (`manage.py drill_restore --inside`). It must never reach outside:
nothing is delivered, sent or rung, and hosted archives are left alone, for their files are the live ones.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Max

from apps.assurance.registry import CHECKS as PROMISES
from apps.assurance.services import checking
from apps.audit.models import Event
from apps.audit.services import journal
from apps.backups.copies import homes
from apps.backups.services import replaying
from apps.data_requests import hashing
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import FileKeystore, keystore
from apps.foundation.refusals import Refusal
from apps.retention.services import destroy, sealing
from apps.retention.services import replay as retention
from apps.retention.states import DestructionScope
from config import guard
from config.replay import AFTERWARDS, HANDLERS

#: a sweep takes up so many cohorts at a time; a backup of long ago has more
MOST_SWEEPS = 50
#: checks of promises that a restore could break
LOOKED_AT = frozenset({"P06", "P22"})


@dataclass
class Told:
    """What the journal of the copy says before anything is repeated."""

    intended: dict[str, tuple[str, str, date]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    holds: dict[str, str] = field(default_factory=dict)
    deleted: dict[str, tuple[date, int]] = field(default_factory=dict)
    erasing: dict[str, frozenset[str]] = field(default_factory=dict)
    erased: dict[str, datetime] = field(default_factory=dict)

    def take(self, line: journal.Line) -> None:
        body = line.body
        match line.kind:
            case "destruction.intended":
                day = date.fromisoformat(body["day"])
                self.intended[line.about] = (body.get("scope", DestructionScope.DAY), body.get("secret", f"day/{day.isoformat()}"), day)
            case "destruction.done":
                self.done.add(line.about)
            case "hold.placed":
                self.holds[line.about] = "active"
            case "hold.released":
                self.holds[line.about] = "released"
            case "person.erasing":
                self.erasing[line.about] = frozenset(body["digests"])
            case "person.erased":
                self.erased[line.about] = line.at
            case "message.deleted_early":
                self.deleted[line.about] = (date.fromisoformat(body["day"]), body["message"])
            case "messages.deleted_early":
                day = date.fromisoformat(body["day"])
                self.deleted |= {about: (day, number) for about, number in zip(body["deletions"], body["messages"], strict=True)}

    @property
    def destroyed(self) -> Iterable[tuple[str, str, str, date]]:
        return ((about, *self.intended[about]) for about in sorted(self.done & set(self.intended)))


def exercise(*, live_home: Path, known: Iterable[Iterable[str]], at: datetime) -> dict[str, Any]:
    """The whole exercise. `known` are violations of promises that the live system has already: (object, why)."""
    require_copy(live_home)
    destroy.ENDS.pop(DestructionScope.ARCHIVE, None)
    told = Told()
    for line in journal.read():
        told.take(line)
    guard.watch.forget()
    standstill = guard.watch.now()
    report: dict[str, Any] = {"guard": standstill.code if standstill else "in_step", "lacking": 0, "replayed": {}, "findings": []}
    newest = Event.objects.aggregate(newest=Max("id"))["newest"] or 0
    try:
        done = replaying.replay(handlers=HANDLERS, by=SYSTEM, at=at, afterwards=AFTERWARDS)
        journal.write_owed()
    except Refusal as refusal:
        report["findings"].append(f"the replay stopped: {refusal.what}")
        return report
    report["replayed"] = dict(sorted(done.repeated.items()))
    report["lacking"] = done.repeated.total() + done.marked
    retention.time_went_on(at=at)
    report["swept"] = dict(_sweep(at))
    report["findings"] += [
        f"{cohort}: {messages} messages that are kept could not be read any more" for cohort, messages in retention.unreadable_since(newest).items()
    ]
    guard.watch.forget()
    if (still := guard.watch.now()) is not None:
        report["findings"].append(f"the service would stay closed: {still.what}")
    report["looked_at"] = {}
    for name, look in LOOKS.items():
        looked, found = look(told)
        report["looked_at"][name] = looked
        report["findings"] += found
    looked, found = _promises(at, {tuple(one) for one in known})
    report["looked_at"]["promises"] = looked
    report["findings"] += found
    return report


def require_copy(live_home: Path) -> None:
    """Refuse to go on where this process doesn't work on a copy that stands alone."""
    own = Path(settings.COVENANT_HOME).resolve()
    if own == live_home.resolve() or not own.name.startswith(homes.PREFIX):
        raise homes.CopyReachesOut("The exercise was started outside of a copy.")
    homes.require_alone(own)
    for folder in _folders_of(keystore()):
        if own not in folder.resolve().parents:
            raise homes.CopyReachesOut("The keystore of the exercise lies outside of the copy.")


def _folders_of(store: FileKeystore) -> list[Path]:
    """Every folder that a keystore uses: a key that is destroyed in the copy must never be a live one."""
    return [*(copy.folder for copy in store.copies), store.master.first.parent]


def violations(at: datetime) -> list[tuple[str, str]]:
    """What breaks the promises that a restore could break; asked of the live system and of the copy."""
    return [
        (violation.object, violation.why)
        for check in PROMISES
        if check.promise in LOOKED_AT
        for violation in checking.look(check, at).violations
    ]


def _sweep(at: datetime) -> Counter[str]:
    """What the minute's ring does, until nothing is left to do."""
    swept: Counter[str] = Counter()
    for _turn in range(MOST_SWEEPS):
        sealed, expired = sealing.seal_due(at=at), sealing.expire_due(at=at)
        destroyed = len(destroy.destroy_due(at=at))
        swept += Counter(sealed=sealed, expired=expired, destroyed=destroyed)
        if not (sealed or expired or destroyed):
            break
    return swept


def _count(query: str, *values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()[0]


def _destroyed_is_gone(told: Told) -> tuple[int, list[str]]:
    found, looked = [], 0
    for about, scope, secret, day in told.destroyed:
        looked += 1
        if not keystore().was_destroyed(secret):
            found.append(f"{about}: the secret {secret} is in the keystore again")
        if scope == DestructionScope.DAY:
            rows = _count("SELECT count(*) FROM message WHERE expiry = %s", day)
            readable = _count("SELECT count(*) FROM retention_cohort WHERE expiry_on = %s AND state IN ('open', 'sealed', 'archived')", day)
            if rows:
                found.append(f"{about}: {rows} rows of {day.isoformat()} are back")
            if readable:
                found.append(f"{about}: {readable} cohorts of {day.isoformat()} can be read again")
        elif scope == DestructionScope.ASIDE:
            rows = _count("SELECT count(*) FROM retention_asidemessage m JOIN retention_asidebundle b ON b.id = m.bundle_id WHERE b.secret = %s", secret)
            if rows:
                found.append(f"{about}: {rows} rows that had stepped aside are back")
    return looked, found


def _deleted_early_is_gone(told: Told) -> tuple[int, list[str]]:
    back = [
        about for about, (day, number) in sorted(told.deleted.items())
        if _count("SELECT count(*) FROM message WHERE expiry = %s AND id = %s", day, number)
    ]  # fmt: skip
    return len(told.deleted), [f"{about}: the message that was deleted early is back" for about in back]


def _holds_stand(told: Told) -> tuple[int, list[str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reference, state FROM holds_hold")
        standing = dict(cursor.fetchall())
    return len(told.holds), [
        f"{hold} is {standing.get(hold, 'missing')} and should be {state}"
        for hold, state in sorted(told.holds.items())
        if standing.get(hold) != state
    ]


#: by whom somebody may still be there by law: a hold that names them, and nothing else
KEPT = "SELECT person_reference FROM holds_hold WHERE state = 'active' AND person_reference <> ''"
#: where people, and what they are known by, would be back: table, column
KNOWN_BY = (
    ("accounts_personemail", "normalised"), ("accounts_historicalpersonemail", "normalised"),
    ("accounts_personphone", "number"), ("accounts_historicalpersonphone", "number"),
)  # fmt: skip


def _erased_are_gone(told: Told) -> tuple[int, list[str]]:
    """Whoever was erased is neither there by reference nor by an address or a phone that their keyed hashes know; but for who came again later."""
    with connection.cursor() as cursor:
        cursor.execute(KEPT)
        kept = {reference for (reference,) in cursor.fetchall()}
    gone = sorted(set(told.erased) - kept)
    back = [
        f"{reference}: who was erased is back in {table}" for reference in gone for table in ("accounts_person", "accounts_historicalperson")
        if _count(f"SELECT count(*) FROM {table} WHERE reference = %s", reference)
    ]  # fmt: skip
    digests = {digest: reference for reference in gone for digest in told.erasing.get(reference, ())}
    return len(told.erased), back + [f"{digests[digest]}: what they were known by is back in {table}" for table, digest in _known_again(digests, told)]


def _known_again(digests: Mapping[str, str], told: Told) -> Iterable[tuple[str, str]]:
    """Each table in which an address or phone of somebody erased stands for a person who was there when they were erased."""
    hashed: dict[str, Callable[[str], bytes]] = {"normalised": hashing.of_email, "number": hashing.of_phone}
    for table, column in KNOWN_BY if digests else ():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT known.{column}, p.registered_at FROM {table} known LEFT JOIN accounts_person p ON p.id = known.person_id")
            for value, registered_at in cursor.fetchall():
                digest = hashed[column](value).hex()
                if digest in digests and (registered_at is None or registered_at < told.erased[digests[digest]]):
                    yield table, digest


def _promises(at: datetime, known: set[tuple[str, ...]]) -> tuple[int, list[str]]:
    found = violations(at)
    return len([check for check in PROMISES if check.promise in LOOKED_AT]), [
        f"{thing}: {why}" for thing, why in found if (thing, why) not in known
    ]


#: what is looked at in the copy, apart from the promises
LOOKS: dict[str, Callable[[Told], tuple[int, list[str]]]] = {
    "destructions": _destroyed_is_gone,
    "early_deletions": _deleted_early_is_gone,
    "holds": _holds_stand,
    "people": _erased_are_gone,
}
