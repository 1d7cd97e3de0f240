"""Third-party accounts that people linked, with the scopes they granted and what was told within them (P04).

A claim points to the grant of its scope and to the table of what scopes cover, both by foreign keys (migration `no_claim_beyond_its_scope`),
so that no row can say more than the person authorised. Values and tokens are sealed under a secret of the account's own in the keystore.
"""

from django.db import models
from django.db.models import F, Q

from apps.accounts.models.people import Person
from apps.accounts.querysets import LinkedAccountQuerySet
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.references import new_reference
from apps.policies.models import PolicyVersion


def linked_account_reference() -> str:
    return new_reference("LNK")


class ScopeClaim(models.Model):
    """That a scope covers a claim (OpenID Connect Core 1.0 §5.4). Written by a migration only."""

    NOT_PERSONAL = ("id", "scope", "claim")

    scope = models.CharField(max_length=20)
    claim = models.CharField(max_length=40, unique=True)

    class Meta:
        ordering = ["scope", "claim"]
        constraints = [models.UniqueConstraint(name="a_scope_covers_a_claim_once", fields=["scope", "claim"])]

    def __str__(self) -> str:
        return f"{self.claim} is of {self.scope}"


class LinkedAccount(models.Model):
    """One account of a person at somebody else's. An account that was unlinked keeps that it was there, and nothing of what it said."""

    NOT_PERSONAL = (
        "id", "reference", "provider", "how", "linked_at", "lapses_at", "revoked_at", "revoked_how", "tell_at", "tell_attempts",
        "leased_until", "told_at", "kept_for_hold", "policy_version",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=linked_account_reference, editable=False)
    person = personal(
        models.ForeignKey(Person, on_delete=models.CASCADE, related_name="linked_accounts"), DataCategory.TECHNICAL, Purpose.SERVICE
    )
    provider = models.SlugField(max_length=40, help_text="Where the account is, e.g. google")
    subject = personal(
        models.CharField(max_length=255, blank=True), DataCategory.TECHNICAL, Purpose.IDENTIFICATION,
        lost_without="the person can't sign in with that account.",
    )  # fmt: skip
    how = models.CharField(max_length=20, choices=(("preference_page", "on the preference page"), ("api", "by the product")))
    linked_at = models.DateTimeField(editable=False)
    tokens = personal(
        models.BinaryField(null=True, editable=False), DataCategory.CREDENTIAL, Purpose.SERVICE,
        lost_without="the account can't be unlinked at the provider's side too.",
    )  # fmt: skip
    lapses_at = models.DateTimeField("token lapses at", null=True, editable=False)
    revoked_at = models.DateTimeField("unlinked at", null=True, editable=False)
    revoked_how = models.CharField("unlinked", max_length=20, blank=True, editable=False)
    tell_at = models.DateTimeField("provider is told at", null=True, editable=False)
    tell_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    told_at = models.DateTimeField("provider told at", null=True, editable=False)
    kept_for_hold = models.BooleanField(default=False, editable=False, help_text="What it told stays apart, unused, until the hold is over.")
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    objects = LinkedAccountQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("reveal_linkedaccount", "Can see what a linked account told; each look is recorded"),
            ("revoke_linkedaccount", "Can unlink an account"),
        ]
        constraints = [
            models.UniqueConstraint(
                name="an_account_is_linked_to_one_person", fields=["provider", "subject"], condition=Q(revoked_at__isnull=True)
            ),
            models.UniqueConstraint(
                name="a_person_has_one_account_per_provider", fields=["person", "provider"], condition=Q(revoked_at__isnull=True)
            ),
            models.CheckConstraint(
                name="what_is_linked_has_a_subject_and_what_is_not_has_none",
                condition=(Q(revoked_at__isnull=True, kept_for_hold=False) & ~Q(subject=""))
                | Q(revoked_at__isnull=False, subject="", kept_for_hold=False)
                | (Q(revoked_at__isnull=False, kept_for_hold=True) & ~Q(subject="")),
            ),
            models.CheckConstraint(
                name="an_account_is_unlinked_after_it_was_linked",
                condition=Q(revoked_at__isnull=True) | Q(revoked_at__gte=F("linked_at")),
            ),
            models.CheckConstraint(
                name="a_token_outlives_its_link_only_to_be_revoked",
                condition=Q(revoked_at__isnull=True) | Q(tokens__isnull=True) | Q(tell_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["subject"], name="linked_account_subject"),
            models.Index(fields=["provider"], name="linked_account_provider"),
            models.Index(fields=["tell_at", "id"], name="linked_account_to_tell", condition=Q(tell_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.reference


class GrantedScope(models.Model):
    """A scope that the person granted to us at the provider."""

    NOT_PERSONAL = ("id", "account", "scope")

    account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="scopes")
    scope = models.CharField(max_length=20)

    class Meta:
        ordering = ["scope"]
        constraints = [models.UniqueConstraint(name="a_scope_is_granted_once", fields=["account", "scope"])]

    def __str__(self) -> str:
        return f"{self.scope} of {self.account_id}"


class LinkedClaim(models.Model):
    """One thing that the account told, within a scope that was granted. The value is sealed."""

    NOT_PERSONAL = ("id", "account", "scope", "claim", "told_at", "policy_version")

    account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="claims")
    scope = models.CharField(max_length=20)
    claim = models.CharField(max_length=40)
    value = personal(
        models.BinaryField(), DataCategory.IDENTITY, Purpose.SERVICE, lost_without="what stands in that account has to be typed in here."
    )
    told_at = models.DateTimeField()
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, editable=False, related_name="+")

    class Meta:
        ordering = ["scope", "claim"]
        constraints = [models.UniqueConstraint(name="an_account_says_a_thing_once", fields=["account", "claim"])]

    def __str__(self) -> str:
        return f"{self.claim} of {self.account_id}"


class LinkAttempt(models.Model):
    """That a person went to a provider to say yes. Of the values that prove it was them only the digests stand here."""

    NOT_PERSONAL = ("id", "provider", "scopes", "state_digest", "browser_digest", "begun_at", "lapses_at", "used_at")

    person = personal(models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+"), DataCategory.TECHNICAL, Purpose.SECURITY)
    provider = models.SlugField(max_length=40)
    scopes = models.JSONField(default=list)
    state_digest = models.BinaryField(max_length=32, unique=True)
    browser_digest = models.BinaryField(max_length=32)
    begun_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["lapses_at"], name="link_attempt_age")]

    def __str__(self) -> str:
        return f"attempt {self.pk}"
