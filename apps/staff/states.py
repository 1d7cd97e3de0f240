"""States of an approval, and its table of moves."""

from django.db.models import TextChoices


class Verdict(TextChoices):
    OPEN = "open", "waiting"
    APPROVED = "approved", "approved"
    REJECTED = "rejected", "rejected"
    WITHDRAWN = "withdrawn", "withdrawn by who asked"
    VOID = "void", "void: what was asked changed, or who asked left"


MOVES = {
    Verdict.OPEN: {Verdict.APPROVED, Verdict.REJECTED, Verdict.WITHDRAWN, Verdict.VOID},
    Verdict.APPROVED: set(),
    Verdict.REJECTED: set(),
    Verdict.WITHDRAWN: set(),
    Verdict.VOID: set(),
}
