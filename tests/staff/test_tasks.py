"""Sessions whose time is over don't stay in the table."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from apps.staff import tasks
from apps.staff.roles import Role
from tests.staff.people import hire, is_signed_in, sign_in

pytestmark = pytest.mark.django_db


def test_expired_sessions_are_removed_and_live_ones_stay():
    old, live = sign_in(hire("bo", Role.AUDITOR)), sign_in(hire("cleo", Role.COUNSEL))
    Session.objects.filter(session_key=old.session.session_key).update(
        expire_date=timezone.now() - timedelta(minutes=1)
    )
    tasks.clear_expired_sessions()
    assert list(Session.objects.values_list("session_key", flat=True)) == [live.session.session_key]
    assert is_signed_in(live)
