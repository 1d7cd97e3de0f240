"""States of a mail, and its table of moves."""

from django.db.models import TextChoices


class State(TextChoices):
    QUEUED = "queued"
    SENT = "sent"
    PARKED = "parked", "parked after five attempts"


MOVES = {State.QUEUED: {State.SENT, State.PARKED}, State.PARKED: {State.QUEUED}, State.SENT: set()}
