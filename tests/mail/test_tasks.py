"""The doors of the outbox, by the names that the timetable and the wake-ups ring."""

from datetime import timedelta

import pytest
from celery import current_app

from apps.foundation import clock
from apps.mail.models import OutgoingMail
from apps.mail.states import State
from config.timetable import TIMETABLE
from config.wakeups import WAKEUPS

pytestmark = pytest.mark.django_db


@pytest.fixture
def ring():
    current_app.loader.import_default_modules()

    def one(name):
        assert name in {entry["task"] for entry in TIMETABLE.values()}
        current_app.tasks[name]()

    return one


def test_the_ring_sends_what_is_due_by_now_and_nothing_that_is_not(queue, server, ring):
    now = clock.now()
    queue(1, at=now)
    queue(2, at=now + timedelta(hours=1))
    ring(WAKEUPS["mail.queued"])
    assert server.recipients == ["ada1@client.example"]
    first, second = OutgoingMail.objects.order_by("id")
    assert (first.state, second.state) == (State.SENT, State.QUEUED)
    assert now <= first.sent_at <= clock.now()


def test_the_ring_of_the_night_empties_what_is_old_enough(queue, ring, settings):
    now = clock.now()
    for number, days in enumerate((settings.MAIL_EMPTIED_AFTER_DAYS - 1, settings.MAIL_EMPTIED_AFTER_DAYS + 1)):
        mail = queue(number)
        OutgoingMail.objects.filter(pk=mail.pk).update(state=State.SENT, sent_at=now - timedelta(days=days))
    ring("mail.empty_sent")
    assert list(OutgoingMail.objects.order_by("id").values_list("to_address", flat=True)) == ["ada0@client.example", ""]
