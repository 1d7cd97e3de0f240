"""What the settings must keep: who erases is there, knows its kind, and nobody asks again too soon."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from apps.consents.purposes import Kind

FEWEST_MONTHS = 12  # 11 CCR 7028(d), and the policy's own word


def nobody_asks_again_too_soon(app_configs: Sequence[Any] | None, **_later: Any) -> list[checks.CheckMessage]:
    if settings.CONSENT_ASK_AGAIN_MONTHS >= FEWEST_MONTHS:
        return []
    return [
        checks.Error(
            f"After a refusal people would be asked again within {settings.CONSENT_ASK_AGAIN_MONTHS} months.",
            hint=f"Set CONSENT_ASK_AGAIN_MONTHS to {FEWEST_MONTHS} or more.", id="consents.E301",
        )
    ]  # fmt: skip


def what_is_collected_has_its_eraser(app_configs: Sequence[Any] | None, **_later: Any) -> list[checks.CheckMessage]:
    found = []
    for kind, name in settings.CONSENT_ERASERS.items():
        if kind not in Kind.values:
            found.append(
                checks.Error(
                    f"CONSENT_ERASERS names {kind}, which is no kind of consent.", hint=f"Use one of {', '.join(Kind.values)}.", id="consents.E302"
                )
            )
            continue
        try:
            eraser = import_string(name)
        except ImportError:
            eraser = None
        if not callable(eraser):
            hint = "Name the function that erases what was collected, e.g. apps.contacts.services.erasing.erase."
            found.append(checks.Error(f"CONSENT_ERASERS[{kind!r}] names nothing that erases.", hint=hint, id="consents.E303"))
    return found
