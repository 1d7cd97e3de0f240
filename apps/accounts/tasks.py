"""Doors for the clock and for rings: each calls verbs of this floor. Nothing comes in but the ring."""

from celery import shared_task

from apps.accounts.services import attempts, linking
from apps.foundation import clock


@shared_task(name="accounts.end_linked")
def end_linked(**_later) -> None:
    """Providers are told of what was unlinked; what a hold kept goes when it is over; keys and old attempts that nobody needs go."""
    at = clock.now()
    linking.tell_due(at=at)
    linking.erase_kept(at=at)
    linking.destroy_left_secrets(at=at)
    attempts.forget_old(at=at)
