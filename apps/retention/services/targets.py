"""Where archives go: places proposed by one person, proven by the client, tried, and approved by another.

| who depends on it | on what |
|---|---|
| the delivery of archives | that a target in use was tried with a test object, and points to where it did when it was approved |
| the client | that what goes to its own server is encrypted for a key that it showed to have |
| where data lies (P19) | that a place outside the United States has its reason, and somebody who approved it |

A target that a client gives is an attack until shown otherwise. It must never be used on one person's word, nor change after
its approval: another address, key or country is another target.
"""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts.models import Organization
from apps.audit.services import ledger
from apps.foundation import doorbell
from apps.foundation.digests import canonical, sha256
from apps.foundation.moves import NotAMove, require_move
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox
from apps.providers.models import Provider
from apps.retention.archives import age_keys
from apps.retention.archives.places.registry import PLACES
from apps.retention.models import ArchiveTarget
from apps.retention.services.archives import places
from apps.retention.states import TARGET_MOVES, PlaceKind, TargetKind, TargetState
from apps.staff.models import Approval, StaffMember
from apps.staff.services import approvals, presence

PROPOSE = "retention.add_archivetarget"
ACT = "retention.approve_archivetarget"
MOST_WRONG_ANSWERS = 5

#: where archives of a kind may lie
PLACES_FOR = {
    TargetKind.HOSTED: (PlaceKind.LOCAL, PlaceKind.S3),
    TargetKind.OWN_SERVER: (PlaceKind.SFTP, PlaceKind.HTTPS),
}


class NotSuchAPlace(Refusal):
    """That kind of archive does not lie at that kind of place."""

    code = "not_such_a_place"
    mend = "A hosted archive lies in a folder of ours or on S3; a client's own server is reached by SFTP or HTTPS."


class CountryNeedsReason(Refusal):
    """Everything is stored in the United States unless an exception is recorded."""

    code = "country_needs_reason"
    mend = "Choose a place in the United States, or write down why this one is elsewhere; the second person decides on it."


class NotRunByAProvider(Refusal):
    """Only a store is run for us by a provider."""

    code = "not_run_by_a_provider"
    mend = "A folder is on our own disks, and a client's own server is the client's: name no provider."


class NotOfThisKind(Refusal):
    """That belongs to the other kind of archive."""

    code = "not_of_this_kind"
    mend = "A life in days is for hosted archives, a public key and its proof for a client's own server."


class NoChallenge(Refusal):
    """No challenge waits for this answer."""

    code = "no_challenge"
    mend = "Make a challenge first and send it to the client; after five wrong answers, a new one."


class WrongAnswer(Refusal):
    """That is not what the challenge says when it is opened with the client's key."""

    code = "wrong_answer"
    mend = "Have the client open it with the identity that belongs to the public key, and send what it says."


class NotProven(Refusal):
    """The client has not shown yet that it has the key that its archive is encrypted for."""

    code = "key_not_proven"
    mend = "Send the client the challenge, and enter its answer."


class InUseAlready(Refusal):
    """The organization has a place of this kind in use."""

    code = "target_in_use"
    mend = "End the one in use first; what it is still owed then goes to the new one."


def digest_of(target: ArchiveTarget) -> bytes:
    """What an approval is bound to: all that decides where archives go and who can open them."""
    return sha256(
        canonical([
            target.reference, target.organization_id, target.kind, target.place, target.address, target.country,
            target.country_reason, target.recipient, target.peer_key, target.login, target.keep_days, target.options,
            bytes(target.credentials or b"").hex(), target.proven_at.isoformat() if target.proven_at else "",
            *([target.provider.reference] if target.provider is not None else ()),  # what was asked for before has none
        ])
    )  # fmt: skip


@transaction.atomic
def propose(
    *, organization: Organization, kind: str, place: str, by: StaffMember, at: datetime, address: str = "", country: str = "US",
    country_reason: str = "", recipient: str = "", peer_key: str = "", login: str = "", credentials: Mapping[str, str] | None = None,
    keep_days: int | None = None, options: Mapping[str, str] | None = None, provider: Provider | None = None,
) -> ArchiveTarget:  # fmt: skip
    """Propose a place. Nothing goes there until the client's key is proven, where it has one, and somebody else approves it."""
    proposer = presence.lock(by)[by.pk]
    presence.require_right(proposer, PROPOSE)
    if place not in PLACES_FOR[TargetKind(kind)]:
        raise NotSuchAPlace
    if country != "US" and not country_reason.strip():
        raise CountryNeedsReason
    if (place == PlaceKind.S3) != (provider is not None):
        raise NotRunByAProvider if provider is not None else places.ProviderNotNamed
    is_own = kind == TargetKind.OWN_SERVER
    if is_own != bool(recipient.strip()) or (is_own and keep_days):
        raise NotOfThisKind
    if is_own:
        age_keys.recipient_of(recipient)
    target = ArchiveTarget(
        organization=organization, kind=kind, place=place, provider=provider, address=address.strip(), country=country,
        country_reason=country_reason.strip(), recipient=recipient.strip(), peer_key=peer_key.strip(), login=login.strip(),
        keep_days=None if is_own else keep_days or settings.ARCHIVE_KEEP_DAYS, options={k: v for k, v in (options or {}).items() if v},
        proposed_by=str(proposer.actor), proposed_at=at,
    )  # fmt: skip
    target.credentials = places.seal_credentials(target.reference, credentials or {})
    places.check(target)
    target.save()
    if not is_own:
        _ask(target, proposer, at)
    ledger.record(
        "target.proposed", by=proposer, about=target.reference, at=at,
        facts={"organization": organization.reference, "kind": kind, "place": place, "country": country},
    )  # fmt: skip
    return target


def _ask(target: ArchiveTarget, by: StaffMember, at: datetime) -> None:
    approvals.ask(act=ACT, subject=target.reference, digest=digest_of(target), by=by, at=at)


@transaction.atomic
def challenge(*, target: ArchiveTarget, by: StaffMember, at: datetime, mail: bool = False) -> str:
    """Make the text that only the owner of the client's key can open; on wish it is mailed to the organization's contact.

    A new one makes the one before it worthless.
    """
    actor = presence.lock(by)[by.pk]
    presence.require_right(actor, PROPOSE)
    target = _locked(target)
    if target.kind != TargetKind.OWN_SERVER:
        raise NotOfThisKind
    if target.state != TargetState.PROPOSED or target.proven_at:
        raise NoChallenge("The key of this target is proven, or nobody decides on it any more.", mend="Nothing to do.")
    answer, sealed = age_keys.challenge(target.recipient)
    target.challenge, target.wrong_answers = sha256(answer.encode()), 0
    target.save(update_fields=["challenge", "wrong_answers"])
    ledger.record("target.challenged", by=actor, about=target.reference, at=at, facts={"mailed": mail})
    if mail:
        outbox.queue(
            template="retention/target_challenge", to=target.organization.contact_email, about=target.reference,
            context={"organization": target.organization.reference, "target": target.reference, "recipient": target.recipient,
                     "challenge": sealed},
            once_key=f"challenge-{target.reference}-{target.challenge.hex()[:16]}", at=at,
        )  # fmt: skip
    return sealed


def answer(*, target: ArchiveTarget, said: str, by: StaffMember, at: datetime) -> ArchiveTarget:
    """Take the client's answer. A wrong one is counted; after five a new challenge is needed."""
    target, is_right = _answer(target, said, by, at)
    if not is_right:
        raise WrongAnswer
    return target


@transaction.atomic
def _answer(target: ArchiveTarget, said: str, by: StaffMember, at: datetime) -> tuple[ArchiveTarget, bool]:
    proposer = StaffMember.objects.get(reference=target.proposed_by.partition(":")[2])
    members = presence.lock(by, proposer)
    actor, proposer = members[by.pk], members[proposer.pk]
    presence.require_right(actor, PROPOSE)
    target = _locked(target)
    if target.state != TargetState.PROPOSED or target.proven_at or target.challenge is None:
        raise NoChallenge
    is_right = sha256(said.strip().lower().encode()) == bytes(target.challenge)
    if is_right:
        target.challenge, target.proven_at = None, at
        target.save(update_fields=["challenge", "proven_at"])
        _ask(target, proposer, at)
    else:
        target.wrong_answers += 1
        if target.wrong_answers >= MOST_WRONG_ANSWERS:
            target.challenge = None
        target.save(update_fields=["challenge", "wrong_answers"])
    ledger.record(f"target.{'proven' if is_right else 'wrong_answer'}", by=actor, about=target.reference, at=at)
    return target, is_right


def try_out(*, target: ArchiveTarget, by: StaffMember, at: datetime) -> ArchiveTarget:
    """Put a test object there, see it, remove it. A client's server is held to the address at which that worked."""
    presence.require_right(by, ACT if by.has_perm(ACT) else PROPOSE)
    address = places.try_out(target, by=by, at=at)  # takes its time: outside of any transaction
    with transaction.atomic():
        row = _locked(target)
        if digest_of(row) != digest_of(target):
            raise approvals.ChangedSince
        row.tried_at, row.pinned_address = at, address
        row.save(update_fields=["tried_at", "pinned_address"])
        ledger.record("target.tried", by=by.actor, about=row.reference, at=at)
    return row


def approve(*, target: ArchiveTarget, by: StaffMember, at: datetime) -> ArchiveTarget:
    """Take a place into use, after it was tried right now."""
    target = ArchiveTarget.objects.select_related("organization").get(pk=target.pk)
    if target.kind == TargetKind.OWN_SERVER and not target.proven_at:
        raise NotProven
    presence.require_right(by, ACT)
    approval = _waiting(target)
    if approval.asked_by_id == by.pk:
        raise approvals.OwnRequest
    target = try_out(target=target, by=by, at=at)
    try:
        return _approve(target, approval, by, at)
    except IntegrityError as error:
        if "one_place_in_use" in str(error):
            raise InUseAlready from error
        raise


@transaction.atomic
def _approve(target: ArchiveTarget, approval: Approval, by: StaffMember, at: datetime) -> ArchiveTarget:
    approvals.approve(approval=approval, digest=digest_of(ArchiveTarget.objects.get(pk=target.pk)), by=by, at=at)
    target = _locked(target)
    _move(target, TargetState.ACTIVE)
    target.decided_by, target.decided_at = str(by.actor), at
    target.save(update_fields=["state", "decided_by", "decided_at"])
    ledger.record(
        "target.approved", by=by.actor, about=target.reference, at=at,
        facts={"organization": target.organization.reference, "country": target.country},
    )  # fmt: skip
    doorbell.ring("archives.due")
    return target


@transaction.atomic
def reject(*, target: ArchiveTarget, by: StaffMember, at: datetime) -> ArchiveTarget:
    """Put a proposed place away; nothing ever goes there."""
    approval = Approval.objects.waiting().filter(act=ACT, subject=target.reference).first()
    if approval is not None:
        approvals.reject(approval=approval, digest=digest_of(ArchiveTarget.objects.get(pk=target.pk)), by=by, at=at)
    else:
        presence.require_right(presence.lock(by)[by.pk], ACT)
    target = _locked(target)
    _move(target, TargetState.REJECTED)
    if target.proposed_by == str(by.actor):
        raise approvals.OwnRequest
    target.decided_by, target.decided_at = str(by.actor), at
    target.save(update_fields=["state", "decided_by", "decided_at"])
    ledger.record("target.rejected", by=by.actor, about=target.reference, at=at)
    return target


@transaction.atomic
def suspend(*, target: ArchiveTarget, by: StaffMember, at: datetime) -> ArchiveTarget:
    """Deliver nothing there for now; what it is owed steps aside on its day."""
    return _change(target, TargetState.SUSPENDED, "suspended", by, at)


def resume(*, target: ArchiveTarget, by: StaffMember, at: datetime) -> ArchiveTarget:
    """Use it again, after it was tried right now; a client's server may have moved to another address meanwhile."""
    presence.require_right(by, ACT)
    target = ArchiveTarget.objects.select_related("organization").get(pk=target.pk)
    if target.state != TargetState.SUSPENDED:  # a proposed one is approved, not resumed
        raise NotAMove(f"{target.reference} is not suspended.")
    target = try_out(target=target, by=by, at=at)
    with transaction.atomic():
        target = _change(target, TargetState.ACTIVE, "resumed", by, at)
        target.failures, target.next_try_at, target.last_error = 0, None, ""
        target.save(update_fields=["failures", "next_try_at", "last_error"])
        doorbell.ring("archives.due")
    return target


def lacks_provider(target: ArchiveTarget) -> bool:
    """Whether it is a store of before there was a gate, of which nobody said who runs it."""
    is_decided = target.state not in (TargetState.PROPOSED, TargetState.REJECTED)
    return target.place == PlaceKind.S3 and target.provider_id is None and is_decided


@transaction.atomic
def name_provider(*, target: ArchiveTarget, provider: Provider, by: StaffMember, at: datetime) -> ArchiveTarget:
    """Say who runs a store that was registered before that was asked. Once: another provider is another target."""
    actor = presence.lock(by)[by.pk]
    presence.require_right(actor, ACT)
    target = _locked(target)
    if not lacks_provider(target):
        raise NotRunByAProvider(f"{target.reference} is no store whose provider is not named.", mend="Propose another target for another provider.")
    target.provider, target.failures, target.next_try_at, target.last_error = provider, 0, None, ""
    target.save(update_fields=["provider", "failures", "next_try_at", "last_error"])
    ledger.record("target.provider_named", by=actor, about=target.reference, at=at, facts={"provider": provider.reference})
    doorbell.ring("archives.due")
    return target


@transaction.atomic
def end(*, target: ArchiveTarget, by: StaffMember, at: datetime) -> ArchiveTarget:
    """Deliver nothing there any more. What lies there stays until its end; what is owed waits for another place."""
    return _change(target, TargetState.ENDED, "ended", by, at)


def _change(target: ArchiveTarget, state: TargetState, what: str, by: StaffMember, at: datetime) -> ArchiveTarget:
    actor = presence.lock(by)[by.pk]
    presence.require_right(actor, ACT)
    target = _locked(target)
    _move(target, state)
    target.save(update_fields=["state"])
    ledger.record(f"target.{what}", by=actor, about=target.reference, at=at)
    return target


def _move(target: ArchiveTarget, state: TargetState) -> None:
    require_move(TARGET_MOVES, target.state, state)
    target.state = state


def _locked(target: ArchiveTarget) -> ArchiveTarget:
    return ArchiveTarget.objects.select_for_update(of=("self",)).select_related("organization").get(pk=target.pk)


def _waiting(target: ArchiveTarget) -> Approval:
    approval = Approval.objects.waiting().filter(act=ACT, subject=target.reference).first()
    if approval is None:
        raise approvals.AlreadyDecided(f"Nobody asks for {target.reference} any more.")
    return approval


def secrets_of(place: str) -> Mapping[str, str]:
    """What credentials such a place takes: name → what it is."""
    return PLACES[place].secrets
