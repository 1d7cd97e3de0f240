"""What a browser may signal, how it is answered, and what an answer did; the states of the switch that decides on it."""

from django.db.models import TextChoices


class Signal(TextChoices):
    """Headers by which a browser speaks for whoever uses it. Only the value "1" is one."""

    GPC = "gpc", "Global Privacy Control"
    DNT = "dnt", "Do Not Track"


HEADERS = {Signal.GPC: "Sec-GPC", Signal.DNT: "DNT"}


class SignalAnswer(TextChoices):
    NOTED = "noted", "noted, and not acted on"
    HONOURED = "honoured", "honoured"


class Effect(TextChoices):
    """What an honoured signal did about one purpose."""

    REFUSED = "refused", "counted as a no"
    CONFLICT = "conflict", "left alone: allowed expressly"


class SwitchState(TextChoices):
    ASKED = "asked", "waits for a second person"
    APPROVED = "approved", "approved"
    REJECTED = "rejected", "rejected"


SWITCH_MOVES = {
    SwitchState.ASKED: {SwitchState.APPROVED, SwitchState.REJECTED},
    SwitchState.APPROVED: set(),
    SwitchState.REJECTED: set(),
}
