"""Sent to who allows it, once, in chunks that can be carried on; paused, resumed and cancelled on its way."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import Event
from apps.communications.models import Circular, Delivery
from apps.communications.services.announcements import unsubscribing
from apps.communications.services.circulars import controlling, ending, reporting, sending
from apps.communications.states import CircularState, DeliveryState
from apps.consents.models import ConsentErasure
from apps.consents.services import expiring
from apps.foundation.moves import NotAMove
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.announcements import circulars
from tests.communications.announcements.circulars import EMAIL

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=1)
#: a run's moments go on with the time that it takes
SOON = timedelta(seconds=10)


def state_of(circular) -> str:
    return Circular.objects.get(pk=circular.pk).state


def go(at=NOON) -> None:
    """A minute of the house: what is due is handed over, mail leaves, and it is looked at again."""
    sending.sweep(at=at)
    outbox.send_due(at=at + SOON)
    sending.sweep(at=at + SOON)


def test_who_allows_it_gets_it_once_and_nobody_else(house, server):
    ada, ben = circulars.readers(2)
    circulars.person(3)  # was never asked
    refused = circulars.person(4)
    circulars.allow(refused, "announcements_in_app")  # another channel
    announcement = circulars.approved()
    go()
    go(LATER)
    assert sorted(server.recipients) == ["reader1@client.example", "reader2@client.example"]
    assert set(Delivery.objects.values_list("person_id", "state")) == {(ada.pk, "handed"), (ben.pk, "handed")}
    assert state_of(announcement) == CircularState.SENT
    assert reporting.report(announcement).lines == [("sent", "sent", 2)]
    verbs = list(Event.objects.filter(object=announcement.reference).order_by("pk").values_list("verb", flat=True))
    assert verbs == [f"announcement.{word}" for word in ("drafted", "asked", "approved", "started", "audience_fixed", "sent")]


def test_it_arrives_in_the_words_that_were_approved_with_a_link_of_each_ones_own(house, server):
    circulars.readers(2)
    circulars.approved()
    go()
    first, second = server.taken
    assert first.message["Subject"] == "Version 7 is here"
    assert first.text.startswith(circulars.WORDS + "\n\n--\nYou get this because you allowed us")
    links = [arrived.message["List-Unsubscribe"].strip().strip("<>") for arrived in (first, second)]
    assert links[0] != links[1]
    assert all(link.startswith("http") and link in arrived.text for link, arrived in zip(links, (first, second), strict=True))
    assert first.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for link in links:
        token = link.rstrip("/").rpartition("/")[2]
        assert unsubscribing.delivery_of(token) is not None
        assert not Delivery.objects.filter(unsubscribe_digest=token.encode()).exists()  # at rest there is its hash only


def test_nothing_goes_out_before_its_moment_nor_without_an_approval(house):
    circulars.readers(1)
    circulars.draft()
    circulars.asked(subject="Another")
    later = circulars.approved(send_at=NOON + DAY)
    assert sending.sweep(at=NOON) == 0
    assert Delivery.objects.count() == 0
    assert sending.sweep(at=NOON + DAY) == 1
    assert set(Delivery.objects.values_list("circular_id", flat=True)) == {later.pk}


def test_many_chunks_reach_everybody(house, monkeypatch, settings):
    monkeypatch.setattr(sending, "CHUNK", 2)
    monkeypatch.setattr(sending, "FIXED_AT_ONCE", 3)
    everybody = circulars.readers(11)
    announcement = circulars.approved()
    assert sending.sweep(at=NOON) == 11
    assert set(Delivery.objects.values_list("person_id", flat=True)) == {one.pk for one in everybody}
    assert OutgoingMail.objects.filter(about=announcement.reference).count() == 11
    assert Circular.objects.get(pk=announcement.pk).audience == 11


def test_no_more_lies_in_the_outbox_than_a_pause_can_take_back(house, settings, server):
    settings.CIRCULAR_IN_OUTBOX = 3
    circulars.readers(7)
    circulars.approved()
    assert sending.sweep(at=NOON) == 3
    assert sending.sweep(at=LATER) == 0
    outbox.send_due(at=LATER)
    assert sending.sweep(at=LATER) == 3


def test_who_withdrew_after_the_audience_was_fixed_gets_nothing(house, settings, server):
    settings.CIRCULAR_IN_OUTBOX = 1
    ada, ben = circulars.readers(2)
    announcement = circulars.approved()
    sending.sweep(at=NOON)
    circulars.withdraw(ben, at=NOON + timedelta(seconds=5))  # waits its turn
    circulars.withdraw(ada, at=NOON + timedelta(seconds=5))  # lies in the outbox
    outbox.send_due(at=LATER)
    go(LATER)
    assert server.recipients == []
    assert reporting.report(announcement).lines == [("withdrawn", "withdrew permission meanwhile", 2)]
    assert state_of(announcement) == CircularState.SENT
    assert set(ConsentErasure.objects.values_list("kind", "erased", "kept_for_hold")) == {("announcements_unsent", 1, 0)}
    assert OutgoingMail.objects.get().to_address == ""


def test_the_database_lets_no_withdrawal_commit_while_something_waits(house, settings):
    (ada,) = circulars.readers(1)
    circulars.approved()
    sending.sweep(at=NOON)
    settings.CONSENT_ERASERS = {}
    with pytest.raises(IntegrityError, match="a_delivery_rests_on_a_consent_that_stands"), transaction.atomic():
        circulars.withdraw(ada)
    assert Delivery.objects.get().stands is True


def test_a_consent_whose_time_is_over_carries_nothing_any_more(house, settings, by_force, server):
    settings.CIRCULAR_IN_OUTBOX = 0
    circulars.readers(1)
    announcement = circulars.approved()
    sending.sweep(at=NOON)
    by_force("UPDATE consents_standing SET until = %s", NOON + timedelta(hours=1))
    settings.CIRCULAR_IN_OUTBOX = 5
    go(NOON + timedelta(hours=1))
    assert server.recipients == []
    assert reporting.report(announcement).withdrawn == 1
    assert expiring.expire_due(at=NOON + timedelta(hours=2)) == 1


def test_who_is_suspended_gets_nothing(house, settings, server):
    settings.CIRCULAR_IN_OUTBOX = 0
    (ada,) = circulars.readers(1)
    announcement = circulars.approved()
    sending.sweep(at=NOON)
    type(ada).objects.filter(pk=ada.pk).update(standing="suspended")
    settings.CIRCULAR_IN_OUTBOX = 5
    go(LATER)
    assert server.recipients == []
    assert reporting.report(announcement).lines == [("not_active", "account not active", 1)]


def test_who_has_no_address_is_counted_and_said(house, server):
    circulars.allow(circulars.person(1, emails=False))
    announcement = circulars.approved()
    go()
    assert reporting.report(announcement).lines == [("no_address", "no usable address", 1)]
    assert Delivery.objects.get().stands is None


def test_an_empty_audience_is_sent_to_nobody_and_ends(house):
    announcement = circulars.approved()
    sending.sweep(at=NOON)
    assert state_of(announcement) == CircularState.SENT
    assert reporting.report(announcement).people == 0


def test_a_pause_takes_back_what_nobody_tried_and_resuming_reaches_everybody_once(house, server, monkeypatch):
    monkeypatch.setattr(outbox, "MAILS_A_RUN", 1)
    circulars.readers(3)
    announcement = circulars.approved()
    sending.sweep(at=NOON)
    outbox.send_due(at=NOON + SOON)
    controlling.pause(circular=announcement, by=cast.cleo(), at=LATER)
    assert sending.sweep(at=LATER) == 0
    outbox.send_due(at=LATER)
    assert server.recipients == ["reader1@client.example"]
    assert reporting.report(announcement).lines == [("sent", "sent", 1), ("waiting", "wait their turn", 2)]
    controlling.resume(circular=announcement, by=cast.cleo(), at=LATER)
    monkeypatch.setattr(outbox, "MAILS_A_RUN", 100)
    go(LATER)
    assert sorted(server.recipients) == [f"reader{number}@client.example" for number in (1, 2, 3)]
    assert state_of(announcement) == CircularState.SENT


def test_a_pause_never_takes_back_what_may_have_arrived(house, server):
    circulars.readers(1)
    announcement = circulars.approved()
    sending.sweep(at=NOON)
    claimed = outbox._claim(NOON + SOON)
    controlling.pause(circular=announcement, by=cast.cleo(), at=NOON)
    assert Delivery.objects.get().state == DeliveryState.HANDED
    outbox._send(claimed, NOON + SOON)
    controlling.resume(circular=announcement, by=cast.cleo(), at=LATER)
    go(LATER)
    assert server.recipients == ["reader1@client.example"]


def test_cancelled_is_for_good(house, server, settings):
    settings.CIRCULAR_IN_OUTBOX = 2
    circulars.readers(3)
    announcement = circulars.approved()
    sending.sweep(at=NOON)
    controlling.cancel(circular=announcement, by=cast.cleo(), at=LATER)
    go(LATER)
    assert server.recipients == []
    assert reporting.report(announcement).lines == [("cancelled", "cancelled", 3)]
    with pytest.raises(NotAMove):
        controlling.resume(circular=announcement, by=cast.cleo(), at=LATER)
    circulars.withdraw(Delivery.objects.first().person, at=LATER)  # nothing rests on it any more


def test_the_moment_can_be_set_anew_until_it_begins(house):
    circulars.readers(1)
    announcement = circulars.approved(send_at=NOON + DAY)
    controlling.schedule(circular=announcement, send_at=NOON + 2 * DAY, by=cast.cleo(), at=NOON)
    assert sending.sweep(at=NOON + DAY) == 0
    assert sending.sweep(at=NOON + 2 * DAY) == 1
    with pytest.raises(controlling.MomentIsOver):
        controlling.schedule(circular=announcement, send_at=NOON + 3 * DAY, by=cast.cleo(), at=NOON + 2 * DAY)


@pytest.mark.parametrize("act", [controlling.pause, controlling.cancel, controlling.resume])
def test_who_has_no_right_stops_and_starts_nothing(house, act):
    circulars.readers(1)
    announcement = circulars.approved()
    sending.sweep(at=NOON)
    with pytest.raises(NotPermitted):
        act(circular=announcement, by=cast.bo(), at=NOON)


def test_one_that_ends_its_workers_is_stopped_after_five_times_and_others_go_on(house, monkeypatch, server):
    circulars.readers(1)
    bad = circulars.approved(subject="Bad")
    sending.start(bad, at=NOON)
    Circular.objects.filter(pk=bad.pk).update(attempts=sending.MOST_ATTEMPTS)
    good = circulars.approved(subject="Good")
    go()
    row = Circular.objects.get(pk=bad.pk)
    assert (row.state, row.trouble) == (CircularState.PAUSED, "its worker ended five times without getting further")
    assert state_of(good) == CircularState.SENT
    controlling.resume(circular=bad, by=cast.cleo(), at=LATER)
    go(LATER)
    assert state_of(bad) == CircularState.SENT


def test_what_somebody_is_at_is_left_to_them_until_their_lease_is_over(house):
    circulars.readers(1)
    announcement = circulars.approved()
    sending.start(announcement, at=NOON)
    assert sending._claim(NOON, but=set()) == announcement
    assert sending.sweep(at=NOON) == 0
    assert sending.sweep(at=NOON + sending.LEASE) == 1


def test_a_mail_that_failed_five_times_stands_in_the_report(house, settings):
    circulars.readers(1)
    announcement = circulars.approved()
    sending.sweep(at=NOON)
    OutgoingMail.objects.update(state="parked", attempts=5)
    sending.sweep(at=LATER)
    assert reporting.report(announcement).lines == [("failed", "failed five times", 1)]


def test_deliveries_end_two_years_later_unless_the_consent_stands(house, server):
    ada, ben = circulars.readers(2)
    circulars.approved()
    go()
    circulars.withdraw(ada, at=NOON + DAY)
    assert ending.end_old(at=NOON + 700 * DAY) == 0
    assert ending.end_old(at=NOON + 740 * DAY) == 1
    assert Delivery.objects.get().person == ben


def test_an_announcement_rests_on_its_own_consent_only(house, by_force):
    (ada,) = circulars.readers(1)
    announcement = circulars.approved()
    with pytest.raises(IntegrityError, match="not on its way"), transaction.atomic():
        Delivery.objects.create(circular=announcement, person=ada, purpose_id=EMAIL, stands=True)
    sending.start(announcement, at=NOON)
    with pytest.raises(IntegrityError, match="rests on the consent"), transaction.atomic():
        Delivery.objects.create(circular=announcement, person=ada)
    with pytest.raises(IntegrityError, match="a_delivery_rests_on_a_consent_that_stands"), transaction.atomic():
        Delivery.objects.create(circular=announcement, person=circulars.person(9), purpose_id=EMAIL, stands=True)
    sending.sweep(at=NOON)
    with pytest.raises(IntegrityError, match="nobody_gets_a_circular_twice"), transaction.atomic():
        Delivery.objects.create(circular=announcement, person=ada, purpose_id=EMAIL, stands=True)
