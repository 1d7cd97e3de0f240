"""Address books and calendars of a real server: everything at first, then what changed, and never less because the server forgot something."""

import json
from datetime import UTC, datetime

import pytest

from apps.contacts.dav.changes import SyncState
from apps.contacts.reading import files
from apps.gate.models import Crossing, Permit
from tests.contacts.dav.radicale import USER, book, diary
from tests.contacts.reading.hostile import calendar, card, event

COUNT, HUNDREDS = 120, 350


@pytest.fixture
def full(radicale, name):
    return radicale.make("contacts", name, book(COUNT))


def uids(changes) -> set[str]:
    return {one.uid for cards in files.read_cards_of([item.data for item in changes.changed]) for one in cards}


def kept(state: SyncState) -> SyncState:
    """As it comes back from where it is kept."""
    return SyncState.of(json.loads(json.dumps(state.as_dict())))


def test_the_first_time_everything_comes_and_the_second_time_nothing(sync, radicale, between, name):
    full = radicale.make("contacts", name, book(HUNDREDS))

    first = sync(full)

    assert len(first.changed) == HUNDREDS
    assert first.removed == ()
    assert uids(first) == {f"u{number}" for number in range(HUNDREDS)}
    assert first.state.entries == HUNDREDS

    between.asked.clear()
    second = sync(full, kept(first.state))

    assert (second.changed, second.removed, second.state) == ((), (), first.state)
    assert len(between.asked) == 1


@pytest.mark.parametrize("manner", ["", "forgetting", "without tokens", "cutting", "without multiget"])
def test_what_is_new_changed_and_removed_comes_once_whatever_the_server_knows(sync, radicale, full, between, manner: str):
    between.manner = manner if manner != "forgetting" else ""
    first = sync(full)
    paths = {item.data.split(b"UID:")[1].split()[0].decode(): item.href for item in first.changed}
    radicale.put(paths["u1"], card(1, "EMAIL:second@people.example\r\n"))
    radicale.put(f"{full}new.vcf", card(9_001))
    for number in range(2, 22):
        radicale.delete(paths[f"u{number}"])

    between.manner = manner
    second = sync(full, kept(first.state))
    third = sync(full, kept(second.state))

    assert uids(first) == {f"u{number}" for number in range(COUNT)}
    assert [item.href for item in second.changed] == sorted([paths["u1"], f"{full}new.vcf"])
    assert b"second@people.example" in next(item.data for item in second.changed if item.href == paths["u1"])
    assert second.removed == tuple(sorted(paths[f"u{number}"] for number in range(2, 22)))
    assert second.state.entries == COUNT - 20 + 1
    assert (third.changed, third.removed) == ((), ())


def test_tokens_are_asked_only_of_servers_that_know_them(sync, full, between):
    sync(full)
    with_tokens = [method for method, _path in between.asked]
    between.asked.clear()
    between.manner = "without tokens"

    changes = sync(full)

    assert with_tokens == ["PROPFIND", "REPORT", "REPORT", "REPORT"]
    assert [method for method, _path in between.asked] == ["PROPFIND", "PROPFIND", "REPORT", "REPORT"]
    assert [one.token for one in changes.state.collections.values()] == [""]


def test_a_calendar_is_read_into_times(sync, radicale, name):
    path = radicale.make("calendar", name, diary(200))
    radicale.put(f"{path}weekly.ics", calendar(event("RRULE:FREQ=WEEKLY", 9_000, ":20200106T100000Z")))

    changes = sync(path, kind="calendar")
    since, until = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    answers = files.read_calendars_of([item.data for item in changes.changed], since=since, until=until)

    assert len(changes.changed) == 201
    assert sum(map(len, answers)) == 200 + 5


def test_an_address_of_a_host_leads_to_every_address_book_of_whoever_logs_in_and_to_no_calendar(sync, radicale, between, name):
    paths = {radicale.make("contacts", f"{name}{one}", book(3)) for one in "ab"}
    calendar_path = radicale.make("calendar", f"{name}c", diary(3))

    for start in ("", "/", f"/{USER}/"):
        assert paths <= sync(start).state.collections.keys()
        assert calendar_path not in sync(start).state.collections
    assert calendar_path in sync("/", kind="calendar").state.collections
    assert ("PROPFIND", "/.well-known/carddav") in between.asked


def test_an_address_book_that_went_takes_its_entries_with_it(sync, radicale, name):
    paths = [radicale.make("contacts", f"{name}{one}", book(2)) for one in "ab"]
    first = sync(f"/{USER}/")
    radicale.delete(paths[0])

    second = sync(f"/{USER}/", kept(first.state))

    assert second.changed == ()
    assert second.removed == tuple(sorted(first.state.collections[paths[0]].etags))
    assert paths[0] not in second.state.collections


def test_an_empty_address_book_is_one(sync, radicale, name):
    changes = sync(radicale.make("contacts", name))

    assert (changes.changed, changes.removed, changes.state.entries) == ((), (), 0)


def test_a_place_that_moved_on_the_same_host_is_followed(sync, radicale, between, name):
    path = radicale.make("contacts", name, book(2))
    between.manner = "pointing on"

    assert len(sync(f"/old{path}").changed) == 2


def test_an_entry_that_is_too_large_is_left_out_and_not_asked_for_again(sync, radicale, between, name):
    path = radicale.make("contacts", name, book(5))
    radicale.put(f"{path}large.vcf", card(6, f"NOTE:{'x' * 300_000}\r\n"))

    first = sync(path, largest_entry=100_000)
    between.asked.clear()
    second = sync(path, kept(first.state), largest_entry=100_000)

    assert uids(first) == {f"u{number}" for number in range(5)}
    assert f"{path}large.vcf" in next(iter(first.state.collections.values())).etags
    assert (second.changed, len(between.asked)) == ((), 1)


def test_a_question_whose_answer_is_too_large_is_asked_in_parts(sync, radicale, between, name):
    path = radicale.make("contacts", name, "".join(card(number, f"NOTE:{'x' * 5_000}\r\n") for number in range(40)).encode())

    changes = sync(path, largest_answer=70_000)

    assert uids(changes) == {f"u{number}" for number in range(40)}
    assert len(between.asked) > 5


def test_each_connection_is_recorded_under_one_permit_to_fetch(sync, full, between, ada):
    sync(full)

    permit = Permit.objects.get()
    assert (permit.why, permit.recipient) == ("fetch", ada.reference)
    assert [(one.permit_id, one.host, one.port) for one in Crossing.objects.all()] == [(permit.pk, "127.0.0.1", between.port)] * len(between.asked)
    assert len(between.asked) == 4


def test_nothing_that_is_handed_on_shows_what_it_holds(sync, radicale, name):
    changes = sync(radicale.make("contacts", name, book(2)))

    shown = f"{changes!r} {changes.changed[0]!r} {changes.state!r}"
    assert shown == f"<2 changed, 0 removed> <item of {len(changes.changed[0].data)} bytes> <state of 1 collections>"
