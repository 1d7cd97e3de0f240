"""Requests, their clocks, notes and letters.

A request outlives the person: it names them by reference and keyed hash (11 CCR 7101, 24 months). What it holds besides lies sealed under the
secret `request/<reference>`, which is destroyed when the answer has left.
"""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Organization, Person
from apps.data_requests.models.columns import by_whom, digest_of_address, sealed
from apps.data_requests.querysets import ClockQuerySet, DataRequestQuerySet
from apps.data_requests.states import OVER, TAKES_NOTHING_IN, Asker, Channel, DenialReason, Kind, Outcome, PauseBasis, Regime, State
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion


def request_reference() -> str:
    return new_reference("REQ")


def letter_reference() -> str:
    return new_reference("LTR")


class DataRequest(models.Model):
    """One thing that a person asks about their data."""

    NOT_PERSONAL = (
        "id", "reference", "kind", "channel", "asker", "state", "outcome", "denial_reason", "organization", "received_at", "acknowledged_at",
        "verified_at", "cools_until", "approved_at", "call_back_until", "answered_at", "closed_at", "due_at", "kept_until", "merged_into",
        "regimes", "policy_version", "attempts", "leased_until", "next_try_at", "last_code", "person_reference",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=request_reference, editable=False)
    kind = models.CharField(max_length=24, choices=Kind.choices)
    channel = models.CharField(max_length=10, choices=Channel.choices, editable=False)
    asker = models.CharField("who asks", max_length=16, choices=Asker.choices, default=Asker.SELF)
    state = models.CharField(max_length=20, choices=State.choices, default=State.RECEIVED, editable=False)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True, editable=False)
    denial_reason = models.CharField(max_length=20, choices=DenialReason.choices, blank=True, editable=False)
    denial_basis = personal(
        models.CharField(max_length=500, blank=True, editable=False, help_text="Clause or statute, and why it applies. Names nobody."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    organization = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False)
    person = personal(
        models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="data_requests", editable=False),
        DataCategory.IDENTITY, Purpose.IDENTIFICATION,
    )  # fmt: skip
    person_reference = models.CharField("person", max_length=20, blank=True, editable=False, help_text="Names nobody by itself.")
    address_digest = digest_of_address("The address that asked, keyed: later ones of the same join it.", null=True)
    words = sealed("What was asked, from where and by whom, as canonical JSON, sealed.", null=True)
    owner = by_whom(blank=True)
    regimes = models.JSONField(default=list, editable=False, help_text="Rules whose clocks run, by code.")
    received_at = models.DateTimeField(editable=False)
    acknowledged_at = models.DateTimeField(null=True, editable=False)
    verified_at = models.DateTimeField("proven at", null=True, editable=False)
    cools_until = models.DateTimeField(null=True, editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    call_back_until = models.DateTimeField("may be called back until", null=True, editable=False)
    answered_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField("first due", null=True, editable=False, help_text="The earliest of its clocks that still runs.")
    kept_until = models.DateTimeField(null=True, editable=False, help_text="24 months at least (11 CCR 7101).")
    merged_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="merged", editable=False)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+", editable=False)
    # the request is its own row of work
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    next_try_at = models.DateTimeField(null=True, editable=False)
    last_code = models.CharField("last trouble", max_length=60, blank=True, editable=False)

    objects = DataRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("reveal_datarequest", "Can read what somebody asked; each look is recorded"),
            ("work_datarequest", "Can take, note, write to, extend and deny requests"),
            ("approve_datarequest", "Can approve that data is erased or handed over"),
            ("see_person_page", "Can see all that is known of one person"),
        ]
        constraints = [
            models.CheckConstraint(
                name="a_request_that_is_over_says_when_and_how",
                condition=Q(state__in=OVER, closed_at__isnull=False) & ~Q(outcome="")
                | ~Q(state__in=OVER) & Q(closed_at__isnull=True, outcome=""),
            ),
            models.CheckConstraint(name="a_denial_says_why", condition=~Q(state=State.DENIED) | ~Q(denial_reason="") & ~Q(denial_basis="")),
            models.CheckConstraint(name="a_merged_request_names_the_other", condition=~Q(state=State.MERGED) | Q(merged_into__isnull=False)),
            models.CheckConstraint(name="a_request_is_not_its_own_other", condition=~Q(merged_into=F("id"))),
            models.UniqueConstraint(
                name="a_person_has_one_open_request_of_a_kind",
                fields=["person_reference", "kind"],
                condition=~Q(person_reference="") & ~Q(state__in=TAKES_NOTHING_IN),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "-id"], name="request_by_due"),
            models.Index(fields=["state", "id"], name="request_by_state"),
            models.Index(fields=["person_reference", "kind"], name="request_by_person"),
            models.Index(fields=["address_digest", "kind"], name="request_by_address"),
            models.Index(fields=["owner", "id"], name="request_by_owner"),
            models.Index(fields=["received_at", "id"], name="request_by_time"),
        ]

    def __str__(self) -> str:
        return self.reference


class Clock(models.Model):
    """One rule's deadline on one request. Its day moves once, by an extension that was told, or by a pause where the rule allows it."""

    NOT_PERSONAL = (
        "id", "request", "regime", "started_at", "due_at", "extended_at", "extended_due_at", "paused_at", "paused_until", "pause_basis", "paused_days",
        "stopped_at", "stopped_by_event", "warned_at", "alarmed_at", "escalated_at",
    )  # fmt: skip

    request = models.ForeignKey(DataRequest, on_delete=models.CASCADE, related_name="clocks")
    regime = models.CharField(max_length=20, choices=Regime.choices)
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    extended_at = models.DateTimeField(null=True)
    extended_due_at = models.DateTimeField(null=True)
    extension_reason = personal(models.CharField(max_length=500, blank=True), DataCategory.WORK_RECORD, Purpose.LEGAL)
    extended_by = by_whom(blank=True)
    paused_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True, help_text="Then it goes on by itself.")
    pause_basis = models.CharField(max_length=10, choices=PauseBasis.choices, blank=True)
    paused_days = models.PositiveSmallIntegerField(default=0)
    stopped_at = models.DateTimeField(null=True)
    stopped_by_event = models.CharField(max_length=60, blank=True)
    warned_at = models.DateTimeField(null=True)
    alarmed_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)

    objects = ClockQuerySet.as_manager()

    class Meta:
        ordering = ["request", "due_at", "id"]
        constraints = [
            models.UniqueConstraint(name="a_request_has_one_clock_per_rule", fields=["request", "regime"]),
            models.CheckConstraint(name="a_clock_is_due_after_it_starts", condition=Q(due_at__gt=F("started_at"))),
            models.CheckConstraint(
                name="an_extension_says_why_and_until_when",
                condition=Q(extended_at__isnull=True, extended_due_at__isnull=True, extension_reason="", extended_by="")
                | Q(extended_at__isnull=False, extended_due_at__gt=F("due_at")) & ~Q(extension_reason="") & ~Q(extended_by=""),
            ),
            models.CheckConstraint(
                name="a_clock_stands_still_on_a_statement_and_until_a_day",
                condition=Q(paused_at__isnull=True, paused_until__isnull=True, pause_basis="")
                | Q(paused_at__isnull=False, paused_until__gt=F("paused_at")) & ~Q(pause_basis=""),
            ),
            models.CheckConstraint(
                name="a_clock_that_stopped_says_by_what",
                condition=Q(stopped_at__isnull=True, stopped_by_event="") | Q(stopped_at__isnull=False, paused_at__isnull=True) & ~Q(stopped_by_event=""),
            ),
        ]
        indexes = [models.Index(fields=["due_at", "id"], name="clock_running", condition=Q(stopped_at__isnull=True))]

    def __str__(self) -> str:
        return f"clock {self.pk}"

    @property
    def ends_at(self) -> datetime:
        """The day that counts: the one it was extended to, else its first."""
        return self.extended_due_at or self.due_at


class RequestNote(models.Model):
    """A note among staff, sealed under the request's secret; it goes with it."""

    NOT_PERSONAL = ("id", "request", "number", "at")

    request = models.ForeignKey(DataRequest, on_delete=models.CASCADE, related_name="notes")
    number = models.PositiveIntegerField()
    words = sealed("The note, sealed.", null=True)
    by = by_whom()
    at = models.DateTimeField()

    class Meta:
        ordering = ["request", "number"]
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(name="notes_of_a_request_are_counted", fields=["request", "number"])]

    def __str__(self) -> str:
        return f"note {self.pk}"


class LetterTemplate(models.Model):
    """A letter that staff can edit: versions are only added, and a letter that was sent knows its version."""

    NOT_PERSONAL = ("id", "code", "number", "title", "subject", "body", "made_at")

    code = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=120)
    subject = models.CharField(max_length=160)
    body = models.TextField(help_text="Plain text; {reference}, {kind}, {due_on} and the like are filled in.")
    made_by = by_whom()
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["code", "-number"]
        default_permissions = ("view",)
        permissions = [("write_lettertemplate", "Can write a new version of a letter")]
        constraints = [models.UniqueConstraint(name="versions_of_a_letter_are_counted", fields=["code", "number"])]

    def __str__(self) -> str:
        return f"{self.code} {self.number}"


class Letter(models.Model):
    """That a letter was sent: by which template, to which kind of contact, through the outbox or by post. Its words are in the outbox alone."""

    NOT_PERSONAL = ("id", "reference", "request", "template", "to", "once_key", "sent_at")

    reference = models.CharField(max_length=20, unique=True, default=letter_reference, editable=False)
    request = models.ForeignKey(DataRequest, on_delete=models.CASCADE, related_name="letters")
    template = models.ForeignKey(LetterTemplate, on_delete=models.PROTECT, related_name="+")
    to = models.CharField(max_length=20, help_text="person, agent, client, or the neutral receipt to the address that asked")
    once_key = models.CharField(max_length=120, unique=True)
    by = by_whom()
    sent_at = models.DateTimeField()

    class Meta:
        ordering = ["request", "id"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.reference
