"""States of a provider, an agreement, a grant and a member of a chain, each with its one table of moves; and the words for kinds.

That something has lapsed is no state: it follows from its days, so that the gate closes at that moment and not when a job ran.
"""

from django.db.models import TextChoices


class ProviderRole(TextChoices):
    PROCESSOR = "processor", "processor"
    SUB_PROCESSOR = "sub_processor", "sub-processor"
    ANALYTICS = "analytics", "analytics"
    AFFILIATE = "affiliate", "affiliate"
    INDEPENDENT = "independent", "independent third party"


class ProviderState(TextChoices):
    PROPOSED = "proposed", "proposed"
    REVIEW = "review", "under review"
    ACTIVE = "active", "active"
    SUSPENDED = "suspended", "suspended"
    ENDED = "ended", "ended"


PROVIDER_MOVES = {
    ProviderState.PROPOSED: {ProviderState.REVIEW, ProviderState.ENDED},
    ProviderState.REVIEW: {ProviderState.ACTIVE, ProviderState.ENDED},
    ProviderState.ACTIVE: {ProviderState.SUSPENDED, ProviderState.ENDED},
    ProviderState.SUSPENDED: {ProviderState.ACTIVE, ProviderState.ENDED},
    ProviderState.ENDED: set(),
}


class DataEnd(TextChoices):
    """What becomes of the data that a provider had when it ended."""

    RETURN = "return", "returned to us"
    DESTRUCTION = "destruction", "destroyed there"
    NOTHING = "nothing", "it never had any"


class AgreementKind(TextChoices):
    DPA = "dpa", "data processing agreement"
    BAA = "baa", "business associate agreement"
    OTHER = "other", "other agreement"


class AgreementState(TextChoices):
    PROPOSED = "proposed", "proposed"
    CONFIRMED = "confirmed", "confirmed"
    SUPERSEDED = "superseded", "superseded by its renewal"
    REJECTED = "rejected", "rejected"
    ENDED = "ended", "ended before its time"


AGREEMENT_MOVES = {
    AgreementState.PROPOSED: {AgreementState.CONFIRMED, AgreementState.REJECTED},
    AgreementState.CONFIRMED: {AgreementState.SUPERSEDED, AgreementState.ENDED},
    AgreementState.SUPERSEDED: {AgreementState.ENDED},
    AgreementState.REJECTED: set(),
    AgreementState.ENDED: set(),
}

#: a superseded agreement counts until its renewal begins
COUNTS = (AgreementState.CONFIRMED, AgreementState.SUPERSEDED)


class ReviewKind(TextChoices):
    REVIEW = "review", "security review"
    ATTESTATION = "attestation", "attestation of practices consistent with ours"


class ReviewResult(TextChoices):
    PASSED = "passed", "passed"
    CONDITIONS = "conditions", "passed with conditions"
    FAILED = "failed", "failed"


class GrantState(TextChoices):
    PROPOSED = "proposed", "proposed"
    ACTIVE = "active", "approved"
    REJECTED = "rejected", "rejected"
    WITHDRAWN = "withdrawn", "withdrawn"


GRANT_MOVES = {
    GrantState.PROPOSED: {GrantState.ACTIVE, GrantState.REJECTED},
    GrantState.ACTIVE: {GrantState.WITHDRAWN},
    GrantState.REJECTED: set(),
    GrantState.WITHDRAWN: set(),
}


class ChainState(TextChoices):
    """Whether a member of a chain gets data already, or no longer, follows from its days."""

    PROPOSED = "proposed", "proposed"
    ANNOUNCED = "announced", "announced"
    LEAVING = "leaving", "its end is announced"
    REJECTED = "rejected", "rejected"
    WITHDRAWN = "withdrawn", "withdrawn before it took effect"


CHAIN_MOVES = {
    ChainState.PROPOSED: {ChainState.ANNOUNCED, ChainState.REJECTED},
    ChainState.ANNOUNCED: {ChainState.LEAVING, ChainState.WITHDRAWN},
    ChainState.LEAVING: set(),
    ChainState.REJECTED: set(),
    ChainState.WITHDRAWN: set(),
}


class ChainChange(TextChoices):
    JOINS = "joins", "joins the chain"
    LEAVES = "leaves", "leaves the chain"


class ImportState(TextChoices):
    PREVIEWED = "previewed", "waits to be applied"
    APPLIED = "applied", "applied"
    DROPPED = "dropped", "dropped"


IMPORT_MOVES = {
    ImportState.PREVIEWED: {ImportState.APPLIED, ImportState.DROPPED},
    ImportState.APPLIED: set(),
    ImportState.DROPPED: set(),
}


class LapseKind(TextChoices):
    AGREEMENT = "agreement", "agreement"
    REVIEW = "review", "security review"
    GRANT = "grant", "grant"
