"""How many messages of a person there are: live ones, and those that stand aside. Changes nothing and opens nothing."""

from datetime import datetime

from apps.foundation.personal_data import Subject
from apps.retention.services.people import finding, whose


def count(subject: Subject, at: datetime) -> int:
    """Messages that the person wrote or received."""
    them = whose.of(subject)
    live = sum(len(places) for _look, places in finding.live(subject, them, at))
    return live + sum(len(rows) for _bundle, rows in finding.set_aside(subject, them))
