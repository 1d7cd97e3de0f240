"""What stands aside: its bundle has a key, its rows open and are proven, its ground is still true; and no hold was passed over.

What a message says that was destroyed nobody can read any more. So that no hold was passed over is shown by what was looked
at: every hold that was in force when a key went, and may have covered something there, was seen when rows stepped aside.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.assurance.fsck.looking import WITHOUT_KEY, Finding, House
from apps.assurance.fsck.opened import Opener, message_of, problems
from apps.assurance.fsck.secrets import Closed

#: a ground that is over is noticed by the next sweep
PATIENCE = timedelta(days=1)

HOLDS = """
SELECT h.id, h.reference, h.matter_id, h.organization_id, h.person_id, h.person_reference, h.conversation_source, h.conversation_id,
       h.sent_from, h.sent_until, h.placed_at, h.kept_until, p.organization_id AS persons_organization,
       ARRAY(SELECT e.address FROM accounts_personemail e WHERE e.person_id = h.person_id) AS emails,
       ARRAY(SELECT x.source || '|' || x.external_id FROM accounts_externalidentity x WHERE x.person_id = h.person_id) AS identities
FROM holds_hold h LEFT JOIN accounts_person p ON p.id = h.person_id ORDER BY h.id
"""

WAITING = """
SELECT s.cohort_id, s.number, s.archived_at FROM retention_segment s
"""
REVIEWS = "SELECT cohort_id, state, decided_at FROM retention_review"
ASKED = "SELECT organization_id FROM retention_reviewasked WHERE ended_at IS NULL"


def bundles(house: House) -> Iterator[Finding]:
    """Bundles with their rows and keys."""
    holds = house.rows(HOLDS)
    segments = {(row.cohort_id, row.number): row.archived_at for row in house.rows(WAITING)}
    reviews = {row.cohort_id: row for row in house.rows(REVIEWS)}
    asked = {row.organization_id for row in house.rows(ASKED)}
    ended = {work.secret for work in house.destructions if work.scope == "aside" and work.state in WITHOUT_KEY}
    for bundle in house.bundles:
        house.count("bundles")
        cohort = house.cohorts[bundle.cohort_id]
        name = f"bundle {bundle.id} of {cohort.reference}"
        if bundle.destroyed_at is not None:
            if bundle.rows:
                yield Finding(name, f"It is destroyed, and {bundle.rows} of its rows are there.")
            if bundle.secret not in ended:
                yield Finding(name, "It is destroyed, and no destruction ended its secret.")
        elif bundle.secret not in ended:
            yield from _standing(house, bundle, cohort, name, (holds, segments, reviews, asked))


def _standing(house: House, bundle: Any, cohort: Any, name: str, grounds: tuple) -> Iterator[Finding]:
    holds, segments, reviews, asked = grounds
    stray = house.rows(
        "SELECT count(*) AS rows FROM retention_asidemessage WHERE bundle_id = %s AND (cohort_id <> %s OR ground <> %s)",
        bundle.id, cohort.id, bundle.ground,
    )[0].rows  # fmt: skip
    if stray:
        yield Finding(name, f"{stray} of its rows name another cohort or another ground.")
    if not bundle.rows or house.is_dying(bundle.secret):
        return
    try:
        opener = Opener(house.secrets, bundle.secret, organization=cohort.organization, day=cohort.day)
    except Closed as closed:
        yield Finding(name, f"It has {bundle.rows} rows, and {closed}.")
        return
    over_since = house.at - PATIENCE
    in_force = [hold for hold in holds if hold.matter_id == bundle.matter_id and (hold.kept_until is None or hold.kept_until > over_since)]
    limit = "" if house.most is None else f" ORDER BY proof LIMIT {int(house.most)}"
    for row in house.stream(f"SELECT * FROM retention_asidemessage WHERE bundle_id = %s{limit}", bundle.id):
        house.count("messages aside opened")
        yield from (Finding(f"message {row.id} aside", f"It {why}.") for why in problems(opener, row))
        message = message_of(opener, row)
        if message is None:
            continue
        earlier = house.seen_before(cohort.organization_id, message, row.id)
        if earlier:
            yield Finding(f"message {row.id} aside", f"It is stored a second time: it is message {earlier} too.")
        if cohort.day >= house.today - PATIENCE:
            continue
        if bundle.ground == "hold" and not any(covers(hold, message, cohort) for hold in in_force):
            yield Finding(f"message {row.id} aside", f"{name} keeps it for a hold, and no hold of its matter covers it.")
        archived_at = segments.get((cohort.id, row.segment))
        if bundle.ground == "archive" and archived_at is not None and archived_at < over_since:
            yield Finding(f"message {row.id} aside", f"{name} keeps it for an archive that has it.")
        review = reviews.get(cohort.id)
        is_done = review.state == "approved" and review.decided_at < over_since if review else cohort.organization_id not in asked
        if bundle.ground == "review" and is_done:
            yield Finding(f"message {row.id} aside", f"{name} keeps it for a review that is done.")


def covers(hold: Any, message: dict, cohort: Any) -> bool:
    """Whether a hold names a message, by the words of DESIGN: person, conversation, organization, days of sending."""
    if hold.organization_id is not None and hold.organization_id != cohort.organization_id:
        return False
    if hold.conversation_id and (hold.conversation_source, hold.conversation_id) != (message["source"], message["conversation"]):
        return False
    sent = datetime.fromisoformat(message["sent_at"]).astimezone(UTC).date()
    if (hold.sent_from and sent < hold.sent_from) or (hold.sent_until and sent >= hold.sent_until):
        return False
    if not hold.person_reference:
        return True
    return any(_is_named(hold, message["source"], party) for party in (message["sender"], *message["recipients"]))


def _is_named(hold: Any, source: str, party: dict) -> bool:
    return (
        party.get("person") == hold.person_reference
        or (party.get("email") or "") in hold.emails
        or f"{source}|{party.get('id') or ''}" in hold.identities
    )


def touches(hold: Any, organization_id: int) -> bool:
    """Whether a hold may cover messages of an organization at all."""
    if hold.organization_id is not None:
        return hold.organization_id == organization_id
    return hold.person_id is None or hold.persons_organization in (None, organization_id)


def holds_seen(house: House) -> Iterator[Finding]:
    """No key went while a hold was in force that nobody had looked at, and no archive that such a hold keeps whole."""
    holds = house.rows(HOLDS)
    for work in house.destructions:
        if work.state not in WITHOUT_KEY:
            continue
        house.count("destructions against holds")
        for cohort in house.cohorts.values():
            is_its = cohort.day == work.day and cohort.shredded_at is not None if work.scope == "day" else cohort.id == work.cohort_id
            if not is_its:
                continue
            for hold in holds:
                was_there = hold.id <= (work.newest_hold or 0) and (hold.kept_until is None or hold.kept_until > work.shredded_at)
                if not was_there or not touches(hold, cohort.organization_id):
                    continue
                if work.scope != "archive" and hold.id > cohort.holds_seen:
                    yield Finding(work.reference, f"It destroyed messages of {cohort.reference} without a look at {hold.reference}.")
                if work.scope == "archive" and not (hold.person_reference or hold.conversation_id):
                    yield Finding(work.reference, f"It destroyed an archive of {cohort.reference} that {hold.reference} keeps.")
