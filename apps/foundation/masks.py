"""Masks: how a personal value is shown to somebody who only needs to tell one row from another.

A mask must never give the length of what it hides away, and an empty value stays empty: that nothing is held may be seen.
"""

from typing import Any

from django.db import models

from apps.foundation.personal_data import DataCategory

DOTS = "•••"
SHOWN_AS_IT_IS = frozenset({"reference"})  # references name nobody by themselves (foundation.references)


def mask(value: Any, kind: str = "text") -> str:
    """`value` masked by its kind: name, email or phone; every other kind hides all of it."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(mask(item, kind) for item in value)
    text = str(value).strip()
    if kind == "name":
        return " ".join(word[0] + DOTS for word in text.split()[:4])
    if kind == "email":
        return _email(text)
    if kind == "phone":
        digits = [sign for sign in text if sign.isdigit()]
        return f"{DOTS} {''.join(digits[-2:])}" if len(digits) > 4 else DOTS
    return DOTS


def _email(text: str) -> str:
    local, at, domain = text.rpartition("@")
    name, dot, ending = domain.rpartition(".")
    if not (local and at and name and dot and ending):
        return DOTS
    return f"{local[0]}{DOTS}@{name[0]}{DOTS}.{ending}"


def kind_of(field: models.Field) -> str:
    """Which mask fits a model field, from its type and what it was declared as."""
    declared = getattr(field, "personal", None)
    if isinstance(field, models.EmailField) or field.name in {"email", "normalised"} or "email" in field.name:
        return "email"
    if "phone" in field.name or (field.name == "number" and declared and declared.category is DataCategory.CONTACT):
        return "phone"
    if declared and declared.category is DataCategory.IDENTITY:
        return "name"
    return "text"


def is_masked(field: Any) -> bool:
    """Whether a field is masked unless its admin class allows it.

    Declared personal, except references (a foreign key shows one, `reference` is one) and the work record of staff
    (an actor is a reference too); free structures (JSON) are always masked.
    """
    declared = getattr(field, "personal", None)
    if declared is None or field.is_relation or field.name in SHOWN_AS_IT_IS:
        return False
    return declared.category is not DataCategory.WORK_RECORD or isinstance(field, models.JSONField)
