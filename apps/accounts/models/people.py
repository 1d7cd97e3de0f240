"""People, how they are reached, and how other systems name them. Every personal field declares why it is held and what is lost without it.

A person is whose data it is, never who logs in.
"""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from apps.accounts.models.indexes import trigram
from apps.accounts.models.organizations import Organization
from apps.accounts.states import PersonStanding
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion


def person_reference() -> str:
    return new_reference("PER")


class Person(models.Model):
    """Whose data it is."""

    NOT_PERSONAL = ("id", "organization", "standing", "age_seen_on", "registered_at", "closed_at", "policy_version")

    reference = personal(
        models.CharField(max_length=20, unique=True, default=person_reference, editable=False),
        DataCategory.IDENTITY, Purpose.SERVICE,
    )  # fmt: skip
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="people",
        help_text="The client they belong to; none for somebody who registered by themself.",
    )  # fmt: skip
    given_name = personal(models.CharField(max_length=80), DataCategory.IDENTITY, Purpose.SERVICE)
    family_name = personal(models.CharField(max_length=80, blank=True), DataCategory.IDENTITY, Purpose.SERVICE,
        lost_without="colleagues of the same first name can't be told apart.")  # fmt: skip
    birth_date = personal(models.DateField(null=True, blank=True), DataCategory.DEMOGRAPHIC, Purpose.AGE_CHECK,
        lost_without="age is confirmed by the organization instead.")  # fmt: skip
    street = personal(models.CharField(max_length=200, blank=True), DataCategory.CONTACT, Purpose.ANSWERING,
        lost_without="letters can't be sent by post.")  # fmt: skip
    city = personal(models.CharField(max_length=80, blank=True), DataCategory.CONTACT, Purpose.ANSWERING,
        lost_without="letters can't be sent by post.")  # fmt: skip
    postal_code = personal(models.CharField(max_length=20, blank=True), DataCategory.CONTACT, Purpose.ANSWERING,
        lost_without="letters can't be sent by post.")  # fmt: skip
    state = personal(models.CharField("U.S. state", max_length=2, blank=True), DataCategory.DEMOGRAPHIC, Purpose.LEGAL,
        lost_without="rights of residents of a state, such as California's, have to be shown in another way.")  # fmt: skip
    country = personal(models.CharField(max_length=2, blank=True), DataCategory.DEMOGRAPHIC, Purpose.LEGAL,
        lost_without="letters can't be sent by post.")  # fmt: skip
    standing = models.CharField(max_length=10, choices=PersonStanding.choices, default=PersonStanding.ACTIVE)
    age_seen_on = models.DateField(
        null=True, editable=False,
        help_text="The day for which the age was last looked at; the database judges by it whether a representative is needed.",
    )  # fmt: skip
    registered_at = models.DateTimeField(editable=False)
    closed_at = models.DateTimeField(
        "cancelled at", null=True, editable=False, help_text="When the registration was cancelled; from then on the person is to be erased (P20)."
    )
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    history = HistoricalRecords()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "people"
        permissions = [
            ("reveal_person", "Can see a person's fields unmasked; each look is recorded"),
            ("close_person", "Can cancel a registration, after which the person is erased"),
        ]
        indexes = [
            models.Index(fields=["closed_at", "id"], name="person_by_closing", condition=Q(closed_at__isnull=False)),
            trigram("given_name", "person_given_name_trigram"),
            trigram("family_name", "person_family_name_trigram"),
        ]

    def __str__(self) -> str:
        return self.reference


class PersonEmail(models.Model):
    """An address of a person. Within one organization an address belongs to one person."""

    NOT_PERSONAL = ("id", "organization", "added_at", "policy_version")

    person = personal(
        models.ForeignKey(Person, on_delete=models.CASCADE, related_name="emails"), DataCategory.CONTACT, Purpose.SERVICE
    )
    organization = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.PROTECT, editable=False, related_name="+")
    address = personal(
        models.EmailField("e-mail"), DataCategory.CONTACT, Purpose.SERVICE,
        lost_without="answers and notices can't be sent by e-mail.",
    )  # fmt: skip
    normalised = personal(models.CharField(max_length=254, editable=False), DataCategory.CONTACT, Purpose.SERVICE)
    added_at = models.DateTimeField(editable=False)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    history = HistoricalRecords()

    class Meta:
        ordering = ["id"]
        verbose_name = "e-mail of a person"
        verbose_name_plural = "e-mails of people"
        constraints = [
            models.UniqueConstraint(
                name="an_email_belongs_to_one_person_in_an_organization",
                fields=["organization", "normalised"], nulls_distinct=False,
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["normalised"], name="person_email_normalised")]

    def __str__(self) -> str:
        return f"e-mail {self.pk}"


class PersonPhone(models.Model):
    """A phone number of a person, in E.164."""

    NOT_PERSONAL = ("id", "added_at", "policy_version")

    person = personal(
        models.ForeignKey(Person, on_delete=models.CASCADE, related_name="phones"), DataCategory.CONTACT, Purpose.SERVICE
    )
    number = personal(
        models.CharField("phone", max_length=20), DataCategory.CONTACT, Purpose.SERVICE,
        lost_without="calls and text messages can't be offered.",
    )  # fmt: skip
    added_at = models.DateTimeField(editable=False)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    history = HistoricalRecords()

    class Meta:
        ordering = ["id"]
        verbose_name = "phone of a person"
        verbose_name_plural = "phones of people"
        constraints = [
            models.CheckConstraint(name="a_phone_is_e164", condition=Q(number__regex=r"^\+[1-9][0-9]{6,14}$")),
            models.UniqueConstraint(name="a_phone_stands_once_per_person", fields=["person", "number"]),
        ]
        indexes = [models.Index(fields=["number"], name="person_phone_number")]

    def __str__(self) -> str:
        return f"phone {self.pk}"


class ExternalIdentity(models.Model):
    """How a source names a person: unique by (organization, source, external id), so people never match across clients."""

    NOT_PERSONAL = ("id", "organization", "source", "added_at", "policy_version")

    person = personal(
        models.ForeignKey(Person, on_delete=models.CASCADE, related_name="identities"), DataCategory.TECHNICAL, Purpose.SERVICE
    )
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    source = models.SlugField(max_length=40, help_text="The system that gave the id, e.g. slack")
    external_id = personal(
        models.CharField(max_length=200), DataCategory.TECHNICAL, Purpose.SERVICE,
        lost_without="messages of that system find the person by e-mail only.",
    )  # fmt: skip
    added_at = models.DateTimeField(editable=False)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    history = HistoricalRecords()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "external identities"
        constraints = [
            models.UniqueConstraint(
                name="an_external_id_names_one_person_per_source", fields=["organization", "source", "external_id"]
            ),
        ]

    def __str__(self) -> str:
        return f"identity {self.pk}"
