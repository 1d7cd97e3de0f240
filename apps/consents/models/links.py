"""Links that let a person see their own page without a password, and the visits that begin with one.

Of a token only a digest is stored, bound to what the token is for: a link's token opens no other door, and is no visit's. Links
and visits live for minutes and are forgotten a day later (`services.links.forget_old`); what a person said on a visit stands in
the ledger of consents.
"""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Person
from apps.consents.doors import LinkPurpose, LinkWay
from apps.foundation.personal_data import DataCategory, Purpose, personal


def of_person(related_name: str) -> models.ForeignKey:
    """Whose it is; it goes with them."""
    field = models.ForeignKey(Person, on_delete=models.CASCADE, related_name=related_name)
    return personal(field, DataCategory.IDENTITY, Purpose.IDENTIFICATION)


class LinkRequest(models.Model):
    """Somebody typed an address and asked for a link. Written for every address, known or not, and gone once it is answered."""

    NOT_PERSONAL = ("id", "asked_at", "attempts")

    address = personal(models.CharField(max_length=254), DataCategory.CONTACT, Purpose.IDENTIFICATION)
    asked_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        verbose_name = "request for a link"
        verbose_name_plural = "requests for links"
        default_permissions = ()

    def __str__(self) -> str:
        return f"request {self.pk}"


class AccessLink(models.Model):
    """A link for one person and one purpose: it opens once, and not for long."""

    NOT_PERSONAL = ("id", "purpose", "way", "token_hash", "made_at", "expires_at", "spent_at")

    person = of_person("access_links")
    purpose = models.CharField(max_length=20, choices=LinkPurpose.choices)
    way = models.CharField(max_length=10, choices=LinkWay.choices)
    token_hash = models.BinaryField(max_length=32, unique=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        verbose_name = "link"
        default_permissions = ()
        indexes = [
            models.Index(fields=["person", "made_at"], name="link_by_person"),
            models.Index(fields=["expires_at"], name="link_by_end"),
        ]
        constraints = [
            models.CheckConstraint(name="a_link_ends_after_it_was_made", condition=Q(expires_at__gt=F("made_at"))),
            models.CheckConstraint(
                name="a_link_is_spent_while_it_lives",
                condition=Q(spent_at__isnull=True) | Q(spent_at__gte=F("made_at"), spent_at__lt=F("expires_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"link {self.pk}"


class Visit(models.Model):
    """What began when a link was spent: for some minutes its token, carried by every form of the page, says who it is."""

    NOT_PERSONAL = ("id", "link", "token_hash", "began_at", "expires_at", "ended_at")

    person = of_person("visits")
    link = models.OneToOneField(AccessLink, on_delete=models.CASCADE, related_name="visit")
    token_hash = models.BinaryField(max_length=32, unique=True)
    began_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        indexes = [models.Index(fields=["expires_at"], name="visit_by_end")]
        constraints = [
            models.CheckConstraint(name="a_visit_ends_after_it_began", condition=Q(expires_at__gt=F("began_at"))),
        ]

    def __str__(self) -> str:
        return f"visit {self.pk}"

    #: the token itself, while the visit's own request is answered; never stored
    token = ""
