"""The destruction of a day: beyond recovery, in order, certified; and everything that must stop it."""

import os
from datetime import date, timedelta

import pytest
from django.core import mail
from django.db import DatabaseError, connection, transaction

from apps.audit.models import Event, Heartbeat, JournalEntry
from apps.audit.services import journal
from apps.foundation.keys import KeyDestroyed, keystore
from apps.mail.models import OutgoingMail
from apps.retention.models import AsideMessage, Certificate, ClockDoubt, Cohort, Destruction, Message
from apps.retention.services import accounts, clock_guard, destroy, reading, sealing, sweep
from apps.retention.services.reading import MessageGone
from apps.retention.states import CohortState, DestructionState
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

EXPIRY = date(2026, 3, 16)
MORNING_AFTER = NOON + 8 * DAY


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    """These tests stand in March; the comparison with the database's clock has tests of its own below."""
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660


def run(at=MORNING_AFTER):
    return sweep.sweep(at=at)


def test_a_cohort_is_sealed_hidden_destroyed_and_certified():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(n) for n in range(1, 4)])
    sealing.seal_due(at=NOON + 6 * DAY)
    assert Cohort.objects.get().state == CohortState.SEALED
    run()
    cohort = Cohort.objects.get()
    certificate = Certificate.objects.get()
    assert (cohort.state, cohort.destroyed_messages, certificate.messages) == (CohortState.DESTROYED, 3, 3)
    assert Message.objects.on_days([EXPIRY]).count() == 0
    with pytest.raises(KeyDestroyed):
        keystore().get("day/2026-03-16")
    assert accounts.account_of(cohort).as_dict() == {
        "ingested": 3, "moved_in": 0, "in_leaf": 0, "aside_for_hold": 0, "aside_for_archive": 0, "moved_out": 0,
        "destroyed": 3, "deleted_early": 0,
    }  # fmt: skip
    assert Destruction.objects.get().state == DestructionState.DONE
    kinds = [line.kind for line in journal.read() if line.kind.startswith("destruction")]
    assert kinds == ["destruction.intended", "destruction.done"]
    assert journal.status().in_step
    assert OutgoingMail.objects.get().about == certificate.number
    assert mail.outbox == []


def test_a_contact_whose_address_can_not_be_used_does_not_keep_messages_from_their_end():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    type(clinic).objects.filter(pk=clinic.pk).update(contact_email="records at client")
    run()
    certificate = Certificate.objects.get()
    assert (Cohort.objects.get().state, OutgoingMail.objects.count()) == (CohortState.DESTROYED, 0)
    assert Event.objects.get(verb="certificate.not_mailed").object == certificate.number


def test_a_message_can_not_be_read_from_the_first_moment_of_its_day():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    last_moment = NOON.replace(day=15, hour=23, minute=59, second=59)
    assert reading.read_message(organization=clinic, source="product", message_id="m1", sent_at=NOON, at=last_moment)["id"] == "m1"
    with pytest.raises(MessageGone):
        reading.read_message(organization=clinic, source="product", message_id="m1", sent_at=NOON, at=last_moment + timedelta(seconds=1))


def test_after_its_destruction_the_answer_names_the_certificate_and_a_resend_is_refused():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    run()
    with pytest.raises(MessageGone, match=Certificate.objects.get().number):
        reading.read_message(organization=clinic, source="product", message_id="m1", sent_at=NOON, at=MORNING_AFTER)
    again = cast.hand_over(clinic, [cast.message(1)], key="b2", at=MORNING_AFTER)
    assert (again.accepted, again.refused, again.refused_lines.get().code) == (0, 1, "past_its_life")


def test_an_import_whose_life_counts_from_it_is_not_stored_again_after_its_destruction():
    clinic = cast.hill_clinic()
    old = cast.message(1, at=NOON - 3000 * DAY)
    cast.hand_over(clinic, [old], life_from="import")
    run()
    again = cast.hand_over(clinic, [old], life_from="import", key="b2", at=MORNING_AFTER)
    assert (again.accepted, again.duplicates, Cohort.objects.count()) == (0, 1, 1)


def test_nothing_is_destroyed_before_its_day():
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    run(at=NOON.replace(day=15, hour=23, minute=59))
    assert (Cohort.objects.get().state, Destruction.objects.count()) == (CohortState.SEALED, 0)
    work = Destruction.objects.create(day=EXPIRY, secret="day/2026-03-16", opened_at=NOON)
    with pytest.raises(destroy.DayNotOver):
        destroy.run(work=work, at=NOON)


@pytest.mark.parametrize("entitlement", ["hosted", "own_server", "both"])
def test_what_is_owed_to_an_archive_steps_aside_and_everyone_elses_destruction_goes_on(entitlement):
    clinic, mercy = cast.hill_clinic(), cast.client("Mercy General", archive=entitlement)
    cast.rule(mercy, 7)
    for organization in (clinic, mercy):
        cast.hand_over(organization, [cast.message(n) for n in range(1, 4)])
    proofs = sorted(bytes(p) for p in Message.objects.on_days([EXPIRY]).filter(organization_id=mercy.pk).values_list("proof", flat=True))
    run()
    owed = Cohort.objects.get(organization=mercy)
    assert (owed.state, accounts.account_of(owed).aside_for_archive, accounts.account_of(owed).balance) == ("expired", 3, 0)
    assert Cohort.objects.get(organization=clinic).state == CohortState.DESTROYED
    assert sorted(bytes(p) for p in AsideMessage.objects.values_list("proof", flat=True)) == proofs
    assert Certificate.objects.get().cohort.organization_id == clinic.pk
    with pytest.raises(MessageGone):
        reading.read_message(organization=mercy, source="product", message_id="m1", sent_at=NOON, at=MORNING_AFTER)


def test_a_client_who_buys_an_archive_late_is_owed_what_is_still_there():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    clinic.archive_entitlement = "hosted"
    clinic.save(update_fields=["archive_entitlement"])
    run()
    assert (Cohort.objects.get().state, AsideMessage.objects.count(), Certificate.objects.count()) == ("expired", 1, 0)


def test_a_client_who_gives_up_the_archive_is_still_owed_what_came_under_it():
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    cast.hand_over(mercy, [cast.message(1)])
    mercy.archive_entitlement = "none"
    mercy.save(update_fields=["archive_entitlement"])
    run()
    assert (Cohort.objects.get().state, AsideMessage.objects.count()) == ("expired", 1)


def test_an_account_that_does_not_add_up_stops_the_destruction_and_names_the_cohort():
    cast.hand_over(cast.hill_clinic(), [cast.message(1), cast.message(2)])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM message WHERE expiry = '2026-03-16' AND id = (SELECT min(id) FROM message WHERE expiry = '2026-03-16')")
    run()
    work = Destruction.objects.get()
    assert (work.state, Cohort.objects.get().state, keystore().exists("day/2026-03-16")) == ("due", "expired", True)
    assert "off by 1" in work.last_error


def test_a_destruction_that_fails_five_times_is_parked_and_taken_up_again_by_a_person():
    cast.hand_over(cast.hill_clinic(), [cast.message(1), cast.message(2)])
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE kept AS SELECT * FROM message WHERE expiry = '2026-03-16'")
        cursor.execute("DELETE FROM message WHERE expiry = '2026-03-16'")
    for attempt in range(7):
        run(at=MORNING_AFTER + attempt * timedelta(minutes=5))
    work = Destruction.objects.get()
    assert (work.attempts, work.parked_at is not None) == (5, True)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO message SELECT * FROM kept")
    destroy.retry(work=work, by=cast.bo(), at=MORNING_AFTER + timedelta(hours=1))
    run(at=MORNING_AFTER + timedelta(hours=1))
    assert Cohort.objects.get().state == CohortState.DESTROYED


def test_a_second_sweep_changes_nothing():
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    run()
    events, entries = Event.objects.count(), JournalEntry.objects.count()
    assert run(at=MORNING_AFTER + timedelta(minutes=1)).destroyed == []
    assert (Event.objects.count(), JournalEntry.objects.count(), Certificate.objects.count()) == (events, entries, 1)


def test_a_lost_journal_stops_destruction(home):
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    with transaction.atomic():
        entry = journal.owe("test.entry", about="T1", body={}, at=NOON)
    journal.write(entry.pk)
    path = home / "journal" / "journal.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    assert run().destroyed == []
    assert (journal.status().in_step, keystore().exists("day/2026-03-16")) == (False, True)


def test_a_leaf_can_not_be_truncated_by_hand():
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    for statement in ("TRUNCATE message_20260316", "TRUNCATE message"):
        with pytest.raises(DatabaseError, match="covenant_destroy_leaf only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert Message.objects.on_days([EXPIRY]).count() == 1


def test_the_database_function_refuses_before_the_key_is_gone():
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    work = Destruction.objects.create(day=EXPIRY, secret="day/2026-03-16", opened_at=NOON)
    with pytest.raises(DatabaseError, match="after its intent is in the journal"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT covenant_destroy_leaf(%s, %s)", [work.pk, MORNING_AFTER])


@pytest.mark.parametrize("state", [s for s in CohortState.values if s not in ("open", "sealed")])
def test_a_cohort_makes_no_other_move_than_those_of_the_table(state):
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    with pytest.raises(DatabaseError, match="can not go from open"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE retention_cohort SET state = %s, destroyed_at = now(), shredded_at = now()", [state])


def test_no_cohort_opens_in_a_day_that_is_destroyed():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    run()
    other = cast.client("Other")
    with pytest.raises(DatabaseError, match="no cohort opens"), transaction.atomic():
        Cohort.objects.create(organization=other, expiry_on=EXPIRY, opened_at=NOON)


def test_a_certificate_never_changes():
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    run()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Certificate.objects.update(messages=7)


# --- the clock --------------------------------------------------------------------------------------------------------


def test_a_clock_that_jumped_against_the_heartbeat_stops_destruction_until_a_person_confirms():
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    Heartbeat.objects.update_or_create(name=clock_guard.HEART, defaults={"at": MORNING_AFTER - timedelta(hours=27)})
    assert run().destroyed == []
    doubt = ClockDoubt.objects.get()
    assert (doubt.against, Cohort.objects.get().state) == ("heartbeat", CohortState.EXPIRED)
    clock_guard.confirm(doubt=doubt, by=cast.cleo(), at=MORNING_AFTER)
    assert len(run(at=MORNING_AFTER + timedelta(minutes=1)).destroyed) == 1


def test_a_pause_of_26_hours_is_no_jump():
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    Heartbeat.objects.update_or_create(name=clock_guard.HEART, defaults={"at": MORNING_AFTER - timedelta(hours=26)})
    assert len(run().destroyed) == 1


def test_a_clock_a_day_off_against_the_database_stops_destruction_and_can_not_be_confirmed_while_it_is(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    assert run().destroyed == []
    doubt = ClockDoubt.objects.get()
    assert doubt.against == "database"
    with pytest.raises(clock_guard.ClockInDoubt):
        clock_guard.confirm(doubt=doubt, by=cast.cleo(), at=MORNING_AFTER)


def test_a_key_that_is_damaged_does_not_keep_its_day_from_being_destroyed(home):
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    path = home / "keystore" / "day" / "2026-03-16"
    with open(path, "r+b") as file:
        file.seek(10)
        file.write(os.urandom(4))
    run()
    assert Cohort.objects.get().state == CohortState.DESTROYED


def test_a_worker_that_was_too_slow_leaves_a_destruction_to_the_one_that_took_it_over():
    """Its lease ran out between two steps and another went on: no step is done at a time before that of the last one."""
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    sealing.expire_due(at=MORNING_AFTER)
    destroy.open_due(at=MORNING_AFTER)
    work = Destruction.objects.get()
    for step in destroy.STEPS[:2]:
        step(work.pk, MORNING_AFTER)
    later = MORNING_AFTER + timedelta(hours=1)
    destroy.journal_intent(work.pk, later)
    with pytest.raises(destroy.TakenOver):
        destroy.run(work=work, at=MORNING_AFTER)
    assert Destruction.objects.get().state == DestructionState.JOURNALLED
    assert keystore().get(work.secret)
    assert destroy.run(work=work, at=later).state == DestructionState.DONE
