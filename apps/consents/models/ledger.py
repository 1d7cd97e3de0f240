"""What people said (append-only), what stands because of it (one row per person and purpose), and what went when it ended.

| table | changed | removed |
|---|---|---|
| consents_consentevent | never | with the person's row only, by the database itself |
| consents_standing | by the verbs of this app, each time to what the newest event says; the database compares the two | with the person's row |
| consents_consenterasure | never | with the person's row |

Rows collected under a consent point to (person, purpose, stands) here with a constant `stands = true`: nothing is stored
without a consent that stands, and no withdrawal commits while such rows remain.
"""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Person
from apps.consents.models.purposes import ConsentPurpose, PurposeText
from apps.consents.querysets import ConsentEventQuerySet, StandingQuerySet
from apps.consents.states import ONLY_NO, ConsentAct, How
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion


def consent_reference() -> str:
    return new_reference("CNS", 9)


def of_person(related_name: str) -> models.ForeignKey:
    """Whose it is. The database itself removes the row with the person's (migration 0002)."""
    field = models.ForeignKey(Person, on_delete=models.DO_NOTHING, db_constraint=False, related_name=related_name)
    return personal(field, DataCategory.IDENTITY, Purpose.LEGAL)


class ConsentEvent(models.Model):
    """One thing that a person said about one purpose, by which text, under which policy, by what way."""

    NOT_PERSONAL = (
        "id", "reference", "purpose", "text", "policy_version", "act", "at", "until", "how", "where", "shown_digest", "shown_at",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=consent_reference, editable=False)
    person = of_person("consent_events")
    purpose = models.ForeignKey(ConsentPurpose, on_delete=models.PROTECT, related_name="events")
    text = models.ForeignKey(PurposeText, on_delete=models.PROTECT, related_name="events")
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+", help_text="In force at that moment.")
    act = models.CharField(max_length=10, choices=ConsentAct.choices)
    at = models.DateTimeField()
    until = models.DateTimeField(null=True, help_text="Of a consent given: when it ends by itself.")
    how = models.CharField(max_length=20, choices=How.choices)
    where = models.CharField(max_length=40, blank=True, help_text="A code or a reference: which page, which mail, which service.")
    shown_digest = models.BinaryField(max_length=32, null=True, help_text="SHA-256 of the text that was shown")
    shown_at = models.DateTimeField(null=True)

    objects = ConsentEventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "consent"
        permissions = [("receipt_consentevent", "Can download the receipt of a consent")]
        indexes = [
            models.Index(fields=["person", "purpose", "-at", "-id"], name="consent_by_person"),
            models.Index(fields=["at", "id"], name="consent_by_time"),
            models.Index(fields=["purpose", "-id"], name="consent_by_purpose"),
        ]
        constraints = [
            models.CheckConstraint(
                name="who_decided_was_shown_the_text",
                condition=Q(shown_digest__isnull=False, shown_at__isnull=False, shown_at__lte=F("at"))
                | (Q(shown_digest__isnull=True, shown_at__isnull=True) & ~Q(act=ConsentAct.GIVEN) & (~Q(act=ConsentAct.REFUSED) | Q(how=How.SIGNAL))),
            ),
            models.CheckConstraint(
                name="only_a_consent_has_an_end", condition=Q(until__isnull=True) | Q(act=ConsentAct.GIVEN, until__gt=F("at"))
            ),
            models.CheckConstraint(
                name="nobody_consents_by_a_signal", condition=~Q(act=ConsentAct.GIVEN) | ~Q(how__in=sorted(ONLY_NO))
            ),
            models.CheckConstraint(
                name="an_act_and_a_way_are_known_ones", condition=Q(act__in=sorted(ConsentAct.values), how__in=sorted(How.values))
            ),
            models.CheckConstraint(name="where_is_a_code", condition=Q(where="") | Q(where__regex=r"^[A-Za-z0-9_.:/-]{1,40}$")),
        ]

    def __str__(self) -> str:
        return self.reference


class Standing(models.Model):
    """What holds now for one person and one purpose, and the event that says so."""

    NOT_PERSONAL = ("id", "purpose", "stands", "text", "since", "until", "event", "asked_again_from")

    person = of_person("consents")
    purpose = models.ForeignKey(ConsentPurpose, on_delete=models.PROTECT, related_name="standings")
    stands = models.BooleanField()
    text = models.ForeignKey(PurposeText, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, help_text="When it ends by itself. Empty: when it is withdrawn.")
    event = models.ForeignKey(ConsentEvent, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    asked_again_from = models.DateTimeField(null=True, help_text="After a no nobody asks before this.")

    objects = StandingQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        db_table = "consents_standing"
        permissions = [("withdraw_standing", "Can withdraw a consent when its person tells staff to")]
        indexes = [
            models.Index(fields=["purpose", "person"], include=["until"], name="standing_audience", condition=Q(stands=True)),
            models.Index(fields=["until"], name="standing_by_end", condition=Q(stands=True, until__isnull=False)),
            models.Index(fields=["since", "id"], name="standing_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(name="one_standing_per_person_and_purpose", fields=["person", "purpose"]),
            models.UniqueConstraint(name="what_is_collected_points_here", fields=["person", "purpose", "stands"]),
            models.CheckConstraint(
                name="what_stands_ends_after_it_began",
                condition=Q(stands=True, asked_again_from__isnull=True) & (Q(until__isnull=True) | Q(until__gt=F("since")))
                | Q(stands=False, until__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"standing {self.pk}"


class ConsentErasure(models.Model):
    """What went, and what a hold kept, when a consent ended: numbers only."""

    NOT_PERSONAL = ("id", "event", "kind", "erased", "kept_for_hold", "at")

    event = models.ForeignKey(ConsentEvent, on_delete=models.DO_NOTHING, db_constraint=False, related_name="erasures")
    kind = models.SlugField(max_length=40, help_text="Which kind of rows")
    erased = models.PositiveIntegerField()
    kept_for_hold = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        verbose_name = "erasure after a consent"
        constraints = [models.UniqueConstraint(name="each_kind_of_rows_goes_once_per_event", fields=["event", "kind"])]

    def __str__(self) -> str:
        return f"erasure {self.pk}"
