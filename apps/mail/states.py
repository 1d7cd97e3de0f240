"""States of a mail, and its table of moves."""

from django.db.models import TextChoices


class State(TextChoices):
    QUEUED = "queued"
    SENT = "sent"
    PARKED = "parked", "parked after five attempts"
    TAKEN_BACK = "taken_back", "taken back before it left"


#: what was on its way when it was taken back may have arrived all the same, and says so then
MOVES = {
    State.QUEUED: {State.SENT, State.PARKED, State.TAKEN_BACK},
    State.PARKED: {State.QUEUED, State.TAKEN_BACK},
    State.TAKEN_BACK: {State.SENT},
    State.SENT: set(),
}
