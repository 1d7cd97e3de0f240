"""Authorized Individual Representatives: who acts for somebody below 18, on what authority, for how long (P24).

A representative is verified before the child is registered, so until then the row says by name and date of birth for whom. The document
that proves the authority is sealed under a secret of its own, and destroyed some days after the decision.
"""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models.people import Person
from apps.accounts.querysets import RepresentativeQuerySet
from apps.accounts.states import Authority, EndReason, RejectionReason, RepresentativeState
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion

LARGEST_DOCUMENT = 10 * 1024 * 1024


def representative_reference() -> str:
    return new_reference("REP")


def by_somebody(**more) -> models.CharField:
    """Who did it, by the reference that the ledger uses too."""
    field = models.CharField(max_length=60, editable=False, help_text="Who did it, by reference.", **more)
    return personal(field, DataCategory.WORK_RECORD, Purpose.LEGAL)


class Representative(models.Model):
    """Somebody who acts for one person below 18. It counts once two persons verified it, from its first day up to the day after its last."""

    NOT_PERSONAL = (
        "id", "reference", "authority", "valid_from", "valid_until", "document_kind", "document_digest", "document_size",
        "document_destroyed_at", "state", "proposed_at", "asked_at", "decided_at", "rejection", "ended_at", "end_reason", "policy_version",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=representative_reference, editable=False)
    #: the database's own foreign key removes the row with the person's (migration `minors_are_represented`)
    person = personal(
        models.ForeignKey(
            Person, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="representatives",
            verbose_name="acts for", help_text="The person below 18. Empty until they are registered.",
        ),
        DataCategory.IDENTITY, Purpose.AGE_CHECK,
    )  # fmt: skip
    minor_given_name = personal(
        models.CharField("given name of the child", max_length=80, blank=True, editable=False), DataCategory.IDENTITY, Purpose.AGE_CHECK,
        lost_without="the child can't be registered with this representative.",
    )  # fmt: skip
    minor_birth_date = personal(
        models.DateField("date of birth of the child", null=True, blank=True, editable=False), DataCategory.DEMOGRAPHIC, Purpose.AGE_CHECK,
        lost_without="the child can't be registered with this representative.",
    )  # fmt: skip
    full_name = personal(models.CharField("representative's name", max_length=120, blank=True), DataCategory.IDENTITY, Purpose.AGE_CHECK)
    email = personal(models.EmailField("representative's e-mail", blank=True), DataCategory.CONTACT, Purpose.AGE_CHECK)
    authority = models.CharField(max_length=12, choices=Authority.choices)
    valid_from = models.DateField("from", help_text="Its first day, UTC.")
    valid_until = models.DateField(
        "until", null=True, blank=True, help_text="The day after its last, UTC. Empty: until the person is 18 years old."
    )
    document = personal(models.BinaryField(null=True, editable=False), DataCategory.IDENTITY, Purpose.AGE_CHECK)
    document_kind = models.CharField(max_length=20, editable=False)
    document_digest = models.BinaryField(max_length=32, editable=False)
    document_size = models.PositiveIntegerField(editable=False)
    document_destroyed_at = models.DateTimeField(null=True, editable=False)
    state = models.CharField(max_length=10, choices=RepresentativeState.choices, default=RepresentativeState.PROPOSED, editable=False)
    proposed_by = by_somebody()
    proposed_at = models.DateTimeField(editable=False)
    asked_by = by_somebody(blank=True)
    asked_at = models.DateTimeField("checked at", null=True, editable=False)
    decided_by = by_somebody(blank=True)
    decided_at = models.DateTimeField(null=True, editable=False)
    rejection = models.CharField(max_length=12, choices=RejectionReason.choices, blank=True, editable=False)
    ended_by = by_somebody(blank=True)
    ended_at = models.DateTimeField(null=True, editable=False)
    end_reason = models.CharField(max_length=10, choices=EndReason.choices, blank=True, editable=False)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    objects = RepresentativeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("approve_representative", "Can decide on a representative that somebody else checked"),
            ("end_representative", "Can end a representation before its time"),
            ("reveal_representative", "Can see who a representative is, and take the document; each look is recorded"),
        ]
        indexes = [
            models.Index(fields=["person", "valid_from"], name="representative_of_person"),
            models.Index(fields=["valid_until", "id"], name="representative_by_end"),
            models.Index(fields=["decided_at", "id"], name="representative_document_due", condition=Q(document__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                name="a_representation_ends_after_it_begins", condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from"))
            ),
            models.CheckConstraint(
                name="a_verified_representative_was_checked_and_approved",
                condition=~Q(state__in=[RepresentativeState.VERIFIED, RepresentativeState.ENDED])
                | (Q(decided_at__isnull=False, asked_at__isnull=False) & ~Q(decided_by="") & ~Q(asked_by="")),
            ),
            models.CheckConstraint(
                name="nobody_approves_the_representative_they_checked", condition=Q(decided_by="") | ~Q(decided_by=F("asked_by"))
            ),
            models.CheckConstraint(
                name="a_rejected_representative_says_why",
                condition=(Q(state=RepresentativeState.REJECTED, decided_at__isnull=False) & ~Q(rejection=""))
                | (~Q(state=RepresentativeState.REJECTED) & Q(rejection="")),
            ),
            models.CheckConstraint(
                name="an_ended_representation_says_who_and_why",
                condition=(Q(state=RepresentativeState.ENDED, ended_at__isnull=False) & ~Q(ended_by="") & ~Q(end_reason=""))
                | (~Q(state=RepresentativeState.ENDED) & Q(ended_at__isnull=True, ended_by="", end_reason="")),
            ),
            models.CheckConstraint(
                name="a_document_is_there_or_was_destroyed",
                condition=Q(document__isnull=False, document_destroyed_at__isnull=True)
                | Q(document__isnull=True, document_destroyed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="a_representative_is_for_a_person_or_for_a_named_child",
                condition=Q(person__isnull=False, minor_given_name="", minor_birth_date__isnull=True)
                | (Q(person__isnull=True, minor_birth_date__isnull=False) & ~Q(minor_given_name=""))
                | Q(person__isnull=True, minor_given_name="", minor_birth_date__isnull=True, state=RepresentativeState.REJECTED),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference
