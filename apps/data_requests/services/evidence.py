"""What proves to an auditor how a request was carried out: one signed document of references, keyed hashes, codes, counts and days.

It holds no personal data, so that it may outlive the person by 24 months. It is made once, in the transaction that completes the
request, and never again: made later it would have to say the same. Signed with Ed25519 under the key of this installation's
certificates, over a prefix of its own, so that no other document can pass for it.

It must never take a text that somebody wrote: what is not a number, a day, a code, a digest or a reference stays outside.
"""

import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Max

from apps.audit.models import Event
from apps.consents.months import months_later
from apps.data_requests.models import (
    Attempt,
    ClientQuestion,
    Clock,
    DataRequest,
    ErasedPerson,
    ErasureNotice,
    Evidence,
    Letter,
    Package,
    Plan,
    Remainder,
    Scan,
    Step,
)
from apps.foundation import signing
from apps.foundation.digests import canonical, sha256
from apps.foundation.refusals import Refusal

FORMAT = "covenant-request-evidence/1"
SIGNED_PREFIX = FORMAT.encode() + b"\n"
LARGEST = 16 << 20
DIGEST_BYTES = 32


class EvidenceNotValid(Refusal):
    """This is no evidence of a request that this installation signed, or it was changed since."""

    code = "evidence_not_valid"
    mend = "Use the file as it was downloaded; it can be downloaded again while the record of the request is kept."


def make(request: DataRequest, *, at: datetime) -> Evidence:
    """The evidence of a request, in the running transaction; the one that there is where it was made already."""
    there = Evidence.objects.filter(request=request).first()
    if there is not None:
        return there
    document = canonical(_document(request, at))
    return Evidence.objects.create(
        request=request, document=document, digest=sha256(document), signature=signing.sign("certificates", SIGNED_PREFIX + document), made_at=at,
        kept_until=months_later(at, settings.REQUEST_KEEP_MONTHS),
    )  # fmt: skip


def download(evidence: Evidence) -> bytes:
    """The document with its signature, as JSON that people can read too."""
    signed = {
        "evidence": json.loads(bytes(evidence.document)),
        "signature": {"algorithm": "Ed25519", "key": signing.public_key("certificates").hex(), "value": bytes(evidence.signature).hex()},
    }
    return json.dumps(signed, indent=1, ensure_ascii=False).encode() + b"\n"


def verify(content: bytes, *, public: bytes | None = None) -> dict[str, Any]:
    """What a downloaded document says, where it was signed with the pinned key, or with this installation's. Raises EvidenceNotValid."""
    try:
        if len(content) > LARGEST:
            raise ValueError("longer than any evidence")
        signed = json.loads(content)
        document, signature = signed["evidence"], signed["signature"]
        value, message = bytes.fromhex(signature["value"]), SIGNED_PREFIX + canonical(document)
        sound = document["format"] == FORMAT and signature["algorithm"] == "Ed25519"
    except (ValueError, KeyError, TypeError, RecursionError):
        raise EvidenceNotValid from None
    if not sound or not signing.is_signed(public or signing.public_key("certificates"), message, value):
        raise EvidenceNotValid
    return document


def _document(request: DataRequest, at: datetime) -> dict[str, Any]:
    plans = Plan.objects.filter(request=request).order_by("number")
    return {
        "format": FORMAT,
        "made_at": _moment(at),
        "request": {
            "reference": request.reference, "kind": request.kind, "channel": request.channel, "asker": request.asker, "outcome": request.outcome,
            "received_at": _moment(request.received_at), "acknowledged_at": _moment(request.acknowledged_at),
            "proven_at": _moment(request.verified_at), "approved_at": _moment(request.approved_at),
            "call_back_until": _moment(request.call_back_until), "answered_at": _moment(request.answered_at),
            "denial_reason": request.denial_reason, "policy_version": request.policy_version.number,
            "organization": request.organization.reference if request.organization else "",
        },
        "person": _person(request),
        "clocks": [_clock(clock) for clock in Clock.objects.filter(request=request).order_by("due_at", "pk")],
        "plans": [_plan(plan) for plan in plans],
        "remainders": [_remainder(one) for one in Remainder.objects.filter(request=request).order_by("pk")],
        "clients": [_question(one) for one in ClientQuestion.objects.filter(request=request).order_by("pk")],
        "providers": [_notice(one) for one in ErasureNotice.objects.filter(request=request).order_by("pk")],
        "scans": [_scan(one) for one in Scan.objects.filter(request=request).order_by("number")],
        "package": _package(request),
        "letters": [
            {"reference": letter.reference, "template": letter.template.code, "version": letter.template.number, "to": letter.to,
             "sent_at": _moment(letter.sent_at)}
            for letter in Letter.objects.filter(request=request).select_related("template").order_by("pk")
        ],
        "ledger": _ledger(request),
    }  # fmt: skip


def _person(request: DataRequest) -> dict[str, Any]:
    erased = ErasedPerson.objects.filter(request_reference=request.reference).first()
    digests = bytes(erased.digests) if erased else b""
    return {
        "reference": request.person_reference,
        "erasing_since": _moment(erased.began_at) if erased else "",
        "erased_at": _moment(erased.done_at) if erased else "",
        "known_by": sorted(digests[place : place + DIGEST_BYTES].hex() for place in range(0, len(digests), DIGEST_BYTES)),
    }


def _clock(clock: Clock) -> dict[str, Any]:
    return {
        "regime": clock.regime, "started_at": _moment(clock.started_at), "due_at": _moment(clock.due_at),
        "extended_at": _moment(clock.extended_at), "extended_due_at": _moment(clock.extended_due_at), "extended_by": clock.extended_by,
        "paused_days": clock.paused_days, "stopped_at": _moment(clock.stopped_at), "stopped_by": clock.stopped_by_event,
        "was_late": clock.stopped_at is not None and clock.stopped_at > (clock.extended_due_at or clock.due_at),
    }  # fmt: skip


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "reference": plan.reference, "digest": bytes(plan.digest).hex(), "made_by": plan.made_by, "made_at": _moment(plan.made_at),
        "approval": plan.approval, "approved_by": plan.approved_by, "approved_at": _moment(plan.approved_at), "void_at": _moment(plan.void_at),
        "void_because": plan.void_because,
        "steps": [_step(step) for step in plan.steps.order_by("number").prefetch_related("attempts")],
    }  # fmt: skip


def _step(step: Step) -> dict[str, Any]:
    return {
        "number": step.number, "kind": step.kind, "holding": step.holding, "expected": step.expected, "state": step.state, "erased": step.erased,
        "anonymised": step.anonymised, "collected": step.collected, "done_at": _moment(step.done_at),
        "attempts": [_attempt(one) for one in sorted(step.attempts.all(), key=lambda attempt: attempt.number)],
    }  # fmt: skip


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number, "began_at": _moment(attempt.began_at), "ended_at": _moment(attempt.ended_at), "end": attempt.end,
        "code": attempt.code, "erased": attempt.erased, "anonymised": attempt.anonymised, "collected": attempt.collected,
    }  # fmt: skip


def _remainder(one: Remainder) -> dict[str, Any]:
    return {
        "holding": one.holding, "ground": one.ground, "about": one.about, "rows": one.rows, "since": _moment(one.since),
        "until": _moment(one.until), "ended_at": _moment(one.ended_at),
    }  # fmt: skip


def _question(one: ClientQuestion) -> dict[str, Any]:
    return {
        "reference": one.reference, "organization": one.organization, "asked_at": _moment(one.asked_at), "due_at": _moment(one.due_at),
        "answer": one.answer, "by_rule": one.by_rule, "answered_at": _moment(one.answered_at),
    }  # fmt: skip


def _notice(one: ErasureNotice) -> dict[str, Any]:
    return {
        "reference": one.reference, "provider": one.provider, "way": one.way, "disclosures": sorted(one.disclosures), "told_at": _moment(one.told_at),
        "due_at": _moment(one.due_at), "acknowledged_at": _moment(one.acknowledged_at),
    }  # fmt: skip


def _scan(one: Scan) -> dict[str, Any]:
    return {
        "reference": one.reference, "number": one.number, "at": _moment(one.at), "tables": one.tables, "columns": one.columns, "files": one.files,
        "bytes": one.bytes, "findings": one.findings, "excused": one.excused, "is_clean": one.is_clean,
    }  # fmt: skip


def _package(request: DataRequest) -> dict[str, Any] | None:
    package = Package.objects.filter(request=request).first()
    if package is None:
        return None
    return {
        "reference": package.reference, "sha256": bytes(package.digest).hex(), "size": package.size, "made_at": _moment(package.made_at),
        "expires_at": _moment(package.expires_at), "disclosure": package.disclosure, "fetched_at": _moment(package.fetched_at),
        "fetches": package.fetches, "destroyed_at": _moment(package.destroyed_at),
    }  # fmt: skip


def _ledger(request: DataRequest) -> dict[str, Any]:
    """The events about the request: an auditor finds them by their numbers, under the seals of the ledger."""
    events = Event.objects.filter(object=request.reference).order_by("id")
    return {
        "events": [{"id": event.pk, "at": _moment(event.at), "verb": event.verb, "by": event.actor} for event in events],
        "through": events.aggregate(last=Max("id"))["last"] or 0,
    }


def _moment(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat() if moment else ""
