"""Links by which somebody proves that a contact on file is theirs, confirms, calls back or fetches. Of a token only its digest is stored."""

from django.db import models
from django.db.models import F, Q

from apps.data_requests.models.columns import digest_of_address
from apps.data_requests.models.requests import DataRequest
from apps.data_requests.states import LinkPurpose


class RequestLink(models.Model):
    """Opens once, for one purpose, for a day; a GET shows a button, and only its POST spends it."""

    NOT_PERSONAL = ("id", "request", "purpose", "token_hash", "made_at", "expires_at", "spent_at", "void_at")

    request = models.ForeignKey(DataRequest, on_delete=models.CASCADE, related_name="links")
    purpose = models.CharField(max_length=20, choices=LinkPurpose.choices)
    token_hash = models.BinaryField(max_length=32, unique=True)
    contact_digest = digest_of_address("The contact on file that it was sent to, keyed.", null=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True)
    void_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        constraints = [models.CheckConstraint(name="a_link_of_a_request_ends", condition=Q(expires_at__gt=F("made_at")))]
        indexes = [
            models.Index(fields=["contact_digest", "made_at"], name="request_link_by_contact"),
            models.Index(fields=["made_at"], name="request_link_by_time"),
        ]

    def __str__(self) -> str:
        return f"link {self.pk}"


class Receipt(models.Model):
    """That the one neutral receipt of a day went to an address given in a request: keyed hash and day, nothing else; forgotten after two days."""

    NOT_PERSONAL = ("id", "on")

    address_digest = digest_of_address("To whom.")
    on = models.DateField()

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(name="an_address_gets_one_receipt_a_day", fields=["address_digest", "on"])]

    def __str__(self) -> str:
        return f"receipt {self.pk}"
