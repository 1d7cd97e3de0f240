"""Why a message may not be destroyed with its day: a hold covers it, an archive is owed it, its review is not done.

The one place that answers this question, for what steps aside from a leaf as for what stands aside already. A hold's scope
is compared with the message itself, decrypted; tags only narrow down which rows have to be opened.

| who depends on it | on what |
|---|---|
| stepping aside, endings of rows aside | that a row with any ground is never let go |
| the coverage report and the export of a matter | the same scope as the one that keeps |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from apps.accounts.models import ExternalIdentity, PersonEmail
from apps.holds.models import Hold, Matter
from apps.holds.services import asking
from apps.retention.envelope import Envelope
from apps.retention.models import Cohort, Review, ReviewAsked, Segment
from apps.retention.states import AsideGround, ReviewState


@dataclass(frozen=True)
class Scope:
    """What one hold covers, as messages are compared with it. Empty parts cover everything."""

    hold_id: int
    matter: Matter
    person: str
    emails: frozenset[str]
    identities: frozenset[tuple[str, str]]
    conversation: tuple[str, str] | None
    sent_from: date | None
    sent_until: date | None

    @property
    def by_person(self) -> bool:
        return bool(self.person)

    def covers(self, message: dict) -> bool:
        """Whether the hold names this message."""
        if self.conversation and (message["source"], message["conversation"]) != self.conversation:
            return False
        if self.sent_from or self.sent_until:
            sent = datetime.fromisoformat(message["sent_at"]).astimezone(UTC).date()
            if (self.sent_from and sent < self.sent_from) or (self.sent_until and sent >= self.sent_until):
                return False
        return not self.by_person or any(self._is(message["source"], party) for party in (message["sender"], *message["recipients"]))

    def _is(self, source: str, party: dict) -> bool:
        return (
            party.get("person") == self.person
            or (party.get("email") or "") in self.emails
            or (source, str(party.get("id") or "")) in self.identities
        )

    def tags(self, envelope: Envelope) -> list[bytes] | None:
        """Tags of which a covered row of this cohort carries at least one; None where any row may be covered."""
        if self.conversation:
            source, conversation = self.conversation
            return [envelope.tag("conversation", f"{source}\x00{conversation}")]
        if self.by_person:
            return person_tags(envelope, self.person, self.emails, self.identities)
        return None


def person_tags(envelope: Envelope, person: str, emails: Sequence[str], identities: Sequence[tuple[str, str]]) -> list[bytes]:
    """Every tag under which a person can stand in the rows of one cohort: matched, by address, by a source's id."""
    return [
        envelope.tag("person", person),
        *(envelope.tag("email", email) for email in sorted(emails)),
        *(envelope.tag("id", f"{source}\x00{external_id}") for source, external_id in sorted(identities)),
    ]


def scope_of(hold: Hold) -> Scope:
    """A hold as messages are compared with it, with the addresses and ids the person has now."""
    person, emails, identities = "", frozenset(), frozenset()
    if hold.person_id:
        person = hold.person_reference
        emails = frozenset(PersonEmail.objects.filter(person_id=hold.person_id).values_list("address", flat=True))
        identities = frozenset(ExternalIdentity.objects.filter(person_id=hold.person_id).values_list("source", "external_id"))
    return Scope(
        hold_id=hold.pk, matter=hold.matter, person=person, emails=emails, identities=identities,
        conversation=(hold.conversation_source, hold.conversation_id) if hold.conversation_id else None,
        sent_from=hold.sent_from, sent_until=hold.sent_until,
    )  # fmt: skip


def is_owed(cohort: Cohort) -> bool:
    """Whether the cohort is owed to an archive: once owed stays owed."""
    return cohort.archive_owed or cohort.organization.archive_entitlement != "none"


def unarchived_segments(cohort: Cohort) -> frozenset[int]:
    """Segments that an archive is owed and does not have yet, verified."""
    if not is_owed(cohort):
        return frozenset()
    return frozenset(Segment.objects.filter(cohort=cohort, archived_at=None).values_list("number", flat=True))


def waits_for_review(cohort: Cohort) -> bool:
    """Whether the organization asks for a review that has not approved the destruction."""
    review = Review.objects.filter(cohort=cohort).first()
    if review is not None:
        return review.state != ReviewState.APPROVED
    return ReviewAsked.objects.filter(organization_id=cohort.organization_id, ended_at=None).exists()


@dataclass(frozen=True)
class Grounds:
    """Everything that may keep rows of one cohort, looked at once and then asked row by row."""

    scopes: tuple[Scope, ...]
    holds_seen: int
    unarchived: frozenset[int]
    review: bool

    @property
    def keeps_nothing(self) -> bool:
        return not (self.scopes or self.unarchived or self.review)

    @property
    def keeps_everything_unopened(self) -> bool:
        """Whether the answer is the same for each row without opening it (and no hold must be told apart)."""
        return self.review and not self.scopes

    def of(self, segment: int, message: dict) -> tuple[AsideGround, Matter | None] | None:
        """The first ground that keeps a row, or None where it may go. A hold comes first: it also outlives the others."""
        for scope in self.scopes:
            if scope.covers(message):
                return AsideGround.HOLD, scope.matter
        if segment in self.unarchived:
            return AsideGround.ARCHIVE, None
        return (AsideGround.REVIEW, None) if self.review else None


def grounds_of(cohort: Cohort, *, at: datetime) -> Grounds:
    """What keeps rows of `cohort` now. `holds_seen` is read first, so that a hold placed meanwhile is newer than it."""
    newest = asking.newest(at)
    holds = asking.holds_of_organization(cohort.organization_id, at)
    return Grounds(
        scopes=tuple(scope_of(hold) for hold in sorted(holds, key=lambda hold: hold.pk)),
        holds_seen=newest,
        unarchived=unarchived_segments(cohort),
        review=waits_for_review(cohort),
    )
