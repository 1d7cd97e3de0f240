"""What who erases answers, and who that is for each kind of consent: `settings.CONSENT_ERASERS`, kind → dotted name.

Consents know nobody above them. An eraser is called as `erase(person=…, purpose=…, event=…, at=…)` in the transaction of the
withdrawal, while the consent still stands; what it leaves behind keeps the withdrawal from committing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Erased:
    """How many rows of one kind went, and how many a hold keeps, apart and unused."""

    kind: str
    erased: int
    kept_for_hold: int = 0


def eraser_of(kind: str) -> Callable[..., list[Erased]] | None:
    """Who erases what was collected under consents of that kind; None where nothing is collected under it."""
    name = settings.CONSENT_ERASERS.get(kind)
    return import_string(name) if name else None
