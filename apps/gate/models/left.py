"""What left and on what ground, what was refused and why, the permits, and the connections that were opened.

People stand here by their references only, which say nothing by themselves and outlive an erasure for as long as the law asks for an
account of disclosures. The database refuses to change or remove any of it before six years are over (migration 0002), and refuses a
purpose that is in no list, a third party that would get personal information together with an address or device, and analytics
beyond its fields: whatever the code above it does.
"""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import ServiceToken
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.gate.models.columns import by_whom, codes
from apps.gate.querysets import DisclosureQuerySet, PermitQuerySet
from apps.gate.states import (
    GROUND_OF,
    AboutKind,
    ContactReason,
    Ground,
    PermitKind,
    RecipientKind,
    Stage,
)
from apps.policies.vocabulary import ANALYTICS_FIELDS, CATEGORIES, CONNECTION, PERSONAL, DisclosurePurpose

#: millions of them: with seven characters one in some thousand would be taken already
LONG = 11


def disclosure_reference() -> str:
    return new_reference("DIS", LONG)


def permit_reference() -> str:
    return new_reference("PMT", LONG)


def refusal_reference() -> str:
    return new_reference("GRF", LONG)


class Disclosure(models.Model):
    """That something was let out: to whom, about whom, what, for what and on what ground. Written once, with its permit."""

    NOT_PERSONAL = (
        "id", "reference", "at", "recipient_kind", "recipient", "about_kind", "about_organization", "about_count", "categories", "fields",
        "purpose", "ground", "grant", "consent", "exceptions", "countries", "patient_information", "what", "digest", "size",
    )  # fmt: skip

    reference = models.CharField(max_length=20, default=disclosure_reference)  # unique by a constraint: nobody searches for its beginning
    at = models.DateTimeField("decided at")
    recipient_kind = models.CharField("kind of recipient", max_length=10, choices=RecipientKind.choices)
    recipient = models.CharField(max_length=20, help_text="By reference.")
    about_kind = models.CharField("about", max_length=12, choices=AboutKind.choices)
    about_organization = models.CharField("organization", max_length=20, blank=True)
    about_count = models.PositiveIntegerField("people", null=True, blank=True, help_text="How many people it is about, where that is known.")
    categories = codes(20)
    fields = codes(60)
    purpose = models.CharField(max_length=20, choices=DisclosurePurpose.choices)
    ground = models.CharField(max_length=20, choices=Ground.choices)
    grant = models.CharField(max_length=20, blank=True, help_text="The provider's grant that covers it.")
    consent = models.CharField(max_length=40, blank=True, default="", help_text="What people consented to, by its code.")
    exceptions = codes(20, help_text="The exceptions by which it may go to another country.")
    countries = codes(2)
    patient_information = models.BooleanField()
    what = models.CharField("object", max_length=120, help_text="What was handed over, by reference.")
    digest = models.BinaryField("SHA-256", max_length=32, null=True, blank=True)
    size = models.BigIntegerField("bytes", null=True, blank=True)
    by = by_whom()

    objects = DisclosureQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["recipient", "id"], name="disclosure_by_recipient"),
            models.Index(fields=["at", "id"], include=["recipient"], name="disclosure_by_time"),
            models.Index(fields=["purpose", "id"], name="disclosure_by_purpose"),
            models.Index(fields=["ground", "id"], name="disclosure_by_ground"),
            models.Index(fields=["about_organization", "id"], name="disclosure_by_organization", condition=~Q(about_organization="")),
            models.Index(fields=["consent", "id"], name="disclosure_by_consent", condition=~Q(consent="")),
        ]
        constraints = [
            models.UniqueConstraint(name="a_disclosure_has_its_own_reference", fields=["reference"]),
            models.CheckConstraint(
                name="a_disclosure_has_a_purpose_that_exists", condition=Q(purpose__in=sorted(DisclosurePurpose.values))
            ),
            models.CheckConstraint(
                name="a_disclosure_has_the_ground_of_its_recipient",
                condition=Q(ground=Ground.SERVICE_PROVIDER, recipient_kind=GROUND_OF[Ground.SERVICE_PROVIDER], consent="") & ~Q(grant="")
                | Q(ground=Ground.CLIENT, recipient_kind=GROUND_OF[Ground.CLIENT], grant="", consent="")
                | Q(ground=Ground.PERSON, recipient_kind=GROUND_OF[Ground.PERSON], grant="", consent="")
                | Q(ground=Ground.CONSENT, recipient_kind=GROUND_OF[Ground.CONSENT], grant="", patient_information=False)
                & ~Q(consent="") & ~Q(about_kind=AboutKind.ORGANIZATION),
            ),
            models.CheckConstraint(
                name="a_disclosure_says_what_it_holds",
                condition=Q(categories__len__gt=0, categories__contained_by=sorted(CATEGORIES)) & ~Q(what="") & ~Q(recipient=""),
            ),
            models.CheckConstraint(
                name="no_provider_gets_personal_information_with_address_or_device",
                condition=~Q(recipient_kind=RecipientKind.PROVIDER)
                | ~Q(categories__overlap=sorted(CONNECTION))
                | ~Q(categories__overlap=sorted(PERSONAL)),
            ),
            models.CheckConstraint(
                name="analytics_get_listed_fields_only",
                condition=~Q(purpose=DisclosurePurpose.ANALYTICS)
                | Q(
                    fields__len__gt=0, fields__contained_by=sorted(ANALYTICS_FIELDS),
                    categories__contained_by=["network_address", "usage"],
                ),
            ),
            models.CheckConstraint(
                name="a_disclosure_names_its_countries", condition=Q(countries__len__gt=0)
            ),
            models.CheckConstraint(
                name="what_leaves_the_united_states_names_its_exceptions",
                condition=Q(countries__contained_by=["US"]) | Q(exceptions__len__gt=0),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference


class DisclosureSubject(models.Model):
    """That a disclosure is about somebody, and the consent it rests on. Their reference stays when they are erased; it names nobody then."""

    NOT_PERSONAL = ("id", "disclosure", "person_reference", "consent")

    disclosure = models.ForeignKey(Disclosure, on_delete=models.PROTECT, related_name="subjects", db_index=False)
    person_reference = models.CharField("person", max_length=20)
    consent = models.CharField(max_length=20, blank=True, default="", help_text="What they said, in the ledger of consents.")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["person_reference", "disclosure"], name="disclosure_by_person")]
        constraints = [models.UniqueConstraint(name="a_disclosure_is_about_somebody_once", fields=["disclosure", "person_reference"])]

    def __str__(self) -> str:
        return f"subject {self.pk}"


class Permit(models.Model):
    """What the one client asks for before it opens a connection: short-lived, used once, bound to recipient, fields and content.

    Whoever holds the token may use it; it is shown once, and only its hash is kept.
    """

    NOT_PERSONAL = (
        "id", "reference", "token_hash", "kind", "disclosure", "why", "recipient_kind", "recipient", "fields", "digest", "given_at",
        "lapses_at", "spent_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, default=permit_reference)  # unique by a constraint, as above
    token_hash = models.BinaryField(max_length=32, unique=True)
    kind = models.CharField(max_length=10, choices=PermitKind.choices)
    disclosure = models.OneToOneField(Disclosure, null=True, blank=True, on_delete=models.PROTECT, related_name="permit")
    why = models.CharField("contact", max_length=10, choices=ContactReason.choices, blank=True)
    recipient_kind = models.CharField("kind of recipient", max_length=10, choices=RecipientKind.choices)
    recipient = models.CharField(max_length=20, help_text="By reference.")
    fields = codes(60)
    digest = models.BinaryField("SHA-256", max_length=32, null=True, blank=True)
    given_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True, blank=True)
    by = by_whom()

    objects = PermitQuerySet.as_manager()

    #: only where it was just given: the token, which nobody can have again
    token = ""

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["recipient", "id"], name="permit_by_recipient"),
            models.Index(fields=["given_at", "id"], name="permit_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(name="a_permit_has_its_own_reference", fields=["reference"]),
            models.CheckConstraint(
                name="a_permit_for_data_has_its_disclosure",
                condition=Q(kind=PermitKind.DATA, disclosure__isnull=False, why="")
                | (Q(kind=PermitKind.CONTACT, disclosure__isnull=True, fields__len=0, digest__isnull=True) & ~Q(why="")),
            ),
            models.CheckConstraint(name="a_permit_lapses_after_it_is_given", condition=Q(lapses_at__gt=F("given_at"))),
            models.CheckConstraint(
                name="a_permit_is_spent_before_it_lapses", condition=Q(spent_at__isnull=True) | Q(spent_at__lt=F("lapses_at"))
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class Crossing(models.Model):
    """One connection that was opened under a permit: where to, and when. Written before its first byte."""

    NOT_PERSONAL = ("id", "permit", "host", "address", "port", "at")

    permit = models.ForeignKey(Permit, on_delete=models.PROTECT, related_name="crossings")
    host = models.CharField(max_length=253)
    address = models.CharField("IP address", max_length=45, help_text="Of the recipient's machine.")
    port = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["at", "id"], name="crossing_by_time")]

    def __str__(self) -> str:
        return f"crossing {self.pk}"


class GateRefusal(models.Model):
    """That something was not let out, with all the reasons; what could not be read as a code stands here as “unreadable”."""

    NOT_PERSONAL = (
        "id", "reference", "at", "stage", "permit", "recipient_kind", "recipient", "about_kind", "about_reference", "about_count",
        "categories", "fields", "purpose", "ground", "consent", "countries", "patient_information", "what", "reasons",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=refusal_reference)
    at = models.DateTimeField("refused at")
    stage = models.CharField("refused", max_length=10, choices=Stage.choices)
    permit = models.CharField(max_length=20, blank=True, help_text="The permit that was shown, where it is known.")
    recipient_kind = models.CharField("kind of recipient", max_length=10, choices=RecipientKind.choices, blank=True)
    recipient = models.CharField(max_length=20, blank=True, help_text="By reference.")
    about_kind = models.CharField("about", max_length=12, choices=AboutKind.choices, blank=True)
    about_reference = models.CharField("person or organization", max_length=20, blank=True)
    about_count = models.PositiveIntegerField("people", null=True, blank=True)
    categories = codes(40)
    fields = codes(60)
    purpose = models.CharField(max_length=40, blank=True)
    ground = models.CharField(max_length=40, blank=True)
    consent = models.CharField(max_length=40, blank=True, default="")
    countries = codes(20)
    patient_information = models.BooleanField(null=True, blank=True)
    what = models.CharField("object", max_length=120, blank=True)
    reasons = models.JSONField(help_text="Code, sentence and mend of each.")
    by = by_whom()

    class Meta:
        ordering = ["-id"]
        verbose_name = "refusal"
        indexes = [
            models.Index(fields=["at", "id"], name="gate_refusal_by_time"),
            models.Index(fields=["recipient", "id"], name="gate_refusal_by_recipient"),
            models.Index(fields=["about_reference", "id"], name="gate_refusal_by_subject", condition=~Q(about_reference="")),
        ]
        constraints = [models.CheckConstraint(name="a_refusal_says_why", condition=~Q(reasons=[]))]

    def __str__(self) -> str:
        return self.reference

    @property
    def codes(self) -> list[str]:
        return [reason["code"] for reason in self.reasons]


class RememberedDecision(models.Model):
    """That a service asked for a permit under an Idempotency-Key, so that asking again gives the same permit and discloses once.

    The permit's token is sealed with the key itself, of which only a keyed hash stands here: without the key nobody reads it.
    """

    NOT_PERSONAL = ("id", "token", "key_digest", "permit", "sealed", "made_at")

    token = models.ForeignKey(ServiceToken, on_delete=models.PROTECT, related_name="+")
    key_digest = models.BinaryField(max_length=32)
    body_digest = personal(models.BinaryField(max_length=32), DataCategory.TECHNICAL, Purpose.SERVICE)
    permit = models.ForeignKey(Permit, on_delete=models.CASCADE, related_name="+")
    sealed = models.BinaryField(max_length=200)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(name="a_key_asks_for_one_permit_per_token", fields=["token", "key_digest"])]
        indexes = [models.Index(fields=["made_at"], name="remembered_decision_age")]

    def __str__(self) -> str:
        return f"remembered decision {self.pk}"
