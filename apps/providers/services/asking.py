"""What the gate asks before anything leaves to a provider: may it get this, for that, right now? One query, and no job needed.

| who asks | what | under which lock |
|---|---|---|
| a decision of the gate | `ask`: every reason against it, or the grant that covers all of it and when that ends by itself | none |
| the use of a permit | `lock`, then `ask` again, in its own transaction | the provider's row, shared |

Suspension, withdrawal, the end of an agreement and whatever else closes take the provider's row for themselves first, so each of
them comes before the last question or after the deed. Whatever ends by its day is compared with `at`.

It must never say that something may leave because a warning, a sweep or a mail failed to happen.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.db import connection

from apps.foundation import prepared
from apps.foundation.refusals import Refusal
from apps.providers.states import ProviderState

SQL = """
WITH asked AS (SELECT %(at)s::timestamptz AS at, (%(at)s::timestamptz AT TIME ZONE 'UTC')::date AS day)
SELECT p.id, p.reference, p.legal_name, p.role, p.state,
       ARRAY(SELECT DISTINCT unnest(p.countries || coalesce(chain.countries, '{}')) ORDER BY 1),
       coalesce(review.is_there, false), coalesce(review.has_failed, false), review.next_due_on,
       baa.is_there IS NOT NULL, baa.ends_on,
       g.id, g.reference, g.ends_on, g.fields, g.rests, g.agreement_ends_on
FROM asked, providers_provider p
LEFT JOIN LATERAL (
    SELECT array_agg(country) AS countries FROM providers_subprocessor s, unnest(s.countries) country
    WHERE s.provider_id = p.id AND s.state IN ('announced', 'leaving') AND s.since_at <= asked.at AND (s.until_at IS NULL OR s.until_at > asked.at)
) chain ON true
LEFT JOIN LATERAL (
    SELECT bool_or(newest.kind = 'review') AS is_there, bool_or(newest.result = 'failed') AS has_failed, min(newest.next_due_on) AS next_due_on
    FROM (
        SELECT DISTINCT ON (r.kind) r.kind, r.result, r.next_due_on FROM providers_securityreview r WHERE r.provider_id = p.id
        ORDER BY r.kind, r.reviewed_on DESC, r.id DESC
    ) newest
) review ON true
LEFT JOIN LATERAL (
    SELECT true AS is_there, a.ends_on FROM providers_agreement a
    WHERE a.provider_id = p.id AND a.kind = 'baa' AND a.state IN ('confirmed', 'superseded') AND a.starts_on <= asked.day
      AND (a.ends_on IS NULL OR a.ends_on > asked.day)
    ORDER BY a.ends_on DESC NULLS FIRST LIMIT 1
) baa ON true
LEFT JOIN LATERAL (
    SELECT gr.id, gr.reference, gr.ends_on, gr.fields, line.is_there IS NOT NULL AS rests, line.ends_on AS agreement_ends_on
    FROM providers_grant gr JOIN providers_agreement base ON base.id = gr.agreement_id
    LEFT JOIN LATERAL (
        SELECT true AS is_there, a.ends_on FROM providers_agreement a
        WHERE a.line = base.line AND a.state IN ('confirmed', 'superseded') AND a.starts_on <= asked.day
          AND (a.ends_on IS NULL OR a.ends_on > asked.day)
        ORDER BY a.ends_on DESC NULLS FIRST LIMIT 1
    ) line ON true
    WHERE gr.provider_id = p.id AND gr.state = 'active' AND gr.categories @> %(categories)s::varchar[] AND %(purpose)s = ANY(gr.purposes)
      AND (gr.patient_information OR NOT %(patient_information)s)
    ORDER BY (line.is_there IS NOT NULL AND (gr.ends_on IS NULL OR gr.ends_on > asked.day)) DESC, (cardinality(gr.fields) = 0) DESC,
      cardinality(gr.fields) DESC, gr.ends_on DESC NULLS FIRST, gr.id DESC
    LIMIT 1
) g ON true
WHERE p.reference = %(provider)s
"""


class ProviderUnknown(Refusal):
    """No provider has that reference."""

    code = "provider_unknown"
    mend = "Look its reference up in the registry of service providers, e.g. PRV-7F3K2MP."


@dataclass(frozen=True)
class Reason:
    """One reason against it. Names nobody."""

    code: str
    text: str
    mend: str


@dataclass(frozen=True)
class Standing:
    """What the registry says of a provider and of what it was asked for. Without reasons it may."""

    provider_id: int
    reference: str
    name: str
    role: str
    countries: tuple[str, ...]
    grant_id: int | None
    grant: str | None
    grant_until: datetime | None
    fields: frozenset[str] | None
    reasons: tuple[Reason, ...]


NOT_ACTIVE = {
    ProviderState.PROPOSED: Reason(
        "provider_not_active", "The provider is proposed only.", "Have it reviewed, and activated by a second person."
    ),
    ProviderState.REVIEW: Reason(
        "provider_not_active", "The provider is still under review.", "Finish the review, and have it activated by a second person."
    ),
    ProviderState.SUSPENDED: Reason(
        "provider_suspended", "The provider is suspended.", "Mend what it is suspended for, and have it activated again by a second person."
    ),
    ProviderState.ENDED: Reason("provider_ended", "The provider is ended for good.", "Propose it anew, or use another provider."),
}
NO_REVIEW = Reason("review_missing", "The provider's security was never reviewed.", "Record a security review with its evidence.")
FAILED = Reason("review_failed", "The provider failed its newest review or attestation.", "Have what failed mended and record a new review of that kind.")
OVERDUE = Reason("review_overdue", "A review or attestation of the provider is overdue.", "Record a new review of that kind.")
NO_BAA = Reason(
    "no_baa", "Patient Information is involved, and no business associate agreement is in force.",
    "Have one signed, checked against its clauses and confirmed by a second person.",
)  # fmt: skip
NO_GRANT = Reason(
    "no_grant", "No approved grant covers these data categories for this purpose.",
    "Propose a grant that names them, or ask for less; a second person approves it.",
)  # fmt: skip
GRANT_LAPSED = Reason("grant_lapsed", "The grant that covered this has lapsed.", "Propose it anew; a second person approves it.")
AGREEMENT_LAPSED = Reason(
    "agreement_lapsed", "The agreement that the grant rests on is not in force.", "Have it renewed, and the renewal confirmed by a second person."
)


def ask(*, provider: str, categories: frozenset[str], purpose: str, patient_information: bool, at: datetime) -> Standing:
    """How the provider stands at that moment towards exactly this. Raises ProviderUnknown."""
    with prepared.cursor() as cursor:  # to plan it takes longer than to answer it
        cursor.execute(
            SQL,
            {"provider": provider, "categories": sorted(categories), "purpose": purpose, "patient_information": patient_information, "at": at},
        )
        row = cursor.fetchone()
    if row is None:
        raise ProviderUnknown
    (pk, reference, name, role, state, countries, reviewed, failed, due_on, has_baa, baa_ends_on,
     grant_id, grant, ends_on, fields, rests, agreement_ends_on) = row  # fmt: skip
    today = at.astimezone(UTC).date()
    against = [NOT_ACTIVE.get(state)]
    against.append(None if reviewed else NO_REVIEW)
    against.append(FAILED if failed else None)
    against.append(OVERDUE if due_on is not None and due_on <= today else None)
    against.append(NO_BAA if patient_information and not has_baa else None)
    if grant_id is None:
        against.append(NO_GRANT)
    else:
        against.append(GRANT_LAPSED if ends_on is not None and ends_on <= today else None)
        against.append(None if rests else AGREEMENT_LAPSED)
    ends = [ends_on, agreement_ends_on, due_on, baa_ends_on if patient_information else None]
    return Standing(
        provider_id=pk, reference=reference, name=name, role=role, countries=tuple(countries), grant_id=grant_id, grant=grant,
        grant_until=_first(ends) if grant_id is not None else None,
        fields=frozenset(fields) if fields else None, reasons=tuple(reason for reason in against if reason is not None),
    )  # fmt: skip


def lock(*, provider: str) -> None:
    """Keep the provider as it is until the caller's transaction ends: what would close it waits, or came before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM providers_provider WHERE reference = %s FOR SHARE", [provider])
        if cursor.fetchone() is None:
            raise ProviderUnknown


def _first(days: list[date | None]) -> datetime | None:
    """The midnight at which the first of these days begins."""
    known = [day for day in days if day is not None]
    return datetime.combine(min(known), time(0), UTC) if known else None
