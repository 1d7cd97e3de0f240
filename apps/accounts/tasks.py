"""Doors for the clock and for rings: each calls verbs of this floor. Nothing comes in but the ring."""

from celery import shared_task

from apps.accounts.services import attempts, days, documents, linking
from apps.foundation import clock


@shared_task(name="accounts.end_linked")
def end_linked(**_later) -> None:
    """Providers are told of what was unlinked; what a hold kept goes when it is over; keys and old attempts that nobody needs go."""
    at = clock.now()
    linking.tell_due(at=at)
    linking.erase_kept(at=at)
    linking.destroy_left_secrets(at=at)
    attempts.forget_old(at=at)


@shared_task(name="accounts.look_after_minors")
def look_after_minors(**_later) -> None:
    """Representations end and cases close by their days; documents that were decided on long enough ago go, with their keys."""
    at = clock.now()
    days.look_after(at=at)
    documents.destroy_due(at=at)
    documents.destroy_left_secrets(at=at)
