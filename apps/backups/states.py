"""How a backup ends, where it stands on its way there, and how a drill comes out, with the one table of moves of a drill."""

from django.db.models import TextChoices


class Method(TextChoices):
    """How a backup is destroyed when its life is over; settled before it is made, not when it is due."""

    LIFECYCLE = "lifecycle", "removed by a rule of the store, with all its versions"
    REMOVED = "removed", "removed by the job that made it"
    OVERWRITTEN = "overwritten", "overwritten by a later backup"
    KEY_DESTROYED = "key_destroyed", "encrypted, and its key destroyed"
    MEDIUM_DESTROYED = "medium_destroyed", "the medium destroyed"


class Standing(TextChoices):
    """Follows from a backup's own days; nothing stores it."""

    KEPT = "kept", "kept"
    OVERDUE = "overdue", "past its life"
    DESTROYED = "destroyed", "destroyed"


class Outcome(TextChoices):
    RUNNING = "running", "running"
    WELL = "well", "ended well"
    FOUND = "found", "found something"
    FAILED = "failed", "could not be ended"
    KILLED = "killed", "killed, cleaned up later"


DRILL_MOVES = {
    Outcome.RUNNING: {Outcome.WELL, Outcome.FOUND, Outcome.FAILED, Outcome.KILLED},
    Outcome.WELL: set(),
    Outcome.FOUND: set(),
    Outcome.FAILED: set(),
    Outcome.KILLED: set(),
}
