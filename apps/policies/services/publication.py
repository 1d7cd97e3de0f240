"""From a draft to the version in force: draft, clauses, asking, approving and publishing by a second person.

A version is published by what its digest says and nothing else: the approval is bound to the digest of the text, so a
draft that was changed after the asking has to be asked for again. It must never change a published version (the database
refuses that too, migration 0002), never publish backwards in time, never let one person ask and approve.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit.services import ledger
from apps.foundation import doorbell
from apps.foundation.actors import Actor
from apps.foundation.clock import day_of
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import require_move
from apps.foundation.promises import PROMISES
from apps.foundation.refusals import Refusal
from apps.policies.models import Clause, PolicyVersion
from apps.policies.reading import tidy
from apps.policies.states import MOVES, State
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals
from apps.staff.states import Verdict

ACT = "policies.publish_policyversion"


class DraftExists(Refusal):
    """There is a draft already; only one is worked on at a time."""

    code = "draft_exists"
    mend = "Work on the draft that exists, or publish it first."


class AlreadyPublished(Refusal):
    """A version of the policy is published already, and a published version never changes."""

    code = "already_published"
    mend = "Make a new draft from the version in force and change that."


class NotReady(Refusal):
    """The draft can't be published as it stands."""

    code = "draft_not_ready"
    mend = "Complete the draft and try again."


class NotForward(Refusal):
    """A version can't come into force before or together with one that is published already."""

    code = "not_forward"
    mend = "Check the clock of this machine, then publish again."


class NothingAsked(Refusal):
    """Nobody has asked for this version to be published."""

    code = "nothing_asked"
    mend = "Ask for publication first; a second person then approves it."


def digest_of(version: PolicyVersion) -> bytes:
    """SHA-256 of the canonical text of a version: its number, title, introduction and clauses in their order."""
    clauses = [
        {
            "code": clause.code,
            "heading": clause.heading,
            "position": clause.position,
            "promises": list(clause.promises),
            "text": clause.text,
        }
        for clause in version.clauses.order_by("position")
    ]
    text = {"clauses": clauses, "introduction": version.introduction, "number": version.number, "title": version.title}
    return sha256(canonical(text))


def promises_missing(version: PolicyVersion) -> list[str]:
    """The promises that no clause of this version makes; shown to whoever approves it."""
    made = {code for clause in version.clauses.all() for code in clause.promises}
    return sorted(PROMISES.keys() - made)


@transaction.atomic
def draft_from(*, previous: PolicyVersion | None, by: Actor | StaffMember, at: datetime) -> PolicyVersion:
    """A new draft, with the words and clauses of `previous` where one is given. Refused while another draft exists."""
    if PolicyVersion.objects.filter(state=State.DRAFT).exists():
        raise DraftExists
    version = _new_draft(previous.title if previous else "Privacy Policy", previous.introduction if previous else "", at)
    if previous:
        _write_clauses(version, previous.clauses.order_by("position").values("code", "heading", "text", "promises"))
    ledger.record(
        "policy.drafted", by=by, about=version.reference, at=at, facts={"from": previous.reference if previous else None}
    )
    return version


def _new_draft(title: str, introduction: str, at: datetime) -> PolicyVersion:
    last = PolicyVersion.objects.order_by("-number").first()
    version = PolicyVersion(
        number=last.number + 1 if last else 1, title=title, introduction=tidy(introduction), created_at=at
    )
    version._history_date = at
    version.save()
    return version


def _write_clauses(version: PolicyVersion, clauses: Iterable[Mapping[str, Any]]) -> None:
    Clause.objects.bulk_create(
        Clause(
            version=version,
            position=position,
            code=clause["code"],
            heading=clause["heading"],
            text=tidy(clause["text"]),
            promises=list(clause.get("promises", ())),
        )
        for position, clause in enumerate(clauses, start=1)
    )


def _locked_draft(version: PolicyVersion) -> PolicyVersion:
    locked = PolicyVersion.objects.select_for_update().get(pk=version.pk)
    if locked.state != State.DRAFT:
        raise AlreadyPublished(f"Version {locked.number} is published, and a published version never changes.")
    return locked


@transaction.atomic
def set_clauses(
    *, version: PolicyVersion, clauses: Iterable[Mapping[str, Any]], by: Actor | StaffMember, at: datetime
) -> PolicyVersion:
    """Replace the clauses of a draft by `clauses` (code, heading, text, promises), in their order."""
    draft = _locked_draft(version)
    draft.clauses.all().delete()
    _write_clauses(draft, clauses)
    note_change(version=draft, by=by, at=at)
    return draft


@transaction.atomic
def reword(
    *, version: PolicyVersion, title: str, introduction: str, by: Actor | StaffMember, at: datetime
) -> PolicyVersion:
    """Change title and introduction of a draft."""
    draft = _locked_draft(version)
    draft.title, draft.introduction = title, tidy(introduction)
    draft._history_date = at
    draft.save(update_fields=["title", "introduction"])
    note_change(version=draft, by=by, at=at)
    return draft


@transaction.atomic
def note_change(*, version: PolicyVersion, by: Actor | StaffMember, at: datetime) -> None:
    """Record that a draft was edited, by the digest of what it says now. Refused for a published version."""
    draft = _locked_draft(version)
    ledger.record(
        "policy.draft_changed", by=by, about=draft.reference, at=at,
        facts={"digest": digest_of(draft).hex(), "clauses": draft.clauses.count()},
    )  # fmt: skip


def _require_ready(draft: PolicyVersion) -> None:
    clauses = list(draft.clauses.all())
    if not clauses:
        raise NotReady("The draft has no clauses.", mend="Add the clauses of the policy.")
    if any(not clause.text.strip() or not clause.heading.strip() for clause in clauses):
        raise NotReady("A clause of the draft has no heading or no text.", mend="Write it, or remove the clause.")
    unknown = sorted({code for clause in clauses for code in clause.promises} - PROMISES.keys())
    if unknown:
        raise NotReady("A clause of the draft names a promise that does not exist.", mend="Use the codes P01 to P26.")


def open_approval(version: PolicyVersion) -> Approval | None:
    """The approval that waits for a second person, if publication was asked for."""
    return (
        Approval.objects.filter(act=ACT, subject=version.reference, verdict=Verdict.OPEN)
        .select_related("asked_by")
        .first()
    )


def is_asked_for(version: PolicyVersion) -> bool:
    """Whether a second person can approve the text as it is now. A request for other words than these doesn't count."""
    approval = open_approval(version)
    return approval is not None and bytes(approval.digest) == digest_of(version)


@transaction.atomic
def ask(*, version: PolicyVersion, by: StaffMember, at: datetime) -> Approval:
    """Ask for a draft to be published. A second person approves exactly the text it has now."""
    draft = _locked_draft(version)
    _require_ready(draft)
    digest = digest_of(draft)
    approval = approvals.ask(act=ACT, subject=draft.reference, digest=digest, by=by, at=at)
    ledger.record(
        "policy.publication_asked", by=by, about=draft.reference, at=at,
        facts={"approval": approval.reference, "digest": digest.hex()},
    )  # fmt: skip
    return approval


@transaction.atomic
def publish(*, version: PolicyVersion, by: StaffMember, at: datetime) -> PolicyVersion:
    """Approve the open request and bring the draft into force at once. For good: it never changes again.

    Refused with the refusals of apps.staff.services.approvals where `by` asked for it, lacks the permission, or the
    draft was changed since.
    """
    draft = _locked_draft(version)
    approval = open_approval(draft)
    if approval is None:
        raise NothingAsked
    _require_ready(draft)
    approvals.approve(approval=approval, digest=digest_of(draft), by=by, at=at)
    return _bring_into_force(draft, by=by, at=at, approval=approval.reference)


@transaction.atomic
def publish_first(
    *, title: str, introduction: str, clauses: Iterable[Mapping[str, Any]], by: Actor, at: datetime
) -> PolicyVersion:
    """Publish the first version of a new installation, where nobody could approve yet. Refused once any is published."""
    if PolicyVersion.objects.published().exists():
        raise AlreadyPublished
    if PolicyVersion.objects.filter(state=State.DRAFT).exists():
        raise DraftExists
    draft = _new_draft(title, introduction, at)
    _write_clauses(draft, clauses)
    _require_ready(draft)
    return _bring_into_force(draft, by=by, at=at, approval=None)


def _bring_into_force(
    draft: PolicyVersion, *, by: Actor | StaffMember, at: datetime, approval: str | None
) -> PolicyVersion:
    last = PolicyVersion.objects.published().order_by("-published_at").first()
    if last is not None and last.published_at >= at:
        raise NotForward
    require_move(MOVES, draft.state, State.PUBLISHED)
    actor = by if isinstance(by, Actor) else by.actor
    draft.state = State.PUBLISHED
    draft.published_at = at
    draft.revised_on = day_of(at)
    draft.published_by = str(actor)
    draft.digest = digest_of(draft)
    draft._history_date = at
    draft.save(update_fields=["state", "published_at", "revised_on", "published_by", "digest"])
    ledger.record(
        "policy.published", by=by, about=draft.reference, at=at,
        facts={
            "number": draft.number, "digest": draft.digest.hex(), "approval": approval,
            "revised_on": draft.revised_on.isoformat(), "after": last.reference if last else None,
        },
    )  # fmt: skip
    doorbell.ring("policies.published")
    return draft
