"""How P06 and P26 are proven for Message Data: by SQL on the rows and by looking at files, sharing nothing with the services.

Each check says how many rows it looked at; one that had nothing to look at proves nothing and says so.
"""

import hashlib
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from apps.foundation.promises import Check, Looked, Violation, fetch
from apps.retention import archive_promises, keystore_promises

#: the sweep runs each minute; reading refuses by the day itself meanwhile
TIME_TO_HIDE = timedelta(minutes=10)


def _today(at: datetime):
    return at.astimezone(UTC).date()


def nothing_past_its_life_is_readable(at: datetime) -> Looked:
    """Every cohort whose day has come is hidden."""
    rows = fetch(
        "SELECT reference, state, expiry_on FROM retention_cohort WHERE expiry_on <= %s", [_today(at - TIME_TO_HIDE)]
    )
    return Looked(
        len(rows),
        tuple(
            Violation(reference, f"expired on {day.isoformat()} and is still {state}")
            for reference, state, day in rows
            if state in ("open", "sealed", "archived")
        ),
    )


def nothing_outlives_its_day(at: datetime) -> Looked:
    """A day after its end a cohort is destroyed, or has stepped aside with its reason; no leaf of the past holds rows."""
    late = _today(at) - timedelta(days=1)
    cohorts = fetch(
        "SELECT c.reference, c.state, c.expiry_on FROM retention_cohort c WHERE c.expiry_on < %s"
        " AND c.aside_at IS NULL",
        [late],
    )
    found = [
        Violation(reference, f"expired on {day.isoformat()}, is {state} and not destroyed")
        for reference, state, day in cohorts
        if state != "destroyed"
    ]
    leaves = [
        day
        for (day,) in fetch(
            "SELECT day FROM retention_leaf WHERE day < %s"
            " AND pg_relation_size(('message_' || to_char(day, 'YYYYMMDD'))::regclass) > 0",
            [late],
        )
    ]
    for day in leaves:
        for organization, count in fetch(
            "SELECT o.reference, count(*) FROM message m LEFT JOIN accounts_organization o ON o.id = m.organization_id"
            " WHERE m.expiry = %s GROUP BY o.reference",
            [day],
        ):
            found.append(Violation(f"leaf {day.isoformat()}", f"holds {count} rows of {organization or 'nobody'}"))
    return Looked(len(cohorts) + len(leaves), tuple(found))


def what_is_destroyed_is_certified_and_gone(at: datetime) -> Looked:
    """Each destroyed cohort: no rows, no key, and a certificate whose signature is ours."""
    rows = fetch(
        "SELECT c.reference, c.expiry_on, c.organization_id, k.document, k.number FROM retention_cohort c"
        " LEFT JOIN retention_certificate k ON k.cohort_id = c.id WHERE c.state IN ('shredded', 'destroyed')",
        [],
    )
    folder = Path(settings.COVENANT_HOME)
    found: list[Violation] = []
    days = sorted({row[1] for row in rows})
    left = defaultdict(int)
    if days:
        for day, organization, count in fetch(
            "SELECT expiry, organization_id, count(*) FROM message WHERE expiry = ANY(%s::date[]) GROUP BY 1, 2", [days]
        ):
            left[day, organization] = count
    for reference, day, organization, document, number in rows:
        if left[day, organization]:
            found.append(Violation(reference, f"is destroyed and has {left[day, organization]} rows in its leaf"))
        found += [
            Violation(reference, f"is destroyed, and its secret day/{day.isoformat()} still lies in copy {copy} of the keystore")
            for copy in keystore_promises.copies_with(f"day/{day.isoformat()}")
        ]
        if document is None:
            found.append(Violation(reference, "is destroyed and has no certificate"))
        elif not _is_ours(folder, document):
            found.append(Violation(number, "its signature is not ours, or it was changed"))
    return Looked(len(rows), tuple(found))


def _is_ours(folder: Path, document) -> bool:
    if isinstance(document, str):
        document = json.loads(document)
    key = load_pem_private_key((folder / "signing" / "certificates.pem").read_bytes(), password=None).public_key()
    said = json.dumps(document["certificate"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    try:
        key.verify(bytes.fromhex(document["signature"]["value"]), b"covenant-certificate/1\n" + said)
    except (InvalidSignature, ValueError, KeyError):
        return False
    return True


def nothing_owed_is_destroyed(at: datetime) -> Looked:
    """Of a destroyed cohort that an archive was owed, every sealed segment is in a closed archive, or all of it stands aside.

    What was owed is taken from its own mark and from the organization's record of that time.
    """
    rows = fetch(
        "SELECT c.id, c.reference, c.archive_owed, (SELECT h.archive_entitlement FROM accounts_historicalorganization h"
        " WHERE h.id = c.organization_id AND h.history_date <= c.shredded_at ORDER BY h.history_date DESC, h.history_id DESC"
        " LIMIT 1), s.number, s.messages, encode(s.merkle_root, 'hex'),"
        " (SELECT count(*) FROM retention_asidemessage a WHERE a.cohort_id = c.id AND a.segment = s.number),"
        " (SELECT count(*) FROM retention_earlydeletion d WHERE d.cohort_id = c.id AND d.segment = s.number AND NOT d.kept_for_hold)"
        " FROM retention_cohort c LEFT JOIN retention_segment s ON s.cohort_id = c.id"
        " WHERE c.state IN ('intended', 'shredded', 'destroyed')",
        [],
    )
    in_archives = defaultdict(set)
    for cohort, kind, document in fetch(
        "SELECT a.cohort_id, t.kind, a.manifest FROM retention_archive a JOIN retention_archivetarget t ON t.id = a.target_id"
        " WHERE a.state IN ('closed', 'destroyed') AND a.closed_at IS NOT NULL",
        [],
    ):
        manifest = json.loads(document) if isinstance(document, str) else document
        for segment in manifest["manifest"]["segments"]:
            in_archives[cohort].add((kind, segment["number"], segment["messages"], segment["merkle_root"]))
    found = []
    for cohort, reference, owed, entitlement, number, messages, root, aside, early in rows:
        if not owed and entitlement in (None, "none"):
            continue
        kinds = {"both": ("hosted", "own_server")}.get(entitlement, (entitlement,))
        has = {sealed[0] for sealed in in_archives[cohort] if sealed[1:] == (number, messages, root)}
        is_there = bool(has) if entitlement in (None, "none") else has.issuperset(kinds)
        if number is None or (not is_there and messages > aside + early):
            found.append(Violation(reference, "was destroyed though an archive was owed and does not have it"))
    return Looked(len(rows), tuple(dict.fromkeys(found)))


def what_a_hold_keeps_is_there(at: datetime) -> Looked:
    """Every bundle that a hold keeps has its secret and, unless it was handed over, its rows; none of them was destroyed under a hold."""
    rows = fetch(
        "SELECT c.reference, b.secret, b.destroyed_at, m.reference, (SELECT count(*) FROM retention_asidemessage a WHERE"
        " a.bundle_id = b.id), (SELECT count(*) FROM holds_hold h WHERE h.id = ANY(b.holds) AND (h.state = 'active' OR h.kept_until >"
        " coalesce(b.destroyed_at, %s))), cardinality(b.holds), (SELECT coalesce(sum(k.messages), 0) FROM retention_certificate k"
        " JOIN retention_destruction d ON d.id = k.destruction_id WHERE d.secret = b.secret)"
        " FROM retention_asidebundle b JOIN retention_cohort c ON c.id = b.cohort_id LEFT JOIN holds_matter m ON m.id = b.matter_id"
        " WHERE b.ground = 'hold'",
        [at],
    )
    found = []
    for cohort, secret, destroyed_at, matter, count, in_force, holds, certified in rows:
        if destroyed_at is None and count and not keystore_promises.copies_with(secret):
            found.append(Violation(cohort, f"{count} messages held for {matter} have lost their key {secret}"))
        if destroyed_at is not None and count:
            found.append(Violation(cohort, f"a bundle held for {matter} is destroyed and has {count} rows"))
        if destroyed_at is not None and certified and in_force == holds:
            found.append(Violation(cohort, f"{certified} messages were destroyed while {matter} held them"))
    return Looked(len(rows), tuple(found))


def every_account_adds_up(at: datetime) -> Looked:
    """Ingested + moved in = in leaf + aside + moved out + destroyed + deleted early, counted from the rows."""
    cohorts = fetch(
        "SELECT c.id, c.reference, c.expiry_on, c.organization_id, c.destroyed_messages,"
        " coalesce((SELECT sum(s.messages) FROM retention_batchshare s WHERE s.cohort_id = c.id), 0)"
        " + coalesce((SELECT sum(i.messages) FROM retention_move i WHERE i.destination_id = c.id), 0)"
        " - coalesce((SELECT sum(o.messages) FROM retention_move o WHERE o.origin_id = c.id), 0),"
        " (SELECT count(*) FROM retention_asidemessage a WHERE a.cohort_id = c.id),"
        " (SELECT count(*) FROM retention_earlydeletion d WHERE d.cohort_id = c.id AND NOT d.kept_for_hold) FROM retention_cohort c",
        [],
    )
    days = sorted({row[2] for row in cohorts})
    leaf = defaultdict(int)
    for at_once in range(0, len(days), 200):  # literal days, so that no leaf without a cohort is locked
        for day, organization, count in fetch(
            "SELECT expiry, organization_id, count(*) FROM message WHERE expiry = ANY(%s::date[]) GROUP BY 1, 2",
            [days[at_once : at_once + 200]],
        ):
            leaf[day, organization] = count
    found = []
    for _pk, reference, day, organization, destroyed, came_in, aside, early in cohorts:
        off = came_in - leaf.pop((day, organization), 0) - aside - destroyed - early
        if off:
            found.append(Violation(reference, f"its account is off by {off} messages"))
    found += [
        Violation(f"leaf {day.isoformat()}", f"holds {count} rows of organization {organization} without a cohort")
        for (day, organization), count in leaf.items()
    ]
    return Looked(len(cohorts), tuple(found))


def seals_hold(at: datetime) -> Looked:
    """What is sealed and still readable is what was sealed: the Merkle root made again from rows and early deletions."""
    segments = fetch(
        "SELECT c.id, c.reference, c.expiry_on, c.organization_id, s.number, s.merkle_root, s.messages, s.sealed_at"
        " FROM retention_segment s JOIN retention_cohort c ON c.id = s.cohort_id"
        " WHERE s.sealed_at IS NOT NULL AND c.state IN ('sealed', 'archived', 'expired') AND c.aside_at IS NULL",
        [],
    )
    found = []
    for cohort, reference, day, organization, number, root, messages, sealed_at in segments:
        deleted_after = fetch(
            "SELECT count(*) FROM retention_earlydeletion WHERE cohort_id = %s AND segment = %s AND at >= %s",
            [cohort, number, sealed_at],
        )[0][0]
        proofs = [
            bytes(proof)
            for (proof,) in fetch(
                "SELECT proof FROM message WHERE expiry = %s AND organization_id = %s AND segment = %s ORDER BY id",
                [day, organization, number],
            )
        ]
        if len(proofs) + deleted_after != messages:
            found.append(Violation(reference, f"segment {number}: sealed with {messages} messages, has {len(proofs)}"))
        elif not deleted_after and _root(proofs) != bytes(root):
            found.append(Violation(reference, f"segment {number}: its messages are not those that were sealed"))
    return Looked(len(segments), tuple(found))


def _root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, level by level: an odd node rises unchanged."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    while len(leaves) > 1:
        pairs = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(leaves[::2], leaves[1::2], strict=False)]
        leaves = pairs + leaves[len(pairs) * 2 :]
    return leaves[0]


def every_message_has_its_policy(at: datetime) -> Looked:
    """Each live message names a version that was in force when a batch brought messages into its cohort (P26)."""
    days = [day for (day,) in fetch("SELECT DISTINCT expiry_on FROM retention_cohort WHERE state IN ('open', 'sealed', 'archived')", [])]
    if not days:
        return Looked(0)
    allowed = {
        (day, organization, segment, version)
        for day, organization, segment, version in fetch(
            "SELECT DISTINCT c.expiry_on, c.organization_id, s.segment, (SELECT v.id FROM policies_policyversion v"
            " WHERE v.state = 'published' AND v.published_at <= s.at ORDER BY v.published_at DESC, v.number DESC LIMIT 1)"
            " FROM retention_batchshare s JOIN retention_cohort c ON c.id = s.cohort_id WHERE c.expiry_on = ANY(%s::date[])",
            [days],
        )
    }
    moved_in = set(
        fetch(
            "WITH RECURSIVE came(cohort_id, origin_id) AS (SELECT destination_id, origin_id FROM retention_move UNION"
            " SELECT came.cohort_id, m.origin_id FROM came JOIN retention_move m ON m.destination_id = came.origin_id)"
            " SELECT DISTINCT c.expiry_on, c.organization_id, (SELECT v.id FROM policies_policyversion v"
            " WHERE v.state = 'published' AND v.published_at <= s.at ORDER BY v.published_at DESC, v.number DESC LIMIT 1)"
            " FROM came JOIN retention_batchshare s ON s.cohort_id = came.origin_id JOIN retention_cohort c ON c.id = came.cohort_id"
            " WHERE c.expiry_on = ANY(%s::date[])",
            [days],
        )
    )
    looked, found = 0, []
    for day, organization, segment, version, count, reference in fetch(
        "SELECT m.expiry, m.organization_id, m.segment, m.policy_version_id, count(*), c.reference FROM message m"
        " LEFT JOIN retention_cohort c ON c.organization_id = m.organization_id AND c.expiry_on = m.expiry"
        " WHERE m.expiry = ANY(%s::date[]) GROUP BY 1, 2, 3, 4, 6",
        [days],
    ):
        looked += count
        if (day, organization, segment, version) not in allowed and (day, organization, version) not in moved_in:
            found.append(
                Violation(reference or f"leaf {day}", f"{count} messages name policy version {version}, not in force when they came")
            )
    return Looked(looked, tuple(found))


CHECKS = (
    Check("P06", "retention.hidden", "Nothing past its life can be read", nothing_past_its_life_is_readable),
    Check("P06", "retention.gone", "Nothing outlives its day without a stated reason", nothing_outlives_its_day),
    Check("P06", "retention.certified", "What is destroyed has no rows, no key, and a certificate of ours",
          what_is_destroyed_is_certified_and_gone),
    Check("P06", "retention.owed", "Nothing owed to an archive is destroyed unarchived", nothing_owed_is_destroyed),
    Check("P06", "retention.accounts", "The account of every cohort adds up", every_account_adds_up),
    Check("P06", "retention.seals", "What was sealed is what is there", seals_hold),
    *archive_promises.CHECKS,
    *keystore_promises.CHECKS,
    Check("P06", "retention.holds", "Nothing on hold is destroyed", what_a_hold_keeps_is_there),
    Check("P26", "retention.policy", "Each message knows the policy in force when it came", every_message_has_its_policy),
)  # fmt: skip
