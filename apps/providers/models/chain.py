"""The chain of a provider: whom it hands data on to, since when and until when; and which client was told of each change.

A change takes effect on the day that was announced and not before: nothing reads a member of the chain as in use by its state.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.accounts.models import Organization, trigram
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.providers.models.providers import Provider, by_staff
from apps.providers.querysets import ChainNoticeQuerySet, SubProcessorQuerySet
from apps.providers.states import ChainChange, ChainState


def sub_processor_reference() -> str:
    return new_reference("SUB")


class SubProcessor(models.Model):
    """Whom a provider hands data on to."""

    NOT_PERSONAL = (
        "id", "reference", "provider", "legal_name", "service", "countries", "state", "proposed_at", "announced_at", "since_at", "until_at",
        "leaving_announced_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=sub_processor_reference, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="chain")
    legal_name = models.CharField(max_length=120, help_text="It stands on the public page.")
    service = models.CharField("what it does for the provider", max_length=200, help_text="In words for the public page.")
    countries = ArrayField(models.CharField(max_length=2), help_text="Where it processes, as codes of two capitals, e.g. US")
    state = models.CharField(max_length=10, choices=ChainState.choices, default=ChainState.PROPOSED, editable=False)
    proposed_by = by_staff()
    proposed_at = models.DateTimeField(editable=False)
    announced_by = by_staff(blank=True)
    announced_at = models.DateTimeField(null=True, editable=False)
    since_at = models.DateTimeField("in use from", null=True, editable=False, help_text="From then on it gets data.")
    leaving_announced_by = by_staff(blank=True)
    leaving_announced_at = models.DateTimeField(null=True, editable=False)
    until_at = models.DateTimeField("in use until", null=True, editable=False, help_text="From then on it gets none any more.")

    history = HistoricalRecords()
    objects = SubProcessorQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "sub-processor in a chain"
        verbose_name_plural = "sub-processors in chains"
        permissions = [("approve_subprocessor", "Can decide on a change of a chain that somebody else proposed")]
        indexes = [
            trigram("legal_name", "sub_processor_name_trigram"),
            models.Index(fields=["provider", "-id"], name="sub_processor_by_provider"),
        ]
        constraints = [
            models.CheckConstraint(name="a_sub_processor_says_who_and_what_for", condition=~Q(legal_name="") & ~Q(service="")),
            models.CheckConstraint(name="a_sub_processor_names_its_countries", condition=Q(countries__len__gt=0)),
            models.CheckConstraint(
                name="a_member_of_a_chain_was_announced_by_somebody_else",
                condition=Q(state__in=[ChainState.PROPOSED, ChainState.REJECTED])
                | (
                    Q(announced_at__isnull=False, since_at__isnull=False, since_at__gte=F("announced_at"))
                    & ~Q(announced_by="") & ~Q(announced_by=F("proposed_by"))
                ),
            ),
            models.CheckConstraint(
                name="who_leaves_a_chain_says_from_when",
                condition=~Q(state=ChainState.LEAVING)
                | (
                    Q(until_at__isnull=False, leaving_announced_at__isnull=False, until_at__gte=F("leaving_announced_at"))
                    & ~Q(leaving_announced_by="")
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference


class ChainNotice(models.Model):
    """That a client was told of a change before it takes effect, and what it objected."""

    NOT_PERSONAL = ("id", "sub_processor", "organization", "change", "told_at", "effective_at", "objected_at")

    sub_processor = models.ForeignKey(SubProcessor, on_delete=models.PROTECT, related_name="notices")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    change = models.CharField(max_length=6, choices=ChainChange.choices)
    told_at = models.DateTimeField()
    effective_at = models.DateTimeField("takes effect")
    objected_at = models.DateTimeField(null=True)
    objection = personal(
        models.CharField(max_length=500, blank=True, help_text="What the client says."), DataCategory.COMMUNICATION, Purpose.ANSWERING
    )
    objection_recorded_by = by_staff(blank=True)

    objects = ChainNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "notice of a change"
        verbose_name_plural = "notices of changes"
        permissions = [("object_chainnotice", "Can record what a client objects to a change of a chain")]
        constraints = [
            models.UniqueConstraint(name="a_client_is_told_once_of_a_change", fields=["sub_processor", "change", "organization"]),
            models.CheckConstraint(
                name="an_objection_says_what_and_who_took_it_in",
                condition=Q(objected_at__isnull=True, objection="", objection_recorded_by="")
                | (Q(objected_at__isnull=False) & ~Q(objection="") & ~Q(objection_recorded_by="")),
            ),
        ]

    def __str__(self) -> str:
        return f"notice {self.pk}"
