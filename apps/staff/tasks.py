"""What the clock wakes in staff: sessions whose time is over are removed, with what they say about who signed in."""

from celery import shared_task

from apps.staff.services import sessions


@shared_task(name="staff.clear_expired_sessions")
def clear_expired_sessions(**_later):
    sessions.clear_expired()
