"""An address is read again in time, by what changed; a server that fails is given pauses, then parked; nothing is read without consent."""

from datetime import timedelta
from uuid import uuid4

import pytest

from apps.accounts.models import Person
from apps.accounts.states import PersonStanding
from apps.audit.models import Event
from apps.contacts import troubles
from apps.contacts.models import BusyTime, ContactKey, Match, RefusedFile, Source
from apps.contacts.services import lending, lent, refreshing
from apps.contacts.states import SourceState
from apps.foundation.actors import Actor
from apps.foundation.keys import forget, keystore
from apps.gate.models import Crossing, Permit
from tests.cast import DAY, NOON
from tests.contacts.conftest import calendar, cards
from tests.contacts.dav.radicale import book

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def new(radicale):
    """A new address book or calendar on the server."""
    return lambda kind="contacts", data=b"": radicale.make(kind, f"c{uuid4().hex}", data)


def again(source):
    return Source.objects.get(pk=source.pk)


def test_hundreds_of_entries_are_read_and_then_only_what_changed(ada, ben, allow, lend_address, match, new, radicale, server):
    allow(ada), allow(ben)
    path = new(data=book(300))
    source = lend_address(ada, path)

    assert refreshing.refresh_due(at=NOON) == 1
    first = again(source)
    assert (first.entries, first.failures, first.last_error, first.next_at) == (300, 0, "", first.last_success_at + 24 * HOUR)
    count = ContactKey.objects.count()
    assert refreshing.refresh_due(at=NOON + HOUR) == 0, "it is not due before tomorrow"

    radicale.put(path + "new.vcf", cards("ben@client.example"))
    some = sorted(href for href in lent.open_(first.sync_state, reference=first.reference, about="state")[path]["etags"] if "new" not in href)
    radicale.delete(some[0])
    server.asked.clear()
    assert refreshing.refresh_due(at=NOON + 25 * HOUR) == 1

    assert again(source).entries == 300
    assert ContactKey.objects.filter(collected_at__lt=NOON + HOUR).count() < count
    assert ContactKey.objects.filter(collected_at__gt=NOON + HOUR).count() == 1
    match(NOON + 25 * HOUR)
    assert Match.objects.get().one_has
    assert Event.objects.filter(verb="contact_source.refreshed").count() == 2


def test_each_reading_has_its_permit_and_its_crossings(ada, allow, lend_address, new):
    allow(ada)
    lend_address(ada, new(data=book(3)))

    refreshing.refresh_due(at=NOON)

    assert Permit.objects.filter(recipient=ada.reference, spent_at__isnull=False).count() == 1
    assert {crossing.host for crossing in Crossing.objects.all()} == {"127.0.0.1"}


def test_a_calendar_is_read_as_busy_times_and_anew_when_a_week_has_passed(ada, allow, lend_address, new):
    allow(ada, "calendar")
    weekly = calendar((NOON + HOUR, NOON + 2 * HOUR)).replace(b"SUMMARY:A secret", b"RRULE:FREQ=WEEKLY")
    source = lend_address(ada, new("calendar", weekly), "calendar")

    refreshing.refresh_due(at=NOON)
    first = set(BusyTime.objects.values_list("starts_at", flat=True))
    assert NOON + HOUR in first
    refreshing.refresh_due(at=NOON + 2 * DAY)
    assert set(BusyTime.objects.values_list("starts_at", flat=True)) == first
    refreshing.refresh_due(at=NOON + 9 * DAY)

    later = set(BusyTime.objects.values_list("starts_at", flat=True))
    assert max(later) == max(first) + 14 * DAY, "what recurs reaches further with time though nothing changed on the server"
    assert again(source).read_fully_at >= NOON + 9 * DAY


def test_a_server_that_forgot_its_token_is_read_by_a_list(ada, allow, lend_address, new, server, radicale):
    allow(ada)
    path = new(data=book(20))
    source = lend_address(ada, path)
    refreshing.refresh_due(at=NOON)
    server.manner = "forgetting"
    radicale.put(path + "new.vcf", cards("z@y.example"))

    assert refreshing.refresh_due(at=NOON + 2 * DAY) == 1

    assert (again(source).entries, again(source).last_error) == (21, "")


def test_failures_are_given_longer_and_longer_pauses_and_then_the_address_is_parked(ada, allow, lend_address, new, server):
    allow(ada)
    source = lend_address(ada, new(data=book(3)))
    refreshing.refresh_due(at=NOON)
    before = ContactKey.objects.count()
    server.close()
    at, pauses = NOON + 25 * HOUR, []
    while again(source).state == SourceState.ACTIVE:
        assert refreshing.refresh_due(at=at) == 0
        row = again(source)
        if row.next_at:
            pauses.append(round((row.next_at - at) / (15 * MINUTE)) * 15 * MINUTE)
            assert refreshing.refresh_due(at=row.next_at - 2 * MINUTE) == 0
            assert again(source).attempt == row.attempt, "nobody tried before its time"
            at = row.next_at

    assert pauses == [15 * MINUTE, HOUR, 6 * HOUR, *[24 * HOUR] * 4]
    assert (row.failures, row.last_error, row.next_at, row.leased_until) == (8, "source_unreachable", None, None)
    assert refreshing.refresh_due(at=at + 99 * DAY) == 0
    assert ContactKey.objects.count() == before, "what was read before stays in use"
    assert Event.objects.get(verb="contact_source.parked").facts["why"] == "source_unreachable"
    assert troubles.in_words(row.last_error).mend


def test_a_wrong_password_is_tried_once(ada, allow, lend_address, new):
    allow(ada)
    source = lend_address(ada, new(data=book(3)), password="not the one")

    refreshing.refresh_due(at=NOON)

    assert (again(source).state, again(source).last_error) == (SourceState.PARKED, "source_password_refused")


def test_an_address_that_came_back_goes_on_from_zero(ada, allow, lend_address, new):
    allow(ada)
    source = lend_address(ada, new(data=book(3)))
    Source.objects.filter(pk=source.pk).update(failures=5, state=SourceState.PARKED, next_at=None, last_error="source_slow")

    lending.retry(source=source, by=Actor("person", ada.reference), at=NOON + DAY)
    assert refreshing.refresh_due(at=NOON + DAY) == 1

    assert (again(source).failures, again(source).last_error, again(source).entries) == (0, "", 3)


@pytest.mark.parametrize("standing", [PersonStanding.SUSPENDED, PersonStanding.CLOSED])
def test_nothing_is_read_for_somebody_who_is_not_active(ada, allow, lend_address, new, server, standing):
    allow(ada)
    source = lend_address(ada, new(data=book(3)))
    Person.objects.filter(pk=ada.pk).update(standing=standing)

    assert refreshing.refresh_due(at=NOON + DAY) == 0
    assert (server.asked, again(source).failures, ContactKey.objects.count()) == ([], 0, 0)


def test_nothing_is_read_under_a_consent_that_is_over_though_the_sweep_is_late(ada, allow, lend_address, new, server, by_force):
    allow(ada)
    lend_address(ada, new(data=book(3)))
    by_force("UPDATE consents_standing SET until = %s", NOON + HOUR)

    assert refreshing.refresh_due(at=NOON + 2 * HOUR) == 0
    assert server.asked == []


def test_an_entry_that_can_not_be_read_is_noted_and_spoils_no_other(ada, allow, lend_address, new, monkeypatch):
    allow(ada)
    path = new(data=book(5))
    source = lend_address(ada, path)
    real = refreshing.syncing.sync

    def with_one_torn(**given):
        changes = real(**given)
        torn = type(changes.changed[0])(changes.changed[0].href, changes.changed[0].etag, b"torn on its way")
        return type(changes)((torn, *changes.changed[1:]), changes.removed, changes.state)

    monkeypatch.setattr(refreshing.syncing, "sync", with_one_torn)
    assert refreshing.refresh_due(at=NOON) == 1

    note = RefusedFile.objects.get()
    assert (note.how, note.source_reference, note.code, note.size) == ("dav", source.reference, "unreadable", 15)
    assert ContactKey.objects.values("item").distinct().count() == 4


def test_a_killed_reading_counts_as_a_failure_and_its_source_is_free_after_the_lease(ada, allow, lend_address, new):
    allow(ada)
    source = lend_address(ada, new(data=book(3)))
    assert refreshing._claim(NOON).pk == source.pk

    assert refreshing._claim(NOON + 20 * MINUTE) is None
    assert refreshing.refresh_due(at=NOON + 31 * MINUTE) == 1
    assert again(source).attempt == 2


def test_who_lost_the_lease_writes_nothing(ada, allow, lend_address, new):
    allow(ada)
    lend_address(ada, new(data=book(3)))
    first = refreshing._claim(NOON)
    second = refreshing._claim(NOON + HOUR)

    assert refreshing.refresh(first, at=NOON + HOUR) is False
    assert not ContactKey.objects.exists()
    assert refreshing.refresh(second, at=NOON + HOUR) is True
    assert ContactKey.objects.exists()


def test_a_source_whose_secret_is_lost_is_parked_and_says_so(ada, allow, lend_address, new):
    allow(ada)
    source = lend_address(ada, new(data=book(3)))
    keystore().destroy(f"source/{source.reference}")
    forget(keystore().identity, f"source/{source.reference}")

    refreshing.refresh_due(at=NOON)

    assert (again(source).state, again(source).last_error) == (SourceState.PARKED, "credentials_lost")


def test_the_pauses_are_as_promised():
    assert [refreshing.pause(number) for number in range(1, 7)] == [15 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR, 24 * HOUR, 24 * HOUR]
