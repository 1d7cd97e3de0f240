"""Organizations, persons, how they are reached, how other systems name them, and the services that may register them.

A person is whose data it is, never who logs in. Every personal field declares why it is held and what is lost without it.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from simple_history.models import HistoricalRecords

from apps.accounts.querysets import ServiceTokenQuerySet
from apps.accounts.states import (
    ArchiveEntitlement,
    OrganizationStanding,
    PersonStanding,
)
from apps.foundation.actors import Actor
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion


def organization_reference() -> str:
    return new_reference("ORG")


def person_reference() -> str:
    return new_reference("PER")


def token_reference() -> str:
    return new_reference("TOK")


def trigram(column: str, name: str) -> GinIndex:
    """The index that the admin's `icontains` uses: Django compares UPPER(column)."""
    return GinIndex(OpClass(Upper(F(column)), name="gin_trgm_ops"), name=name)


class Organization(models.Model):
    """A client enterprise. Whether its messages are owed to an archive decides how they may be destroyed."""

    NOT_PERSONAL = (
        "id", "reference", "name", "country", "hipaa_covered", "archive_entitlement", "standing", "registered_at",
        "policy_version",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=organization_reference, editable=False)
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2, default="US", help_text="ISO 3166 code of two letters, e.g. US")
    hipaa_covered = models.BooleanField(
        "HIPAA-covered", default=False,
        help_text="All its messages are then Patient Information unless their conversation class says otherwise.",
    )  # fmt: skip
    archive_entitlement = models.CharField(
        max_length=12, choices=ArchiveEntitlement.choices, default=ArchiveEntitlement.NONE,
        help_text="What is owed to an archive is never destroyed before the archive has it, verified.",
    )  # fmt: skip
    contact_name = personal(models.CharField(max_length=120), DataCategory.IDENTITY, Purpose.ANSWERING)
    contact_email = personal(models.EmailField("contact e-mail"), DataCategory.CONTACT, Purpose.ANSWERING)
    contact_phone = personal(
        models.CharField(max_length=40, blank=True), DataCategory.CONTACT, Purpose.ANSWERING,
        lost_without="urgent notices reach the client by e-mail only.",
    )  # fmt: skip
    standing = models.CharField(
        max_length=10, choices=OrganizationStanding.choices, default=OrganizationStanding.ACTIVE
    )
    registered_at = models.DateTimeField(editable=False)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    history = HistoricalRecords()

    class Meta:
        ordering = ["-id"]
        indexes = [trigram("name", "organization_name_trigram")]
        constraints = [
            models.CheckConstraint(name="a_country_is_two_capitals", condition=Q(country__regex=r"^[A-Z]{2}$")),
        ]

    def __str__(self) -> str:
        return self.reference


class Person(models.Model):
    """Whose data it is."""

    NOT_PERSONAL = ("id", "organization", "standing", "registered_at", "policy_version")

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
    registered_at = models.DateTimeField(editable=False)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    history = HistoricalRecords()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "people"
        permissions = [("reveal_person", "Can see a person's fields unmasked; each look is recorded")]
        indexes = [
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


class ServiceToken(models.Model):
    """What a sending service shows to the API. Only its SHA-256 is stored; the token itself is shown once."""

    NOT_PERSONAL = (
        "id", "reference", "name", "digest", "scopes", "organization", "created_at", "revoked_at", "last_used_on",
    )  # fmt: skip

    SCOPES = (
        ("organizations", "register organizations"), ("people", "register people"), ("messages", "hand over messages"),
        ("gate", "ask for permits to hand data out"),
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=token_reference, editable=False)
    name = models.CharField("service", max_length=80, help_text="Which system uses it, e.g. messaging-us-1")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=20, choices=SCOPES))
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Limits the token to one organization; empty for all.",
    )  # fmt: skip
    created_at = models.DateTimeField(editable=False)
    created_by = personal(models.CharField(max_length=60, editable=False), DataCategory.WORK_RECORD, Purpose.SECURITY)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_on = models.DateField(null=True, blank=True, editable=False)

    objects = ServiceTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("revoke_servicetoken", "Can revoke a service's token")]

    def __str__(self) -> str:
        return self.reference

    @property
    def actor(self) -> Actor:
        return Actor("service", self.reference)


class RememberedRequest(models.Model):
    """That a service sent a registration under an Idempotency-Key, so that sending it again answers the same.

    Key and body stand here as keyed hashes only. Rows are forgotten after some days, and go with whom they registered.
    """

    NOT_PERSONAL = ("id", "token", "key_digest", "organization", "made_at")

    token = models.ForeignKey(ServiceToken, on_delete=models.PROTECT, related_name="+")
    key_digest = models.BinaryField(max_length=32)
    body_digest = personal(models.BinaryField(max_length=32), DataCategory.TECHNICAL, Purpose.SERVICE)
    organization = models.ForeignKey(Organization, null=True, on_delete=models.CASCADE, related_name="+")
    person = personal(
        models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="+"),
        DataCategory.TECHNICAL, Purpose.SERVICE,
    )  # fmt: skip
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(name="a_key_counts_once_per_token", fields=["token", "key_digest"]),
        ]
        indexes = [models.Index(fields=["made_at"], name="remembered_request_age")]

    def __str__(self) -> str:
        return f"remembered request {self.pk}"
