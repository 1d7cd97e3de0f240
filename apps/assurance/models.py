"""The promise board in the database: promises, runs of their checks, results, findings.

All of it is derived: losing it loses the record of when something was found, never what the check would find again.
It must never hold what a check read, only the reference of an object and the reason.
"""

from django.db import models
from django.db.models import F, Q

from apps.assurance.querysets import FindingQuerySet, RunQuerySet
from apps.assurance.states import PromiseState, ResultState
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference


def run_reference() -> str:
    return new_reference("RUN")


def finding_reference() -> str:
    return new_reference("FND")


class Promise(models.Model):
    """One promise of the policy, by its code, and what the last run of its checks found."""

    NOT_PERSONAL = ("code", "section", "title", "state", "checked_at")

    code = models.CharField(max_length=3, primary_key=True)
    section = models.PositiveSmallIntegerField(help_text="Section of the policy that makes the promise")
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=20, choices=PromiseState.choices, default=PromiseState.UNPROVEN)
    checked_at = models.DateTimeField("last checked", null=True)

    class Meta:
        ordering = ["code"]
        permissions = [("run_promises", "Can check the promises now")]

    def __str__(self) -> str:
        return self.code


class Run(models.Model):
    """One time that checks were run: who asked, when, over how many promises."""

    NOT_PERSONAL = ("id", "reference", "started_at", "finished_at", "promises", "broken", "opened", "gone")

    reference = models.CharField(max_length=20, unique=True, default=run_reference, editable=False)
    by = personal(models.CharField("asked by", max_length=60), DataCategory.WORK_RECORD, Purpose.LEGAL)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, help_text="Empty: it was stopped before its end")
    promises = models.PositiveSmallIntegerField("promises checked")
    broken = models.PositiveIntegerField("promises broken", default=0)
    opened = models.PositiveIntegerField("new findings", default=0)
    gone = models.PositiveIntegerField("findings gone", default=0)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "run of checks"
        verbose_name_plural = "runs of checks"
        constraints = [
            models.CheckConstraint(
                name="a_run_ends_after_it_started",
                condition=Q(finished_at__isnull=True) | Q(finished_at__gte=F("started_at")),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class CheckResult(models.Model):
    """What one check saw in one run."""

    NOT_PERSONAL = ("id", "run", "promise", "check_code", "state", "rows", "duration_ms", "error")

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="results")
    promise = models.ForeignKey(Promise, on_delete=models.PROTECT, related_name="results")
    check_code = models.CharField("check", max_length=80)
    state = models.CharField(max_length=20, choices=ResultState.choices)
    rows = models.PositiveBigIntegerField("rows looked at", default=0)
    duration_ms = models.PositiveIntegerField("took (ms)", default=0)
    error = models.CharField(max_length=80, blank=True, help_text="Kind of error only; its text may hold data")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["promise", "check_code", "-id"], name="newest_result_of_a_check")]
        constraints = [
            models.UniqueConstraint(name="a_check_has_one_result_per_run", fields=["run", "promise", "check_code"]),
        ]

    def __str__(self) -> str:
        return f"result {self.pk}"


class Finding(models.Model):
    """Something that breaks a promise. The same object for the same reason stays one row while it lasts.

    `object` is a reference; where it is a person's, it points at somebody, so the column is declared personal.
    """

    NOT_PERSONAL = ("id", "reference", "promise", "check_code", "why", "since", "last_seen_at", "gone_at")

    reference = models.CharField(max_length=20, unique=True, default=finding_reference, editable=False)
    promise = models.ForeignKey(Promise, on_delete=models.PROTECT, related_name="findings")
    check_code = models.CharField("check", max_length=80)
    object = personal(models.CharField(max_length=120), DataCategory.WORK_RECORD, Purpose.LEGAL)
    why = models.CharField(max_length=300)
    since = models.DateTimeField(help_text="When a run first found it")
    last_seen_at = models.DateTimeField("last seen")
    gone_at = models.DateTimeField("gone", null=True, help_text="When a run no longer found it")

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                name="an_open_finding_stands_once", fields=["promise", "check_code", "object", "why"],
                condition=Q(gone_at__isnull=True),
            ),
            models.CheckConstraint(
                name="a_finding_was_seen_between_its_ends",
                condition=Q(last_seen_at__gte=F("since"))
                & (Q(gone_at__isnull=True) | Q(gone_at__gte=F("last_seen_at"))),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference
