"""Keyed hashes of what stands in address books and of how people are reached, and who is matched because two of them are equal.

value = AES-SIV(rotating key, HMAC-SHA256(fixed key, kind ‖ address)[:16]): equal addresses give equal values under one key, a rotation
needs no address, and when a key is destroyed its values are gone from backups too. Both keys lie in the keystore.

| table | whose addresses | who may hold a row |
|---|---|---|
| contacts_contactkey | of anybody, from somebody's address book | who lent the book |
| contacts_personkey | of the person themself, from accounts | who allows to be found |
| contacts_match | none | both of the two people |
| contacts_rematch | none | whose keys changed since their matches were computed; written by the database (migration 0002) |
"""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Person, PersonEmail, PersonPhone
from apps.contacts.models.lent import lender, standing, under
from apps.contacts.models.sources import Source
from apps.contacts.querysets import MatchQuerySet
from apps.contacts.states import KeyState
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.policies.models import PolicyVersion


class MatchingKey(models.Model):
    """One rotating key, by its number. The key itself lies in the keystore as `matching/<number>`."""

    NOT_PERSONAL = ("number", "state", "announced_at", "current_at", "retiring_at", "destroyed_at")

    number = models.PositiveIntegerField(primary_key=True)
    state = models.CharField(max_length=10, choices=KeyState.choices)
    announced_at = models.DateTimeField()
    announced_by = personal(models.CharField(max_length=60), DataCategory.WORK_RECORD, Purpose.LEGAL)
    current_at = models.DateTimeField(null=True)
    retiring_at = models.DateTimeField(null=True)
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        permissions = [("rotate_matchingkey", "Can announce a rotation of the matching key")]
        constraints = [
            models.UniqueConstraint(name="one_key_comes_is_current_or_retires", fields=["state"], condition=~Q(state=KeyState.DESTROYED)),
            models.CheckConstraint(
                name="a_key_says_when_it_moved",
                condition=Q(state=KeyState.COMING, current_at__isnull=True, retiring_at__isnull=True, destroyed_at__isnull=True)
                | Q(state=KeyState.CURRENT, current_at__isnull=False, retiring_at__isnull=True, destroyed_at__isnull=True)
                | Q(state=KeyState.RETIRING, current_at__isnull=False, retiring_at__isnull=False, destroyed_at__isnull=True)
                | Q(state=KeyState.DESTROYED, destroyed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"matching key {self.number}"


class ContactKey(models.Model):
    """One address or number in somebody's address book, as a keyed hash."""

    NOT_PERSONAL = ("id", "purpose", "stands", "source", "key", "collected_at", "policy_version")

    person = lender("contact_keys")
    purpose = under()
    stands = standing()
    source = models.ForeignKey(Source, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="contact_keys")
    item = personal(models.BinaryField(max_length=16), DataCategory.TECHNICAL, Purpose.SERVICE)
    key = models.ForeignKey(MatchingKey, on_delete=models.PROTECT, db_index=False, related_name="+")
    value = personal(models.BinaryField(max_length=32), DataCategory.CONTACT, Purpose.SERVICE)
    collected_at = models.DateTimeField()
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, db_index=False, related_name="+")

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        indexes = [models.Index(fields=["key", "value"], include=["person"], name="contact_key_by_value")]
        constraints = [
            models.CheckConstraint(name="a_contact_stands_on_a_consent", condition=Q(stands=True)),
            models.UniqueConstraint(name="an_item_has_an_address_once", fields=["source", "item", "value"]),
        ]

    def __str__(self) -> str:
        return f"contact key {self.pk}"


class PersonKey(models.Model):
    """One address or number of a person who allows to be found, as a keyed hash. It goes with the address."""

    NOT_PERSONAL = ("id", "purpose", "stands", "key")

    person = lender("person_keys")
    purpose = under()
    stands = standing()
    email = personal(
        models.ForeignKey(PersonEmail, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"),
        DataCategory.CONTACT, Purpose.SERVICE, lost_without="the key is of a phone number instead.",
    )  # fmt: skip
    phone = personal(
        models.ForeignKey(PersonPhone, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"),
        DataCategory.CONTACT, Purpose.SERVICE, lost_without="the key is of an e-mail address instead.",
    )  # fmt: skip
    key = models.ForeignKey(MatchingKey, on_delete=models.PROTECT, db_index=False, related_name="+")
    value = personal(models.BinaryField(max_length=32), DataCategory.CONTACT, Purpose.SERVICE)

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        indexes = [models.Index(fields=["key", "value"], include=["person"], name="person_key_by_value")]
        constraints = [
            models.CheckConstraint(name="a_persons_key_stands_on_a_consent", condition=Q(stands=True)),
            models.CheckConstraint(
                name="a_persons_key_is_of_one_address",
                condition=Q(email__isnull=False, phone__isnull=True) | Q(email__isnull=True, phone__isnull=False),
            ),
            models.UniqueConstraint(name="an_email_has_one_value_per_key", fields=["email", "key"]),
            models.UniqueConstraint(name="a_phone_has_one_value_per_key", fields=["phone", "key"]),
        ]

    def __str__(self) -> str:
        return f"person key {self.pk}"


class Match(models.Model):
    """That two people found each other. Both see it, and it goes the moment either takes the consent back."""

    NOT_PERSONAL = ("id", "purpose", "stands", "one_has", "other_has", "since")

    one = lender("+")
    other = lender("+")
    purpose = under()
    stands = standing()
    one_has = models.BooleanField(help_text="The first has the second in their book")
    other_has = models.BooleanField(help_text="The second has the first in their book")
    since = models.DateTimeField()

    objects = MatchQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        verbose_name_plural = "matches"
        constraints = [
            models.CheckConstraint(name="a_match_stands_on_two_consents", condition=Q(stands=True)),
            models.CheckConstraint(name="a_match_is_of_two_people_in_one_order", condition=Q(one__lt=F("other"))),
            models.CheckConstraint(name="a_match_rests_on_a_book", condition=Q(one_has=True) | Q(other_has=True)),
            models.UniqueConstraint(name="two_people_are_matched_once", fields=["one", "other"]),
        ]

    def __str__(self) -> str:
        return f"match {self.pk}"


class Rematch(models.Model):
    """That somebody's keys changed, so their matches are to be computed again: a work row."""

    NOT_PERSONAL = ("changes", "attempts", "leased_until", "since")

    person = personal(
        models.OneToOneField(Person, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"),
        DataCategory.IDENTITY, Purpose.SERVICE,
    )  # fmt: skip
    changes = models.PositiveIntegerField(default=1, db_default=1)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    leased_until = models.DateTimeField(null=True)
    since = models.DateTimeField()

    class Meta:
        ordering = ["since", "person_id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"rematch {self.pk}"
