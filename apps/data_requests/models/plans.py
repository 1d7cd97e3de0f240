"""What is to be done for a request, holding by holding, written before anything changes; every attempt, appended; what was left, and why."""

from django.db import models
from django.db.models import F, Q

from apps.data_requests.models.columns import by_whom, sealed
from apps.data_requests.models.requests import DataRequest
from apps.data_requests.states import AttemptEnd, ClientAnswer, StepKind, StepState
from apps.foundation.personal_data import DataCategory, KeptGround, Purpose, personal
from apps.foundation.references import new_reference


def plan_reference() -> str:
    return new_reference("PLN")


def question_reference() -> str:
    return new_reference("CLQ")


class Plan(models.Model):
    """All steps of a request as they were approved: `digest` binds the approval to them. A plan that changed is void, and another is made."""

    NOT_PERSONAL = ("id", "reference", "request", "number", "digest", "exceptions", "made_at", "void_at", "void_because", "approval", "approved_at")

    reference = models.CharField(max_length=20, unique=True, default=plan_reference, editable=False)
    request = models.ForeignKey(DataRequest, on_delete=models.CASCADE, related_name="plans")
    number = models.PositiveSmallIntegerField()
    digest = models.BinaryField(max_length=32)
    exceptions = models.JSONField(default=list, help_text="[{ground, about}] known when it was made, by reference")
    subject = sealed("Whom it is about, sealed under `request/<reference>` from the beginning of an erasure to its end.", null=True)
    made_by = by_whom()
    made_at = models.DateTimeField()
    approval = models.CharField(max_length=20, blank=True, help_text="By reference.")
    approved_at = models.DateTimeField(null=True)
    approved_by = by_whom(blank=True)
    void_at = models.DateTimeField(null=True)
    void_because = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["request", "-number"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(name="plans_of_a_request_are_counted", fields=["request", "number"]),
            models.UniqueConstraint(name="a_request_has_one_plan_that_counts", fields=["request"], condition=Q(void_at__isnull=True)),
            models.CheckConstraint(name="who_approved_a_plan_did_not_make_it", condition=Q(approved_by="") | ~Q(approved_by=F("made_by"))),
        ]

    def __str__(self) -> str:
        return self.reference


class Step(models.Model):
    """One holding's part of a plan, in the order derived from foreign keys."""

    NOT_PERSONAL = (
        "id", "plan", "number", "kind", "holding", "expected", "state", "erased", "anonymised", "collected", "owed", "waits_for", "done_at",
    )  # fmt: skip

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=16, choices=StepKind.choices)
    holding = models.CharField(max_length=60, help_text="Its code, or the provider's or client's reference.")
    expected = models.BigIntegerField(help_text="Rows counted when the plan was made.")
    state = models.CharField(max_length=10, choices=StepState.choices, default=StepState.PLANNED)
    erased = models.BigIntegerField(default=0)
    anonymised = models.BigIntegerField(default=0)
    collected = models.BigIntegerField(default=0)
    owed = models.JSONField(default=list, help_text="Secrets and files to destroy after the commit, by name; emptied when that is done.")
    waits_for = models.CharField(max_length=60, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["plan", "number"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(name="steps_of_a_plan_are_counted", fields=["plan", "number"]),
            models.UniqueConstraint(name="a_holding_stands_once_per_kind_in_a_plan", fields=["plan", "kind", "holding"]),
            models.CheckConstraint(name="a_step_that_is_done_owes_nothing", condition=~Q(state=StepState.DONE) | Q(owed=[], done_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"step {self.pk}"


class Attempt(models.Model):
    """That a step was begun, and how that ended; only added."""

    NOT_PERSONAL = ("id", "step", "number", "began_at", "ended_at", "end", "code", "erased", "anonymised", "collected")

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=10, choices=AttemptEnd.choices, default=AttemptEnd.RUNNING)
    code = models.CharField(max_length=60, blank=True)
    erased = models.BigIntegerField(default=0)
    anonymised = models.BigIntegerField(default=0)
    collected = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["step", "number"]
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(name="attempts_of_a_step_are_counted", fields=["step", "number"])]

    def __str__(self) -> str:
        return f"attempt {self.pk}"


class Remainder(models.Model):
    """What an erasure lawfully left of one holding, and no more; erased by itself when its ground ends."""

    NOT_PERSONAL = ("id", "request", "holding", "ground", "about", "rows", "since", "until", "ended_at", "next_try_at", "owed")

    request = models.ForeignKey(DataRequest, on_delete=models.CASCADE, related_name="remainders")
    holding = models.CharField(max_length=60)
    ground = models.CharField(max_length=10, choices=[(ground.value, ground.value) for ground in KeptGround])
    about = models.CharField(max_length=40, help_text="By whose reference it stays: a hold, a contract, a statute's code.")
    rows = models.BigIntegerField()
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    owed = models.JSONField(default=list, help_text="Secrets and files to destroy after the commit, by name; emptied when that is done.")

    class Meta:
        ordering = ["request", "id"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                name="a_ground_keeps_a_holding_once", fields=["request", "holding", "ground", "about"], condition=Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(name="a_remainder_that_ended_owes_nothing", condition=Q(ended_at__isnull=True) | Q(owed=[])),
        ]
        indexes = [models.Index(fields=["next_try_at", "id"], name="remainder_open", condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return f"remainder {self.pk}"


class ClientQuestion(models.Model):
    """What a client is asked because it decides on Message Data; told, reminded of, and answered."""

    NOT_PERSONAL = ("id", "reference", "request", "organization", "asked_at", "due_at", "reminded_at", "lapsed_at", "answer", "answered_at", "by_rule")

    reference = models.CharField(max_length=20, unique=True, default=question_reference, editable=False)
    request = models.ForeignKey(DataRequest, on_delete=models.CASCADE, related_name="client_questions")
    organization = models.CharField(max_length=20, help_text="By reference.")
    asked_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)
    lapsed_at = models.DateTimeField(null=True, help_text="Its day passed without an answer; the request went on, and the messages stay with the client.")
    answer = models.CharField(max_length=16, choices=ClientAnswer.choices, blank=True)
    by_rule = models.BooleanField(default=False, help_text="The client's standing rule answered.")
    answered_at = models.DateTimeField(null=True)
    recorded_by = by_whom(blank=True)
    evidence = personal(
        models.CharField(max_length=300, blank=True, help_text="How it answered, and where that lies. Name people by their references."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip

    class Meta:
        ordering = ["-id"]
        permissions = [("answer_clientquestion", "Can record what a client answered")]
        indexes = [models.Index(fields=["due_at", "id"], name="client_question_open", condition=Q(answered_at__isnull=True))]
        constraints = [
            models.UniqueConstraint(name="a_client_is_asked_once_per_request", fields=["request", "organization"]),
            models.CheckConstraint(
                name="an_answer_of_a_client_says_when", condition=Q(answer="", answered_at__isnull=True) | ~Q(answer="") & Q(answered_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class ErasureNotice(models.Model):
    """That a provider is to erase what it got of a person: sent through the gate, acknowledged or chased."""

    NOT_PERSONAL = (
        "id", "reference", "request", "provider", "person_reference", "disclosures", "way", "made_at", "due_at", "permit", "told_at", "chased_at",
        "acknowledged_at", "attempts", "next_try_at", "last_code",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, editable=False)
    request = models.ForeignKey(DataRequest, on_delete=models.CASCADE, related_name="erasure_notices")
    provider = models.CharField(max_length=20, help_text="By reference.")
    person_reference = models.CharField("person", max_length=20)
    disclosures = models.JSONField(default=list, help_text="What it got, by reference.")
    way = models.CharField(max_length=10, help_text="webhook, email or task")
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    permit = models.CharField(max_length=20, blank=True)
    told_at = models.DateTimeField(null=True)
    chased_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = by_whom(blank=True)
    evidence = personal(models.CharField(max_length=300, blank=True), DataCategory.WORK_RECORD, Purpose.LEGAL)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    last_code = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("acknowledge_erasurenotice", "Can record that a provider erased what it got of a person")]
        constraints = [models.UniqueConstraint(name="a_provider_hears_once_of_an_erasure", fields=["request", "provider"])]
        indexes = [models.Index(fields=["due_at", "id"], name="erasure_notice_open", condition=Q(acknowledged_at__isnull=True))]

    def __str__(self) -> str:
        return self.reference


class ErasureHook(models.Model):
    """Where a provider takes erasure notices by machine; their key is derived from the secret `request/hook-<provider>` and shown once."""

    NOT_PERSONAL = ("id", "provider", "url", "set_at")

    provider = models.CharField(max_length=20, unique=True, help_text="By reference.")
    url = models.URLField("address", max_length=300, help_text="https only; it gets references, and no data of anybody.")
    set_by = by_whom()
    set_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["provider"]
        default_permissions = ("view", "add", "change")
        constraints = [models.CheckConstraint(name="a_hook_is_reached_encrypted", condition=Q(url__startswith="https://"))]

    def __str__(self) -> str:
        return f"hook of {self.provider}"
