"""Members of staff and the approvals between them.

A member of staff is never deleted: leaving ends access, and the record of what they did keeps pointing at a
reference.
"""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from simple_history.models import HistoricalRecords

from apps.foundation.actors import Actor
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.staff.querysets import ApprovalQuerySet, StaffManager
from apps.staff.roles import PERMISSIONS, Role
from apps.staff.states import Verdict

#: no "@", so that nobody's user name can be taken for somebody's e-mail at sign-in
plain_username = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
    "Use letters, digits, dots, hyphens and underscores; begin with a letter or a digit.",
)


def staff_reference() -> str:
    return new_reference("STF")


def approval_reference() -> str:
    return new_reference("APR")


class StaffMember(AbstractBaseUser):
    """Who logs in. What they may do follows from `roles` and the table in roles.py, and from nothing else."""

    NOT_PERSONAL = ("id", "roles", "is_active", "created_at", "left_at")

    reference = personal(
        models.CharField(max_length=20, unique=True, default=staff_reference, editable=False),
        DataCategory.WORK_RECORD, Purpose.SECURITY,
    )
    username = personal(
        models.CharField("user name", max_length=60, unique=True, validators=[plain_username]),
        DataCategory.CREDENTIAL, Purpose.SECURITY,
    )
    password = personal(models.CharField(max_length=128), DataCategory.CREDENTIAL, Purpose.SECURITY)
    full_name = personal(models.CharField(max_length=120), DataCategory.IDENTITY, Purpose.SECURITY)
    email = personal(models.EmailField("e-mail", unique=True), DataCategory.CONTACT, Purpose.SECURITY)
    last_login = personal(
        models.DateTimeField(null=True, blank=True, editable=False), DataCategory.WORK_RECORD, Purpose.SECURITY
    )
    roles = ArrayField(models.CharField(max_length=30, choices=Role.choices), default=list, blank=True)
    is_active = models.BooleanField("may sign in", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    left_at = models.DateTimeField(null=True, blank=True, editable=False)

    history = HistoricalRecords(excluded_fields=["password", "last_login"])
    objects = StaffManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email", "full_name"]

    class Meta:
        verbose_name = "member of staff"
        verbose_name_plural = "members of staff"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="who_left_can_not_sign_in", condition=Q(left_at__isnull=True) | Q(is_active=False)
            ),
            # sign-in ignores case: two names that differ by it alone would lock both out
            models.UniqueConstraint(
                Lower("username"),
                name="a_user_name_is_one_persons_in_any_case",
                violation_error_message="Somebody has this user name already.",
            ),
            models.UniqueConstraint(
                Lower("email"),
                name="an_e_mail_is_one_persons_in_any_case",
                violation_error_message="Somebody has this e-mail address already.",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def save(self, *args, update_fields=None, **kwargs) -> None:
        """A mere sign-in is no change of the member: without this each would leave an empty history row for ever."""
        only_a_sign_in = update_fields is not None and set(update_fields) == {"last_login"}
        if only_a_sign_in:
            self.skip_history_when_saving = True
        try:
            super().save(*args, update_fields=update_fields, **kwargs)
        finally:
            if only_a_sign_in:
                del self.skip_history_when_saving

    @property
    def actor(self) -> Actor:
        return Actor("staff", self.reference)

    @property
    def is_staff(self) -> bool:
        return self.is_active

    @property
    def is_superuser(self) -> bool:
        """Nobody is: every right comes from a role. Third-party code asks for the attribute."""
        return False

    @property
    def permissions(self) -> frozenset[str]:
        """The permissions of all roles together, as `app.codename`; none for who may not sign in."""
        if not self.is_active:
            return frozenset()
        return frozenset().union(*(PERMISSIONS[Role(role)] for role in self.roles))

    def has_perm(self, perm: str, obj=None) -> bool:
        return perm in self.permissions

    def has_perms(self, perm_list, obj=None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return any(perm.startswith(f"{app_label}.") for perm in self.permissions)

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name.split(" ")[0]


class Approval(models.Model):
    """One person asked, another decided. Bound to the digest of what was asked: a changed thing needs a new one."""

    NOT_PERSONAL = ("id", "reference", "act", "subject", "digest", "asked_at", "verdict", "decided_at")

    reference = models.CharField(max_length=20, unique=True, default=approval_reference, editable=False)
    act = models.CharField(
        max_length=60, help_text="The permission that deciding it needs, e.g. policies.publish_policyversion"
    )
    subject = models.CharField(max_length=60, help_text="Reference of what is to be done, never a name")
    digest = models.BinaryField(max_length=32)
    asked_by = personal(
        models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="approvals_asked"),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )
    asked_at = models.DateTimeField()
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.OPEN)
    decided_by = personal(
        models.ForeignKey(
            StaffMember, null=True, blank=True, on_delete=models.PROTECT, related_name="approvals_decided"
        ),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                name="one_open_approval_per_act_and_subject",
                fields=["act", "subject"],
                condition=Q(verdict=Verdict.OPEN),
            ),
            models.CheckConstraint(
                name="nobody_approves_what_they_asked_for",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")) | Q(verdict=Verdict.WITHDRAWN),
            ),
            models.CheckConstraint(
                name="a_decided_approval_says_when",
                condition=Q(verdict=Verdict.OPEN, decided_at__isnull=True)
                | (~Q(verdict=Verdict.OPEN) & Q(decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="a_decision_names_who_decided",
                condition=~Q(verdict__in=[Verdict.APPROVED, Verdict.REJECTED, Verdict.WITHDRAWN])
                | Q(decided_by__isnull=False),
            ),
            models.CheckConstraint(
                name="only_who_asked_withdraws", condition=~Q(verdict=Verdict.WITHDRAWN) | Q(decided_by=F("asked_by"))
            ),
        ]

    def __str__(self) -> str:
        return self.reference
