"""Repeats what the journal says of Message Data, after the database was restored from a backup.

With the backup the rows of a destroyed day are back in its leaf, unreadable, for the keystore knows that the day's secret
was destroyed. The journal has the intent and the keystore the end of the key, so a destruction is taken up where it truly
stands, at the truncation; the ordinary sweep does that as soon as the replay is over, with all its checks and a certificate
beside the one that was lost. While the replay runs nothing can be written to the journal, so nothing is destroyed by it.

| when | what |
|---|---|
| a line of an intent | the day is hidden; its work row is made again, with the reference and the intent that it had |
| a line of an early deletion | the message leaves the active service again |
| a line of a rescheduling | the plan is approved again, as it was; the worker moves what is on its old day again |
| after the last line, when holds and archives are as they were | each work whose key is gone is brought to where it stands |

Rows that had stepped aside after the backup was made lie in the leaf under the destroyed key: nothing brings them back but a
newer backup. What still keeps them (a hold, an archive, a review) keeps them aside all the same, unreadable and listed, so
that nothing that is kept is called destroyed, and everyone else's destruction goes on.

It must never bring a cohort into a state that its services would not, nor call a key destroyed that the keystore has.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime

from django.db import connection, transaction

from apps.accounts.models import Organization
from apps.audit.journal_file import Line
from apps.audit.models import Event, JournalEntry
from apps.audit.services import heartbeat, ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import KeyDestroyed, keystore
from apps.foundation.moves import require_move
from apps.foundation.refusals import Refusal
from apps.holds.services import asking
from apps.retention import envelope
from apps.retention.models import Archive, AsideBundle, Cohort, Destruction, EarlyDeletion, Message, Rescheduling, Segment
from apps.retention.services import arrivals, aside, clock_guard, destroy, grounds, rescheduling, sealing
from apps.retention.states import (
    COHORT_MOVES,
    DESTRUCTION_MOVES,
    RESCHEDULING_MOVES,
    AsideGround,
    CohortState,
    DestructionScope,
    DestructionState,
    ReschedulingState,
)
from apps.staff.models import Approval
from apps.staff.services import approvals

#: in these states of its work row the key may be gone by the journal and the keystore alone
BEFORE_THE_KEY = (DestructionState.DUE, DestructionState.INTENDED, DestructionState.JOURNALLED)


UNREADABLE = "messages.unreadable_since_restore"


class NotHidden(Refusal):
    """A cohort of a destroyed day could not be hidden."""

    code = "not_hidden"
    mend = "Stop workers that still run on this database, and run `manage.py replay` again."


def destruction_intended(line: Line, *, at: datetime) -> None:
    """What was to be destroyed is hidden and due again, under the reference that it had; what the backup lacks is gone already."""
    scope, day = line.body.get("scope", DestructionScope.DAY), date.fromisoformat(line.body["day"])
    if scope == DestructionScope.DAY:
        _hide(day, at)
    ends = _what_ends(scope, line.body.get("secret", ""), day)
    if ends is None:
        return
    secret, fields = ends
    work, _is_new = Destruction.objects.select_for_update().get_or_create(
        secret=secret, defaults={"reference": line.about, "scope": scope, "day": day, "opened_at": line.at, **fields}
    )
    if work.state == DestructionState.DUE:
        work.intent_entry, work.intended_at = line.entry, line.at
        work.save(update_fields=["intent_entry", "intended_at"])


def destruction_done(line: Line, *, at: datetime) -> None:
    """Its intent was repeated before. The certificates that the backup does not hold are named, for their holders will ask."""
    if line.body["certificates"]:
        ledger.record(
            "destruction.to_be_repeated", by=SYSTEM, about=line.about, at=at,
            facts={"day": line.body["day"], "certificates_lost": line.body["certificates"]},
        )  # fmt: skip


def message_deleted_early(line: Line, *, at: datetime) -> None:
    """The message leaves the active service again; what a hold covers is kept apart, as it was.

    A row that the backup does not hold needs nothing, and one whose key is gone goes with its day.
    """
    cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").filter(reference=line.body["cohort"]).first()
    if cohort is None or EarlyDeletion.objects.filter(reference=line.about).exists():
        return
    found = (
        Message.objects.on_days([cohort.expiry_on])
        .filter(id=line.body["message"], source_tag=bytes.fromhex(line.body["tag"]))
        .values_list("id", "segment", "policy_version_id", "proof", "ciphertext")
        .first()
    )
    if found is None:
        return
    row = aside.Row(*found[:3], *(bytes(part) for part in found[3:]))
    kept = _put_aside_for_a_hold(cohort, row, at)
    if not kept:
        arrivals.take_out(cohort.expiry_on, [row.id])
    EarlyDeletion.objects.create(
        reference=line.about, cohort=cohort, segment=row.segment, bytes=len(row.ciphertext), proof=row.proof,
        source_tag=bytes.fromhex(line.body["tag"]), kept_for_hold=kept, reason=line.body["reason"], by=str(SYSTEM), at=line.at,
        message=row.id, counted=Segment.objects.filter(cohort=cohort, number=row.segment, sealed_at__lte=line.at).exists(),
    )  # fmt: skip
    ledger.record(
        "message.deleted_early", by=SYSTEM, about=line.about, at=at,
        facts={"cohort": cohort.reference, "reason": line.body["reason"], "unrecoverable_from": line.body["day"], "kept_for_hold": kept},
    )  # fmt: skip


def rescheduling_approved(line: Line, *, at: datetime) -> None:
    """The plan is approved again, by the two who did; the worker carries it out on what the backup holds.

    What was over by it is on its old day again until then: it goes to the first open day, as with every rescheduling.
    Cohorts that the backup does not know are done with: their messages are where they were before, or not there.
    """
    organization = Organization.objects.select_for_update(no_key=True).filter(reference=line.body["organization"]).first()
    if organization is None:
        return
    theirs = Rescheduling.objects.select_for_update().filter(organization=organization)
    row = theirs.filter(reference=line.about).first() or Rescheduling(reference=line.about, organization=organization)
    if row.state in (ReschedulingState.APPROVED, ReschedulingState.REJECTED, ReschedulingState.DONE):
        return
    cohorts = [*line.body["cohorts"], *_overtaken(theirs.exclude(pk=row.pk), line.body["cohorts"], at)]
    _withdraw_request(line.about, at)
    there = set(Cohort.objects.filter(reference__in=[entry["cohort"] for entry in cohorts]).values_list("reference", flat=True))
    row.plan = {"through": line.body["through"], "lives": dict(line.body["lives"]), "cohorts": cohorts}
    row.plan_digest = bytes.fromhex(line.body["plan"])
    row.progress = {
        entry["cohort"]: {"after": 0, "done": True, "moved": 0, "stays": {}} for entry in cohorts if entry["cohort"] not in there
    }
    row.proposed_by, row.proposed_at = line.body["asked_by"], datetime.fromisoformat(line.body["asked_at"])
    row.decided_by, row.decided_at, row.state = line.body["by"], line.at, ReschedulingState.APPROVED
    row.save()
    ledger.record(
        "rescheduling.approved_again", by=SYSTEM, about=line.about, at=at,
        facts={"plan": line.body["plan"], "cohorts": len(there), "cohorts_not_known": len(row.progress)},
    )  # fmt: skip
    doorbell.ring("rescheduling.due")


def _overtaken(others, cohorts: list[dict], at: datetime) -> list[dict]:
    """What of the same client's earlier plans was undecided or unfinished in the backup: decided or done before this one was made.

    The cohorts that such a plan was not done with go by the later lives, to where they would be by now.
    """
    left, named = [], {entry["cohort"] for entry in cohorts}
    for row in others.filter(state__in=[ReschedulingState.PROPOSED, ReschedulingState.APPROVED]).order_by("id"):
        if row.state == ReschedulingState.APPROVED:
            left += [
                entry for entry in row.plan["cohorts"]
                if entry["then"] and entry["cohort"] not in named and not row.progress.get(entry["cohort"], {}).get("done")
            ]  # fmt: skip
        _withdraw_request(row.reference, at)
        state = ReschedulingState.DONE if row.state == ReschedulingState.APPROVED else ReschedulingState.REJECTED
        require_move(RESCHEDULING_MOVES, row.state, state)
        row.done_at, row.decided_at = (at, row.decided_at) if state == ReschedulingState.DONE else (None, at)
        row.state = state
        row.save(update_fields=["state", "done_at", "decided_at"])
        ledger.record("rescheduling.overtaken", by=SYSTEM, about=row.reference, at=at)
    return left


def _withdraw_request(reference: str, at: datetime) -> None:
    """An approval that the backup lacks is not made up; what still asks for one is closed."""
    for approval in Approval.objects.waiting().filter(act=rescheduling.ACT, subject=reference):
        approvals.void(approval=approval, at=at)


def destructions_go_on(*, at: datetime) -> None:
    """Each destruction whose intent the journal has and whose key is gone goes on at the truncation.

    One that can't (its account does not add up, say) stays where it is: the sweep says why, and the others go on.
    """
    for work in Destruction.objects.filter(state__in=BEFORE_THE_KEY, intent_entry__isnull=False).order_by("day", "id"):
        if work.scope in destroy.ENDS and keystore().was_destroyed(work.secret):
            with suppress(Refusal), transaction.atomic():
                _go_on(work, at)


def unreadable_since(event_id: int) -> dict[str, int]:
    """Cohorts with messages that are kept and can't be read any more, by the ledger after an event: how many."""
    events = Event.objects.filter(verb=UNREADABLE, id__gt=event_id).order_by("id")
    return {event.object: event.facts["messages"] for event in events}


def time_went_on(*, at: datetime) -> None:
    """The last heartbeat is as old as the backup, which would look like a clock that jumped and stop every destruction.

    Who runs the replay answers for the time, where nothing else contradicts it; else the doubt is raised as always.
    """
    if {name for name, _said in clock_guard.compare(at=at)} <= {"heartbeat"}:
        heartbeat.beat(clock_guard.HEART, at=at)


def _hide(day: date, at: datetime) -> None:
    for cohort in Cohort.objects.readable().filter(expiry_on=day):
        sealing.seal_cohort(cohort_id=cohort.pk, at=at)
        sealing.expire_cohort(cohort_id=cohort.pk, at=at)
    left = Cohort.objects.readable().filter(expiry_on=day).first()
    if left is not None:
        raise NotHidden(f"{left.reference} of {day.isoformat()} is still {left.state}.")


def _go_on(work: Destruction, at: datetime) -> None:
    end = destroy.ENDS[work.scope]
    work = Destruction.objects.select_for_update().get(pk=work.pk)
    cohorts = end.locked(work)
    if work.scope == DestructionScope.DAY:
        named = {one["cohort"]: one["messages"] for one in JournalEntry.objects.get(pk=work.intent_entry).body["cohorts"]}
        for cohort in cohorts:
            if cohort.state in (CohortState.EXPIRED, CohortState.INTENDED):
                _keep_unreadable(cohort, named.get(cohort.reference, 0), at)
    for cohort, _messages, ends_with_it in end.intended(work, cohorts):
        if ends_with_it and cohort.state == CohortState.EXPIRED:
            _step_on(cohort, CohortState.INTENDED, "intended_at", at)
        if cohort.state == CohortState.INTENDED:
            _step_on(cohort, CohortState.SHREDDED, "shredded_at", at)
    work.journalled_at = work.journalled_at or work.intended_at
    work.shredded_at, work.newest_hold, work.leased_until = at, asking.newest(at), None
    for state in BEFORE_THE_KEY[BEFORE_THE_KEY.index(work.state) + 1 :] + (DestructionState.SHREDDED,):
        require_move(DESTRUCTION_MOVES, work.state, state)
        work.state = state
        work.save(update_fields=["state", "journalled_at", "shredded_at", "newest_hold", "leased_until"])


def _step_on(cohort: Cohort, state: CohortState, field: str, at: datetime) -> None:
    require_move(COHORT_MOVES, cohort.state, state)
    cohort.state = state
    setattr(cohort, field, at)
    cohort.save(update_fields=["state", field])


def _keep_unreadable(cohort: Cohort, destroyed: int, at: datetime) -> None:
    """Put aside, as they are, rows that something keeps. Without the key nobody can tell which rows a hold covers: where more
    are back than had been destroyed, it keeps them all.
    """
    kept = grounds.grounds_of(cohort, at=at)
    rows = Message.objects.on_days([cohort.expiry_on]).filter(organization_id=cohort.organization_id)
    ground, matter, segments = AsideGround.ARCHIVE, None, sorted(kept.unarchived)
    if (kept.scopes or kept.review) and rows.count() > destroyed:
        ground, matter = (AsideGround.HOLD, kept.scopes[0].matter) if kept.scopes else (AsideGround.REVIEW, None)
        segments = sorted(rows.values_list("segment", flat=True).distinct())
    if rows.filter(segment__in=segments).exists():
        moved = _move_unread(cohort, aside.standing_bundle(cohort, ground, matter, kept, at), ground, segments, at)
        if cohort.aside_at is None:
            cohort.aside_at = at
            ledger.record("cohort.stepped_aside", by=SYSTEM, about=cohort.reference, at=at, facts={str(ground): moved})
        ledger.record(UNREADABLE, by=SYSTEM, about=cohort.reference, at=at, facts={"ground": ground, "messages": moved})
    cohort.holds_seen = max(cohort.holds_seen, kept.holds_seen)
    cohort.save(update_fields=["holds_seen", "aside_at"])


def _move_unread(cohort: Cohort, bundle: AsideBundle, ground: AsideGround, segments: list[int], at: datetime) -> int:
    where = " FROM message WHERE expiry = %s AND organization_id = %s AND segment = ANY(%s::smallint[])"
    values = [cohort.expiry_on, cohort.organization_id, segments]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO retention_asidemessage (id, cohort_id, bundle_id, ground, segment, policy_version_id, tags, proof, ciphertext, moved_at)"
            f" SELECT id, %s, %s, %s, segment, policy_version_id, tags, proof, ciphertext, %s{where}",
            [cohort.pk, bundle.pk, ground, at, *values],
        )
        cursor.execute(f"DELETE{where}", values)
        return cursor.rowcount


def _put_aside_for_a_hold(cohort: Cohort, row: aside.Row, at: datetime) -> bool:
    only_holds = replace(grounds.grounds_of(cohort, at=at), unarchived=frozenset(), review=False)
    if not only_holds.scopes:
        return False
    try:
        opener = envelope.for_cohort(keystore(), organization=cohort.organization.reference, expiry=cohort.expiry_on)
    except KeyDestroyed:
        return False
    return bool(aside.put_aside(cohort, only_holds, opener, [row], at))


def _what_ends(scope: str, secret: str, day: date) -> tuple[str, dict] | None:
    """The secret and what the work row needs besides; None where the backup holds nothing of it."""
    if scope == DestructionScope.DAY:
        return (envelope.day_secret(day), {}) if Cohort.objects.filter(expiry_on=day).exists() else None
    if scope == DestructionScope.ASIDE:
        bundle = AsideBundle.objects.filter(secret=secret).first()
        return bundle and (secret, {"cohort_id": bundle.cohort_id})
    archive = Archive.objects.filter(reference=secret.partition("/")[2]).first()
    return archive and (secret, {"cohort_id": archive.cohort_id, "archive": archive})
