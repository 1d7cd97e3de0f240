"""How P06, P12 and P19 are proven for archives: by SQL on the rows and by looking at files, sharing nothing with the services."""

import hashlib
import json
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from apps.foundation.promises import Check, Looked, Violation, fetch
from apps.retention import keystore_promises

#: what leaves daily is late after this
LATE = timedelta(days=2)


def _signed_by_us(folder: Path, prefix: bytes, document: dict, value: str) -> bool:
    key = load_pem_private_key((folder / "signing" / "certificates.pem").read_bytes(), password=None).public_key()
    said = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    try:
        key.verify(bytes.fromhex(value), prefix + said)
    except (InvalidSignature, ValueError):
        return False
    return True


def every_archive_has_what_was_sealed(at: datetime) -> Looked:
    """A closed archive's manifest is signed by us, names parts that were proven at their place, and what was sealed."""
    folder = Path(settings.COVENANT_HOME)
    rows = fetch(
        "SELECT a.id, a.reference, a.manifest, s.number, s.messages, encode(s.merkle_root, 'hex'),"
        " coalesce(s.sealed_at <= a.closed_at, true) FROM retention_archive a"
        " LEFT JOIN retention_segment s ON s.cohort_id = a.cohort_id AND s.number = a.segment WHERE a.state = 'closed'"
    )
    parts = defaultdict(dict)
    for archive, number, digest, state in fetch("SELECT archive_id, number, encode(sha256, 'hex'), state FROM retention_archivepart"):
        parts[archive][number] = (digest, state)
    found = []
    for pk, reference, document, number, messages, root, sealed_before in rows:
        signed = json.loads(document) if isinstance(document, str) else document
        manifest = signed["manifest"]
        if not _signed_by_us(folder, b"covenant-archive/1\n", manifest, signed["signature"]["value"]):
            found.append(Violation(reference, "its manifest is not signed by us, or was changed"))
        if {part["number"]: (part["sha256"], "verified") for part in manifest["parts"]} != parts[pk]:
            found.append(Violation(reference, "its parts are not those that its manifest names, each proven at its place"))
        # sealed anew after a restore, a segment may lack what came after the backup
        if sealed_before and manifest["segments"] != [{"number": number, "messages": messages, "merkle_root": root}]:
            found.append(Violation(reference, "its manifest does not say what was sealed"))
    return Looked(len(rows), tuple(found))


def hosted_files_are_what_was_signed(at: datetime) -> Looked:
    """Of the archives in a folder of ours, the latest hundred lie there byte by byte as their manifests say."""
    if not (Path(settings.COVENANT_HOME) / "archives").is_dir():
        return Looked(0)
    rows = fetch(
        "SELECT a.reference, o.reference, c.expiry_on, a.manifest FROM retention_archive a JOIN retention_archivetarget t ON t.id = a.target_id"
        " JOIN retention_cohort c ON c.id = a.cohort_id JOIN accounts_organization o ON o.id = c.organization_id"
        " WHERE a.state = 'closed' AND t.place = 'local' ORDER BY a.closed_at DESC, a.id DESC LIMIT 100"
    )
    found = []
    for reference, organization, day, document in rows:
        manifest = (json.loads(document) if isinstance(document, str) else document)["manifest"]
        folder = Path(settings.COVENANT_HOME) / "archives" / organization / day.isoformat() / reference
        for part in manifest["parts"]:
            try:
                with (folder / part["name"]).open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                digest = "missing"
            if digest != part["sha256"]:
                found.append(Violation(reference, f"{part['name']} is {'not there' if digest == 'missing' else 'not what was signed'}"))
    return Looked(len(rows), tuple(found))


def archives_do_not_lag(at: datetime) -> Looked:
    """What is owed leaves daily: of each kind that a client is owed, no message of over two days that no verified part carries."""
    rows = fetch(
        "WITH owed AS (SELECT c.id, c.reference, c.organization_id, coalesce(nullif(o.archive_entitlement, 'none'),"
        " (SELECT h.archive_entitlement FROM accounts_historicalorganization h WHERE h.id = o.id AND h.archive_entitlement <> 'none'"
        " ORDER BY h.history_date DESC, h.history_id DESC LIMIT 1)) AS entitled FROM retention_cohort c"
        " JOIN accounts_organization o ON o.id = c.organization_id"
        " WHERE (c.archive_owed OR o.archive_entitlement <> 'none') AND c.state <> 'destroyed'),"
        " kinds AS (SELECT id, reference, k AS kind FROM owed, unnest(ARRAY['hosted', 'own_server']) k WHERE entitled IN (k, 'both'))"
        " SELECT k.reference, k.kind, (SELECT min(s.at) FROM retention_batchshare s WHERE s.cohort_id = k.id AND s.at > coalesce("
        " (SELECT max(p.made_at) FROM retention_archivepart p JOIN retention_archive a ON a.id = p.archive_id"
        " JOIN retention_archivetarget t ON t.id = a.target_id WHERE a.cohort_id = k.id AND t.kind = k.kind AND a.segment = s.segment"
        " AND p.state = 'verified'), '-infinity')) FROM kinds k"
    )
    late = at - LATE
    return Looked(
        len(rows),
        tuple(
            Violation(reference, f"has messages of {since:%Y-%m-%d} that its archive ({kind}) does not have")
            for reference, kind, since in rows
            if since is not None and since < late
        ),
    )


def what_is_the_clients_is_nowhere_here(at: datetime) -> Looked:
    """Of what lies on a client's own server we keep no key and, once it is proven there, no copy."""
    home = Path(settings.COVENANT_HOME)
    rows = fetch(
        "SELECT a.reference, p.number, p.state FROM retention_archive a JOIN retention_archivetarget t ON t.id = a.target_id"
        " LEFT JOIN retention_archivepart p ON p.archive_id = a.id WHERE t.kind = 'own_server'"
    )
    found = []
    for reference, number, state in rows:
        found += [
            Violation(reference, f"lies on a client's own server, and its secret archive/{reference} in copy {copy} of our keystore")
            for copy in keystore_promises.copies_with(f"archive/{reference}")
        ]
        if state == "verified" and (home / "spool" / f"{reference}_{number:05d}").exists():
            found.append(Violation(reference, f"part {number} is proven at the client's server and still lies here"))
    return Looked(len(rows), tuple(dict.fromkeys(found)))


def every_place_is_in_the_united_states(at: datetime) -> Looked:
    """Each place that is or was in use is in the United States, or has its reason and a second person who approved that country."""
    rows = fetch(
        "SELECT t.reference, t.country, t.country_reason, t.proposed_by, t.decided_by, EXISTS (SELECT 1 FROM audit_event e"
        " WHERE e.object = t.reference AND e.verb = 'target.approved' AND e.actor = t.decided_by AND e.facts->>'country' = t.country)"
        " FROM retention_archivetarget t WHERE t.state IN ('active', 'suspended')"
        " OR EXISTS (SELECT 1 FROM retention_archive a WHERE a.target_id = t.id AND a.state <> 'destroyed')"
    )
    found = []
    for reference, country, reason, proposed_by, decided_by, approved in rows:
        if country != "US" and not reason:
            found.append(Violation(reference, f"stores in {country} without a recorded exception"))
        if not approved or proposed_by == decided_by:
            found.append(Violation(reference, f"stores in {country}, and no second person approved that"))
    return Looked(len(rows), tuple(found))


#: what lies with somebody else and was handed over: parts that arrived, and manifests
HANDED_OVER = """
WITH handed AS (
    SELECT p.archive_id, 'part ' || p.number AS what, p.sha256 AS digest, p.disclosure, coalesce(p.verified_at, p.delivered_at) AS at
    FROM retention_archivepart p WHERE p.state IN ('delivered', 'verified')
    UNION ALL
    SELECT a.id, 'manifest', decode(a.manifest->'receipt'->>'sha256', 'hex'),
        CASE WHEN a.manifest ? 'disclosure' THEN a.manifest->>'disclosure' ELSE '' END, coalesce(a.closed_at, a.opened_at)
    FROM retention_archive a WHERE a.manifest ? 'receipt'
)
SELECT a.reference, h.what, h.disclosure, h.at > stood.applied, d.id IS NOT NULL, d.digest IS NOT DISTINCT FROM h.digest,
    coalesce((d.recipient_kind = 'client' AND d.recipient = o.reference AND t.kind = 'own_server')
        OR (d.recipient_kind = 'provider' AND d.recipient = v.reference AND t.place = 's3'), false) AND d.about_organization = o.reference,
    EXISTS (SELECT 1 FROM gate_permit m JOIN gate_crossing c ON c.permit_id = m.id WHERE m.disclosure_id = d.id AND m.spent_at IS NOT NULL),
    EXISTS (SELECT 1 FROM audit_event e WHERE e.object = a.reference AND e.verb = 'archive.taken_over')
FROM handed h JOIN retention_archive a ON a.id = h.archive_id JOIN retention_archivetarget t ON t.id = a.target_id
JOIN accounts_organization o ON o.id = t.organization_id LEFT JOIN providers_provider v ON v.id = t.provider_id
LEFT JOIN gate_disclosure d ON d.reference = h.disclosure
CROSS JOIN (SELECT applied FROM django_migrations WHERE app = 'retention' AND name = '0018_what_leaves_has_its_disclosure') stood
WHERE t.place <> 'local' AND h.at > %s ORDER BY a.id, h.what
"""
#: the ledger of what left is kept for six years
KEPT = timedelta(days=2192)


def what_lies_elsewhere_was_let_out(at: datetime) -> Looked:
    """Each part and manifest at a client's server or a provider's store has the disclosure of exactly those bytes to exactly them.

    What was proven there before there was a gate has none. Of an archive that was taken over after a restore the journal names the
    disclosure, which itself may have gone with the database.
    """
    rows = fetch(HANDED_OVER, [at - KEPT])
    found = []
    for reference, what, disclosure, since_the_gate, is_there, same_bytes, same_recipient, crossed, taken_over in rows:
        if (disclosure is None and not since_the_gate) or (disclosure and taken_over and not is_there):
            continue
        if not disclosure:
            why = "was delivered without a disclosure"
        elif not is_there:
            why = f"names {disclosure}, which is not in the ledger"
        elif not same_bytes:
            why = f"is not what {disclosure} let out"
        elif not same_recipient:
            why = f"lies with somebody else than {disclosure} names"
        elif not crossed:
            why = f"left without a connection under the permit of {disclosure}"
        else:
            continue
        found.append(Violation(reference, f"{what} {why}"))
    return Looked(len(rows), tuple(found))


#: each export that was taken, with the disclosure of its last taking and how many of them there are
EXPORTS = """
SELECT e.reference, e.recipient, e.disclosure, e.takings, coalesce(e.taken_at, e.decided_at) > stood.applied, d.id IS NOT NULL,
    d.recipient IS NOT DISTINCT FROM e.recipient AND d.purpose = 'legal',
    EXISTS (SELECT 1 FROM gate_permit m WHERE m.disclosure_id = d.id AND m.spent_at IS NOT NULL),
    (SELECT count(*) FROM gate_disclosure a WHERE a.recipient = e.recipient AND starts_with(a.what, e.reference || '/'))
FROM retention_matterexport e LEFT JOIN gate_disclosure d ON d.reference = e.disclosure
CROSS JOIN (SELECT applied FROM django_migrations WHERE app = 'retention' AND name = '0019_an_export_names_who_gets_it') stood
WHERE e.takings > 0 AND coalesce(e.taken_at, e.decided_at) > %s ORDER BY e.id
"""


def every_export_was_let_out(at: datetime) -> Looked:
    """Each taking of a matter's export is a disclosure to who was named; what was taken before there was a gate has none."""
    rows = fetch(EXPORTS, [at - KEPT])
    found = []
    for reference, recipient, disclosure, takings, since_the_gate, is_there, same_recipient, was_spent, said in rows:
        if not recipient and not disclosure and not since_the_gate:
            continue
        if not disclosure:
            why = "was taken without a disclosure"
        elif not is_there:
            why = f"names {disclosure}, which is not in the ledger"
        elif not same_recipient:
            why = f"was for somebody else than {disclosure} names"
        elif not was_spent:
            why = f"was taken, and the permit of {disclosure} was never used"
        elif said != takings:
            why = f"was taken {takings} times, and let out {said} times"
        else:
            continue
        found.append(Violation(reference, why))
    return Looked(len(rows), tuple(found))


CHECKS = (
    Check("P06", "retention.archives", "A closed archive has what was sealed, each part proven at its place",
          every_archive_has_what_was_sealed),
    Check("P06", "retention.hosted", "Hosted archives lie there as they were signed", hosted_files_are_what_was_signed),
    Check("P06", "retention.lag", "What is owed to an archive leaves daily", archives_do_not_lag),
    Check("P06", "retention.own_servers", "Of what lies on a client's own server we keep no key and no copy",
          what_is_the_clients_is_nowhere_here),
    Check("P12", "retention.handed_over", "What lies at a client's server or a provider's store was let out by the gate, byte by byte",
          what_lies_elsewhere_was_let_out),
    Check("P12", "retention.exports", "Each taking of a matter's export was let out by the gate to who was named", every_export_was_let_out),
    Check("P19", "retention.places", "Every place of archives is in the United States, or has its approved exception",
          every_place_is_in_the_united_states),
)  # fmt: skip
