"""A provider: who processes for us, as what, where, and how far its life went. It is never removed.

The database refuses a provider in use that one person alone activated, or one that ended and begins again (migration 0002).
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.accounts.models import trigram
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.providers.querysets import ProviderQuerySet
from apps.providers.states import DataEnd, ProviderRole, ProviderState
from apps.staff.models import StaffMember


def provider_reference() -> str:
    return new_reference("PRV")


def by_staff(**more) -> models.CharField:
    """Who did it: a member of staff, by the reference that the ledger uses too."""
    field = models.CharField(max_length=60, editable=False, help_text="A member of staff, by reference.", **more)
    return personal(field, DataCategory.WORK_RECORD, Purpose.LEGAL)


class Provider(models.Model):
    """Who processes for us. What it may use stands in its grants, on what terms in its agreements."""

    NOT_PERSONAL = (
        "id", "reference", "legal_name", "role", "service", "countries", "hipaa_relevant", "clients", "state", "proposed_at", "activated_at",
        "in_use_since", "suspended_at", "ended_at", "data_end", "data_due_on", "data_confirmed_at", "data_evidence",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=provider_reference, editable=False)
    legal_name = models.CharField(max_length=120, help_text="As in its agreements. It stands on the public page.")
    role = models.CharField(max_length=14, choices=ProviderRole.choices)
    service = models.CharField("what it does for us", max_length=200, help_text="In words for the public page, e.g. hosts our servers.")
    countries = ArrayField(models.CharField(max_length=2), help_text="Where it processes, as codes of two capitals, e.g. US")
    hipaa_relevant = models.BooleanField(
        "handles Patient Information", default=False, help_text="It is then a business associate, and needs an agreement as such."
    )
    clients = ArrayField(
        models.CharField(max_length=20), default=list, blank=True,
        help_text="References of the clients whose data it processes; they hear of changes of its chain. None: every client.",
    )  # fmt: skip
    contact_name = personal(models.CharField(max_length=120), DataCategory.IDENTITY, Purpose.LEGAL)
    contact_email = personal(models.EmailField("contact e-mail"), DataCategory.CONTACT, Purpose.LEGAL)
    owner = personal(
        models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="+", help_text="Who of us answers for it and hears of what lapses."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    state = models.CharField(max_length=10, choices=ProviderState.choices, default=ProviderState.PROPOSED, editable=False)
    proposed_by = by_staff()
    proposed_at = models.DateTimeField(editable=False)
    activation_asked_by = by_staff(blank=True)
    activated_by = by_staff(blank=True)
    activated_at = models.DateTimeField(null=True, editable=False)
    in_use_since = models.DateTimeField(null=True, editable=False)
    suspended_by = by_staff(blank=True)
    suspended_at = models.DateTimeField(null=True, editable=False)
    suspension_reason = personal(
        models.CharField(max_length=300, blank=True, editable=False, help_text="Why, in the words of who suspended it."),
        DataCategory.WORK_RECORD, Purpose.LEGAL,
    )  # fmt: skip
    ended_by = by_staff(blank=True)
    ended_at = models.DateTimeField(null=True, editable=False)
    data_end = models.CharField("what becomes of its data", max_length=12, choices=DataEnd.choices, blank=True, editable=False)
    data_due_on = models.DateField(null=True, editable=False, help_text="By then it is returned or destroyed, as agreed.")
    data_confirmed_by = by_staff(blank=True)
    data_confirmed_at = models.DateTimeField(null=True, editable=False)
    data_evidence = models.CharField(max_length=200, blank=True, editable=False, help_text="Where the confirmation is found; names nobody.")

    history = HistoricalRecords()
    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("approve_provider", "Can decide on a provider that somebody else asked to activate, and end one"),
            ("suspend_provider", "Can suspend a provider"),
            ("reveal_provider", "Can see the contact of a provider; each look is recorded"),
            ("export_register", "Can take the register of providers away as a file, contacts included"),
        ]
        indexes = [
            trigram("legal_name", "provider_name_trigram"),
            models.Index(fields=["state", "id"], name="provider_by_state"),
        ]
        constraints = [
            models.CheckConstraint(name="a_provider_says_who_and_what_for", condition=~Q(legal_name="") & ~Q(service="")),
            models.CheckConstraint(name="a_provider_names_its_countries", condition=Q(countries__len__gt=0)),
            models.CheckConstraint(
                name="a_provider_in_use_says_who_activated_it_and_when",
                condition=~Q(state__in=[ProviderState.ACTIVE, ProviderState.SUSPENDED])
                | (~Q(activated_by="") & ~Q(activation_asked_by="") & Q(activated_at__isnull=False) & Q(in_use_since__isnull=False)),
            ),
            models.CheckConstraint(
                name="nobody_activates_the_provider_they_asked_for",
                condition=Q(activated_by="") | ~Q(activated_by=F("activation_asked_by")),
            ),
            models.CheckConstraint(
                name="a_suspended_provider_says_who_when_and_why",
                condition=~Q(state=ProviderState.SUSPENDED)
                | (~Q(suspended_by="") & Q(suspended_at__isnull=False) & ~Q(suspension_reason="")),
            ),
            models.CheckConstraint(
                name="an_ended_provider_says_who_when_and_what_becomes_of_its_data",
                condition=(~Q(state=ProviderState.ENDED) & Q(ended_by="", ended_at__isnull=True, data_end=""))
                | (Q(state=ProviderState.ENDED, ended_at__isnull=False) & ~Q(ended_by="") & ~Q(data_end="")),
            ),
            models.CheckConstraint(
                name="the_end_of_its_data_is_confirmed_with_evidence",
                condition=Q(data_confirmed_at__isnull=True, data_confirmed_by="", data_evidence="")
                | (Q(state=ProviderState.ENDED, data_confirmed_at__isnull=False) & ~Q(data_confirmed_by="") & ~Q(data_evidence="")),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference

    @property
    def was_in_use(self) -> bool:
        return self.in_use_since is not None

    @property
    def owes_data(self) -> bool:
        """Ended, and nobody has confirmed yet that what it had is returned or destroyed."""
        return self.state == ProviderState.ENDED and self.data_end != DataEnd.NOTHING and self.data_confirmed_at is None
