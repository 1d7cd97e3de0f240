"""Cases about people below 18 who have no representative: opened the moment it is known, with a day by which it has to be over (P24)."""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models.people import Person
from apps.accounts.models.representatives import Representative, by_somebody
from apps.accounts.querysets import MinorCaseQuerySet
from apps.accounts.states import CaseState, FoundOut
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion


def case_reference() -> str:
    return new_reference("MIN")


class MinorCase(models.Model):
    """That somebody below 18 has no representative. Their registration is suspended as long as it is open."""

    NOT_PERSONAL = ("id", "reference", "how", "opened_at", "due_at", "state", "representative", "closed_at", "removal_asked_at", "policy_version")

    reference = models.CharField(max_length=20, unique=True, default=case_reference, editable=False)
    #: the database's own foreign key removes the row with the person's (migration `minors_are_represented`)
    person = personal(
        models.ForeignKey(Person, on_delete=models.DO_NOTHING, db_constraint=False, related_name="minor_cases"),
        DataCategory.IDENTITY, Purpose.AGE_CHECK,
    )  # fmt: skip
    how = models.CharField("how it became known", max_length=15, choices=FoundOut.choices)
    opened_at = models.DateTimeField(editable=False)
    opened_by = by_somebody()
    due_at = models.DateTimeField("due by", editable=False)
    state = models.CharField(max_length=12, choices=CaseState.choices, default=CaseState.OPEN, editable=False)
    representative = models.ForeignKey(
        Representative, null=True, editable=False, on_delete=models.DO_NOTHING, db_constraint=False, related_name="closed_cases",
        help_text="Who was found to act for them.",
    )  # fmt: skip
    closed_at = models.DateTimeField(null=True, editable=False)
    closed_by = by_somebody(blank=True)
    removal_asked_at = models.DateTimeField(null=True, editable=False, help_text="When staff asked that the minor is removed with their data.")
    removal_asked_by = by_somebody(blank=True)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    objects = MinorCaseQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "case about a minor"
        verbose_name_plural = "cases about minors"
        permissions = [
            ("open_minorcase", "Can say that a person is a minor, which suspends them"),
            ("close_minorcase", "Can close a case because the person is no minor"),
            ("remove_minorcase", "Can have a minor removed with their data"),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], name="minor_case_by_due"),
            models.Index(fields=["removal_asked_at", "id"], name="minor_case_by_removal", condition=Q(state=CaseState.OPEN, removal_asked_at__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(name="a_person_has_one_open_case", fields=["person"], condition=Q(state=CaseState.OPEN)),
            models.CheckConstraint(name="a_case_is_due_after_it_opened", condition=Q(due_at__gt=F("opened_at"))),
            models.CheckConstraint(
                name="a_closed_case_says_who_and_when",
                condition=Q(state=CaseState.OPEN, closed_at__isnull=True, closed_by="")
                | (~Q(state=CaseState.OPEN) & Q(closed_at__isnull=False) & ~Q(closed_by="")),
            ),
            models.CheckConstraint(
                name="a_removal_says_who_asked_and_when",
                condition=Q(removal_asked_at__isnull=True, removal_asked_by="") | (Q(removal_asked_at__isnull=False) & ~Q(removal_asked_by="")),
            ),
            models.CheckConstraint(
                name="a_case_names_the_representative_who_closed_it",
                condition=Q(state=CaseState.REPRESENTED, representative__isnull=False)
                | (~Q(state=CaseState.REPRESENTED) & Q(representative__isnull=True)),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference
