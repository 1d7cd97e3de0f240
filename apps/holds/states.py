"""States of a matter and of a hold, each with its one table of moves. What ended never begins again."""

from django.db.models import TextChoices


class MatterState(TextChoices):
    OPEN = "open", "open"
    CLOSED = "closed", "closed"


MATTER_MOVES = {
    MatterState.OPEN: {MatterState.CLOSED},
    MatterState.CLOSED: set(),
}


class HoldState(TextChoices):
    """That somebody asks for a release is no state: it stands among the approvals, and the hold holds all the while."""

    ACTIVE = "active", "in force"
    RELEASED = "released", "released"


HOLD_MOVES = {
    HoldState.ACTIVE: {HoldState.RELEASED},
    HoldState.RELEASED: set(),
}
