"""Ends a person's messages as their client says: deleted early, or under a pseudonym, or kept until their day. A bounded piece per call.

| call | what it does, each in the caller's transaction |
|---|---|
| the first | marks the person as erased, so that from its commit on nothing more is stored under them, and asks to be called again |
| each next | takes up to `PIECE` messages, cohort by cohort |
| the last | does nothing any more, and says what is kept, on what ground and until when |

| lock | why, in this order |
|---|---|
| the organization, shared | rules stand still, and no rescheduling moves rows meanwhile |
| new holds are kept out | a hold comes before our look, or finds the messages as they are then |
| each cohort, the first to end first | sealing, archives, ingest and single deletions lock them too |

Killed anywhere: what was committed is not there any more, or stands under a pseudonym, and the next call goes on with the rest.
It must never touch what a hold names but to put it apart, nor what an archive is owed and does not have, nor a text that is sealed.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time

from django.db import connection

from apps.accounts.models import Organization
from apps.audit.services import journal, ledger
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.foundation.clock import day_of
from apps.foundation.keys import KeyDestroyed
from apps.foundation.personal_data import Ended, Kept, KeptGround, Subject
from apps.foundation.refusals import Refusal
from apps.holds.services import asking
from apps.retention import envelope
from apps.retention.models import Amendment, AsideBundle, AsideMessage, Cohort, Destruction, EarlyDeletion, Segment
from apps.retention.services import arrivals, aside, grounds
from apps.retention.services.people import archived, finding, marks, readings, whose
from apps.retention.services.people.finding import Look, Place
from apps.retention.services.people.rules import rule_of
from apps.retention.states import READABLE, AsideGround, OnErasure

#: messages that one call ends, and bytes: attachments make rows large
PIECE, PIECE_BYTES = 1_000, 64 * 1024 * 1024
REASON = "person_erased"

#: a participant of a message from a source, as it is to be named in the cohort of that envelope
Veil = Callable[[str, dict, envelope.Envelope], dict]


class ClientNotAsked(Refusal):
    """The client decides on these messages, and has not said what is to become of them."""

    code = "client_not_asked"
    mend = "Ask the client; record its answer, or have its standing rule approved."


def erase(subject: Subject, at: datetime, answer: str = "") -> Ended:
    """End a piece of the person's messages. Call it inside a transaction; what is gone already counts 0.

    Without an `answer` that counts which the erasure began with, else the client's standing rule. Raises ClientNotAsked.
    """
    if not subject.organization:
        return Ended()
    try:
        known = marks.standing(subject)
    except KeyDestroyed:  # the client left, and the key of all its messages is gone
        return Ended()
    said = OnErasure(answer or (known.answer if known else "") or rule_of(subject.organization).erasure)
    if said == OnErasure.ASK:
        raise ClientNotAsked(f"{subject.organization} decides on these messages.")
    if known is None or known.answer != said or not known.is_whole:
        readings.let_go_of(subject, at)
        marks.mark(subject, said, at)
        return Ended(more=True)
    organization = Organization.objects.raw("SELECT * FROM accounts_organization WHERE reference = %s FOR SHARE", [subject.organization])[0]
    asking.keep_new_holds_out()
    return _Piece(subject, organization, said, known.alias, at).ended()


class _Piece:
    """What one call does and sees. Holds nothing beyond it."""

    def __init__(self, subject: Subject, organization: Organization, said: str, alias: bytes, at: datetime):
        self._subject, self._organization, self._said, self._alias, self._at = subject, organization, said, alias, at
        self._whose = whose.of(subject)
        holds = sorted(asking.holds_of_organization(organization.pk, at), key=lambda hold: hold.pk)
        self._holds = {hold.pk: hold.reference for hold in holds}
        self._held = grounds.Grounds(
            scopes=tuple(grounds.scope_of(hold) for hold in holds), holds_seen=asking.newest(at), unarchived=frozenset(), review=False
        )
        #: ended, put apart for a hold, and bytes looked at
        self._erased = self._anonymised = self._apart = self._size = 0
        self._deletions: list[EarlyDeletion] = []
        self._kept: dict[tuple[KeptGround, str], tuple[int, datetime | None]] = {}

    def ended(self) -> Ended:
        """Do a piece. What is kept is said by the call that finds nothing to do any more, so that it is said once and whole."""
        for look, places in finding.live(self._subject, self._whose, self._at):
            self._live(look, places)
            if self._is_full:
                break
        self._record()
        for bundle, rows in [] if self._is_full else finding.set_aside(self._subject, self._whose):
            self._aside(bundle, rows)
        if self._done:
            doorbell.ring("journal.owed")
            return Ended(self._erased, self._anonymised, more=True)
        self._in_archives()
        return Ended(kept=tuple(Kept(*named, rows, until) for named, (rows, until) in sorted(self._kept.items())))

    @property
    def _done(self) -> int:
        return self._erased + self._anonymised + self._apart

    @property
    def _is_full(self) -> bool:
        return self._done >= PIECE or self._size >= PIECE_BYTES

    def _keep(self, ground: KeptGround, about: str, rows: int, until: datetime | None = None) -> None:
        """`until` is the last day of all of them; None where one has none."""
        if rows:
            before, last = self._kept.get((ground, about), (0, datetime.min.replace(tzinfo=UTC)))
            self._kept[ground, about] = (before + rows, max(last, until) if last and until else None)

    # --- live -----------------------------------------------------------------------------------------------------------

    def _live(self, look: Look, places: list[Place]) -> None:
        end = datetime.combine(look.cohort.expiry_on, time.min, tzinfo=UTC)
        if self._said == OnErasure.KEEP:
            self._keep(KeptGround.CONTRACT, self._organization.reference, len(places), end)
            return
        cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").get(pk=look.cohort.pk)
        if cohort.state not in READABLE or cohort.expiry_on <= day_of(self._at):
            return
        sealed = frozenset(Segment.objects.filter(cohort=cohort, sealed_at__isnull=False).values_list("number", flat=True))
        if self._said == OnErasure.PSEUDONYMISE:  # what is counted and bound by a root says what it says until its day
            ready = [place for place in places if place.segment not in sealed]
            self._keep(KeptGround.CONTRACT, cohort.reference, len(places) - len(ready), end)
        else:
            waits = archived.waiting(cohort)
            ready = [place for place in places if not waits(place)]
            self._keep(KeptGround.ARCHIVE, self._organization.reference, len(places) - len(ready))
        self._end(Look(cohort, look.opener, look.tags), self._room_for(ready), sealed)

    def _room_for(self, ready: Sequence[Place]) -> list[int]:
        """Their numbers, as many as this call still takes: one at least, so that each call gets on."""
        numbers = []
        left, room = PIECE - self._done, PIECE_BYTES - self._size
        for place in ready[:left]:
            if numbers and place.size > room:
                break
            room -= place.size
            numbers.append(place.id)
        return numbers

    def _end(self, look: Look, numbers: list[int], sealed: frozenset[int]) -> None:
        if not numbers:
            return
        theirs: list[tuple[bytes, aside.Opened]] = []
        for source_tag, row in finding.rows(look, numbers):
            salt, body = look.opener.open_raw(row.ciphertext, number=row.id, policy_version=row.policy_version)
            message = envelope.parsed(body)
            if self._whose.took_part(message):
                theirs.append((source_tag, aside.Opened(row, salt, body, message)))
        self._size += sum(len(opened.row.ciphertext) for _tag, opened in theirs)
        held = [one for one in theirs if self._held.of(one[1].row.segment, one[1].message) is not None]
        free = [one for one in theirs if self._held.of(one[1].row.segment, one[1].message) is None]
        if held:
            aside.put_aside(look.cohort, self._held, look.opener, [opened.row for _tag, opened in held], self._at)
            self._apart += len(held)
            self._gone(look.cohort, held, sealed, kept_for_hold=True)
        if self._said == OnErasure.PSEUDONYMISE:
            self._pseudonymise(look, [opened for _tag, opened in free])
        elif free:
            arrivals.take_out(look.cohort.expiry_on, [opened.row.id for _tag, opened in free])
            self._erased += len(free)
            self._gone(look.cohort, free, sealed, kept_for_hold=False)

    def _gone(self, cohort: Cohort, gone: Sequence[tuple[bytes, aside.Opened]], sealed: frozenset[int], *, kept_for_hold: bool) -> None:
        """They left the service; `_record` says so in the same transaction."""
        self._deletions += [
            EarlyDeletion(
                cohort=cohort, segment=opened.row.segment, bytes=len(opened.row.ciphertext), proof=opened.row.proof, source_tag=tag,
                kept_for_hold=kept_for_hold, reason=REASON, by=str(SYSTEM), at=self._at, message=opened.row.id, counted=opened.row.segment in sealed,
            )
            for tag, opened in gone
        ]  # fmt: skip

    def _record(self) -> None:
        """Each that is gone has its record, as a single deletion has: a term of the account, an entry in the ledger, its place in a line of the journal."""
        EarlyDeletion.objects.bulk_create(self._deletions)
        by_cohort: dict[int, list[EarlyDeletion]] = defaultdict(list)
        for row in self._deletions:
            by_cohort[row.cohort_id].append(row)
        for rows in by_cohort.values():
            cohort = rows[0].cohort
            journal.owe(
                "messages.deleted_early", about=cohort.reference, at=self._at,
                body={
                    "organization": self._organization.reference, "day": cohort.expiry_on.isoformat(), "reason": REASON,
                    "deletions": [row.reference for row in rows], "tags": [row.source_tag.hex() for row in rows], "messages": [row.message for row in rows],
                },
            )  # fmt: skip
            for kept in (False, True):
                abouts = [row.reference for row in rows if row.kept_for_hold == kept]
                facts = {"cohort": cohort.reference, "reason": REASON, "unrecoverable_from": cohort.expiry_on, "kept_for_hold": kept}
                ledger.record_each("message.deleted_early", by=SYSTEM, abouts=abouts, at=self._at, facts=facts)

    def _pseudonymise(self, look: Look, free: list[aside.Opened]) -> None:
        """The same messages under another name, in the places where they stand. What an archive is owed leaves in its next part as it is now."""
        if not free:
            return
        replace_party(look.cohort, look.opener, free, self._veiled, self._at)
        self._anonymised += len(free)
        numbers = [opened.row.id for opened in free]
        journal.owe(
            "messages.pseudonymised", about=look.cohort.reference, at=self._at,
            body={"organization": self._organization.reference, "messages": numbers},
        )  # fmt: skip
        ledger.record(
            "messages.pseudonymised", by=SYSTEM, about=look.cohort.reference, at=self._at, facts={"messages": len(free), "reason": REASON}
        )

    def _veiled(self, source: str, party: dict, sealer: envelope.Envelope) -> dict:
        return marks.pseudonym(self._alias, sealer) if self._whose.is_them(source, party) else party

    # --- aside ----------------------------------------------------------------------------------------------------------

    def _aside(self, bundle: AsideBundle, rows: list[AsideMessage]) -> None:
        """What stands aside stays, hidden and under a key of its own, as long as its ground does."""
        if bundle.ground == AsideGround.ARCHIVE:
            self._keep(KeptGround.ARCHIVE, self._organization.reference, len(rows))
        elif bundle.ground == AsideGround.REVIEW:
            self._keep(KeptGround.CONTRACT, self._organization.reference, len(rows))
        else:
            self._held_aside(bundle, rows)

    def _held_aside(self, bundle: AsideBundle, rows: list[AsideMessage]) -> None:
        cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").get(pk=bundle.cohort_id)
        opener, let_go = aside.envelope_of(bundle, cohort), []
        for row in rows:
            message, _salt = opener.open(bytes(row.ciphertext), number=row.pk, policy_version=row.policy_version_id)
            if not self._whose.took_part(message):
                continue
            scope = next((scope for scope in self._held.scopes if scope.covers(message)), None)
            if scope is not None:
                self._keep(KeptGround.HOLD, self._holds[scope.hold_id], 1)
            else:
                let_go.append(row.pk)
        if let_go and self._said != OnErasure.KEEP:
            self._let_go(cohort, bundle, let_go)

    def _let_go(self, cohort: Cohort, bundle: AsideBundle, numbers: list[int]) -> None:
        """Their hold is over. Those that were set aside before their day go now; the rest goes with its bundle, whose end is due already."""
        early = EarlyDeletion.objects.filter(cohort=cohort, message__in=numbers, kept_for_hold=True)
        going = [] if Destruction.objects.filter(secret=bundle.secret).exists() else list(early.values_list("message", flat=True))
        if not going:
            self._keep(KeptGround.HOLD, bundle.matter.reference, len(numbers))
            return
        gone, _by_model = AsideMessage.objects.filter(bundle=bundle, pk__in=going).delete()
        if gone != early.filter(message__in=going).update(kept_for_hold=False):
            raise RuntimeError("rows that a hold had kept are not those that were recorded")
        ledger.record(
            "messages.let_go", by=SYSTEM, about=cohort.reference, at=self._at,
            facts={"messages": gone, "matter": bundle.matter.reference, "reason": REASON},
        )  # fmt: skip
        self._erased += gone
        self._keep(KeptGround.HOLD, bundle.matter.reference, len(numbers) - len(going))

    def _in_archives(self) -> None:
        for target, parts, until in archived.copies(self._subject, self._whose):
            self._keep(KeptGround.ARCHIVE, target, parts, until)


def replace_party(cohort: Cohort, sealer: envelope.Envelope, opened: Sequence[aside.Opened], veiled: Veil, at: datetime) -> None:
    """Write these messages anew with every participant as `veiled` names them, in their places. Call it under the cohort's lock.

    None of them may be sealed. Where an archive is owed, it may have left already: the next part carries it again.
    """
    changed = []
    for row, _salt, _body, message in opened:
        source = message["source"]
        message = message | {
            "sender": veiled(source, message["sender"], sealer),
            "recipients": [veiled(source, party, sealer) for party in message["recipients"]],
        }
        sealed = sealer.seal(message, number=row.id, policy_version=row.policy_version)
        changed.append((sealed.tags, sealed.proof, sealed.ciphertext, cohort.expiry_on, row.id))
    if cohort.archive_owed:
        Amendment.objects.bulk_create(Amendment(cohort=cohort, message=row.id, at=at) for row, *_rest in opened)
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE message SET tags = %s, proof = %s, ciphertext = %s WHERE expiry = %s AND id = %s", changed)
        if cursor.rowcount != len(changed):
            raise RuntimeError("a row that was to be replaced is not there")
