"""Cohorts and their leaves: what came in is somewhere or gone with a record; states fit keys; seals fit rows; each thing once."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from apps.assurance.fsck.looking import Finding, House, merkle_root
from apps.assurance.fsck.opened import Opener, message_of, problems
from apps.assurance.fsck.secrets import Closed

READABLE = ("open", "sealed", "archived")
GONE = ("shredded", "destroyed")
A_DAY = timedelta(days=1)

ACCOUNTS = """
SELECT c.id,
  coalesce((SELECT sum(messages) FROM retention_batchshare s WHERE s.cohort_id = c.id), 0)
  + coalesce((SELECT sum(messages) FROM retention_move m WHERE m.destination_id = c.id), 0) AS came,
  coalesce((SELECT sum(messages) FROM retention_move m WHERE m.origin_id = c.id), 0)
  + (SELECT count(*) FROM retention_asidemessage a WHERE a.cohort_id = c.id)
  + (SELECT count(*) FROM retention_earlydeletion e WHERE e.cohort_id = c.id AND NOT e.kept_for_hold) AS elsewhere,
  coalesce((SELECT sum(x.messages) FROM retention_certificate x JOIN retention_destruction d ON d.id = x.destruction_id
            WHERE x.cohort_id = c.id AND d.scope <> 'archive'), 0) AS certified
FROM retention_cohort c
"""

SEGMENTS = "SELECT cohort_id, number, sealed_at, messages, merkle_root, archived_at FROM retention_segment ORDER BY cohort_id, number"
ASIDE_PROOFS = "SELECT id, segment, proof FROM retention_asidemessage WHERE cohort_id = %s"
DELETED = "SELECT message, segment, proof, counted, kept_for_hold FROM retention_earlydeletion WHERE cohort_id = %s"

EVENTS = """
SELECT verb, object, coalesce(facts->>'segment', facts->>'destruction', '') AS what, count(*) AS times FROM audit_event
WHERE verb IN ('cohort.sealed', 'cohort.supplemented', 'cohort.expired', 'cohort.stepped_aside',
               'cohort.destruction_intended', 'cohort.destroyed', 'message.deleted_early', 'archive.closed', 'hold.placed', 'hold.released')
GROUP BY 1, 2, 3
"""
#: what was repeated after a restore has the record of that instead, or besides
REPLAYED = "SELECT DISTINCT object FROM audit_event WHERE verb = 'restore.entry_replayed'"


def accounts(house: House) -> Iterator[Finding]:
    """DESIGN: what came in and what is there or gone add up; what is gone is certified."""
    for row in house.rows(ACCOUNTS):
        cohort = house.cohorts[row.id]
        house.count("accounts")
        off = row.came - row.elsewhere - house.in_leaf(cohort) - cohort.destroyed
        if off:
            yield Finding(cohort.reference, f"Its account is off by {off} messages.")
        if row.certified != cohort.destroyed:
            yield Finding(cohort.reference, f"{cohort.destroyed} of its messages are destroyed, certificates speak of {row.certified}.")


def leaves(house: House) -> Iterator[Finding]:
    """A leaf is one day, known, and holds rows of living cohorts only; no number stands in two leaves."""
    known = {row.day for row in house.rows("SELECT day FROM retention_leaf")}
    segments = {(row.cohort_id, row.number) for row in house.rows(SEGMENTS)}
    by_place = {(cohort.day, cohort.organization_id): cohort for cohort in house.cohorts.values()}
    for leaf in house.leaves:
        house.count("leaves")
        if leaf.until - leaf.day != A_DAY:
            yield Finding(f"leaf {leaf.table}", "It is not exactly one day.")
        if leaf.day not in known:
            yield Finding(f"leaf {leaf.day}", "Nobody knows of it.")
    for day in sorted(known - {leaf.day for leaf in house.leaves}):
        yield Finding(f"leaf {day}", "It is known, and not there.")
    for (day, organization, segment), rows in sorted(house.in_leaves.items()):
        cohort = by_place.get((day, organization))
        house.count("rows in leaves", rows)
        if cohort is None:
            yield Finding(f"leaf {day}", f"{rows} rows of organization {organization} belong to no cohort.")
        elif cohort.state == "destroyed":
            yield Finding(cohort.reference, f"It is destroyed, and {rows} of its rows are in their leaf.")
        elif (cohort.id, segment) not in segments:
            yield Finding(cohort.reference, f"{rows} of its rows belong to segment {segment}, which it does not have.")
    yield from _twice(house)


def _twice(house: House) -> Iterator[Finding]:
    """A number stands in one leaf only, and not aside as well."""
    days = [leaf.day for leaf in house.leaves if any(key[0] == leaf.day for key in house.in_leaves)]
    seen: dict[int, Any] = {}
    aside = {row.id for row in house.stream("SELECT id FROM retention_asidemessage")}
    for day in days:
        for row in house.stream(f'SELECT id FROM "{house.table_of[day]}"'):
            if row.id in seen:
                yield Finding(f"message {row.id}", f"It stands in the leaves of {seen[row.id]} and {day}.")
            if row.id in aside:
                yield Finding(f"message {row.id}", f"It stands in the leaf of {day} and aside.")
            seen[row.id] = day


def states(house: House) -> Iterator[Finding]:
    """State, dates and key of each cohort agree; what is past its day is hidden, and gone within a day unless something keeps it."""
    for cohort in house.cohorts.values():
        house.count("cohorts")
        yield from _dates(cohort)
        if cohort.state in READABLE and cohort.day < house.today:
            yield Finding(cohort.reference, f"Its day is over, and it is {cohort.state}.")
        rows, shredded = house.in_leaf(cohort), house.day_is_shredded(cohort.day)
        if rows and cohort.day < house.today - A_DAY:
            yield Finding(cohort.reference, f"{rows} of its messages outlived their day by more than a day.")
        if cohort.state in GONE and not shredded:
            yield Finding(cohort.reference, f"It is {cohort.state}, and its day's secret is not destroyed by any record.")
        if cohort.canary is not None and not shredded and f"day/{cohort.day}" not in house.secrets.gone:
            yield from _canary(house, cohort)


def _dates(cohort: Any) -> Iterator[Finding]:
    order = ("expired", "intended", "shredded", "destroyed")
    reached = order.index(cohort.state) if cohort.state in order else -1
    for place, state in enumerate(order):
        when = getattr(cohort, f"{state}_at")
        if (when is not None) != (place <= reached):
            yield Finding(cohort.reference, f"It is {cohort.state}, and {'has' if when else 'has no'} time at which it was {state}.")


def _canary(house: House, cohort: Any) -> Iterator[Finding]:
    try:
        opener = Opener(house.secrets, f"day/{cohort.day}", organization=cohort.organization, day=cohort.day)
    except Closed as closed:
        yield Finding(cohort.reference, f"It is {cohort.state}, and {closed}.")
        return
    house.count("canaries")
    if not opener.opens_canary(bytes(cohort.canary), cohort.reference):
        yield Finding(cohort.reference, "Its canary does not open with its key.")


def messages(house: House) -> Iterator[Finding]:
    """What lies in leaves opens, is proven and found, and nothing is there twice."""
    limit = "" if house.most is None else f"ORDER BY proof LIMIT {int(house.most)}"  # proofs are random: so is the choice
    for cohort in house.cohorts.values():
        name = f"day/{cohort.day}"
        if not house.in_leaf(cohort) or house.day_is_shredded(cohort.day) or house.is_dying(name) or name not in house.secrets.there:
            continue
        try:
            opener = Opener(house.secrets, name, organization=cohort.organization, day=cohort.day)
        except Closed as closed:
            yield Finding(cohort.reference, f"It has messages, and {closed}.")
            continue
        query = f'SELECT * FROM "{house.table_of[cohort.day]}" WHERE organization_id = %s {limit}'
        for row in house.stream(query, cohort.organization_id):
            house.count("messages opened")
            yield from (Finding(f"message {row.id}", f"It {why}.") for why in problems(opener, row))
            message = message_of(opener, row)
            earlier = message and house.seen_before(cohort.organization_id, message, row.id)
            if earlier:
                yield Finding(f"message {row.id}", f"It is stored a second time: it is message {earlier} too.")


def seals(house: House) -> Iterator[Finding]:
    """The sealed count and Merkle root are those of the rows that are there, and of those deleted since."""
    by_cohort = defaultdict(list)
    for segment in house.rows(SEGMENTS):
        by_cohort[segment.cohort_id].append(segment)
    for cohort in house.cohorts.values():
        segments = by_cohort[cohort.id]
        if not segments:
            yield Finding(cohort.reference, "It has no segment.")
        for segment in segments:
            if segment.sealed_at is None and cohort.state not in READABLE:
                yield Finding(cohort.reference, f"It is {cohort.state}, and its segment {segment.number} is not sealed.")
        sealed = [segment for segment in segments if segment.sealed_at is not None]
        if sealed and not cohort.destroyed and cohort.day in house.table_of:
            yield from _roots(house, cohort, sealed)


def _roots(house: House, cohort: Any, sealed: list[Any]) -> Iterator[Finding]:
    deleted = house.rows(DELETED, cohort.id)
    if any(row.message is None for row in deleted):
        return  # repeated after a restore that knew no numbers
    early = {row.message for row in deleted if not row.counted}
    proofs: dict[int, dict[int, bytes]] = defaultdict(dict)
    for row in house.stream(f'SELECT id, segment, proof FROM "{house.table_of[cohort.day]}" WHERE organization_id = %s', cohort.organization_id):
        proofs[row.segment][row.id] = bytes(row.proof)
    for row in house.rows(ASIDE_PROOFS, cohort.id):
        if row.id not in early:
            proofs[row.segment][row.id] = bytes(row.proof)
    for row in deleted:
        if row.counted:
            proofs[row.segment][row.message] = bytes(row.proof)
    for segment in sealed:
        house.count("seals")
        there = [proof for _number, proof in sorted(proofs[segment.number].items())]
        if len(there) != segment.messages:
            yield Finding(cohort.reference, f"Segment {segment.number} was sealed with {segment.messages} messages, there are {len(there)}.")
        elif merkle_root(there) != bytes(segment.merkle_root):
            yield Finding(cohort.reference, f"The messages of segment {segment.number} are not those that were sealed.")


def events(house: House) -> Iterator[Finding]:
    """Each effect has its entry in the ledger, once."""
    replayed = {row.object for row in house.rows(REPLAYED)}
    found = Counter()
    for row in house.rows(EVENTS):
        found[row.verb, row.object, row.what] += row.times
    expected = _expected(house)
    house.count("events", len(expected))
    for (verb, name, what), times in sorted((expected - found).items()):
        if name not in replayed and what not in replayed:
            yield Finding(name, f"The ledger has no entry {verb}{f' of {what}' if what else ''} ({times} missing).")
    for (verb, name, what), times in sorted((found - expected).items()):
        if name not in replayed and what not in replayed:
            yield Finding(name, f"The ledger says {verb}{f' of {what}' if what else ''} {times} times too often.")


def _expected(house: House) -> Counter:
    wanted: Counter = Counter()
    for segment in house.rows(SEGMENTS):
        reference = house.cohorts[segment.cohort_id].reference
        if segment.sealed_at is not None:
            wanted["cohort.sealed", reference, str(segment.number)] += 1
        if segment.number:
            wanted["cohort.supplemented", reference, str(segment.number)] += 1
    for cohort in house.cohorts.values():
        if cohort.expired_at:
            wanted["cohort.expired", cohort.reference, ""] += 1
        if cohort.aside_at:
            wanted["cohort.stepped_aside", cohort.reference, ""] += 1
    certified = house.rows(
        "SELECT c.reference, d.reference AS destruction FROM retention_certificate x"
        " JOIN retention_cohort c ON c.id = x.cohort_id JOIN retention_destruction d ON d.id = x.destruction_id"
    )
    for row in certified:
        wanted["cohort.destroyed", row.reference, row.destruction] += 1
    for row in house.rows("SELECT body::text, about FROM audit_journalentry WHERE kind = 'destruction.intended'"):
        for named in json.loads(row.body)["cohorts"]:
            wanted["cohort.destruction_intended", named["cohort"], row.about] += 1
    for verb, query in {
        "message.deleted_early": "SELECT reference FROM retention_earlydeletion",
        "hold.placed": "SELECT reference FROM holds_hold",
        "hold.released": "SELECT reference FROM holds_hold WHERE state = 'released'",
    }.items():
        for row in house.rows(query):
            wanted[verb, row.reference, ""] += 1
    for row in house.rows("SELECT reference, segment FROM retention_archive WHERE state <> 'open'"):
        wanted["archive.closed", row.reference, str(row.segment)] += 1
    return wanted
