"""Writes what was decided: a disclosure with its subjects and its permit in one statement, or a refusal with all its reasons.

One statement, because it is written at every decision: none of the three is ever without the others, and the database is asked once.
It must never write down what does not read as a reference or a code.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from apps.foundation import prepared
from apps.foundation.actors import Actor
from apps.gate import package as words
from apps.gate.models import Disclosure, GateRefusal, Permit, disclosure_reference, permit_reference
from apps.gate.package import Package, Recipient, readable
from apps.gate.services.rules import Known, countries_of
from apps.gate.states import AboutKind, Ground, PermitKind, RecipientKind, Stage
from apps.providers.services.asking import Reason

PREFIX = "prm_"
MOST_REASONS = 50

LET_OUT = """
WITH d AS (
    INSERT INTO gate_disclosure (reference, at, recipient_kind, recipient, about_kind, about_organization, about_count, categories, fields,
        purpose, ground, "grant", consent, exceptions, countries, patient_information, what, digest, size, by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s::varchar[], %s::varchar[], %s, %s, %s, %s, %s::varchar[], %s::varchar[], %s, %s, %s, %s, %s)
    RETURNING id, at, recipient_kind, recipient, fields, digest, by
), s AS (
    INSERT INTO gate_disclosuresubject (disclosure_id, person_reference, consent)
    SELECT d.id, one.person, coalesce(one.consent, '') FROM d, unnest(%s::varchar[], %s::varchar[]) AS one(person, consent)
), p AS (
    INSERT INTO gate_permit (reference, token_hash, kind, disclosure_id, why, recipient_kind, recipient, fields, digest, given_at, lapses_at, by)
    SELECT %s, %s, 'data', d.id, '', d.recipient_kind, d.recipient, d.fields, d.digest, d.at, %s, d.by FROM d
    RETURNING id
)
SELECT d.id, p.id FROM d, p
"""


def actor_of(by: Any) -> str:
    """Who acts, as text."""
    actor = by if isinstance(by, Actor) else getattr(by, "actor", None)
    if not isinstance(actor, Actor):
        raise TypeError("the gate needs somebody who acts")
    return str(actor)


def hashed(token: str) -> bytes:
    """What is kept of a permit's token: 32 random bytes can't be guessed from it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def lapse(at: datetime, *, until: datetime | None = None) -> datetime:
    """When a permit that is given now lapses: soon, and not after what it rests on."""
    soon = at + timedelta(minutes=settings.GATE_PERMIT_MINUTES)
    return soon if until is None else min(soon, until)


def let_out(package: Package, known: Known, *, by: Any, at: datetime) -> Permit:
    """Record that a package was let out, inside the caller's transaction; the permit carries its token this once."""
    token, actor, about, recipient = PREFIX + secrets.token_urlsafe(32), actor_of(by), package.about, package.recipient
    grant, until, consents = rests_on(package, known)
    there = countries_of(package, known)
    allowed = sorted({known.exceptions[country] for country in there if country in known.exceptions})
    disclosure = Disclosure(
        reference=disclosure_reference(), at=at, recipient_kind=recipient.kind, recipient=recipient.reference, about_kind=about.kind,
        about_organization=about.organization_named, about_count=about.count, categories=sorted(package.categories),
        fields=sorted(package.fields), purpose=package.purpose, ground=package.ground,
        grant=grant, consent=package.consent, exceptions=allowed, countries=there,
        patient_information=package.patient_information, what=package.what, digest=package.digest, size=package.size, by=actor,
    )  # fmt: skip
    permit = Permit(
        reference=permit_reference(), token_hash=hashed(token), kind=PermitKind.DATA, recipient_kind=recipient.kind,
        recipient=recipient.reference, fields=disclosure.fields, digest=package.digest, given_at=at,
        lapses_at=lapse(at, until=until), by=actor,
    )  # fmt: skip
    d = disclosure
    with prepared.cursor() as cursor:
        cursor.execute(LET_OUT, [
            d.reference, d.at, d.recipient_kind, d.recipient, d.about_kind, d.about_organization, d.about_count, d.categories, d.fields,
            d.purpose, d.ground, d.grant, d.consent, d.exceptions, d.countries, d.patient_information, d.what, d.digest, d.size, d.by,
            about.people_named, consents, permit.reference, permit.token_hash, permit.lapses_at,
        ])  # fmt: skip
        disclosure.pk, permit.pk = cursor.fetchone()
    for row in (disclosure, permit):
        row._state.adding, row._state.db = False, connection.alias
    permit.disclosure, permit.token = disclosure, token
    return permit


def rests_on(package: Package, known: Known) -> tuple[str, datetime | None, list[str]]:
    """The grant, or the consent of each person in their order; and when the first of these ends by itself."""
    if package.ground == Ground.CONSENT:
        consents = [known.consents[one] for one in package.about.people_named]
        return "", min((one.until for one in consents if one.until is not None), default=None), [one.event for one in consents]
    standing = known.standing
    return (standing.grant or "", standing.grant_until, []) if standing is not None else ("", None, [])


def refuse(package: Package, why: Sequence[Reason], *, by: Any, at: datetime) -> GateRefusal:
    """Record that a package was not let out, in a transaction of its own, which nobody's rollback takes back."""
    about, recipient = package.about, package.recipient
    kind = about.kind if about.kind in AboutKind.values else ""
    named = about.references[0] if len(about.references) == 1 and about.is_sound else ""
    with transaction.atomic(durable=True):
        return GateRefusal.objects.create(
            at=at, stage=Stage.DECISION, **_said(recipient), about_kind=kind, about_reference=named,
            about_count=about.count if about.is_sound else None,
            categories=sorted({readable(words.CODE, code) for code in package.categories}),
            fields=sorted({readable(words.FIELD, name) for name in package.fields})[: words.MOST_FIELDS],
            purpose=readable(words.CODE, package.purpose), ground=readable(words.CODE, package.ground),
            consent=readable(words.CONSENT, package.consent) if package.consent else "",
            countries=sorted({readable(words.COUNTRY, code) for code in package.countries}),
            patient_information=package.patient_information if isinstance(package.patient_information, bool) else None,
            what=readable(words.OBJECT, package.what), reasons=as_rows(why), by=actor_of(by),
        )  # fmt: skip


def refuse_permit(
    permit: Permit | None, why: Sequence[Reason], *, recipient: Recipient, stage: Stage, by: str, at: datetime
) -> GateRefusal:
    """Record that a permit was not given or did not serve, in a transaction of its own; who asked is the permit's owner where it is known."""
    disclosure = permit.disclosure if permit is not None else None
    about = {} if disclosure is None else {
        "about_kind": disclosure.about_kind, "about_reference": disclosure.about_organization, "about_count": disclosure.about_count,
        "categories": disclosure.categories, "fields": disclosure.fields, "purpose": disclosure.purpose, "ground": disclosure.ground,
        "consent": disclosure.consent, "countries": disclosure.countries, "patient_information": disclosure.patient_information, "what": disclosure.what,
    }  # fmt: skip
    with transaction.atomic(durable=True):
        return GateRefusal.objects.create(
            at=at, stage=stage, permit=permit.reference if permit is not None else "", **_said(recipient), **about, reasons=as_rows(why),
            by=by,
        )  # fmt: skip


def as_rows(why: Sequence[Reason]) -> list[dict[str, str]]:
    return [asdict(reason) for reason in why[:MOST_REASONS]]


def _said(recipient: Recipient) -> dict[str, str]:
    if recipient.is_sound:
        return {"recipient_kind": recipient.kind, "recipient": recipient.reference}
    return {"recipient_kind": recipient.kind if recipient.kind in RecipientKind.values else "", "recipient": words.UNREADABLE}
