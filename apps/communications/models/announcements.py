"""The same words to many people: announcements, which need each one's permission, and notices that a person needs.

| | announcement | notice |
|---|---|---|
| goes to | who allowed it for that channel, asked again when each is handed over | every active person |
| words | drafted by one, approved by another, fixed from the asking on | made from a version of the policy that two people published |
| a person stops it | by one click | never |

Both are circulars, and one machinery sends them. A delivery that waits, or was handed over under a consent that still stands, points to
that consent: it can't be made without it, and no withdrawal commits before it was dealt with (migration 0004).
"""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Person
from apps.communications.querysets import CircularQuerySet, DeliveryQuerySet
from apps.communications.states import ANNOUNCED, CircularKind, CircularState, DeliveryState
from apps.consents.models import ConsentPurpose
from apps.consents.purposes import Channel
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.mail.models import OutgoingMail
from apps.policies.models import PolicyVersion

MOST_WORDS = 20_000


def circular_reference() -> str:
    return new_reference("ANN")


def by_whom() -> models.CharField:
    """Who did it: a member of staff or the system, by the reference that the ledger uses too."""
    field = models.CharField(max_length=60, blank=True, editable=False, help_text="By reference.")
    return personal(field, DataCategory.WORK_RECORD, Purpose.LEGAL)


class Circular(models.Model):
    """One text to many people, from its draft to its last delivery."""

    NOT_PERSONAL = (
        "id", "reference", "kind", "channel", "purpose", "about_version", "subject", "words", "state", "send_at", "digest", "created_at",
        "asked_at", "approved_at", "started_at", "ended_at", "frozen_at", "frozen_through", "audience", "leased_until", "attempts", "trouble",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=circular_reference, editable=False)
    kind = models.CharField(max_length=10, choices=CircularKind.choices)
    channel = models.CharField(max_length=10, choices=[pair for pair in Channel.choices if pair[0]])
    purpose = models.ForeignKey(
        ConsentPurpose, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+",
        help_text="What a person must have allowed to get it. None: a notice.",
    )  # fmt: skip
    about_version = models.OneToOneField(
        PolicyVersion, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="notice", help_text="Which version it tells of."
    )
    subject = models.CharField(max_length=150)
    words = models.TextField(max_length=MOST_WORDS, help_text="Plain text, the same for everybody.")
    state = models.CharField(max_length=10, choices=CircularState.choices, default=CircularState.DRAFT, editable=False)
    send_at = models.DateTimeField("goes out at", null=True, blank=True, help_text="In UTC. Empty: as soon as it is approved.")
    digest = models.BinaryField(max_length=32, null=True, editable=False, help_text="SHA-256 of the words that were approved")
    drafted_by = by_whom()
    asked_by = by_whom()
    approved_by = by_whom()
    created_at = models.DateTimeField(editable=False)
    asked_at = models.DateTimeField(null=True, editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    frozen_at = models.DateTimeField("audience fixed at", null=True, editable=False)
    frozen_through = models.BigIntegerField(default=0, editable=False, help_text="The last person whom the fixing of the audience has looked at")
    audience = models.PositiveIntegerField(default=0, editable=False, help_text="How many people it was meant for")
    leased_until = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    trouble = models.CharField(max_length=80, blank=True, editable=False, help_text="Kind of error only, which stopped it")

    objects = CircularQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="an_announcement_needs_a_permission_and_a_notice_none",
                condition=Q(kind__in=ANNOUNCED, purpose__isnull=False, about_version__isnull=True)
                | Q(kind=CircularKind.POLICY, purpose__isnull=True, about_version__isnull=False, channel=Channel.EMAIL),
            ),
            models.CheckConstraint(
                name="an_announcement_goes_on_the_word_of_two",
                condition=Q(state__in=(CircularState.DRAFT, CircularState.ASKED, CircularState.CANCELLED))
                | Q(kind=CircularKind.POLICY)
                | (Q(approved_at__isnull=False, digest__isnull=False, send_at__isnull=False) & ~Q(approved_by="") & ~Q(approved_by=F("asked_by"))),
            ),
            models.CheckConstraint(
                name="what_is_on_its_way_says_since_when",
                condition=Q(started_at__isnull=False) | ~Q(state__in=(CircularState.SENDING, CircularState.PAUSED, CircularState.SENT)),
            ),
            models.CheckConstraint(
                name="what_has_ended_says_when",
                condition=Q(ended_at__isnull=False, state__in=(CircularState.SENT, CircularState.CANCELLED))
                | (Q(ended_at__isnull=True) & ~Q(state__in=(CircularState.SENT, CircularState.CANCELLED))),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="circular_by_state"),
            models.Index(fields=["created_at", "id"], name="circular_by_time"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_announcement(self) -> bool:
        return self.kind in ANNOUNCED


class AnnouncementManager(models.Manager.from_queryset(CircularQuerySet)):
    def get_queryset(self):
        return super().get_queryset().announcements()


class NoticeManager(models.Manager.from_queryset(CircularQuerySet)):
    def get_queryset(self):
        return super().get_queryset().notices()


class Announcement(Circular):
    """News of a release, a patch or an update, for those who allowed it."""

    objects = AnnouncementManager()

    class Meta:
        proxy = True
        permissions = [
            ("approve_announcement", "Can approve what goes to everybody who allowed announcements"),
            ("control_announcement", "Can pause, resume and cancel what is on its way, and set its moment"),
        ]


class Notice(Circular):
    """What a person needs to know, such as a new version of the policy."""

    objects = NoticeManager()

    class Meta:
        proxy = True


class Delivery(models.Model):
    """One circular for one person: how it ended, and where its reader unsubscribes. What was handed over is a row of the outbox."""

    NOT_PERSONAL = ("id", "circular", "purpose", "stands", "state", "tries", "handed_at", "mail")

    circular = models.ForeignKey(Circular, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    person = personal(
        models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+", db_index=False), DataCategory.COMMUNICATION, Purpose.ANSWERING
    )
    purpose = models.ForeignKey(ConsentPurpose, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    stands = models.BooleanField(null=True, help_text="Yes while the consent under which it waits, or went, still stands.")
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    tries = models.PositiveSmallIntegerField(default=0, help_text="How often it was handed over: again after a pause took it back")
    handed_at = models.DateTimeField(null=True)
    mail = models.ForeignKey(OutgoingMail, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    unsubscribe_digest = personal(
        models.BinaryField(max_length=32, null=True, help_text="SHA-256 of the token in its link; the token itself is kept nowhere."),
        DataCategory.TECHNICAL, Purpose.ANSWERING,
    )  # fmt: skip

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(name="nobody_gets_a_circular_twice", fields=["circular", "person"]),
            models.CheckConstraint(
                name="a_delivery_never_rests_on_a_consent_that_fell",
                condition=Q(stands__isnull=True) | Q(stands=True, purpose__isnull=False),
            ),
            models.CheckConstraint(
                name="an_announcement_waits_under_a_consent",
                condition=~Q(state=DeliveryState.WAITING) | Q(purpose__isnull=True) | Q(stands=True, purpose__isnull=False),
            ),
            models.CheckConstraint(
                name="what_was_handed_over_says_when",
                condition=Q(handed_at__isnull=False, tries__gt=0) | ~Q(state=DeliveryState.HANDED),
            ),
        ]
        indexes = [
            models.Index(fields=["circular", "id"], name="delivery_waiting", condition=Q(state=DeliveryState.WAITING)),
            models.Index(fields=["circular", "state"], name="delivery_by_state"),
            models.Index(fields=["person", "purpose"], name="delivery_by_person"),
            models.Index(fields=["mail"], name="delivery_by_mail", condition=Q(mail__isnull=False)),
            models.Index(fields=["unsubscribe_digest"], name="delivery_by_link", condition=Q(unsubscribe_digest__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class FormerDeliveries(models.Model):
    """How many deliveries of a circular ended how, of people who were erased: a number that points to nobody (P21)."""

    NOT_PERSONAL = ("id", "circular", "outcome", "count")

    circular = models.ForeignKey(Circular, on_delete=models.CASCADE, related_name="former_deliveries")
    outcome = models.CharField(max_length=12, help_text="As the report of a circular calls it.")
    count = models.PositiveIntegerField()

    class Meta:
        ordering = ["circular", "outcome"]
        default_permissions = ()
        verbose_name_plural = "former deliveries"
        constraints = [
            models.UniqueConstraint(name="an_outcome_is_counted_once_per_circular", fields=["circular", "outcome"]),
            models.CheckConstraint(name="what_is_counted_is_there", condition=Q(count__gt=0)),
        ]

    def __str__(self) -> str:
        return f"former deliveries {self.pk}"
