"""Seals: exact in what they cover, and whoever changes the ledger behind one is named."""

import io
import json
import threading
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from apps.audit.models import Event, EventDetail, LedgerSeal
from apps.audit.services import installation, journal, ledger, sealing
from apps.foundation import signing
from apps.foundation.actors import SYSTEM

from .conftest import NOON

pytestmark = pytest.mark.usefixtures("open_journal")


def record(count=1, **more):
    events = []
    for _number in range(count):
        with transaction.atomic():
            events.append(ledger.record("x.y", by=SYSTEM, about="COH-1", at=NOON, facts={"n": 1}, **more))
    return events


def test_a_seal_covers_every_event_that_is_over_and_chains_on_the_one_before():
    record(3)
    first = sealing.seal(at=NOON)
    record(2)
    second = sealing.seal(at=NOON)
    assert [(seal.number, seal.count) for seal in (first, second)] == [(1, 3), (2, 2)]
    assert second.from_transaction == first.horizon
    assert bytes(second.previous) == sealing.digest_of(LedgerSeal.objects.get(number=1))
    assert sealing.seal(at=NOON) is None
    assert sealing.verify() == sealing.SealReport(True, 5, 2, (), 0)


def test_nothing_to_seal_makes_no_seal():
    assert sealing.seal(at=NOON) is None
    assert sealing.verify() == sealing.SealReport(True, 0, 0, (), 0)


def test_an_event_with_a_lower_id_that_commits_later_goes_into_a_later_seal():
    written, go_on = threading.Event(), threading.Event()

    def slow():
        try:
            with transaction.atomic():
                ledger.record("x.slow", by=SYSTEM, about="COH-1", at=NOON)
                written.set()
                assert go_on.wait(30)
        finally:
            connections.close_all()

    record(1)
    thread = threading.Thread(target=slow)
    thread.start()
    assert written.wait(30)
    [later] = record(1)
    first = sealing.seal(at=NOON)
    assert first.count == 1  # neither the running one nor the one begun after it
    assert sealing.seal(at=NOON) is None
    go_on.set()
    thread.join()
    slow_one = Event.objects.get(verb="x.slow")
    assert slow_one.pk < later.pk
    second = sealing.seal(at=NOON)
    assert (second.count, second.first_event, second.last_event) == (2, slow_one.pk, later.pk)
    assert sealing.verify().ok


def test_a_low_id_that_commits_behind_a_seal_is_no_alarm():
    """Its id lies below a sealed one, its transaction above the horizon."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('audit_event', 'id'))")
        low = cursor.fetchone()[0]
    record(2)
    sealing.seal(at=NOON)
    with transaction.atomic():
        Event.objects.create(id=low, at=NOON, actor="system:x", verb="x.late", object="COH-1")
    assert sealing.verify() == sealing.SealReport(True, 3, 1, (), 1)
    assert sealing.seal(at=NOON).first_event == low
    assert sealing.verify() == sealing.SealReport(True, 3, 2, (), 0)


def test_many_events_are_sealed_in_runs_and_none_is_left_out(monkeypatch):
    monkeypatch.setattr(sealing, "EVENTS_A_SEAL", 3)
    record(4)
    with transaction.atomic():
        for _number in range(5):
            ledger.record("x.y", by=SYSTEM, about="COH-1", at=NOON)
    record(2)
    assert sealing.seal_all(at=NOON) == 3
    assert list(LedgerSeal.objects.order_by("number").values_list("count", flat=True)) == [3, 6, 2]
    assert sealing.verify() == sealing.SealReport(True, 11, 3, (), 0)


def test_two_who_seal_at_once_do_not_seal_twice():
    record(20)
    barrier, made = threading.Barrier(4), []

    def one():
        try:
            barrier.wait(30)
            made.append(sealing.seal(at=NOON))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(made) == 4
    assert sum(LedgerSeal.objects.values_list("count", flat=True)) == 20
    assert sealing.verify().ok


def test_events_of_a_server_that_was_moved_from_are_sealed_too(by_force):
    """After a dump was restored on another server, whose transactions begin again at low numbers."""
    record(3)
    sealing.seal(at=NOON)
    record(2)
    by_force("UPDATE audit_event SET cluster = 42, transaction = transaction + 1000000 WHERE id > %s",
             [LedgerSeal.objects.get().last_event])  # fmt: skip
    record(1)
    assert sealing.seal_all(at=NOON) == 2
    assert sealing.verify() == sealing.SealReport(True, 6, 3, (), 0)


@pytest.mark.parametrize(
    "change",
    ["verb = 'x.z'", "actor = 'staff:STF-1'", "object = 'COH-2'", "facts = '{\"n\": 2}'", "at = at + interval '1 microsecond'",
     "commitment = sha256('x')"],
)  # fmt: skip
def test_an_altered_row_is_named(by_force, change):
    events = record(5)
    sealing.seal(at=NOON)
    by_force(f"UPDATE audit_event SET {change} WHERE id = %s", [events[2].pk])
    report = sealing.verify()
    assert (report.ok, report.problems) == (False, (f"{events[2]} was altered after seal 1.",))


def test_a_row_moved_to_another_transaction_is_named(by_force):
    events = record(5)
    sealing.seal(at=NOON)
    by_force("UPDATE audit_event SET transaction = transaction + 1 WHERE id = %s", [events[0].pk])
    assert sealing.verify().problems == (f"{events[0]} was altered after seal 1.",)


def test_a_missing_row_is_named(by_force):
    events = record(5)
    sealing.seal(at=NOON)
    by_force("DELETE FROM audit_event WHERE id = %s", [events[1].pk])
    assert sealing.verify().problems == (f"{events[1]} is missing: seal 1 covers it.",)


def test_a_row_put_in_is_named(by_force):
    events = record(5)
    sealing.seal(at=NOON)
    by_force(
        "INSERT INTO audit_event (id, at, actor, verb, object, facts, transaction, cluster)"
        " SELECT 9000, at, actor, verb, object, facts, transaction, cluster FROM audit_event WHERE id = %s",
        [events[1].pk],
    )
    assert sealing.verify().problems == ("E9000 was put in behind seal 1.",)


def test_a_row_with_a_transaction_still_to_come_is_named(by_force):
    [event] = record(1)
    by_force("UPDATE audit_event SET transaction = transaction + 1000000 WHERE id = %s", [event.pk])
    assert sealing.verify().problems == (f"{event} was put in by hand: its transaction has not happened yet.",)


def test_an_altered_seal_is_named(by_force):
    record(2)
    sealing.seal(at=NOON)
    by_force("UPDATE audit_ledgerseal SET sealed_at = sealed_at - interval '1 day'")
    assert sealing.verify().problems[0] == "Seal 1 was altered: its signature does not fit."


def test_leaves_changed_to_fit_an_altered_row_do_not_help(by_force):
    events = record(2)
    seal = sealing.seal(at=NOON)
    by_force("UPDATE audit_event SET verb = 'x.z' WHERE id = %s", [events[0].pk])
    leaves = b"".join(sealing.LEAF.pack(event.pk, sealing.leaf_of(event)) for event in Event.objects.order_by("id"))
    by_force("UPDATE audit_ledgerseal SET leaves = %s", [leaves])
    assert sealing.verify().problems == (
        "The leaves of seal 1 were altered, so the rows it covers can't be named one by one.",
        f"Between E{seal.first_event} and E{seal.last_event} events are altered, missing or put in.",
    )


def test_a_seal_taken_out_of_the_middle_is_named(by_force):
    for _number in range(3):
        record(2)
        sealing.seal(at=NOON)
    by_force("DELETE FROM audit_ledgerseal WHERE number = 2")
    problems = sealing.verify().problems
    assert "Seal 2 is missing." in problems
    assert "Seal 3 leaves out transactions before it." in problems


def test_the_newest_seals_can_not_be_cut_off_unnoticed(by_force):
    record(2)
    sealing.seal(at=NOON)
    record(2)
    sealing.seal(at=NOON + timedelta(days=1))
    assert journal.write_owed() == 2
    assert sealing.verify().ok
    by_force("DELETE FROM audit_event WHERE id >= (SELECT first_event FROM audit_ledgerseal WHERE number = 2)")
    by_force("DELETE FROM audit_ledgerseal WHERE number = 2")
    assert sealing.verify().problems == ("Seal 2 is named in the journal and missing in the database.",)


def test_a_seal_made_anew_is_not_the_one_in_the_journal(by_force):
    record(2)
    sealing.seal(at=NOON)
    journal.write_owed()
    by_force("DELETE FROM audit_ledgerseal")
    by_force("UPDATE audit_event SET verb = 'x.z'")
    sealing.seal(at=NOON + timedelta(hours=1))
    assert sealing.verify().problems == ("Seal 1 is not the one named in the journal.",)


def test_a_seal_is_named_in_the_journal_once_a_day():
    for hours in (0, 1, 2, 30):
        record(1)
        sealing.seal(at=NOON + timedelta(hours=hours))
    journal.write_owed()
    assert [line.body["number"] for line in journal.read() if line.kind == "ledger.sealed"] == [1, 4]


def test_erasing_a_detail_keeps_the_seals_valid():
    [event] = record(1, detail={"name": "Ada"})
    sealing.seal(at=NOON)
    ledger.erase_detail(event, by=SYSTEM, at=NOON, ground="erasure.request")
    assert EventDetail.objects.count() == 0
    assert sealing.verify().ok


def test_an_altered_detail_is_named(by_force):
    [event] = record(1, detail={"name": "Ada"})
    sealing.seal(at=NOON)
    by_force("UPDATE audit_eventdetail SET detail = '{\"name\": \"Bo\"}'")
    assert sealing.verify().problems == (f"The detail of {event} was altered.",)


def test_another_key_verifies_nothing():
    record(1)
    sealing.seal(at=NOON)
    assert sealing.verify(public_key=bytes(32)).problems == ("Seal 1 was altered: its signature does not fit.",)


def test_problems_are_named_up_to_a_hundred_and_counted_beyond(by_force):
    with transaction.atomic():
        for _number in range(150):
            ledger.record("x.y", by=SYSTEM, about="COH-1", at=NOON)
    sealing.seal(at=NOON)
    by_force("UPDATE audit_event SET verb = 'x.z'")
    problems = sealing.verify().problems
    assert len(problems) == 101
    assert problems[-1] == "And 50 more."


def test_the_command_says_that_all_is_well():
    record(2)
    sealing.seal(at=NOON)
    journal.write_owed()
    out = io.StringIO()
    call_command("verify_ledger", stdout=out)
    assert out.getvalue() == (
        "Ledger: 2 events, 1 seals, 0 events not yet sealed.\nEvery seal holds.\n"
        "Journal: 1 entries, 0 still to be written.\nIn step with the database.\n"
    )


def test_the_command_names_what_is_wrong_and_ends_with_one(by_force):
    [event] = record(1)
    sealing.seal(at=NOON)
    by_force("UPDATE audit_event SET verb = 'x.z'")
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("verify_ledger", "--json", stdout=out)
    assert end.value.code == 1
    assert json.loads(out.getvalue())["ledger"]["problems"] == [f"{event} was altered after seal 1."]


def test_the_command_takes_the_key_to_trust():
    record(1)
    sealing.seal(at=NOON)
    call_command("verify_ledger", "--key", signing.public_key("ledger").hex(), stdout=io.StringIO())
    with pytest.raises(SystemExit):
        call_command("verify_ledger", "--key", "00" * 32, stdout=io.StringIO())
    for nonsense in ("xyz", "00"):
        with pytest.raises(CommandError, match="64 hex digits"):
            call_command("verify_ledger", "--key", nonsense)


def test_a_seal_is_bound_to_its_installation(by_force):
    record(1)
    sealing.seal(at=NOON)
    by_force("UPDATE audit_installation SET installation_id = gen_random_uuid()")
    assert installation.current() is not None
    assert sealing.verify().problems[0] == "Seal 1 was altered: its signature does not fit."
