"""States of a promise, of one check in one run, and nothing else: they are computed, so there is no table of moves."""

from django.db.models import TextChoices


class PromiseState(TextChoices):
    """What the last run found. Only `kept` is good news; `unproven` and `nothing to check` are not."""

    KEPT = "kept"
    BROKEN = "broken"
    UNPROVEN = "unproven"
    NOTHING_TO_CHECK = "nothing to check"


class ResultState(TextChoices):
    """What one check found in one run."""

    KEPT = "kept"
    BROKEN = "broken"
    ERROR = "error", "could not be checked"
    UNPROVEN = "unproven"
    NOTHING_TO_CHECK = "nothing to check"
