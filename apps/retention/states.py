"""States of a cohort, of a destruction and of a rule, each with its one table of moves. Nothing steps back."""

from django.db.models import TextChoices


class CohortState(TextChoices):
    OPEN = "open", "open: takes messages"
    SEALED = "sealed", "sealed: counted, expires within two days"
    EXPIRED = "expired", "expired: hidden"
    INTENDED = "intended", "to be destroyed: intent recorded"
    SHREDDED = "shredded", "key destroyed"
    DESTROYED = "destroyed", "destroyed: certificate issued"


#: what can still be read
READABLE = (CohortState.OPEN, CohortState.SEALED)

COHORT_MOVES = {
    CohortState.OPEN: {CohortState.SEALED},
    CohortState.SEALED: {CohortState.EXPIRED},
    CohortState.EXPIRED: {CohortState.INTENDED},
    CohortState.INTENDED: {CohortState.SHREDDED},
    CohortState.SHREDDED: {CohortState.DESTROYED},
    CohortState.DESTROYED: set(),
}


class DestructionState(TextChoices):
    DUE = "due", "due"
    INTENDED = "intended", "intent recorded"
    JOURNALLED = "journalled", "intent in the journal"
    SHREDDED = "shredded", "key destroyed"
    TRUNCATED = "truncated", "rows gone, certificates issued"
    DONE = "done", "done: the journal says so"


DESTRUCTION_MOVES = {
    DestructionState.DUE: {DestructionState.INTENDED},
    DestructionState.INTENDED: {DestructionState.JOURNALLED},
    DestructionState.JOURNALLED: {DestructionState.SHREDDED},
    DestructionState.SHREDDED: {DestructionState.TRUNCATED},
    DestructionState.TRUNCATED: {DestructionState.DONE},
    DestructionState.DONE: set(),
}


class RuleState(TextChoices):
    PROPOSED = "proposed", "waits for a second person"
    APPROVED = "approved"
    REJECTED = "rejected"


RULE_MOVES = {
    RuleState.PROPOSED: {RuleState.APPROVED, RuleState.REJECTED},
    RuleState.APPROVED: set(),
    RuleState.REJECTED: set(),
}


class LifeFrom(TextChoices):
    """From when a message's life counts. Import is an explicit choice of one import, and is recorded."""

    SENDING = "sending", "from when it was sent"
    IMPORT = "import", "from the day of the import"


class AsideGround(TextChoices):
    """Why rows were kept from the destruction of their day."""

    ARCHIVE = "archive", "owed to an archive that does not have it yet"
