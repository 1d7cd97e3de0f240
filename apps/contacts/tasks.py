"""What the clock and the bell wake for contacts."""

from celery import shared_task

from apps.contacts.services import clearing, keys, matching, people, refreshing
from apps.foundation import clock


@shared_task(name="contacts.refresh_due")
def refresh_due(**_later):
    """Read the addresses whose time has come."""
    refreshing.refresh_due(at=clock.now())


@shared_task(name="contacts.match_changed")
def match_changed(**_later):
    """Bring people's own keys up to date, then match whoever's keys changed."""
    people.bring_up_all(at=clock.now())
    matching.match_changed(at=clock.now())


@shared_task(name="contacts.rotate_keys")
def rotate_keys(**_later):
    """Go on with a rotation of the matching key."""
    keys.rotate(at=clock.now())


@shared_task(name="contacts.clear")
def clear(**_later):
    """Let go of what has no reason to be here any more."""
    clearing.clear(at=clock.now())
