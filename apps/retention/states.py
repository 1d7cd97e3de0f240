"""States of a cohort, of a destruction and of a rule, each with its one table of moves. Nothing steps back."""

from django.db.models import TextChoices


class CohortState(TextChoices):
    OPEN = "open", "open: takes messages"
    SEALED = "sealed", "sealed: counted, expires within two days"
    ARCHIVED = "archived", "archived: the archive has it, verified"
    EXPIRED = "expired", "expired: hidden"
    INTENDED = "intended", "to be destroyed: intent recorded"
    SHREDDED = "shredded", "key destroyed"
    DESTROYED = "destroyed", "destroyed: certificate issued"


#: what can still be read
READABLE = (CohortState.OPEN, CohortState.SEALED, CohortState.ARCHIVED)

COHORT_MOVES = {
    CohortState.OPEN: {CohortState.SEALED},
    CohortState.SEALED: {CohortState.ARCHIVED, CohortState.EXPIRED},
    CohortState.ARCHIVED: {CohortState.EXPIRED},
    CohortState.EXPIRED: {CohortState.INTENDED},
    CohortState.INTENDED: {CohortState.SHREDDED},
    CohortState.SHREDDED: {CohortState.DESTROYED},
    CohortState.DESTROYED: set(),
}


class DestructionScope(TextChoices):
    """What one destruction ends: a day of messages, rows that had stepped aside, or a hosted archive at the end of its life."""

    DAY = "day", "the messages of a day"
    ASIDE = "aside", "messages that had stepped aside"
    ARCHIVE = "archive", "a hosted archive"


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

    HOLD = "hold", "kept by a legal hold"
    ARCHIVE = "archive", "owed to an archive that does not have it yet"
    REVIEW = "review", "waits for its review"


class TargetKind(TextChoices):
    """Whose the archive is."""

    HOSTED = "hosted", "archive hosted by us"
    OWN_SERVER = "own_server", "the client's own server"


class PlaceKind(TextChoices):
    """How a place is spoken to; the classes stand in archives/places/registry.py."""

    LOCAL = "local", "folder of this installation"
    S3 = "s3", "S3 with Object Lock"
    SFTP = "sftp", "SFTP"
    HTTPS = "https", "HTTPS receiver"


class TargetState(TextChoices):
    PROPOSED = "proposed", "waits for a second person"
    ACTIVE = "active", "in use"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    ENDED = "ended"


TARGET_MOVES = {
    TargetState.PROPOSED: {TargetState.ACTIVE, TargetState.REJECTED},
    TargetState.ACTIVE: {TargetState.SUSPENDED, TargetState.ENDED},
    TargetState.SUSPENDED: {TargetState.ACTIVE, TargetState.ENDED},
    TargetState.REJECTED: set(),
    TargetState.ENDED: set(),
}


class ArchiveState(TextChoices):
    """The archive of one cohort at one target."""

    OPEN = "open", "takes parts"
    CLOSED = "closed", "complete, verified at its place"
    DESTROYED = "destroyed", "destroyed: certificate issued"


ARCHIVE_MOVES = {
    ArchiveState.OPEN: {ArchiveState.CLOSED},
    ArchiveState.CLOSED: {ArchiveState.OPEN, ArchiveState.DESTROYED},  # a supplement opens it again before its day
    ArchiveState.DESTROYED: set(),
}


class PartState(TextChoices):
    WRITTEN = "written", "written, not delivered yet"
    DELIVERED = "delivered", "delivered, not proven yet"
    VERIFIED = "verified", "proven at its place"


PART_MOVES = {
    PartState.WRITTEN: {PartState.DELIVERED},
    PartState.DELIVERED: {PartState.VERIFIED, PartState.WRITTEN},  # not proven: delivered again
    PartState.VERIFIED: set(),
}


class RequestState(TextChoices):
    """Something that a second person decides and that is then carried out: a reading, a rescheduling."""

    PROPOSED = "proposed", "waits for a second person"
    APPROVED = "approved", "approved, not done yet"
    REJECTED = "rejected"
    DONE = "done"


REQUEST_MOVES = {
    RequestState.PROPOSED: {RequestState.APPROVED, RequestState.REJECTED},
    RequestState.APPROVED: {RequestState.DONE},
    RequestState.REJECTED: set(),
    RequestState.DONE: set(),
}


class ReschedulingState(TextChoices):
    """As what a second person decides, but that a plan over many messages is worked out by a worker before."""

    COUNTING = "counting", "its messages are being looked at"
    COUNTED = "counted", "worked out: to be proposed"
    PROPOSED = "proposed", "waits for a second person"
    APPROVED = "approved", "approved, not done yet"
    REJECTED = "rejected"
    DONE = "done"


RESCHEDULING_MOVES = {
    ReschedulingState.COUNTING: {ReschedulingState.COUNTED, ReschedulingState.REJECTED},
    ReschedulingState.COUNTED: {ReschedulingState.PROPOSED, ReschedulingState.REJECTED},
    ReschedulingState.PROPOSED: {ReschedulingState.APPROVED, ReschedulingState.REJECTED},
    ReschedulingState.APPROVED: {ReschedulingState.DONE},
    ReschedulingState.REJECTED: set(),
    ReschedulingState.DONE: set(),
}


class ReviewState(TextChoices):
    WAITING = "waiting", "waits for its review"
    APPROVED = "approved", "may be destroyed on its day"
    REJECTED = "rejected", "kept aside, with a reason"


REVIEW_MOVES = {
    ReviewState.WAITING: {ReviewState.APPROVED, ReviewState.REJECTED},
    ReviewState.REJECTED: {ReviewState.APPROVED},
    ReviewState.APPROVED: set(),
}


class AlarmKind(TextChoices):
    """What somebody must look at; who may act on it and the words for it stand in services/alarms.py."""

    OVERDUE = "overdue", "over a day past its end, neither destroyed nor kept with a reason"
    UNBALANCED = "unbalanced", "its account does not add up"
    PARKED = "parked", "a destruction failed five times and is parked"
    RESCHEDULING = "rescheduling", "a rescheduling failed five times and is parked"
    ARCHIVE = "archive", "a place for archives fails"
    MAIL = "mail", "a mail could not be delivered and is parked"
    KEYSTORE = "keystore", "not sound in the keystore (check_keystore says the mend)"


class OnErasure(TextChoices):
    """What a client says of the messages of a person who is erased (it decides on Message Data, we don't)."""

    ASK = "ask", "ask each time"
    ERASE = "erase", "delete their messages early"
    PSEUDONYMISE = "pseudonymise", "replace the person by a pseudonym"
    KEEP = "keep", "keep them until their day"


class OnAccess(TextChoices):
    """What a client says of messages that a person asks a copy of."""

    ASK = "ask", "ask each time"
    RELEASE = "release", "release to the person"
    WITHHOLD = "withhold", "do not release"
