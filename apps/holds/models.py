"""Matters and the holds that belong to them.

A matter is why something is kept: a lawsuit, an audit, an inquiry. A hold says what: by person, conversation, organization,
days of sending, in any combination; it is continuing, so it keeps what still arrives as well. The database refuses to change
what a hold keeps, to begin one again that was released, and to remove either (migration 0002).
"""

import secrets

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Organization, Person, trigram
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.holds.querysets import HoldQuerySet, MatterQuerySet
from apps.holds.states import HoldState, MatterState


def matter_reference() -> str:
    return new_reference("MAT")


def hold_reference() -> str:
    return new_reference("HLD")


def by_staff(**more) -> models.CharField:
    """Who did it: a member of staff, by the reference that the ledger uses too."""
    field = models.CharField(max_length=60, help_text="A member of staff, by reference.", **more)
    return personal(field, DataCategory.WORK_RECORD, Purpose.LEGAL)


def fresh_salt() -> bytes:
    return secrets.token_bytes(32)


class Matter(models.Model):
    """Why something is kept from destruction. Its words are ours; whoever they speak of should be in them by reference."""

    NOT_PERSONAL = ("id", "reference", "state", "opened_at", "closed_at")

    reference = models.CharField(max_length=20, unique=True, default=matter_reference, editable=False)
    title = personal(
        models.CharField(max_length=120, help_text="What colleagues call it, e.g. a docket number. Name people by their references."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    reason = personal(
        models.CharField(max_length=500, help_text="Why the law asks us to keep something. Name people by their references."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    state = models.CharField(max_length=10, choices=MatterState.choices, default=MatterState.OPEN, editable=False)
    opened_by = by_staff(editable=False)
    opened_at = models.DateTimeField(editable=False)
    closed_by = by_staff(blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = MatterQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("close_matter", "Can close a matter that has no hold in force")]
        indexes = [
            trigram("title", "matter_title_trigram"),
            models.Index(fields=["opened_at", "id"], name="matter_by_opening"),
        ]
        constraints = [
            models.CheckConstraint(name="a_matter_says_what_and_why", condition=~Q(title="") & ~Q(reason="")),
            models.CheckConstraint(
                name="a_closed_matter_says_who_and_when",
                condition=Q(state=MatterState.OPEN, closed_at__isnull=True, closed_by="")
                | (Q(state=MatterState.CLOSED, closed_at__isnull=False) & ~Q(closed_by="")),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class Hold(models.Model):
    """What a matter keeps. The scope never changes: what should be kept besides is a hold of its own.

    `person_reference` stays when the person's own row is erased after the hold is over (`services.releasing.let_go`).
    `salt` binds the journal's line to a conversation without naming it there.
    """

    NOT_PERSONAL = (
        "id", "reference", "matter", "organization", "person_reference", "conversation_source", "sent_from", "sent_until", "salt",
        "state", "placed_at", "release_asked_at", "released_at", "kept_until",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=hold_reference, editable=False)
    matter = models.ForeignKey(Matter, on_delete=models.PROTECT, related_name="holds")
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="holds", help_text="Empty: of every organization."
    )
    person = personal(
        models.ForeignKey(
            Person, null=True, blank=True, on_delete=models.PROTECT, related_name="holds", help_text="Empty: of everybody."
        ),
        DataCategory.IDENTITY, Purpose.LEGAL,
    )  # fmt: skip
    person_reference = models.CharField("person", max_length=20, blank=True, db_index=True)
    conversation_source = models.CharField(max_length=40, blank=True, help_text="The system the conversation is in, e.g. slack")
    conversation_id = personal(
        models.CharField("conversation", max_length=200, blank=True, help_text="Empty: all conversations."),
        DataCategory.MESSAGE, Purpose.LEGAL,
    )  # fmt: skip
    sent_from = models.DateField(null=True, blank=True, help_text="The first day of sending that is kept, UTC. Empty: from the beginning.")
    sent_until = models.DateField("sent before", null=True, blank=True, help_text="The day after the last that is kept, UTC. Empty: without end.")
    reason = personal(
        models.CharField(max_length=500, help_text="Why it is kept, in the words of who placed it."), DataCategory.WORK_RECORD, Purpose.LEGAL
    )
    salt = models.BinaryField(max_length=32, default=fresh_salt)
    state = models.CharField(max_length=10, choices=HoldState.choices, default=HoldState.ACTIVE)
    placed_by = by_staff()
    placed_at = models.DateTimeField()
    release_asked_by = by_staff(blank=True)
    release_asked_at = models.DateTimeField(null=True, blank=True)
    release_reason = personal(
        models.CharField(max_length=500, blank=True, help_text="Why it may end, in the words of who asked."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    released_by = by_staff(blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    kept_until = models.DateTimeField(null=True, blank=True, help_text="Until then nothing that it kept falls due.")

    objects = HoldQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("ask_release", "Can ask for the release of a hold"),
            ("release_hold", "Can release a hold that somebody else asked to release"),
            ("reveal_hold", "Can see which conversation a hold names; each look is recorded"),
        ]
        indexes = [models.Index(fields=["placed_at", "id"], name="hold_by_placing")]
        constraints = [
            models.CheckConstraint(
                name="a_hold_names_what_it_keeps",
                condition=Q(organization__isnull=False)
                | ~Q(person_reference="")
                | ~Q(conversation_id="")
                | Q(sent_from__isnull=False)
                | Q(sent_until__isnull=False),
            ),
            models.CheckConstraint(
                name="a_conversation_is_one_of_an_organization",
                condition=Q(conversation_source="", conversation_id="")
                | (~Q(conversation_source="") & ~Q(conversation_id="") & Q(organization__isnull=False)),
            ),
            models.CheckConstraint(
                name="a_hold_on_a_person_keeps_their_reference", condition=Q(person__isnull=True) | ~Q(person_reference="")
            ),
            models.CheckConstraint(
                name="a_hold_ends_after_it_begins",
                condition=Q(sent_from__isnull=True) | Q(sent_until__isnull=True) | Q(sent_from__lt=F("sent_until")),
            ),
            models.CheckConstraint(name="a_hold_says_why", condition=~Q(reason="")),
            models.CheckConstraint(
                name="who_asks_for_a_release_says_why",
                condition=Q(release_asked_by="", release_asked_at__isnull=True, release_reason="")
                | (~Q(release_asked_by="") & Q(release_asked_at__isnull=False) & ~Q(release_reason="")),
            ),
            models.CheckConstraint(
                name="a_released_hold_says_who_when_and_why",
                condition=Q(state=HoldState.ACTIVE, released_by="", released_at__isnull=True, kept_until__isnull=True)
                | (
                    Q(state=HoldState.RELEASED, released_at__isnull=False, kept_until__isnull=False)
                    & ~Q(released_by="")
                    & ~Q(release_asked_by="")
                ),
            ),
            models.CheckConstraint(
                name="nobody_releases_the_hold_they_asked_to_release",
                condition=Q(released_by="") | ~Q(released_by=F("release_asked_by")),
            ),
            models.CheckConstraint(
                name="a_released_hold_keeps_its_grace",
                condition=Q(kept_until__isnull=True) | Q(kept_until__gt=F("released_at")),
            ),
            models.UniqueConstraint(
                name="a_matter_keeps_the_same_once",
                fields=[
                    "matter", "organization", "person_reference", "conversation_source", "conversation_id", "sent_from", "sent_until",
                ],
                condition=Q(state=HoldState.ACTIVE), nulls_distinct=False,
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference

    @property
    def scope_in_words(self) -> str:
        """What it keeps, naming people and organizations by reference and a conversation not at all."""
        words = [f"messages of {self.person_reference}" if self.person_reference else "all messages"]
        if self.conversation_id:
            words.append(f"in one conversation in {self.conversation_source}")
        if self.organization_id:
            words.append(f"at {self.organization.reference}")
        elif not self.person_reference:
            words.append("of every organization")
        if self.sent_from:
            words.append(f"sent from {self.sent_from.isoformat()}")
        if self.sent_until:
            words.append(f"{'and' if self.sent_from else 'sent'} before {self.sent_until.isoformat()}")
        return " ".join(words)
