"""The ledger: recorded with the act or not at all, without personal data, and unchangeable."""

import itertools
from datetime import date
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit.models import Event, EventDetail, Installation, JournalEntry, LedgerSeal
from apps.audit.plain import NotPlain
from apps.audit.services import heartbeat, installation, journal, ledger, sealing
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.digests import commitment

from .conftest import NOON

ADA = Actor("staff", "STF-ADA0001")


class Somebody:
    actor = ADA


@pytest.mark.django_db(transaction=True)
def test_an_event_needs_the_transaction_of_its_act():
    with pytest.raises(ledger.NotInTransaction):
        ledger.record("cohort.destroyed", by=SYSTEM, about="COH-1", at=NOON)
    assert Event.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_act_that_is_undone_leaves_no_event():
    def act_that_fails():
        with transaction.atomic():
            ledger.record("cohort.destroyed", by=SYSTEM, about="COH-1", at=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act_that_fails()
    assert Event.objects.count() == 0


@pytest.mark.django_db
def test_an_event_says_who_what_when_and_in_which_transaction():
    event = ledger.record(
        "cohort.destroyed", by=Somebody(), about="COH-1", at=NOON,
        facts={"messages": 3, "day": date(2026, 3, 8), "held": False, "ground": None, "digest": b"\xab" * 32,
               "entry": UUID(int=1), "codes": ["a", "b"]},
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint, (pg_control_system()).system_identifier")
        running, cluster = cursor.fetchone()
    stored = Event.objects.get()
    assert (stored.actor, stored.verb, stored.object, stored.at) == ("staff:STF-ADA0001", "cohort.destroyed", "COH-1", NOON)
    assert (stored.transaction, stored.cluster) == (running, cluster) == (event.transaction, event.cluster)
    assert stored.commitment is None
    assert stored.facts == {
        "messages": 3, "day": "2026-03-08", "held": False, "ground": None, "digest": "ab" * 32,
        "entry": str(UUID(int=1)), "codes": ["a", "b"],
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value",
    ["Ada Lovelace", "ada@example.com", "a" * 81, 1.5, {"nested": 1}, ["free text"], [[1]], object(), "Zoë", "line\nbreak", "x\n"],
)
def test_free_text_is_no_fact(value):
    with pytest.raises(NotPlain) as refusal:
        ledger.record("x.y", by=SYSTEM, about="COH-1", at=NOON, facts={"note": value})
    assert "Ada" not in str(refusal.value)
    assert "ada@" not in str(refusal.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong", [{"about": "Mercy General"}, {"verb": "has done"}, {"by": Actor("staff", "Ada L")}, {"facts": {"a b": 1}}]
)
def test_no_part_of_an_event_takes_free_text(wrong):
    arguments = {"verb": "x.y", "by": SYSTEM, "about": "COH-1"} | wrong
    with pytest.raises(NotPlain):
        ledger.record(arguments.pop("verb"), at=NOON, **arguments)


@pytest.mark.django_db
def test_an_event_needs_an_actor_and_a_moment_with_a_zone():
    with pytest.raises(TypeError):
        ledger.record("x.y", by="ada", about="COH-1", at=NOON)
    with pytest.raises(ValueError, match="time zone"):
        ledger.record("x.y", by=SYSTEM, about="COH-1", at=NOON.replace(tzinfo=None))


@pytest.mark.django_db
def test_many_acts_of_one_kind_have_an_event_each():
    with pytest.raises(NotPlain), transaction.atomic():
        ledger.record_each("message.deleted_early", by=ADA, abouts=["DEL-1", "two words"], at=NOON)
    with transaction.atomic():
        ledger.record_each("message.deleted_early", by=ADA, abouts=["DEL-1", "DEL-2"], at=NOON, facts={"kept": False})
    written = Event.objects.order_by("id").values_list("verb", "object", "actor", "facts", "commitment")
    assert list(written) == [("message.deleted_early", about, "staff:STF-ADA0001", {"kept": False}, None) for about in ("DEL-1", "DEL-2")]


@pytest.mark.django_db(transaction=True)
def test_many_events_need_the_transaction_of_their_acts():
    with pytest.raises(ledger.NotInTransaction):
        ledger.record_each("message.deleted_early", by=SYSTEM, abouts=["DEL-1"], at=NOON)
    assert Event.objects.count() == 0


@pytest.mark.django_db
def test_a_detail_is_bound_by_a_salted_commitment_and_can_not_be_guessed_from_it():
    detail = {"name": "Ada"}
    first = ledger.record("x.y", by=SYSTEM, about="COH-1", at=NOON, detail=detail)
    second = ledger.record("x.y", by=SYSTEM, about="COH-1", at=NOON, detail=detail)
    kept = EventDetail.objects.get(event=first)
    assert len(kept.salt) == 32
    assert bytes(first.commitment) == commitment(bytes(kept.salt), detail)
    assert bytes(first.commitment) != bytes(second.commitment)  # the same detail twice can't be told
    assert bytes(first.commitment) not in {commitment(salt, detail) for salt in (b"", bytes(32))}
    assert "Ada" not in str(first.facts)


@pytest.mark.django_db
def test_erasing_a_detail_leaves_the_event_and_is_itself_recorded_once():
    event = ledger.record("x.y", by=SYSTEM, about="COH-1", at=NOON, detail={"name": "Ada"})
    assert ledger.erase_detail(event, by=ADA, at=NOON, ground="erasure.request") is True
    assert ledger.erase_detail(event, by=ADA, at=NOON, ground="erasure.request") is False
    assert EventDetail.objects.count() == 0
    assert list(Event.objects.order_by("id").values_list("verb", "object", "facts")) == [
        ("x.y", "COH-1", {}),
        ("audit.detail_erased", f"E{event.pk}", {"ground": "erasure.request"}),
    ]


@pytest.fixture
def one_of_each(home, transactional_db):
    installation.ensure(NOON)
    journal.open_journal(NOON)
    with transaction.atomic():
        ledger.record("x.y", by=SYSTEM, about="COH-1", at=NOON, detail={"name": "Ada"})
    sealing.seal(at=NOON)
    journal.write_owed()


TABLES = ("audit_installation", "audit_event", "audit_ledgerseal", "audit_eventdetail", "audit_journalentry")
CHANGES = {
    "audit_installation": "created_at = now()",
    "audit_event": "verb = 'x.z'",
    "audit_ledgerseal": "count = 2",
    "audit_eventdetail": "detail = '{}'",
    "audit_journalentry": "about = 'COH-2'",
}


@pytest.mark.parametrize(("table", "act"), list(itertools.product(TABLES, ("UPDATE", "DELETE", "TRUNCATE"))))
def test_the_database_refuses_to_change_what_was_written(one_of_each, table, act):
    sql = {
        "UPDATE": f"UPDATE {table} SET {CHANGES[table]}",
        "DELETE": f"DELETE FROM {table}",
        "TRUNCATE": f"TRUNCATE {table} CASCADE",
    }[act]
    before = _everything()
    if (table, act) == ("audit_eventdetail", "DELETE"):
        with connection.cursor() as cursor:
            cursor.execute(sql)
        assert EventDetail.objects.count() == 0
        return
    with pytest.raises(IntegrityError, match="is refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert _everything() == before


@pytest.mark.parametrize("change", ["sequence = 7", "digest = '\\x00'", "sequence = NULL, digest = NULL", "kind = 'x'"])
def test_a_journalled_entry_is_marked_once(one_of_each, change):
    with pytest.raises(IntegrityError, match="is refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_journalentry SET {change}")


def test_marking_an_owed_entry_may_change_nothing_else(one_of_each):
    with transaction.atomic():
        entry = journal.owe("x.y", about="COH-1", body={}, at=NOON)
    for change in ("kind = 'z'", "body = '[1]'", "about = 'COH-9'", "created_at = now()"):
        with pytest.raises(IntegrityError, match="is refused"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE audit_journalentry SET sequence = 99, digest = '\\x00', {change} WHERE id = %s", [entry.pk]
            )


@pytest.mark.django_db
def test_nobody_can_date_an_event_back_behind_a_seal():
    forged = Event.objects.create(at=NOON, actor="system:x", verb="x.y", object="COH-1", transaction=1, cluster=1)
    forged.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        assert forged.transaction == cursor.fetchone()[0]


@pytest.mark.django_db
def test_there_is_one_installation_and_it_stays_the_same():
    first = installation.ensure(NOON)
    assert installation.ensure(NOON.replace(year=2027)).installation_id == first.installation_id
    assert Installation.objects.count() == 1
    assert installation.current() == first


@pytest.mark.django_db
def test_a_heartbeat_is_the_last_one_heard():
    assert heartbeat.last("worker") is None
    heartbeat.beat("worker", at=NOON)
    heartbeat.beat("worker", at=NOON.replace(hour=13))
    assert heartbeat.last("worker") == NOON.replace(hour=13)


def _everything():
    return [list(model.objects.order_by("pk").values()) for model in (Installation, Event, LedgerSeal, EventDetail, JournalEntry)]
