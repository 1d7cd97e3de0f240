"""How P02 and P03 are proven: by SQL on rows, keys and the ledger of consents, and by looking at files, sharing nothing with the services.

What stands is asked of the ledger, by the last thing a person said, and not only of the standing that the database binds the rows to.
Each check says how many rows it looked at; one that had nothing to look at proves nothing and says so.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from apps.foundation.promises import Check, Looked, Violation, fetch, fetch_named

#: sweeps come every few minutes; what is older was not swept
TIME_TO_SWEEP = timedelta(hours=1)
ROTATION_TAKES = timedelta(days=7)
FAILING_TAKES = timedelta(days=14)

HELD = """
WITH held AS (
    SELECT person_id, purpose_id, stands, 'sources' AS what FROM contacts_source
    UNION ALL SELECT person_id, purpose_id, stands, 'contacts' FROM contacts_contactkey
    UNION ALL SELECT person_id, purpose_id, stands, 'keys of their own' FROM contacts_personkey
    UNION ALL SELECT person_id, purpose_id, stands, 'busy times' FROM contacts_busytime
), counted AS (SELECT person_id, purpose_id, what, count(*) AS number, bool_and(stands) AS marked FROM held GROUP BY 1, 2, 3)
SELECT coalesce(p.reference, 'nobody') AS person, h.purpose_id AS purpose, h.what, h.number, h.marked, coalesce(s.stands, false) AS stands,
    coalesce(e.act, '') AS act, e.until
FROM counted h LEFT JOIN accounts_person p ON p.id = h.person_id
LEFT JOIN consents_standing s ON s.person_id = h.person_id AND s.purpose_id = h.purpose_id
LEFT JOIN LATERAL (SELECT act, until FROM consents_consentevent WHERE person_id = h.person_id AND purpose_id = h.purpose_id
                   ORDER BY at DESC, id DESC LIMIT 1) e ON true
ORDER BY 1, 2, 3
"""

#: which purposes a kind of row may be under
PURPOSES = {
    "sources": ("contacts", "calendar"), "contacts": ("contacts",), "keys of their own": ("contacts",), "busy times": ("calendar",),
}  # fmt: skip

KEPT = """
SELECT k.reference, k.kept_at, EXISTS (
    SELECT 1 FROM holds_hold h WHERE (h.state = 'active' OR h.kept_until > %s)
    AND (h.person_reference = p.reference OR (h.person_reference = '' AND h.conversation_id = ''
         AND (h.organization_id IS NULL OR h.organization_id = p.organization_id)))) AS is_held
FROM contacts_keptbook k JOIN accounts_person p ON p.id = k.person_id ORDER BY k.id
"""

MATCHES = """
WITH sides AS (SELECT id, one_id AS person_id, purpose_id FROM contacts_match UNION ALL SELECT id, other_id, purpose_id FROM contacts_match),
said AS (
    SELECT sides.id, bool_and(s.stands IS TRUE AND e.act = 'given' AND (e.until IS NULL OR e.until > %s)) AS both
    FROM sides LEFT JOIN consents_standing s ON s.person_id = sides.person_id AND s.purpose_id = sides.purpose_id
    LEFT JOIN LATERAL (SELECT act, until FROM consents_consentevent WHERE person_id = sides.person_id AND purpose_id = sides.purpose_id
                       ORDER BY at DESC, id DESC LIMIT 1) e ON true
    GROUP BY sides.id
)
SELECT one.reference AS one, other.reference AS other, said.both, m.purpose_id AS purpose,
    one.organization_id IS NOT NULL AND one.organization_id IS NOT DISTINCT FROM other.organization_id AS are_colleagues, m.one_has, m.other_has,
    EXISTS (SELECT 1 FROM contacts_contactkey c JOIN contacts_personkey k ON k.key_id = c.key_id AND k.value = c.value
            WHERE c.person_id = m.one_id AND k.person_id = m.other_id) AS one_does,
    EXISTS (SELECT 1 FROM contacts_contactkey c JOIN contacts_personkey k ON k.key_id = c.key_id AND k.value = c.value
            WHERE c.person_id = m.other_id AND k.person_id = m.one_id) AS other_does,
    EXISTS (SELECT 1 FROM contacts_rematch r WHERE r.person_id IN (m.one_id, m.other_id)) AS is_on_its_way
FROM contacts_match m JOIN said ON said.id = m.id JOIN accounts_person one ON one.id = m.one_id JOIN accounts_person other ON other.id = m.other_id
ORDER BY m.id
"""

READ = """
SELECT s.reference, s.added_at, s.last_success_at, s.next_at, s.failures FROM contacts_source s JOIN accounts_person p ON p.id = s.person_id
JOIN consents_standing c ON c.person_id = s.person_id AND c.purpose_id = s.purpose_id
WHERE s.how = 'dav' AND s.state = 'active' AND p.standing = 'active' AND c.stands AND (c.until IS NULL OR c.until > %s) ORDER BY s.id
"""

VALUES = """
SELECT k.what, k.key_id AS number, coalesce(m.state, '') AS state, count(*) AS count, count(*) FILTER (WHERE octet_length(k.value) <> 32) AS other_sizes
FROM (SELECT 'contacts' AS what, key_id, value FROM contacts_contactkey UNION ALL SELECT 'people', key_id, value FROM contacts_personkey) k
LEFT JOIN contacts_matchingkey m ON m.number = k.key_id GROUP BY 1, 2, 3 ORDER BY 1, 2
"""


def nothing_is_held_without_a_consent(at: datetime) -> Looked:
    """Each source, contact, key and busy time is of somebody whose last word on it was yes, and whose yes is not over."""
    rows = fetch_named(HELD)
    found = []
    for row in rows:
        why = _why_not(row, at)
        if why:
            found.append(Violation(row["person"], f"has {row['number']} {row['what']} under “{row['purpose']}” {why}"))
    return Looked(sum(row["number"] for row in rows), tuple(found))


def _why_not(row: dict, at: datetime) -> str:
    if row["person"] == "nobody":
        return "though that person is gone"
    if row["purpose"] not in PURPOSES[row["what"]]:
        return "which is another purpose"
    if not row["stands"] or not row["marked"]:
        return "and no consent stands"
    if row["act"] != "given":
        return "and the ledger of consents does not say yes"
    if row["until"] is not None and row["until"] <= at - TIME_TO_SWEEP:
        return "and the consent is over"
    return ""


def nothing_is_kept_without_a_hold(at: datetime) -> Looked:
    """What was set apart when a consent ended is of somebody whom a hold keeps, or kept until this hour."""
    rows = fetch_named(KEPT, [at - TIME_TO_SWEEP])
    late = [row for row in rows if not row["is_held"] and row["kept_at"] <= at - TIME_TO_SWEEP]
    return Looked(len(rows), tuple(Violation(row["reference"], "is kept, and no hold keeps its person") for row in late))


def what_ended_can_not_be_opened(at: datetime) -> Looked:
    """No secret of a source that is gone lies in any copy of the keystore; those of what is here do."""
    needed = {name for (name,) in fetch("SELECT reference FROM contacts_source WHERE sealed IS NOT NULL UNION SELECT reference FROM contacts_keptbook")}
    may_be = needed | {name for (name,) in fetch("SELECT reference FROM contacts_source")}
    found, seen = [], set()
    for number, folder in enumerate(_folders(), 1):
        there = {path.name: path for path in (folder / "source").glob("[!.]*") if not path.name.endswith(".destroyed")}
        seen |= there.keys()
        for name in sorted(there.keys() - may_be):
            if _is_old(there[name], at):
                found.append(Violation(name, f"is gone, and its secret lies in copy {number} of the keystore"))
        for name in sorted(needed - there.keys()):
            found.append(Violation(name, f"is here, and its secret is not in copy {number} of the keystore"))
    return Looked(len(needed | seen), tuple(found))


def _folders() -> tuple[Path, ...]:
    home = Path(settings.COVENANT_HOME)
    return tuple(map(Path, settings.KEYSTORE_DIRECTORIES)) or (home / "keystore", home / "keystore-second")


def _is_old(path: Path, at: datetime) -> bool:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) <= at - TIME_TO_SWEEP
    except FileNotFoundError:
        return False


def matches_are_of_two_who_allow_it(at: datetime) -> Looked:
    """Both people of each match said yes last, and their books say what the match says; across organizations, both books."""
    rows = fetch_named(MATCHES, [at - TIME_TO_SWEEP])
    found = []
    for row in rows:
        why = _wrong_with_match(row)
        if why:
            found.append(Violation(f"{row['one']} and {row['other']}", why))
    return Looked(len(rows), tuple(found))


def _wrong_with_match(row: dict) -> str:
    if not row["both"] or row["purpose"] != "contacts":
        return "are matched, and not both allow it"
    if not row["are_colleagues"] and not (row["one_has"] and row["other_has"]):
        return "are matched across organizations, and not both have each other in their book"
    if (row["one_has"], row["other_has"]) != (row["one_does"], row["other_does"]) and not row["is_on_its_way"]:
        return "are matched, and their books do not say so"
    return ""


def what_changed_was_matched(at: datetime) -> Looked:
    """Whoever's keys changed is matched within the hour."""
    rows = fetch_named(
        "SELECT p.reference, r.since, r.attempts FROM contacts_rematch r JOIN accounts_person p ON p.id = r.person_id ORDER BY r.person_id"
    )
    people = fetch("SELECT count(DISTINCT person_id) FROM contacts_personkey")[0][0]
    late = [row for row in rows if row["since"] <= at - TIME_TO_SWEEP]
    why = "waits for more than an hour to be matched, after {} attempts"
    return Looked(people, tuple(Violation(row["reference"], why.format(row["attempts"])) for row in late))


def addresses_are_read_in_time(at: datetime) -> Looked:
    """Each address in use was read within CONTACTS_REFRESH_HOURS; one that fails is tried again in time, and not for ever."""
    rows = fetch_named(READ, [at])
    found = []
    for row in rows:
        why = _late(row, at)
        if why:
            found.append(Violation(row["reference"], why))
    return Looked(len(rows), tuple(found))


def _late(row: dict, at: datetime) -> str:
    since = row["last_success_at"] or row["added_at"]
    if row["failures"] == 0 and since <= at - timedelta(hours=settings.CONTACTS_REFRESH_HOURS) - TIME_TO_SWEEP:
        return f"was last read, or added, {(at - since).total_seconds() / 3600:.0f} hours ago"
    if row["next_at"] is None or row["next_at"] <= at - TIME_TO_SWEEP:
        return "is due, and nobody reads it"
    if row["failures"] > 0 and since <= at - FAILING_TAKES:
        return "has failed for two weeks, and nobody parked it"
    return ""


def values_are_under_the_current_key(at: datetime) -> Looked:
    """Each stored value is a keyed hash under the current key or one that an announced rotation takes away; destroyed keys are gone."""
    rows = fetch_named(VALUES)
    found = []
    for row in rows:
        allowed = {"current", "retiring", "coming"} if row["what"] == "people" else {"current", "retiring"}
        name = f"matching/{row['number']}"
        if row["state"] not in allowed:
            found.append(Violation(name, f"is {row['state'] or 'unknown'}, and {row['count']} values of {row['what']} are under it"))
        if row["other_sizes"]:
            found.append(Violation(name, f"{row['other_sizes']} values of {row['what']} under it are no keyed hashes"))
    keys = fetch_named("SELECT number, state, announced_at, destroyed_at FROM contacts_matchingkey ORDER BY number")
    found += [violation for key in keys for violation in _wrong_with_key(key, at)]
    return Looked(sum(row["count"] for row in rows), tuple(found))


def _wrong_with_key(key: dict, at: datetime) -> list[Violation]:
    name = f"matching/{key['number']}"
    copies = [number for number, folder in enumerate(_folders(), 1) if (folder / name).exists()]
    if key["state"] == "destroyed":
        late = key["destroyed_at"] <= at - TIME_TO_SWEEP
        return [Violation(name, f"is destroyed, and still lies in copy {number} of the keystore") for number in copies if late]
    missing = set(range(1, len(_folders()) + 1)) - set(copies)
    found = [Violation(name, f"is in use, and not in copy {number} of the keystore") for number in sorted(missing)]
    if key["state"] == "coming" and key["announced_at"] <= at - ROTATION_TAKES:
        found.append(Violation(name, "was announced more than a week ago, and is not in use yet"))
    if key["state"] == "retiring" and not _is_followed_lately(at):
        found.append(Violation(name, "is on its way out for more than a week"))
    return found


def _is_followed_lately(at: datetime) -> bool:
    return bool(fetch("SELECT 1 FROM contacts_matchingkey WHERE state = 'current' AND current_at > %s", [at - ROTATION_TAKES]))


CHECKS = (
    Check("P02", "contacts.consent", "No contact and no calendar is held without a consent that stands", nothing_is_held_without_a_consent),
    Check("P02", "contacts.kept", "What was set apart when a consent ended is kept by a hold", nothing_is_kept_without_a_hold),
    Check("P02", "contacts.secrets", "What lets us into a source goes with the source", what_ended_can_not_be_opened),
    Check("P03", "contacts.matches", "Only people who both allow it are matched, and as their books say", matches_are_of_two_who_allow_it),
    Check("P03", "contacts.matched", "Whose keys changed is matched soon", what_changed_was_matched),
    Check("P03", "contacts.lag", "Addresses that people lent us are read in time", addresses_are_read_in_time),
    Check("P03", "contacts.key", "Every stored value is a hash under the current key", values_are_under_the_current_key),
)  # fmt: skip
