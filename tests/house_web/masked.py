"""Every personal value in the database, and whether a page shows one."""

from collections.abc import Iterator
from datetime import date, datetime

from django.apps import apps

from apps.foundation.masks import is_masked
from apps.staff.models import StaffMember


def _in_words(value: object) -> Iterator[str]:
    """How a value may stand on a page."""
    if isinstance(value, bytes | memoryview):
        yield bytes(value).hex()
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _in_words(part)
    elif isinstance(value, date) and not isinstance(value, datetime):
        yield from (value.isoformat(), f"{value:%d %b %Y}", f"{value:%B %d, %Y}", f"{value:%b. %d, %Y}")
    elif isinstance(value, str):
        yield value


def personal_values() -> dict[str, str]:
    """Every masked value in the database that is long enough to be told from another, and its column."""
    found = {}
    for model in apps.get_models():
        if not model.__module__.startswith("apps."):
            continue
        for field in model._meta.concrete_fields:
            of_a_colleague = model is StaffMember or model._meta.model_name == "historicalstaffmember"
            if not is_masked(field) or (of_a_colleague and field.name != "password"):
                continue  # who works here stands in a directory; their passwords don't
            for value in model._base_manager.values_list(field.name, flat=True):
                found |= {text: f"{model._meta.label}.{field.name}" for text in _in_words(value) if len(text) > 3}
    return found


def leaks(answer, personal: dict[str, str]) -> set[str]:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = content.decode().lower()
    return {column for value, column in personal.items() if value.lower() in text}
