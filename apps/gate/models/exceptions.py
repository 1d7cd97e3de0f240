"""Exceptions for countries other than the United States: what one allows never changes (migration 0002)."""

from django.db import models
from django.db.models import F, Q

from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.gate.models.columns import by_whom
from apps.gate.querysets import CountryExceptionQuerySet
from apps.gate.states import ExceptionState, RecipientKind


def exception_reference() -> str:
    return new_reference("CEX")


class CountryException(models.Model):
    """That one recipient may get data in one country other than the United States, from one moment to another (P19)."""

    NOT_PERSONAL = (
        "id", "reference", "recipient_kind", "recipient", "country", "starts_at", "ends_at", "state", "asked_at", "decided_at",
        "withdrawn_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=exception_reference, editable=False)
    recipient_kind = models.CharField("kind of recipient", max_length=10, choices=RecipientKind.choices)
    recipient = models.CharField(max_length=20, help_text="By reference.")
    country = models.CharField(max_length=2, help_text="ISO 3166 code of two letters, e.g. CA")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(help_text="From then on it counts no more.")
    reason = personal(
        models.CharField(max_length=500, help_text="Why it has to leave the United States. Name people by their references."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    state = models.CharField(max_length=10, choices=ExceptionState.choices, default=ExceptionState.ASKED)
    asked_by = by_whom()
    asked_at = models.DateTimeField()
    decided_by = by_whom(blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = by_whom(blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = CountryExceptionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "exception for a country"
        verbose_name_plural = "exceptions for countries"
        permissions = [
            ("approve_countryexception", "Can approve or reject an exception for a country that somebody else asked for"),
            ("withdraw_countryexception", "Can withdraw an exception for a country at once"),
        ]
        indexes = [
            models.Index(fields=["recipient", "country"], name="country_exception_recipient"),
            models.Index(fields=["asked_at", "id"], name="country_exception_by_asking"),
            models.Index(fields=["ends_at", "id"], name="country_exception_by_end"),
        ]
        constraints = [
            models.CheckConstraint(
                name="an_exception_is_for_another_country", condition=Q(country__regex=r"^[A-Z]{2}$") & ~Q(country="US")
            ),
            models.CheckConstraint(name="an_exception_says_why", condition=~Q(reason="")),
            models.CheckConstraint(name="an_exception_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(
                name="nobody_approves_the_exception_they_asked_for", condition=Q(decided_by="") | ~Q(decided_by=F("asked_by"))
            ),
            models.CheckConstraint(
                name="a_decided_exception_says_who_and_when",
                condition=Q(state__in=[ExceptionState.ASKED, ExceptionState.WITHDRAWN])
                | (Q(decided_at__isnull=False) & ~Q(decided_by="")),
            ),
            models.CheckConstraint(
                name="a_withdrawn_exception_says_who_and_when",
                condition=Q(state=ExceptionState.WITHDRAWN, withdrawn_at__isnull=False) & ~Q(withdrawn_by="")
                | ~Q(state=ExceptionState.WITHDRAWN) & Q(withdrawn_at__isnull=True, withdrawn_by=""),
            ),
        ]

    def __str__(self) -> str:
        return self.reference
