"""Whether a legal hold keeps what is held about a person. Holds stand on a floor above, so the settings name who answers.

Whoever erases on this floor asks inside its transaction; the answer then stands until the transaction ends. It must never answer
“free” because nobody is named to answer: the setting is required, and a check of the start refuses without it.
"""

from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string

from apps.accounts.models import Person
from apps.foundation.refusals import Refusal

UNDER_HOLD = "under_hold"


def is_kept(*, person: Person, at: datetime) -> bool:
    """True where a hold keeps the person's data: it is then kept apart, unused, and erased when the hold is over."""
    try:
        import_string(settings.PERSON_KEPT_BY)(person=person, at=at)
    except Refusal as refusal:
        if refusal.code != UNDER_HOLD:
            raise
        return True
    return False
