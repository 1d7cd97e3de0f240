"""What browsers signalled for people we know, how it was answered and what that did; and the switch that decides on it.

Of a signal we keep whose it is, which one, when first and last, and the policy that answered it: no IP address, no user agent.
An approved switch never changes: to stop what it began, another one is asked for.
"""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Person
from apps.consents.heeding import Effect, Signal, SignalAnswer, SwitchState
from apps.consents.models.purposes import ConsentPurpose, by_staff
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion


def switch_reference() -> str:
    return new_reference("SWI")


class SignalSwitchQuerySet(models.QuerySet):
    def in_force(self, at):
        """The decision that holds at a moment, as a queryset of at most one: the one whose time began last."""
        return self.filter(state=SwitchState.APPROVED, from_at__lte=at).order_by("-from_at", "-decided_at", "-id")[:1]

    def waiting(self):
        return self.filter(state=SwitchState.ASKED)


class SignalSwitch(models.Model):
    """That Global Privacy Control is honoured, or no longer, from a moment on. Asked by one person, decided by another."""

    NOT_PERSONAL = ("id", "reference", "is_honoured", "from_at", "state", "asked_at", "decided_at")

    reference = models.CharField(max_length=20, unique=True, default=switch_reference, editable=False)
    is_honoured = models.BooleanField("honoured", help_text="Whether Global Privacy Control counts as a no to disclosures.")
    from_at = models.DateTimeField("from", help_text="From then on, or from the approval where that comes later.")
    reason = personal(
        models.CharField(max_length=500, help_text="Why. Name people by their references."), DataCategory.WORK_RECORD, Purpose.LEGAL
    )
    state = models.CharField(max_length=10, choices=SwitchState.choices, default=SwitchState.ASKED)
    asked_by = by_staff()
    asked_at = models.DateTimeField(editable=False)
    decided_by = by_staff(blank=True)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SignalSwitchQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "switch for browser signals"
        verbose_name_plural = "switches for browser signals"
        permissions = [("approve_signalswitch", "Can approve or reject a switch for browser signals that somebody else asked for")]
        indexes = [models.Index(fields=["asked_at", "id"], name="signal_switch_by_asking")]
        constraints = [
            models.CheckConstraint(name="a_switch_says_why", condition=~Q(reason="")),
            models.CheckConstraint(
                name="a_decided_switch_says_who_and_when",
                condition=Q(state=SwitchState.ASKED, decided_by="", decided_at__isnull=True)
                | (~Q(state=SwitchState.ASKED) & ~Q(decided_by="") & Q(decided_at__isnull=False)),
            ),
            models.CheckConstraint(name="nobody_decides_the_switch_they_asked_for", condition=Q(decided_by="") | ~Q(decided_by=F("asked_by"))),
            models.CheckConstraint(
                name="a_switch_counts_from_its_approval_at_the_earliest",
                condition=~Q(state=SwitchState.APPROVED) | Q(from_at__gte=F("decided_at")),
            ),
            models.UniqueConstraint(name="one_switch_waits_at_a_time", fields=["state"], condition=Q(state=SwitchState.ASKED)),
        ]

    def __str__(self) -> str:
        return self.reference


class SeenSignal(models.Model):
    """That a person's browser signalled something while we knew who it was, and how it was answered then."""

    NOT_PERSONAL = ("id", "signal", "answer", "policy_version", "switch", "first_at", "last_at")

    person = personal(
        models.ForeignKey(Person, on_delete=models.CASCADE, related_name="signals"), DataCategory.IDENTITY, Purpose.LEGAL
    )
    signal = models.CharField(max_length=5, choices=Signal.choices)
    answer = models.CharField(max_length=10, choices=SignalAnswer.choices)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+", help_text="In force when it came first.")
    switch = models.ForeignKey(SignalSwitch, null=True, on_delete=models.PROTECT, related_name="+")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = "signal of a browser"
        verbose_name_plural = "signals of browsers"
        indexes = [models.Index(fields=["first_at", "id"], name="signal_by_time")]
        constraints = [
            models.UniqueConstraint(
                name="a_signal_is_answered_once_per_policy_and_switch",
                fields=["person", "signal", "policy_version", "switch", "answer"], nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="only_gpc_is_honoured_and_by_a_switch",
                condition=Q(answer=SignalAnswer.NOTED) | Q(signal=Signal.GPC, switch__isnull=False),
            ),
            models.CheckConstraint(name="a_signal_was_seen_last_after_first", condition=Q(last_at__gte=F("first_at"))),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"signal {self.pk}"


class SignalEffect(models.Model):
    """What an honoured signal did about one purpose: counted as a no, or left alone what was allowed expressly."""

    NOT_PERSONAL = ("id", "seen", "purpose", "effect", "consent_event", "at")

    seen = models.ForeignKey(SeenSignal, on_delete=models.CASCADE, related_name="effects")
    purpose = models.ForeignKey(ConsentPurpose, on_delete=models.PROTECT, related_name="+")
    effect = models.CharField(max_length=10, choices=Effect.choices)
    consent_event = models.CharField("consent", max_length=20, help_text="What was said, or what stands against it, by reference.")
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        verbose_name = "effect of a signal"
        verbose_name_plural = "effects of signals"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(name="a_signal_does_a_thing_once", fields=["seen", "purpose", "effect", "consent_event"])
        ]

    def __str__(self) -> str:
        return f"effect {self.pk}"
