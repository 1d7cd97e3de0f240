"""The services that may register people and hand data over, and what they sent before."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.accounts.models.organizations import Organization
from apps.accounts.models.people import Person
from apps.accounts.querysets import ServiceTokenQuerySet
from apps.foundation.actors import Actor
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference


def token_reference() -> str:
    return new_reference("TOK")


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
