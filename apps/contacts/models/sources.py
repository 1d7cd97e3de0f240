"""What people lent us to read from: files and addresses, what was refused of them, and what a hold keeps after a withdrawal.

Address, login and password of a source, and how far it was read, are sealed under a secret of the source's own in the keystore. Of a
file we keep a keyed hash of its name, to know it again, and of a refused one not even that.
"""

from django.db import models
from django.db.models import F, Q

from apps.consents.purposes import CALENDAR, CONTACTS
from apps.contacts.models.lent import lender, standing, under
from apps.contacts.querysets import RefusedFileQuerySet, SourceQuerySet
from apps.contacts.states import RefusedState, SourceHow, SourceState
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion

KINDS = ((CONTACTS, "contacts"), (CALENDAR, "calendar"))


def source_reference() -> str:
    return new_reference("SRC", 9)


def refused_reference() -> str:
    return new_reference("RFF", 9)


def kept_reference() -> str:
    return new_reference("KPT", 9)


class Source(models.Model):
    """One address book or calendar that a person lent us. Its row, and all that was read from it, goes when it is taken away."""

    NOT_PERSONAL = (
        "id", "reference", "purpose", "stands", "how", "state", "added_at", "policy_version", "entries", "last_success_at", "read_fully_at",
        "next_at", "failures", "attempt", "leased_until", "last_error",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=source_reference, editable=False)
    person = lender("contact_sources")
    purpose = under()
    stands = standing()
    how = models.CharField(max_length=4, choices=SourceHow.choices)
    name_hash = personal(
        models.BinaryField(max_length=16, null=True, editable=False), DataCategory.TECHNICAL, Purpose.SERVICE,
        lost_without="a file that is uploaded again does not replace the one before.",
    )  # fmt: skip
    sealed = personal(
        models.BinaryField("address and login", null=True, editable=False), DataCategory.CREDENTIAL, Purpose.SERVICE,
        lost_without="nothing is read anew by itself.",
    )  # fmt: skip
    sync_state = personal(
        models.BinaryField(null=True, editable=False), DataCategory.TECHNICAL, Purpose.SERVICE,
        lost_without="everything is read instead of what changed.",
    )  # fmt: skip
    state = models.CharField(max_length=10, choices=SourceState.choices, default=SourceState.ACTIVE)
    added_at = models.DateTimeField()
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+", help_text="In force when it was lent.")
    entries = models.PositiveIntegerField(default=0, help_text="Cards or appointments at the last reading")
    last_success_at = models.DateTimeField("last read", null=True)
    read_fully_at = models.DateTimeField(null=True, help_text="When all of it was read last, and not only what changed")
    next_at = models.DateTimeField("next reading", null=True)
    failures = models.PositiveSmallIntegerField(default=0, help_text="In a row; counted before the reading")
    attempt = models.PositiveIntegerField(default=0, help_text="Which reading holds the lease: an older one may write nothing")
    leased_until = models.DateTimeField(null=True)
    last_error = models.CharField("trouble", max_length=40, blank=True, help_text="A code; never data")

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("retry_source", "Can have a source read again now")]
        indexes = [
            models.Index(fields=["next_at", "id"], name="source_by_next", condition=Q(how=SourceHow.DAV, state=SourceState.ACTIVE)),
            models.Index(fields=["added_at", "id"], name="source_by_adding"),
        ]
        constraints = [
            models.CheckConstraint(name="a_source_is_of_contacts_or_a_calendar", condition=Q(purpose__in=[CONTACTS, CALENDAR])),
            models.CheckConstraint(name="a_source_stands_on_a_consent", condition=Q(stands=True)),
            models.CheckConstraint(
                name="an_address_is_sealed_and_a_file_has_none",
                condition=Q(how=SourceHow.DAV, sealed__isnull=False, name_hash__isnull=True)
                | Q(how=SourceHow.FILE, sealed__isnull=True, sync_state__isnull=True, next_at__isnull=True, name_hash__isnull=False),
            ),
            models.CheckConstraint(
                name="an_address_in_use_has_its_next_reading", condition=~Q(how=SourceHow.DAV, state=SourceState.ACTIVE, next_at__isnull=True)
            ),
            models.CheckConstraint(
                name="a_source_is_read_after_it_was_lent", condition=Q(last_success_at__isnull=True) | Q(last_success_at__gte=F("added_at"))
            ),
            models.UniqueConstraint(name="a_file_of_one_name_is_there_once", fields=["person", "purpose", "name_hash"]),
            models.UniqueConstraint(name="what_is_read_points_to_its_source", fields=["id", "person", "purpose"]),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.reference


class RefusedFile(models.Model):
    """That something which a person lent us could not be read, and why: without the file, and without anything of it."""

    NOT_PERSONAL = ("id", "reference", "purpose", "how", "source_reference", "code", "size", "at", "state", "done_at")

    reference = models.CharField(max_length=20, unique=True, default=refused_reference, editable=False)
    person = lender("refused_files")
    purpose = models.CharField("kind", max_length=40, choices=KINDS)
    how = models.CharField(max_length=4, choices=SourceHow.choices)
    source_reference = models.CharField("source", max_length=20, blank=True)
    code = models.SlugField("why", max_length=40)
    size = models.PositiveIntegerField("bytes")
    at = models.DateTimeField("refused at")
    state = models.CharField(max_length=10, choices=RefusedState.choices, default=RefusedState.OPEN)
    done_by = personal(models.CharField(max_length=60, blank=True, editable=False), DataCategory.WORK_RECORD, Purpose.LEGAL)
    done_at = models.DateTimeField(null=True, editable=False)

    objects = RefusedFileQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("finish_refusedfile", "Can mark the note of a refused file as looked at")]
        indexes = [models.Index(fields=["at", "id"], name="refused_file_by_time")]
        constraints = [
            models.CheckConstraint(
                name="a_refused_file_is_done_by_somebody",
                condition=Q(state=RefusedState.OPEN, done_by="", done_at__isnull=True)
                | (Q(state=RefusedState.DONE, done_at__isnull=False) & ~Q(done_by="")),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class KeptBook(models.Model):
    """What was read from one source, kept because a hold keeps its person: sealed, in no index, used for nothing.

    It rests on no consent any more. A sweep erases it, and destroys its secret, when the hold is over.
    """

    NOT_PERSONAL = ("id", "reference", "purpose", "source_reference", "event", "entries", "kept_at")

    reference = models.CharField(max_length=20, unique=True, default=kept_reference, editable=False)
    person = lender("kept_books")
    purpose = models.CharField("kind", max_length=40, choices=KINDS)
    source_reference = models.CharField("source", max_length=20)
    event = models.CharField("end of the consent", max_length=20, help_text="The withdrawal, or the removal of the source, by reference.")
    entries = models.PositiveIntegerField()
    sealed = personal(models.BinaryField(editable=False), DataCategory.CONTACT, Purpose.LEGAL)
    kept_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = "kept address book or calendar"
        verbose_name_plural = "kept address books and calendars"
        indexes = [models.Index(fields=["kept_at", "id"], name="kept_book_by_time")]

    def __str__(self) -> str:
        return self.reference
