"""What may happen to a source, to a matching key and to the note of a refused file, and what can be wrong with a source."""

from django.db.models import TextChoices


class SourceHow(TextChoices):
    FILE = "file", "a file"
    DAV = "dav", "an address"


class SourceState(TextChoices):
    """A source that is taken away is gone: its row goes with what was read from it."""

    ACTIVE = "active", "in use"
    PARKED = "parked", "parked"


SOURCE_MOVES = {
    SourceState.ACTIVE: {SourceState.PARKED},
    SourceState.PARKED: {SourceState.ACTIVE},
}


class KeyState(TextChoices):
    """A rotation is announced by a key that is coming, and over when the one before is destroyed."""

    COMING = "coming", "announced"
    CURRENT = "current", "current"
    RETIRING = "retiring", "on its way out"
    DESTROYED = "destroyed", "destroyed"


KEY_MOVES = {
    KeyState.COMING: {KeyState.CURRENT},
    KeyState.CURRENT: {KeyState.RETIRING},
    KeyState.RETIRING: {KeyState.DESTROYED},
    KeyState.DESTROYED: set(),
}


class RefusedState(TextChoices):
    OPEN = "open", "to be looked at"
    DONE = "done", "looked at"


REFUSED_MOVES = {
    RefusedState.OPEN: {RefusedState.DONE},
    RefusedState.DONE: set(),
}
