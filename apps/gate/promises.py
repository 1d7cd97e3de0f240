"""How P02, P08, P11, P12, P14, P15 and P19 are proven of what left: by SQL on the ledgers, the registry's history and the approvals.

It shares neither lists nor code with the gate: what may leave is written down here a second time. Each moment at which something was let
out, and each at which a permit was used, is looked at. One check that had nothing to look at says so by its number of rows.

Who withdraws waits for a decision at the same moment, which may then be dated a little later: so much later is forgiven.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apps.foundation.promises import Check, Looked, Violation, fetch

MOST_FOUND = 1_000
AT_THE_SAME_MOMENT = "interval '5 seconds'"

PERSONAL = ["communication", "contact", "credential", "demographic", "identity", "message", "technical", "work_record"]
CONNECTION = ["device", "network_address"]
PURPOSES = ["analytics", "answering", "archiving", "delivery", "legal", "operation", "security", "support"]
ANALYTICS_FIELDS = [
    "app_version", "browser_family", "device_kind", "duration_seconds", "event", "ip_address", "language", "occurred_at", "os_family", "page",
    "referring_page",
]  # fmt: skip
ANALYTICS_CATEGORIES = ["network_address", "usage"]

#: every moment at which something was let out to a provider or left for one
EVENTS = """
events AS (
    SELECT d.*, d.at AS moment FROM gate_disclosure d WHERE d.recipient_kind = 'provider'
    UNION ALL
    SELECT d.*, p.spent_at AS moment FROM gate_permit p JOIN gate_disclosure d ON d.id = p.disclosure_id
    WHERE p.spent_at IS NOT NULL AND d.recipient_kind = 'provider'
)
"""


def _history(table: str) -> str:
    """Each version of a row in the registry, with the time in which it stood."""
    return (
        f"SELECT h.*, history_date AS since, coalesce(lead(history_date) OVER (PARTITION BY id ORDER BY history_date, history_id), 'infinity')"
        f" + {AT_THE_SAME_MOMENT} AS until FROM providers_historical{table} h WHERE history_type <> '-'"
    )


#: what the newest review and attestation of a provider said, from each record of one until the next
REVIEWED = f"""
    SELECT p.reference AS provider, moment.since, moment.until, newest.*
    FROM (SELECT provider_id, recorded_at AS since, coalesce(lead(recorded_at) OVER (PARTITION BY provider_id ORDER BY recorded_at), 'infinity')
              + {AT_THE_SAME_MOMENT} AS until
          FROM (SELECT DISTINCT provider_id, recorded_at FROM providers_securityreview) recorded) moment
    JOIN providers_provider p ON p.id = moment.provider_id
    CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(kind = 'review'), false) AS is_there, bool_or(result = 'failed') AS has_failed, min(next_due_on) AS next_due_on
        FROM (SELECT DISTINCT ON (r.kind) r.kind, r.result, r.next_due_on FROM providers_securityreview r
              WHERE r.provider_id = moment.provider_id AND r.recorded_at <= moment.since
              ORDER BY r.kind, r.reviewed_on DESC, r.id DESC) one) newest
"""  # noqa: S608 - put together from our own words only

DAY = "(e.moment AT TIME ZONE 'UTC')::date"
STOOD = "{0}.since <= e.moment AND e.moment < {0}.until"

#: what is wrong → the row of the registry that would make it right
P14: dict[str, str] = {
    "went to a provider that was not in use": f"""
        WITH {EVENTS}, history AS ({_history("provider")})
        SELECT DISTINCT e.reference FROM events e WHERE NOT EXISTS (
            SELECT 1 FROM history p WHERE p.reference = e.recipient AND {STOOD.format("p")} AND p.state = 'active')
    """,
    "went without a grant in force that covers it": f"""
        WITH {EVENTS}, history AS (
            SELECT g.*, p.reference AS provider FROM ({_history("grant")}) g JOIN providers_provider p ON p.id = g.provider_id)
        SELECT DISTINCT e.reference FROM events e WHERE e.ground <> 'consent' AND NOT EXISTS (
            SELECT 1 FROM history g WHERE g.reference = e."grant" AND g.provider = e.recipient AND {STOOD.format("g")} AND g.state = 'active'
            AND (g.ends_on IS NULL OR g.ends_on > {DAY}) AND g.categories @> e.categories AND e.purpose = ANY(g.purposes)
            AND (cardinality(g.fields) = 0 OR (cardinality(e.fields) > 0 AND g.fields @> e.fields))
            AND (g.patient_information OR NOT e.patient_information))
    """,
    "went on an agreement that was not in force": f"""
        WITH {EVENTS}, history AS (
            SELECT a.*, g.reference AS "grant" FROM ({_history("agreement")}) a
            JOIN providers_agreement base ON base.line = a.line JOIN providers_grant g ON g.agreement_id = base.id)
        SELECT DISTINCT e.reference FROM events e WHERE e.ground <> 'consent' AND NOT EXISTS (
            SELECT 1 FROM history a WHERE a."grant" = e."grant" AND {STOOD.format("a")} AND a.state IN ('confirmed', 'superseded')
            AND a.starts_on <= {DAY} AND (a.ends_on IS NULL OR a.ends_on > {DAY}))
    """,
    "holds Patient Information and went without a business associate agreement in force": f"""
        WITH {EVENTS}, history AS (
            SELECT a.*, p.reference AS provider FROM ({_history("agreement")}) a JOIN providers_provider p ON p.id = a.provider_id
            WHERE a.kind = 'baa')
        SELECT DISTINCT e.reference FROM events e WHERE e.patient_information AND NOT EXISTS (
            SELECT 1 FROM history a WHERE a.provider = e.recipient AND {STOOD.format("a")} AND a.state IN ('confirmed', 'superseded')
            AND a.starts_on <= {DAY} AND (a.ends_on IS NULL OR a.ends_on > {DAY}))
    """,
    "went to a provider whose security was not reviewed, or too long ago, or failed when it was last looked at": f"""
        WITH {EVENTS}, history AS ({REVIEWED})
        SELECT DISTINCT e.reference FROM events e WHERE NOT EXISTS (
            SELECT 1 FROM history r WHERE r.provider = e.recipient AND {STOOD.format("r")} AND r.is_there AND NOT r.has_failed
            AND r.next_due_on > {DAY})
    """,
}  # fmt: skip  # noqa: S608 - put together from our own words only

P19: dict[str, str] = {
    "went to another country without an exception in force": f"""
        WITH events AS (
            SELECT reference, recipient, recipient_kind, countries, at AS moment FROM gate_disclosure WHERE NOT countries <@ ARRAY['US']::varchar[]
            UNION ALL
            SELECT d.reference, d.recipient, d.recipient_kind, d.countries, p.spent_at FROM gate_permit p
            JOIN gate_disclosure d ON d.id = p.disclosure_id WHERE p.spent_at IS NOT NULL AND NOT d.countries <@ ARRAY['US']::varchar[])
        SELECT DISTINCT e.reference FROM events e, unnest(e.countries) AS there(country)
        WHERE there.country <> 'US' AND NOT EXISTS (
            SELECT 1 FROM gate_countryexception x JOIN staff_approval a ON a.act = 'gate.approve_countryexception' AND a.subject = x.reference
            WHERE x.recipient = e.recipient AND x.recipient_kind = e.recipient_kind AND x.country = there.country AND x.starts_at <= e.moment
            AND e.moment < x.ends_at AND a.verdict = 'approved' AND a.decided_by_id <> a.asked_by_id AND a.decided_at <= e.moment
            AND (x.withdrawn_at IS NULL OR e.moment < x.withdrawn_at + {AT_THE_SAME_MOMENT}))
    """,
    "names no country": "SELECT reference FROM gate_disclosure WHERE cardinality(countries) = 0",
    "went to a provider that processes in countries it does not name": f"""
        WITH {EVENTS}, history AS ({_history("provider")})
        SELECT DISTINCT e.reference FROM events e WHERE NOT EXISTS (
            SELECT 1 FROM history p WHERE p.reference = e.recipient AND {STOOD.format("p")} AND p.countries <@ e.countries)
    """,
}  # noqa: S608 - put together from our own words only

P12: dict[str, str] = {
    "is a connection that was opened without a permit that was used for it": f"""
        SELECT 'crossing ' || c.id FROM gate_crossing c LEFT JOIN gate_permit p ON p.id = c.permit_id
        WHERE p.id IS NULL OR p.spent_at IS NULL OR c.at < p.spent_at - {AT_THE_SAME_MOMENT} OR c.at > p.spent_at + interval '1 day'
    """,
    "is a permit for data without the disclosure it says": """
        SELECT p.reference FROM gate_permit p LEFT JOIN gate_disclosure d ON d.id = p.disclosure_id
        WHERE p.kind = 'data' AND (d.id IS NULL OR (p.recipient_kind, p.recipient, p.fields, p.given_at)
            IS DISTINCT FROM (d.recipient_kind, d.recipient, d.fields, d.at) OR p.digest IS DISTINCT FROM d.digest)
    """,
    "is a permit that was used before it was given, or after its time": """
        SELECT reference FROM gate_permit WHERE spent_at IS NOT NULL AND (spent_at >= lapses_at OR spent_at < given_at - interval '5 seconds')
    """,
    "is a permit that serves for longer than an hour": "SELECT reference FROM gate_permit WHERE lapses_at > given_at + interval '1 hour'",
    "went on a ground that is none for its recipient": """
        SELECT reference FROM gate_disclosure WHERE (ground, recipient_kind) NOT IN
            (('service_provider', 'provider'), ('client', 'client'), ('person', 'person'), ('consent', 'provider'))
    """,
    "went to a client and holds what is not its own": """
        SELECT d.reference FROM gate_disclosure d WHERE d.ground = 'client' AND (d.about_kind = 'organization' AND d.about_organization <> d.recipient)
    """,
    "went to a person and is not about them alone": """
        SELECT d.reference FROM gate_disclosure d WHERE d.ground = 'person' AND (d.about_kind <> 'person' OR NOT EXISTS (
            SELECT 1 FROM gate_disclosuresubject s WHERE s.disclosure_id = d.id AND s.person_reference = d.recipient))
    """,
    "is about people and names none of them": """
        SELECT d.reference FROM gate_disclosure d WHERE d.about_kind <> 'organization' AND NOT EXISTS (
            SELECT 1 FROM gate_disclosuresubject s WHERE s.disclosure_id = d.id)
    """,
}  # noqa: S608 - put together from our own words only

#: each person of what left on consent, at each moment at which it was let out or left; who was erased since has no consent to look at any more
ON_CONSENT = """
    SELECT d.reference, d.recipient, d.purpose, d.categories, d.consent, s.person_reference, s.consent AS event, moment.at AS moment
    FROM gate_disclosure d JOIN gate_disclosuresubject s ON s.disclosure_id = d.id
    LEFT JOIN gate_permit p ON p.disclosure_id = d.id
    CROSS JOIN LATERAL (SELECT d.at UNION SELECT p.spent_at WHERE p.spent_at IS NOT NULL) moment
    WHERE d.ground = 'consent'
"""
SAID = (
    "consents_consentevent c JOIN accounts_person person ON person.id = c.person_id AND person.reference = e.person_reference"
    " WHERE c.reference = e.event AND c.act = 'given' AND c.purpose_id = e.consent"
)

CONSENT: dict[str, str] = {
    "went on a consent that the person did not give, or gave to something else": f"""
        WITH events AS ({ON_CONSENT})
        SELECT DISTINCT e.reference FROM events e JOIN accounts_person there ON there.reference = e.person_reference
        WHERE NOT EXISTS (SELECT 1 FROM {SAID})
    """,
    "went before the consent was given, or after it had ended": f"""
        WITH events AS ({ON_CONSENT})
        SELECT DISTINCT e.reference FROM events e CROSS JOIN LATERAL (SELECT c.id, c.person_id, c.purpose_id, c.at, c.until FROM {SAID}) given
        WHERE e.moment < given.at OR e.moment >= given.until OR EXISTS (
            SELECT 1 FROM consents_consentevent later WHERE later.person_id = given.person_id AND later.purpose_id = given.purpose_id
            AND later.id > given.id AND later.act <> 'given' AND later.at + {AT_THE_SAME_MOMENT} <= e.moment)
    """,
    "holds more than the text that the person read": f"""
        WITH events AS ({ON_CONSENT})
        SELECT DISTINCT e.reference FROM events e CROSS JOIN LATERAL (SELECT c.text_id FROM {SAID}) given
        JOIN consents_purposetext t ON t.id = given.text_id WHERE NOT t.categories::varchar[] @> e.categories
    """,
    "went to somebody, or for something, that people were not asked about": """
        SELECT d.reference FROM gate_disclosure d WHERE d.ground = 'consent' AND NOT EXISTS (
            SELECT 1 FROM consents_consentpurpose p WHERE p.code = d.consent AND p.kind = 'disclosure' AND p.recipient = d.recipient
            AND p.disclosure_purpose = d.purpose)
    """,
    "holds Patient Information and went on consent": "SELECT reference FROM gate_disclosure WHERE ground = 'consent' AND patient_information",
    "went on consent and names none for somebody": """
        SELECT DISTINCT d.reference FROM gate_disclosure d LEFT JOIN gate_disclosuresubject s ON s.disclosure_id = d.id
        WHERE d.ground = 'consent' AND coalesce(s.consent, '') = ''
    """,
}  # noqa: S608 - put together from our own words only

#: withdrawals reach who got something within a day, and are confirmed by their day; each sentence has one moment: now
WITHDRAWALS: dict[str, str] = {
    "ended more than a day ago, and who got something on it was not told": """
        SELECT DISTINCT ended.reference FROM consents_consentevent ended
        JOIN consents_consentpurpose purpose ON purpose.code = ended.purpose_id AND purpose.kind = 'disclosure'
        JOIN accounts_person person ON person.id = ended.person_id
        JOIN gate_disclosuresubject s ON s.person_reference = person.reference
        JOIN gate_disclosure d ON d.id = s.disclosure_id AND d.consent = ended.purpose_id
        JOIN gate_permit permit ON permit.disclosure_id = d.id AND permit.spent_at IS NOT NULL
        JOIN consents_consentevent given ON given.reference = s.consent AND given.id < ended.id
        WHERE ended.act IN ('withdrawn', 'expired') AND ended.at < %s - interval '1 day' AND NOT EXISTS (
            SELECT 1 FROM gate_withdrawalnotice n WHERE n.recipient = d.recipient AND n.person_reference = person.reference
            AND d.reference = ANY(n.disclosures) AND n.told_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM gate_withdrawalnotice n WHERE n.event = ended.reference AND n.state = 'confirmed')
    """,
    "is a notice that was not told within a day": """
        SELECT reference FROM gate_withdrawalnotice WHERE told_at IS NULL AND state <> 'confirmed' AND made_at < %s - interval '1 day'
    """,
    "is a notice whose erasure is not confirmed, and its day is over": """
        SELECT reference FROM gate_withdrawalnotice WHERE state <> 'confirmed' AND due_at <= %s
    """,
}

LINKED = "SELECT reference FROM gate_disclosure WHERE recipient_kind = 'provider' AND categories && %s::varchar[] AND categories && %s::varchar[]"
NO_PURPOSE = "SELECT reference FROM gate_disclosure WHERE purpose <> ALL(%s)"
BEYOND = (
    "SELECT reference FROM gate_disclosure WHERE (purpose = 'analytics' OR recipient IN"
    " (SELECT reference FROM providers_provider WHERE role = 'analytics'))"
    " AND (cardinality(fields) = 0 OR NOT fields <@ %s::varchar[] OR NOT categories <@ %s::varchar[])"
)
DISCLOSURES = "SELECT count(*) FROM gate_disclosure"
OF_PROVIDERS = "SELECT count(*) FROM gate_disclosure WHERE recipient_kind = 'provider'"
OF_ANALYTICS = "SELECT count(*) FROM gate_disclosure WHERE purpose = 'analytics'"
OF_CONSENTS = "SELECT count(*) FROM gate_disclosure WHERE ground = 'consent'"
OF_WITHDRAWALS = "SELECT count(*) FROM gate_withdrawalnotice"
PASSAGES = "SELECT (SELECT count(*) FROM gate_permit) + (SELECT count(*) FROM gate_crossing)"


def _found(sql: str, why: str, values: Iterable[Any] = ()) -> list[Violation]:
    return [Violation(reference, why) for (reference,) in fetch(f"{sql} LIMIT {MOST_FOUND}", values)]


def _count(sql: str) -> int:
    return fetch(sql)[0][0]


def _all(wrong: dict[str, str], rows: str, values: Iterable[Any] = ()) -> Looked:
    return Looked(_count(rows), tuple(violation for why, sql in wrong.items() for violation in _found(sql, why, values)))


def nothing_personal_went_with_an_address(at: datetime) -> Looked:
    """No third party got personal information together with an IP address or a device."""
    why = "went to a third party with personal information and an IP address or device"
    return Looked(_count(OF_PROVIDERS), tuple(_found(LINKED, why, [PERSONAL, CONNECTION])))


def every_disclosure_has_an_allowed_purpose(at: datetime) -> Looked:
    """Each disclosure names a purpose that there is; sale and rental are none."""
    return Looked(_count(DISCLOSURES), tuple(_found(NO_PURPOSE, "left for a purpose that is not allowed", [PURPOSES])))


def nothing_went_round_the_gate(at: datetime) -> Looked:
    """Each connection has a permit that was used for it, each permit its disclosure, and each disclosure a ground."""
    return _all(P12, PASSAGES)


def nothing_went_beyond_a_consent(at: datetime) -> Looked:
    """What left on consent had one of each person at that moment and at each use of its permit: for this recipient, this purpose, this data."""
    return _all(CONSENT, OF_CONSENTS)


def ended_consents_reach_who_got_something(at: datetime) -> Looked:
    """Who got something on a consent that ended was told within a day, and confirmed the erasure by its day."""
    return _all(WITHDRAWALS, OF_WITHDRAWALS, [at])


def nothing_went_outside_a_grant(at: datetime) -> Looked:
    """Each disclosure to a provider, and each use of its permit, lay within a grant in force then, and all that it rests on."""
    return _all(P14, OF_PROVIDERS)


def analytics_got_listed_fields_only(at: datetime) -> Looked:
    """What left for analytics holds listed fields, and of what identifies the IP address only."""
    why = "left for analytics with more than the listed fields and the IP address"
    return Looked(_count(OF_ANALYTICS), tuple(_found(BEYOND, why, [ANALYTICS_FIELDS, ANALYTICS_CATEGORIES])))


def nothing_left_the_united_states_without_an_exception(at: datetime) -> Looked:
    """Each disclosure to another country, and each use of its permit, had an exception in force that two had agreed on."""
    return _all(P19, DISCLOSURES)


CHECKS = (
    Check("P08", "gate.apart", "No disclosure links personal information with an IP address or device", nothing_personal_went_with_an_address),
    Check("P11", "gate.purposes", "Every disclosure has an allowed purpose", every_disclosure_has_an_allowed_purpose),
    Check("P12", "gate.passages", "Every connection has a permit, every permit its disclosure, every disclosure a ground",
          nothing_went_round_the_gate),
    Check("P12", "gate.consents", "Nothing left on consent without one that stood, for exactly that", nothing_went_beyond_a_consent),
    Check("P02", "gate.withdrawals", "Whoever got something on a consent that ended erases it", ended_consents_reach_who_got_something),
    Check("P14", "gate.grants", "Nothing went to a provider outside a grant in force at that time", nothing_went_outside_a_grant),
    Check("P15", "gate.analytics", "What left for analytics holds listed fields only", analytics_got_listed_fields_only),
    Check("P19", "gate.countries", "Nothing left the United States without an exception in force",
          nothing_left_the_united_states_without_an_exception),
)  # fmt: skip
