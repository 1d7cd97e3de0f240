"""Every destruction: intent in the journal before the key goes, certificates for what its intent named, each once, signed.

And the other way round: no secret is gone that no destruction names, and none is left that belongs to nothing.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.assurance.fsck import lines, sealed
from apps.assurance.fsck.looking import WITHOUT_KEY, Finding, House, canonical, is_signed
from apps.assurance.fsck.secrets import Closed

STATES = ("due", "intended", "journalled", "shredded", "truncated", "done")
#: what each state says has happened
TIMES = {"intended": "intended_at", "journalled": "journalled_at", "shredded": "shredded_at", "truncated": "truncated_at", "done": "done_at"}
#: how far the clock of a file system may be behind
SLACK = timedelta(seconds=2)
#: how long the secret of a day that is over may lie there unused: a day for what began before midnight, and a night
TO_BE_TAKEN_UP = timedelta(days=2)

CERTIFICATES = """
SELECT x.number, x.cohort_id, x.destruction_id, x.messages, x.document::text FROM retention_certificate x ORDER BY x.id
"""
OWNERS = {
    "organization": "SELECT reference FROM accounts_organization",
    "hold": "SELECT reference FROM holds_matter",
    "place": "SELECT reference FROM retention_archivetarget",
    "archive": "SELECT reference FROM retention_archive UNION SELECT reference FROM accounts_organization",
}


def works(house: House) -> Iterator[Finding]:
    """Rows of destructions against the journal, the keystore and their certificates."""
    told: dict[tuple[str, str], list[lines.Line]] = defaultdict(list)
    for line in lines.read(house)[0]:
        told[line.kind, line.about].append(line)
    certificates = defaultdict(list)
    for row in house.rows(CERTIFICATES):
        certificates[row.destruction_id].append(row)
    for work in house.destructions:
        house.count("destructions")
        yield from _times(work)
        intents, ends = told["destruction.intended", work.reference], told["destruction.done", work.reference]
        reached = STATES.index(work.state)
        if reached >= STATES.index("journalled") and work.intent_entry and str(work.intent_entry) not in {line.entry for line in intents}:
            yield Finding(work.reference, f"It is {work.state}, and the journal lacks its intent.")
        if work.state == "done" and str(work.done_entry) not in {line.entry for line in ends}:
            yield Finding(work.reference, "It is done, and the journal lacks its end.")
        for end in ends:
            if not any(intent.place < end.place for intent in intents):
                yield Finding(work.reference, "The journal tells its end before its intent.")
        for intent in intents:
            if intent.body.get("secret") != work.secret or intent.body.get("day") != work.day.isoformat():
                yield Finding(work.reference, "Its intent in the journal names another secret or day.")
        yield from _key(house, work, intents)
        if work.state in ("truncated", "done"):
            yield from _certified(house, work, intents, certificates[work.id])
        elif certificates[work.id]:
            yield Finding(work.reference, f"It is {work.state}, and there are certificates of it.")


def _times(work: Any) -> Iterator[Finding]:
    reached, before = STATES.index(work.state), None
    for place, (state, column) in enumerate(TIMES.items(), start=1):
        when = getattr(work, column)
        if (when is not None) != (place <= reached):
            yield Finding(work.reference, f"It is {work.state}, and {'has' if when else 'has no'} time at which it was {state}.")
        if when and before and when < before:
            yield Finding(work.reference, f"It was {state} before the step before that.")
        before = when or before


def _key(house: House, work: Any, intents: list[lines.Line]) -> Iterator[Finding]:
    there, gone = work.secret in house.secrets.there, house.secrets.gone.get(work.secret)
    if work.state in WITHOUT_KEY:
        house.count("keys looked for")
        if there:
            yield Finding(work.reference, f"It is {work.state}, and its secret {work.secret} is there.")
        if gone is None:
            yield Finding(work.reference, f"It is {work.state}, and nothing in the keystore says that {work.secret} was destroyed.")
    if gone is None:
        return
    if not intents:
        yield Finding(work.reference, f"The secret {work.secret} was destroyed without an intent in the journal.")
        return
    died, meant = datetime.fromtimestamp(gone, UTC), min(intent.at for intent in intents)
    if died + SLACK < meant <= house.at and meant <= datetime.fromtimestamp(_newest(house), UTC) + SLACK:
        yield Finding(work.reference, f"The secret {work.secret} was destroyed at {died:%Y-%m-%d %H:%M:%S}, before its intent.")


def _newest(house: House) -> float:
    """The newest time that the file system gave to anything of ours: what lies behind it was dated by another clock."""
    return max([*house.secrets.gone.values(), (house.folder / "journal" / "journal.ndjson").stat().st_mtime])


def _certified(house: House, work: Any, intents: list[lines.Line], found: list[Any]) -> Iterator[Finding]:
    named = {}
    for intent in intents:
        named |= {cohort["cohort"]: cohort["messages"] for cohort in intent.body.get("cohorts", [])}
    wanted = {reference for reference, messages in named.items() if messages or work.scope == "day"}
    if work.scope == "archive":
        wanted = set(named)
    there = {house.cohorts[row.cohort_id].reference for row in found}
    for reference in sorted(wanted - there):
        yield Finding(reference, f"{work.reference} destroyed messages of it, and there is no certificate.")
    for reference in sorted(there - set(named)):
        yield Finding(reference, f"{work.reference} has a certificate about it, and never meant to destroy anything of it.")
    by_place = {intent.place: intent.digest.hex() for intent in intents}
    for row in found:
        house.count("certificates")
        yield from _certificate(house, work, row, by_place)


def _certificate(house: House, work: Any, row: Any, intents: dict[int, str]) -> Iterator[Finding]:
    signed, cohort = json.loads(row.document), house.cohorts[row.cohort_id]
    document, signature = signed["certificate"], signed["signature"]
    message = b"covenant-certificate/1\n" + canonical(document)
    if not is_signed(house.public_key("certificates"), message, bytes.fromhex(signature["value"])):
        yield Finding(row.number, "It is not signed by this installation as it stands.")
    said = (
        document["number"], document["cohort"]["reference"], document["method"]["destruction"], document["scope"]["messages"],
        document["scope"]["kind"],
    )  # fmt: skip
    if said != (row.number, cohort.reference, work.reference, row.messages, work.scope):
        yield Finding(row.number, "It says something else than its row.")
    step = document["method"]["steps"][0]
    if intents.get(step["journal_sequence"]) != step["journal_digest"]:
        yield Finding(row.number, "The journal has no such intent as it names.")
    checked = document["verification"]
    if (checked["key_absent"], checked["canary_opens"], checked["leaf_rows"]) != (True, False, 0):
        yield Finding(row.number, "It certifies what was not destroyed.")
    account = document["account"]
    came = account["ingested"] + account["moved_in"]
    if came != sum(number for name, number in account.items() if name not in ("ingested", "moved_in")):
        yield Finding(row.number, "Its account does not add up.")


def keystore(house: House) -> Iterator[Finding]:
    """What lies in the keystore is whole, ours alone, and belongs to something that lives; what is gone was meant to go."""
    for name, why in sorted(house.secrets.strange_masters.items()):
        yield Finding(f"master key {name}", why)
    for name, why in sorted(house.secrets.strange.items()):
        yield Finding(f"secret {name}", why)
    for name in sorted(house.secrets.there):
        house.count("secrets")
        if name in house.secrets.gone:
            yield Finding(f"secret {name}", "It is there, and was destroyed.")
        try:
            house.secrets.read(name)
        except Closed as closed:
            yield Finding(f"secret {name}", f"It can't be used: {closed}.")
    yield from _orphans(house)
    meant = {work.secret for work in house.destructions} | set(_intended(house))
    started_over = house.rows("SELECT facts->>'before' AS before FROM audit_event WHERE verb = 'archive.started_over'")
    meant |= {f"archive/{row.before}" for row in started_over}
    for name in sorted(set(house.secrets.gone) - meant):
        if name.partition("/")[0] in sealed.KINDS:
            continue  # they end with their rows
        house.count("marks")
        yield Finding(f"secret {name}", "It was destroyed, and no destruction names it.")


def _intended(house: House) -> Iterator[str]:
    """The secrets that the journal says were to go: a restore may have taken the row of a destruction, its line stays."""
    for line in lines.read(house)[0]:
        if line.kind == "destruction.intended":
            yield line.body.get("secret") or f"day/{line.body.get('day')}"
        if line.kind == "archive.started_over":
            yield line.body.get("secret")


def _orphans(house: House) -> Iterator[Finding]:
    owners = {kind: {row.reference for row in house.rows(query)} for kind, query in OWNERS.items()}
    days = {cohort.day.isoformat() for cohort in house.cohorts.values()}
    bundled = {bundle.secret for bundle in house.bundles}
    for name in sorted(house.secrets.there):
        kind, _slash, whose = name.partition("/")
        if kind == "day":
            # an ingest may have been undone after the secret was made: the next one takes it up, or it goes once its day is over
            belongs = whose in days or whose > (house.today - TO_BE_TAKEN_UP).isoformat()
        elif kind in ("aside", "matter"):
            belongs = name in bundled
        else:
            belongs = kind in sealed.KINDS or whose in owners.get(kind, ())
        if not belongs:
            yield Finding(f"secret {name}", "It belongs to nothing.")
