"""Messages come in: each gets its life, is encrypted, and stands in the leaf of its day; what can't come in says why.

Idempotent by batch (the same key with the same content is done once) and by message (the same id is stored once, also
after its destruction and after a change of rules). Committed by chunks of a stated number of lines: all of a chunk with
its account and its record, or nothing of it.

| who depends on it | on what |
|---|---|
| sealing, destruction | no row appears in a cohort that is not open, or supplemented before its day (the cohort's row is locked FOR SHARE) |
| the account of a cohort | every row has its share in `BatchShare`, in the same transaction |
| erasure of people | the organization is locked FOR SHARE before it is asked who was erased |

It must never fetch an attachment's address, never write plaintext, never store a message past its life, nor one under somebody who was erased.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected, UniqueViolation

from apps.accounts.models import Organization
from apps.accounts.services.matching import Handle, match
from apps.accounts.states import ArchiveEntitlement
from apps.audit.services import ledger
from apps.foundation.actors import Actor
from apps.foundation.keys import FileKeystore, keystore
from apps.policies.services.force import version_in_force
from apps.retention import envelope
from apps.retention.importing.lines import (
    Deletion,
    Incoming,
    Party,
    Refused,
    as_message,
    party_as_dict,
)
from apps.retention.life import Rule
from apps.retention.models import Batch, BatchShare, ConversationClass, ImportedOnce, RefusedLine
from apps.retention.services import arrivals, batches, chunks, early, leaves, resends
from apps.retention.services.arrivals import Stored
from apps.retention.services.lives import Lives
from apps.retention.services.people.marks import Marks, marks_among
from apps.retention.services.rules import rules_of
from apps.retention.services.writing import Remembered, Writing
from apps.retention.states import LifeFrom

#: refused lines kept one by one; beyond it they are counted only, so that a file of garbage does not fill the database
MOST_REFUSED_LINES = 10_000


@dataclass
class Outcome:
    """What one chunk did, by kind of line."""

    counts: Counter = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)

    def tell(self, kind: str, outcome: str) -> None:
        self.counts[f"{kind}|{outcome}"] += 1

    def refuse(self, line, code: str, why: str) -> None:
        self.refused.append(Refused(line.number, code, why, line.kind))
        self.tell(line.kind, f"refused: {code}")

    def total(self, outcome: str) -> int:
        return sum(n for key, n in self.counts.items() if key.partition("|")[2].startswith(outcome))


@dataclass(frozen=True)
class Context:
    """What all lines of a chunk share."""

    batch: Batch
    organization: Organization
    rules: list[Rule]
    classes: frozenset[str]
    policy_version: int
    store: FileKeystore
    at: datetime
    by: Actor
    lives_on: dict[date, bool] = field(default_factory=dict)

    def may_live_on(self, day: date) -> bool:
        """Whether messages of a day that is over were moved to a later one; an import's are known whatever their day."""
        if day not in self.lives_on:
            sent = self.batch.life_from == LifeFrom.SENDING
            self.lives_on[day] = sent and resends.may_live_on(self.organization, day, at=self.at)
        return self.lives_on[day]

    @property
    def owed(self) -> bool:
        return self.organization.archive_entitlement != ArchiveEntitlement.NONE


def take_in(
    *, batch: Batch, lines: list[Incoming | Deletion | Refused], last_number: int, digest: bytes | None, by: Actor, at: datetime
) -> Outcome:  # fmt: skip
    """Take in one chunk of a batch and commit it. A chunk at or before the last committed line does nothing.

    `last_number` and `digest` (SHA-256 of all bytes up to there, where the source has such) are the checkpoint that is
    committed with it. Two senders of the same message at once: one transaction loses, sees the other's row, goes on.
    """
    for attempt in (1, 2, 3):
        try:
            with transaction.atomic():
                return _take_in(batch, lines, last_number, digest, by, at)
        except (IntegrityError, OperationalError) as error:
            if attempt == 3 or not isinstance(error.__cause__, UniqueViolation | DeadlockDetected):
                raise
    raise AssertionError("unreachable")


def _take_in(batch: Batch, lines, last_number: int, digest: bytes | None, by: Actor, at: datetime) -> Outcome:
    batch = Batch.objects.select_for_update(of=("self",)).select_related("organization").get(pk=batch.pk)
    outcome = Outcome()
    lines = [line for line in lines if line.number > batch.committed_lines]
    if not lines and last_number <= batch.committed_lines:
        return outcome
    # shared: rules and entitlement stand still until the commit, other batches of the organization don't wait
    organization = Organization.objects.raw(
        "SELECT * FROM accounts_organization WHERE id = %s FOR SHARE", [batch.organization_id]
    )[0]
    context = Context(
        batch=batch,
        organization=organization,
        rules=rules_of(organization.pk),
        classes=frozenset(
            ConversationClass.objects.filter(organization=organization).values_list("code", flat=True)
        ),
        policy_version=version_in_force(at).pk,
        store=keystore(),
        at=at,
        by=by,
    )
    for line in lines:
        if isinstance(line, Refused):
            outcome.refused.append(line)
            outcome.tell(line.kind, f"refused: {line.code}")
    _messages(context, [line for line in lines if isinstance(line, Incoming)], outcome)
    for line in lines:
        if isinstance(line, Deletion):
            _deletion(context, line, outcome)
    _record(context, outcome, last_number, digest)
    return outcome


def _messages(context: Context, lines: list[Incoming], outcome: Outcome) -> None:
    """Store what may be stored of `lines`, each in the cohort of its day."""
    by_day: dict[date, list[Incoming]] = defaultdict(list)
    lives = _lives(context)
    for line in _latest_of_each(lines, outcome):
        day = _day_of_life(context, lives, line, outcome)
        if day is not None:
            by_day[day].append(line)
    if not by_day:
        return
    parties = _parties(context, [line for day in by_day.values() for line in day])
    for day in [day for day in by_day if day <= lives.today]:
        resends.of_a_day_that_is_over(context.organization, day, by_day.pop(day), _answers(context, parties, outcome))
    leaves.require_leaves(by_day)
    for day in sorted(by_day):  # one order for everybody: two batches at once can't wait for each other in a circle
        _one_day(context, day, by_day[day], parties, outcome)


def _latest_of_each(lines: list[Incoming], outcome: Outcome) -> list[Incoming]:
    """Of several lines with one id in the same chunk the last edit; the rest are told as duplicates or replaced."""
    latest: dict[str, Incoming] = {}
    for line in lines:
        earlier = latest.get(line.id)
        if earlier is None:
            latest[line.id] = line
        elif _edited(line) > _edited(earlier):
            outcome.tell(earlier.kind, "replaced in the same batch")
            latest[line.id] = line
        else:
            outcome.tell(line.kind, "duplicate")
    return list(latest.values())


def _edited(line: Incoming) -> datetime:
    return line.edited_at or line.sent_at


def _lives(context: Context) -> Lives:
    return Lives(context.rules, at=context.at, counts_from=context.batch.life_counts_from)


def _day_of_life(context: Context, lives: Lives, line: Incoming, outcome: Outcome) -> date | None:
    """The expiry day of a line, or None after telling why it can't come in."""
    if line.sent_at > lives.latest:
        outcome.refuse(line, "sent_in_the_future", "It says it was sent in the future. Check the sender's clock.")
        return None
    conversation_class = line.conversation_class or ""
    if conversation_class and conversation_class not in context.classes:
        outcome.refuse(line, "unknown_class", "Its conversation class is not registered for the organization.")
        return None
    day = lives.expiry(conversation_class, line.sent_at)
    if day <= lives.today and not context.may_live_on(day):
        if context.batch.life_from == LifeFrom.IMPORT:  # an import taken up again after its own cohort is over
            outcome.refuse(line, "past_its_life", "The life counted from this import is over.")
        else:
            outcome.refuse(line, "past_its_life", "Its life was over when it arrived.")
        return None
    return day


@dataclass(frozen=True)
class Parties:
    """Everybody who wrote or received in a chunk, as the messages will name them; whoever was erased has a name of each cohort's own."""

    source: str
    named: Mapping[Party, dict]
    erased: Marks

    def under(self, sealer: envelope.Envelope) -> Mapping[Party, dict]:
        if not self.erased.aliases:
            return self.named
        return Remembered(lambda party: self.erased.veiled(self.source, self.named[party], sealer))


def _parties(context: Context, lines: Iterable[Incoming]) -> Parties:
    """Everybody who wrote or received: as they came, and the person they matched."""
    parties = {party for line in lines for party in (line.sender, *line.recipients)}
    handles = {party: Handle(context.batch.source, party.source_id or "", party.email or "") for party in parties}
    people = match(organization_id=context.organization.pk, handles=handles.values())
    named = {party: party_as_dict(party) | {"person": people.get(handle) or None} for party, handle in handles.items()}
    return Parties(context.batch.source, named, marks_among(context.organization, context.batch.source, named.values()))


def _content(context: Context, line: Incoming, parties: Parties, sealer: envelope.Envelope) -> dict:
    """The canonical message: as it came, with its source and the persons it matched."""
    message = as_message(line, parties.under(sealer).__getitem__)
    message["source"] = context.batch.source
    return message


def _one_day(context: Context, day: date, lines: list[Incoming], parties: Parties, outcome: Outcome) -> None:
    """Store the lines of one day. Holds the cohort FOR SHARE until the commit, so that nothing seals or ends meanwhile."""
    once = {}
    if context.batch.life_from == LifeFrom.IMPORT:
        once = _not_imported_before(context, lines, outcome)
        lines = list(once.values())
        if not lines:
            return
    place = arrivals.open_place(
        organization=context.organization, day=day, owed=context.owed, at=context.at, by=context.by
    )
    if place is None:
        for line in lines:
            outcome.refuse(line, "cohort_closed", "The messages of its day are closed; it can't be added any more.")
        return
    ImportedOnce.objects.bulk_create(
        ImportedOnce(organization=context.organization, tag=tag, expiry_on=day) for tag in once
    )
    sealer = envelope.for_cohort(context.store, organization=context.organization.reference, expiry=day, create=True)
    fresh = _fresh(context, sealer, place, lines, parties, outcome)
    writing = Writing(context.batch.source, parties.under(sealer), sealer, context.policy_version)
    if fresh:
        arrivals.copy_in(
            writing.rows(fresh, arrivals.next_numbers(len(fresh))), day=day, organization_id=context.organization.pk,
            segment=place.segment, policy_version=context.policy_version,
        )  # fmt: skip
    for kind, count in Counter(line.kind for line in fresh.values()).items():
        outcome.counts[f"{kind}|accepted"] += count
    BatchShare.objects.bulk_create(
        BatchShare(
            batch=context.batch, cohort=place.cohort, segment=place.segment, conversation_class=code, messages=count,
            bytes=size, at=context.at,
        )
        for code, (count, size) in sorted(writing.sizes.items())
    )  # fmt: skip


def _fresh(
    context: Context, sealer: envelope.Envelope, place: arrivals.Place, lines: list[Incoming], parties: Parties, outcome: Outcome
) -> dict[bytes, Incoming]:  # fmt: skip
    """By their source tags the lines that are not stored yet; the others are told as duplicates, replace, or are refused."""
    fresh = dict(zip(sealer.source_tags(context.batch.source, (line.id for line in lines)), lines, strict=True))
    for tag in arrivals.deleted_early(place.cohort, fresh):
        outcome.refuse(fresh.pop(tag), "deleted_before", "It was deleted before its day and does not come back.")
    for tag, row in arrivals.stored(place.cohort.expiry_on, fresh).items():
        line = fresh.pop(tag)
        _again(context, sealer, place, row, _content(context, line, parties, sealer), line, outcome)
    for tag in resends.moved_on(place.cohort, fresh, _answers(context, parties, outcome)):
        del fresh[tag]
    return fresh


def _answers(context: Context, parties: Parties, outcome: Outcome) -> resends.Answers:
    """How lines are answered whose message stands at another day than theirs."""
    return resends.Answers(
        source=context.batch.source, refuse=outcome.refuse, at=context.at,
        again=lambda sealer, place, row, line: _again(context, sealer, place, row, _content(context, line, parties, sealer), line, outcome),
    )  # fmt: skip


def _not_imported_before(context: Context, lines: list[Incoming], outcome: Outcome) -> dict[bytes, Incoming]:
    """Of an import whose life counts from the import: only what no earlier such import brought in, on whatever day."""
    tags = {
        envelope.imported_once_tag(
            context.store, organization=context.organization.reference, source=context.batch.source, message_id=line.id
        ): line
        for line in lines
    }
    rows = ImportedOnce.objects.filter(organization=context.organization, tag__in=list(tags)).values_list("tag", flat=True)
    for tag in {bytes(tag) for tag in rows}:
        outcome.tell(tags.pop(tag).kind, "duplicate")
    return tags


def _again(
    context: Context, sealer: envelope.Envelope, place: arrivals.Place, row: Stored, message: dict, line: Incoming, outcome: Outcome
) -> None:  # fmt: skip
    """The id is stored already: the same is a duplicate, a later edit replaces, other words without an edit are refused."""
    standing, _salt = sealer.open(row.ciphertext, number=row.id, policy_version=row.policy_version)
    said = (message["body"], message["attachments"])
    if (standing["body"], standing["attachments"]) == said:
        outcome.tell(line.kind, "duplicate")
    elif (message["edited_at"] or "") <= (standing["edited_at"] or ""):
        if message["edited_at"] or standing["edited_at"]:
            outcome.tell(line.kind, "duplicate")  # an older state of an edited message, sent late
        else:
            outcome.refuse(line, "same_id_other_words", "Its id is stored with other content, and it does not say it was edited.")
    elif row.segment in place.sealed_segments:
        outcome.refuse(line, "edited_after_seal", "It is counted and sealed: in its last two days its text can't change.")
    else:
        sealed = sealer.seal(message, number=row.id, policy_version=row.policy_version)
        arrivals.replace(place.cohort, row, sealed, at=context.at)
        outcome.tell(line.kind, "replaced")


def _deletion(context: Context, line: Deletion, outcome: Outcome) -> None:
    """A message deleted at its source goes early here too."""
    classes = [line.conversation_class] if line.conversation_class else ["", *sorted(context.classes)]
    if context.batch.life_from == LifeFrom.IMPORT:
        tag = envelope.imported_once_tag(
            context.store, organization=context.organization.reference, source=context.batch.source, message_id=line.id
        )
        days = set(ImportedOnce.objects.filter(organization=context.organization, tag=tag).values_list("expiry_on", flat=True))
    else:
        lives = _lives(context)
        days = {lives.expiry(conversation_class, line.sent_at) for conversation_class in classes}
    for day in sorted(days):
        if early.delete_by_source(
            organization=context.organization, day=day, source=context.batch.source, message_id=line.id,
            reason="deleted_at_source", by=context.by, at=context.at,
        ):  # fmt: skip
            outcome.tell(line.kind, "deleted")
            return
    outcome.refuse(line, "nothing_to_delete", "No message of that id is stored: it never came, or is gone already.")


def _record(context: Context, outcome: Outcome, last_number: int, digest: bytes | None) -> None:
    """The chunk's counts on the batch, its refused lines, and its entry in the ledger."""
    batch = context.batch
    room = max(0, MOST_REFUSED_LINES - RefusedLine.objects.filter(batch=batch).count())
    RefusedLine.objects.bulk_create(
        (RefusedLine(batch=batch, number=line.number, code=line.code, why=line.why[:300]) for line in outcome.refused[:room]),
        ignore_conflicts=True,
    )
    chunk = {
        "accepted": outcome.total("accepted"),
        "duplicates": outcome.total("duplicate"),
        "replaced": outcome.total("replaced"),
        "deleted": outcome.total("deleted"),
        "refused": outcome.total("refused"),
    }
    for name, number in chunk.items():
        setattr(batch, name, getattr(batch, name) + number)
    batch.kinds = dict(sorted((Counter(batch.kinds) + outcome.counts).items()))
    batch.committed_lines = last_number
    batch.committed_digest = digest
    batch.save(update_fields=[*chunk, "kinds", "committed_lines", "committed_digest"])
    ledger.record(
        "messages.taken_in", by=context.by, about=batch.reference, at=context.at,
        facts={"organization": context.organization.reference, "up_to_line": last_number, **chunk},
    )  # fmt: skip


def feed(
    *, batch: Batch, reader: Iterable, by: Actor, now: Callable[[], datetime], progress: Callable[[Batch], None] | None = None
) -> Batch:  # fmt: skip
    """Take in everything of `reader`, chunk by chunk. Goes on where a broken-off run of the same batch had committed.

    `now` is asked for each chunk: an import may run over midnight, and a cohort may close meanwhile. Raises BatchKeyUsed
    where the content is not what came before under this name.
    """
    for lines, last_number, digest in chunks.of(reader, batch, size=settings.RETENTION_BATCH_LINES):
        if batch.finished_at is None:
            take_in(batch=batch, lines=lines, last_number=last_number, digest=digest, by=by, at=now())
        if progress:
            progress(batch)
    whole = getattr(reader, "sha256", None)
    return batches.close_batch(batch=batch, digest=whole.digest() if whole else None, by=by, at=now())
