"""Everybody with an account hears of a new version of the policy, once, also who refused announcements."""

from datetime import timedelta

import pytest

from apps.communications.models import Circular, Delivery, Notice
from apps.communications.services import notices
from apps.communications.services.circulars import controlling, reporting
from apps.communications.states import CircularState
from apps.mail.services import outbox
from config.wakeups import WAKEUPS
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.announcements import circulars
from tests.communications.announcements.published import publish, second

pytestmark = pytest.mark.django_db

SOON = timedelta(seconds=10)


def go(at=NOON) -> None:
    notices.work(at=at)
    outbox.send_due(at=at + SOON)
    notices.work(at=at + SOON)


def test_every_active_person_hears_of_it_once_whatever_they_allow(house, server):
    circulars.readers(1)  # allows announcements
    circulars.person(2)  # was never asked
    gone = circulars.person(3)
    type(gone).objects.filter(pk=gone.pk).update(standing="suspended")
    circulars.person(4, emails=False)
    second()
    circulars.person(5, at=NOON + timedelta(hours=1))  # registered under it
    go(NOON + timedelta(hours=2))
    go(NOON + timedelta(hours=3))
    assert sorted(server.recipients) == ["reader1@client.example", "reader2@client.example"]
    notice = Notice.objects.get()
    assert notice.state == CircularState.SENT
    assert reporting.report(notice).lines == [("sent", "sent", 2), ("no_address", "no usable address", 1)]
    assert set(Delivery.objects.values_list("purpose", "stands")) == {(None, None)}


def test_it_names_the_clauses_that_changed_and_where_to_read_them(house, server, settings):
    circulars.person(1)
    version = second()
    go()
    (arrived,) = server.taken
    assert arrived.message["Subject"] == "Our privacy policy has changed: version 2"
    assert "New:\n- What is new & why\n" in arrived.text
    assert "Changed:\n- All of it\n" in arrived.text
    assert f"{settings.BASE_URL}/privacy/changes/{version.number - 1}/{version.number}/" in arrived.text
    assert f"{settings.BASE_URL}/privacy/" in arrived.text
    assert "List-Unsubscribe" not in arrived.message
    assert "\n\n\n" not in arrived.text


def test_the_first_version_is_news_to_nobody(house):
    circulars.person(1)
    assert notices.tell_of_policy(at=NOON) is None


def test_there_is_one_notice_a_version(house):
    second()
    assert notices.tell_of_policy(at=NOON) is not None
    assert notices.tell_of_policy(at=NOON) is None
    publish(NOON + DAY, [{"code": "all", "heading": "All of it", "text": "Less.", "promises": ["P06"]}])
    assert notices.tell_of_policy(at=NOON + DAY) is not None
    assert set(Circular.objects.values_list("about_version__number", flat=True)) == {2, 3}


def test_an_old_version_is_no_news(house, settings):
    second()
    assert notices.tell_of_policy(at=NOON + (settings.POLICY_NOTICE_WITHIN_DAYS + 1) * DAY) is None


def test_a_notice_can_be_paused_and_is_never_cancelled(house, server):
    circulars.person(1)
    second()
    notices.work(at=NOON)
    notice = Notice.objects.get()
    with pytest.raises(controlling.NoticeIsOwed):
        controlling.cancel(circular=notice, by=cast.cleo(), at=NOON)
    controlling.pause(circular=notice, by=cast.cleo(), at=NOON)
    go(NOON + timedelta(minutes=1))
    assert server.recipients == []
    controlling.resume(circular=notice, by=cast.cleo(), at=NOON)
    go(NOON + timedelta(minutes=2))
    assert server.recipients == ["reader1@client.example"]


def test_a_notice_goes_before_announcements(house, settings):
    circulars.readers(1)
    circulars.approved()
    second()
    notices.tell_of_policy(at=NOON)
    for circular in Circular.objects.all():
        notices.sending.start(circular, at=NOON)
    assert [one.is_announcement for one in Circular.objects.to_work_on(NOON)] == [False, True]


def test_publishing_wakes_who_tells_of_it():
    assert WAKEUPS["policies.published"] == WAKEUPS["circulars.due"] == "communications.send_circulars"
