"""The sessions of one member, found by reading each: the table of sessions doesn't say whose they are.

Ending a session is one of three locks on the door: the password hash in it no longer matches, and who left is
inactive.
"""

from collections.abc import Iterator

from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils.module_loading import import_string

from apps.staff.models import StaffMember

#: where allauth keeps who is half-way through signing in (allauth.account.internal.stagekit)
HALF_SIGNED_IN = "account_login"


def _store() -> type[SessionStore]:
    return import_string(f"{settings.SESSION_ENGINE}.SessionStore")


def of(member: StaffMember) -> Iterator[Session]:
    """The sessions this member is signed in with, or about to be."""
    decode = _store()().decode
    key, half_key = str(member.pk), user_pk_to_url_str(member)
    for session in Session.objects.order_by("session_key").iterator(500):
        content = decode(session.session_data)
        half = content.get(HALF_SIGNED_IN) or {}
        if content.get(SESSION_KEY) == key or half.get("user_pk") == half_key:
            yield session


def end_all(member: StaffMember) -> int:
    """End every session of this member; returns how many there were."""
    keys = [session.session_key for session in of(member)]
    Session.objects.filter(session_key__in=keys).delete()
    return len(keys)


def clear_expired() -> None:
    """Remove the sessions whose time is over; what stood in them is not needed by anybody."""
    _store().clear_expired()
