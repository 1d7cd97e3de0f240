"""How P14 is proven for the registry, with its part of P08, P11, P15 and P19: by SQL on the rows, sharing nothing with the services.

The lists here are written down a second time on purpose: a change of the services' own lists must not change what is proven. That
nothing left outside of a grant is proven on what left, by the gate. Each check says how many rows it looked at.
"""

from datetime import datetime, timedelta

from apps.foundation.promises import Check, Looked, Violation, fetch_named

#: what has lapsed is recorded by the daily sweep; one that was missed is made up for the next day
TIME_TO_RECORD = timedelta(days=2)

CLAUSES = {
    "baa": {
        "permitted_uses", "no_further_use", "safeguards", "reports", "subcontractors", "access", "amendment", "accounting",
        "obligations_and_books", "return_and_termination",
    },
    "dpa": {
        "subject_and_duration", "instructions", "confidentiality", "security", "sub_processors", "requests", "breaches", "end_of_data", "audits",
        "no_sale", "place",
    },
    "other": set(),
}  # fmt: skip
CATEGORIES = {
    "contact", "identity", "demographic", "credential", "message", "communication", "technical", "network_address", "device", "usage", "work_record",
}  # fmt: skip
CONNECTION = {"network_address", "device"}
IMPERSONAL = {"usage"}
PURPOSES = {"operation", "delivery", "archiving", "support", "security", "analytics", "answering", "legal"}
ANALYTICS = {
    "page", "referring_page", "occurred_at", "duration_seconds", "event", "browser_family", "os_family", "device_kind", "language", "app_version",
    "ip_address",
}  # fmt: skip

#: an approval of somebody else than who asked, for one act and subject
APPROVED = """EXISTS (
    SELECT 1 FROM staff_approval a WHERE a.act = '{act}' AND a.subject = {subject} AND a.verdict = 'approved' AND a.decided_by_id IS NOT NULL
    AND a.decided_by_id <> a.asked_by_id)"""


def every_provider_in_use_was_activated_by_two(at: datetime) -> Looked:
    """Each provider that is, or was, in use was taken into use on the word of two people, and stands in the ledger as such."""
    rows = fetch_named(
        "SELECT p.reference, p.activated_by = p.activation_asked_by OR p.activated_by = '' AS alone,"
        f" {APPROVED.format(act='providers.approve_provider', subject='p.reference')} AS approved,"
        " EXISTS (SELECT 1 FROM audit_event e WHERE e.object = p.reference AND e.verb = 'provider.activated') AS told"
        " FROM providers_provider p WHERE p.state IN ('active', 'suspended') ORDER BY p.id"
    )
    found = []
    for row in rows:
        if row["alone"] or not row["approved"]:
            found.append(Violation(row["reference"], "is in use without an approval of somebody else than who asked for it"))
        if not row["told"]:
            found.append(Violation(row["reference"], "is in use, and the ledger does not know that it was activated"))
    return Looked(len(rows), tuple(found))


def every_lapse_at_a_provider_in_use_was_recorded(at: datetime) -> Looked:
    """Each active provider has an agreement in force and a review that passed and is not overdue; else its lapse was recorded and said."""
    rows = fetch_named(
        "SELECT p.reference,"
        " (SELECT max(coalesce(a.ends_on, 'infinity'::date))::text FROM providers_agreement a WHERE a.provider_id = p.id"
        "  AND a.state IN ('confirmed', 'superseded') AND a.starts_on <= %s) AS agreed_until,"
        " (SELECT max(r.next_due_on) FROM providers_securityreview r WHERE r.provider_id = p.id AND r.kind = 'review') AS due_on,"
        " (SELECT count(*) FROM providers_lapse l WHERE l.provider_id = p.id AND l.kind = 'agreement') AS agreements_lapsed,"
        " (SELECT count(*) FROM providers_lapse l WHERE l.provider_id = p.id AND l.kind = 'review') AS reviews_lapsed,"
        " (SELECT count(*) FROM providers_agreement a WHERE a.provider_id = p.id AND a.state = 'ended') AS agreements_ended"
        " FROM providers_provider p WHERE p.state = 'active' ORDER BY p.id",
        [at.date()],
    )
    found, late = [], (at - TIME_TO_RECORD).date()
    for row in rows:
        until = row["agreed_until"]
        if until is None and not row["agreements_ended"]:
            found.append(Violation(row["reference"], "is active and never had an agreement that counts"))
        if until not in (None, "infinity") and until <= late.isoformat() and not row["agreements_lapsed"]:
            found.append(Violation(row["reference"], "is active, its agreement has lapsed, and nobody recorded that"))
        if row["due_on"] is None:
            found.append(Violation(row["reference"], "is active and its security was never reviewed"))
        elif row["due_on"] <= late and not row["reviews_lapsed"]:
            found.append(Violation(row["reference"], "is active, its review is overdue, and nobody recorded that"))
    return Looked(len(rows), tuple(found))


def every_lapse_was_said_ahead(at: datetime) -> Looked:
    """Each lapse of an agreement or a grant that was known a week ahead was said to somebody before its day."""
    rows = fetch_named(
        "SELECT l.about, l.lapsed_on, (SELECT min(m.created_at) FROM mail_outgoingmail m WHERE m.about = l.about"
        " AND m.template = 'providers/lapse_warning') AS said_at,"
        " coalesce(g.decided_at, a.confirmed_at) AS known_at FROM providers_lapse l"
        " LEFT JOIN providers_grant g ON g.reference = l.about LEFT JOIN providers_agreement a ON a.reference = l.about"
        " WHERE l.kind <> 'review' ORDER BY l.id"
    )
    found = []
    for row in rows:
        known_late = row["known_at"] is None or row["known_at"].date() > row["lapsed_on"] - timedelta(days=8)
        if not known_late and (row["said_at"] is None or row["said_at"].date() >= row["lapsed_on"]):
            found.append(Violation(row["about"], "lapsed, and nobody was told ahead"))
    return Looked(len(rows), tuple(found))


def every_agreement_that_counts_is_complete(at: datetime) -> Looked:
    """Each confirmed agreement has all its clauses, a document with its hash, and two people."""
    rows = fetch_named(
        "SELECT g.reference, g.kind, g.clauses, g.confirmed_by = g.confirmation_asked_by OR g.confirmed_by = '' AS alone,"
        f" {APPROVED.format(act='providers.approve_agreement', subject='g.reference')} AS approved,"
        " d.digest = sha256(d.content) AND d.size = length(d.content) AS sound"
        " FROM providers_agreement g LEFT JOIN providers_document d ON d.id = g.document_id"
        " WHERE g.state IN ('confirmed', 'superseded') ORDER BY g.id"
    )
    found = []
    for row in rows:
        lacking = CLAUSES[row["kind"]] - set(row["clauses"])
        if lacking:
            found.append(Violation(row["reference"], f"counts without {', '.join(sorted(lacking))}"))
        if row["alone"] or not row["approved"]:
            found.append(Violation(row["reference"], "counts without the confirmation of a second person"))
        if not row["sound"]:
            found.append(Violation(row["reference"], "counts, and its document is missing or has another hash"))
    return Looked(len(rows), tuple(found))


def every_active_grant_rests_on_what_it_needs(at: datetime) -> Looked:
    """Each active grant has two people, an agreement of its provider that counts or lapsed as recorded, and a BAA for patients' data."""
    rows = fetch_named(
        "SELECT g.reference, g.patient_information, g.decided_by = g.proposed_by OR g.decided_by = '' AS alone, b.provider_id = g.provider_id AS own,"
        f" {APPROVED.format(act='providers.approve_grant', subject='g.reference')} AS approved, b.kind, g.categories,"
        " EXISTS (SELECT 1 FROM providers_agreement a WHERE a.line = b.line AND a.provider_id = g.provider_id"
        "  AND a.state IN ('confirmed', 'superseded', 'ended')) AS rests,"
        " EXISTS (SELECT 1 FROM providers_agreement a WHERE a.provider_id = g.provider_id AND a.kind = 'baa'"
        "  AND a.state IN ('confirmed', 'superseded', 'ended') AND a.starts_on <= (g.decided_at AT TIME ZONE 'UTC')::date"
        "  AND (a.ends_on IS NULL OR a.ends_on > (g.decided_at AT TIME ZONE 'UTC')::date)) AS has_baa,"
        " (SELECT facts->'categories' FROM audit_event e WHERE e.object = g.reference AND e.verb = 'grant.approved' ORDER BY e.id LIMIT 1)"
        "  = to_jsonb(g.categories) AS as_approved"
        " FROM providers_grant g JOIN providers_agreement b ON b.id = g.agreement_id WHERE g.state = 'active' ORDER BY g.id"
    )
    found = []
    for row in rows:
        if row["alone"] or not row["approved"]:
            found.append(Violation(row["reference"], "is active without the approval of a second person"))
        if not row["own"] or not row["rests"]:
            found.append(Violation(row["reference"], "is active and rests on no agreement of its provider that was confirmed"))
        if set(row["categories"]) - CONNECTION - IMPERSONAL and row["kind"] == "other":
            found.append(Violation(row["reference"], "gives personal information on an agreement that is none on processing data"))
        if row["patient_information"] and not row["has_baa"]:
            found.append(Violation(row["reference"], "gives Patient Information, and no business associate agreement was in force when it was approved"))
        if not row["as_approved"]:
            found.append(Violation(row["reference"], "names other data categories than the ledger says were approved"))
    return Looked(len(rows), tuple(found))


def every_grant_names_declared_purposes(at: datetime) -> Looked:
    """No grant names a purpose or a category that is not declared."""
    rows = fetch_named("SELECT reference, categories, purposes FROM providers_grant ORDER BY id")
    wrong = [
        Violation(row["reference"], "names a purpose or a data category that is not declared")
        for row in rows
        if set(row["purposes"]) - PURPOSES or set(row["categories"]) - CATEGORIES
    ]
    return Looked(len(rows), tuple(wrong))


def no_grant_links_people_with_connections(at: datetime) -> Looked:
    """No active grant gives personal information together with IP addresses or device ids."""
    rows = fetch_named("SELECT reference, categories FROM providers_grant WHERE state = 'active' ORDER BY id")
    wrong = [
        Violation(row["reference"], "gives personal information together with IP addresses or device ids")
        for row in rows
        if set(row["categories"]) & CONNECTION and set(row["categories"]) - CONNECTION - IMPERSONAL
    ]
    return Looked(len(rows), tuple(wrong))


def analytics_are_granted_listed_fields_only(at: datetime) -> Looked:
    """Each active grant of an analytics provider names listed fields, and for analytics alone."""
    rows = fetch_named(
        "SELECT g.reference, g.categories, g.purposes, g.fields, g.patient_information FROM providers_grant g"
        " JOIN providers_provider p ON p.id = g.provider_id WHERE g.state = 'active' AND p.role = 'analytics' ORDER BY g.id"
    )
    found = []
    for row in rows:
        if not row["fields"] or set(row["fields"]) - ANALYTICS:
            found.append(Violation(row["reference"], "gives an analytics provider more than the listed fields"))
        if set(row["categories"]) - IMPERSONAL - {"network_address"} or row["purposes"] != ["analytics"] or row["patient_information"]:
            found.append(Violation(row["reference"], "gives an analytics provider other data, or for another purpose"))
    return Looked(len(rows), tuple(found))


def every_provider_names_its_countries(at: datetime) -> Looked:
    """Each provider that is not over, and each member of a chain that gets data, names the countries where it processes."""
    rows = fetch_named(
        "SELECT reference, countries FROM providers_provider WHERE state <> 'ended' UNION ALL"
        " SELECT reference, countries FROM providers_subprocessor WHERE state IN ('announced', 'leaving') AND since_at <= %s"
        " AND (until_at IS NULL OR until_at > %s) ORDER BY 1",
        [at, at],
    )
    wrong = [
        Violation(row["reference"], "does not say in which countries it processes")
        for row in rows
        if not row["countries"] or any(len(code) != 2 or not code.isalpha() or not code.isupper() for code in row["countries"])
    ]
    return Looked(len(rows), tuple(wrong))


def every_change_of_a_chain_was_said_ahead(at: datetime) -> Looked:
    """No client got a notice of a change of a chain less than two weeks before it takes effect, or without its mail."""
    rows = fetch_named(
        "SELECT s.reference, n.told_at, n.effective_at, CASE n.change WHEN 'joins' THEN s.since_at ELSE s.until_at END AS counts_from,"
        " EXISTS (SELECT 1 FROM mail_outgoingmail m WHERE m.about = s.reference AND m.template = 'providers/chain_' || n.change) AS mailed"
        " FROM providers_chainnotice n JOIN providers_subprocessor s ON s.id = n.sub_processor_id ORDER BY n.id"
    )
    found = []
    for row in rows:
        if row["effective_at"] - row["told_at"] < timedelta(days=14) or row["counts_from"] is None or row["counts_from"] < row["effective_at"]:
            found.append(Violation(row["reference"], "takes effect before a client that was told could object"))
        if not row["mailed"]:
            found.append(Violation(row["reference"], "has a notice that was never mailed"))
    return Looked(len(rows), tuple(found))


CHECKS = (
    Check("P14", "providers.activated", "Every provider in use was activated by a second person", every_provider_in_use_was_activated_by_two),
    Check("P14", "providers.lapses", "Every provider in use has agreement and review, or its lapse was recorded",
          every_lapse_at_a_provider_in_use_was_recorded),
    Check("P14", "providers.warned", "Every lapse was said ahead", every_lapse_was_said_ahead),
    Check("P14", "providers.agreements", "Every agreement that counts is complete, and confirmed by a second person",
          every_agreement_that_counts_is_complete),
    Check("P14", "providers.grants", "Every grant rests on an agreement, with a BAA for Patient Information, on the word of two",
          every_active_grant_rests_on_what_it_needs),
    Check("P14", "providers.chains", "Every change of a chain was announced ahead", every_change_of_a_chain_was_said_ahead),
    Check("P11", "providers.purposes", "Every grant names declared purposes", every_grant_names_declared_purposes),
    Check("P08", "providers.connections", "No grant gives personal information with IP addresses or device ids",
          no_grant_links_people_with_connections),
    Check("P15", "providers.analytics", "Analytics providers are granted listed fields only", analytics_are_granted_listed_fields_only),
    Check("P19", "providers.countries", "Every provider names the countries where it processes", every_provider_names_its_countries),
)  # fmt: skip
