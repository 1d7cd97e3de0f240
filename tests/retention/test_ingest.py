"""Messages come in: stored once, encrypted, in the leaf of their day; and what can't come in says why."""

from datetime import date, timedelta

import pytest
from django.db import connection

from apps.foundation.keys import keystore
from apps.retention import envelope
from apps.retention.importing.lines import Deletion, Party, Refused
from apps.retention.models import AsideMessage, Batch, BatchShare, Cohort, EarlyDeletion, Message, RefusedLine, Segment
from apps.retention.services import batches, leaves, reading, sealing
from apps.retention.services.batches import BatchKeyUsed
from apps.retention.services.rules import NoRule
from apps.retention.states import CohortState
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

DAY_OF_WEEK_LATER = date(2026, 3, 16)


def stored() -> int:
    return Message.objects.on_days(Cohort.objects.values_list("expiry_on", flat=True)).count()


def test_a_message_is_stored_once_in_the_leaf_of_its_day():
    clinic = cast.hill_clinic()
    batch = cast.hand_over(clinic, [cast.message(1)])
    cohort = Cohort.objects.get()
    assert (batch.accepted, batch.refused, cohort.expiry_on, cohort.state) == (1, 0, DAY_OF_WEEK_LATER, CohortState.OPEN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM message_20260316")
        assert cursor.fetchone()[0] == 1


def test_nothing_of_a_message_can_be_read_in_its_row():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1, body="the marked body", conversation="marked-conversation")])
    with connection.cursor() as cursor:
        cursor.execute("SELECT m::text, encode(ciphertext, 'escape') FROM message m WHERE expiry = '2026-03-16'")
        row = " ".join(cursor.fetchone())
    for marked in ("marked body", "marked-conversation", "ada@client.example", "Ada", "2026-03-08"):
        assert marked not in row


def test_the_same_message_in_another_batch_is_a_duplicate():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    again = cast.hand_over(clinic, [cast.message(1)], key="b2")
    assert (again.accepted, again.duplicates, stored()) == (0, 1, 1)


def test_the_same_chunk_of_the_same_batch_does_nothing_the_second_time():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    again = cast.hand_over(clinic, [cast.message(1)])
    assert (again.accepted, again.duplicates, stored(), Batch.objects.count()) == (1, 0, 1, 1)


def test_the_same_id_with_other_words_and_no_edit_is_refused():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    again = cast.hand_over(clinic, [cast.message(1, body="Good evening")], key="b2")
    assert RefusedLine.objects.get(batch=again).code == "same_id_other_words"


def test_an_edit_replaces_and_an_older_edit_sent_late_does_not():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    cast.hand_over(clinic, [cast.message(1, body="second", edited_at=NOON + timedelta(hours=2))], key="b2")
    cast.hand_over(clinic, [cast.message(1, body="first", edited_at=NOON + timedelta(hours=1))], key="b3")
    read = reading.read_message(organization=clinic, source="product", message_id="m1", sent_at=NOON, at=NOON)
    assert (read["body"], stored()) == ("second", 1)


def test_several_states_of_a_message_in_one_batch_leave_the_last():
    clinic = cast.hill_clinic()
    lines = [
        cast.message(1),
        cast.message(2, id="m1", body="second", edited_at=NOON),
        cast.message(3, id="m1", body="third", edited_at=NOON + timedelta(minutes=1)),
    ]
    batch = cast.hand_over(clinic, lines)
    read = reading.read_message(organization=clinic, source="product", message_id="m1", sent_at=NOON, at=NOON)
    assert (read["body"], batch.accepted) == ("third", 1)
    assert sum(batch.kinds.values()) == 3


def test_a_message_past_its_life_is_refused_as_such():
    clinic = cast.hill_clinic()
    batch = cast.hand_over(clinic, [cast.message(1, at=NOON - 9 * DAY)])
    assert (RefusedLine.objects.get(batch=batch).code, stored()) == ("past_its_life", 0)


def test_a_message_of_the_future_is_refused_and_a_clock_ten_minutes_ahead_is_borne():
    clinic = cast.hill_clinic()
    batch = cast.hand_over(clinic, [cast.message(1, at=NOON + DAY), cast.message(2, at=NOON + timedelta(minutes=10))])
    assert (batch.accepted, RefusedLine.objects.get(batch=batch).code) == (1, "sent_in_the_future")


def test_an_organization_without_a_rule_can_hand_nothing_over():
    with pytest.raises(NoRule):
        cast.hand_over(cast.client(), [cast.message(1)])


def test_a_class_that_nobody_registered_is_refused():
    batch = cast.hand_over(cast.hill_clinic(), [cast.message(1, conversation_class="clinicl")])
    assert RefusedLine.objects.get(batch=batch).code == "unknown_class"


def test_a_missing_leaf_stops_the_chunk_whole():
    clinic = cast.hill_clinic()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM retention_leaf WHERE day = '2026-03-16'")
    with pytest.raises(leaves.LeafMissing):
        cast.hand_over(clinic, [cast.message(1), cast.message(2, at=NOON + timedelta(minutes=1))])
    assert (Cohort.objects.count(), BatchShare.objects.count(), Batch.objects.get().committed_lines) == (0, 0, 0)


def test_a_change_of_rules_does_not_store_a_resend_twice():
    clinic = cast.hill_clinic(7)
    cast.hand_over(clinic, [cast.message(1)])
    cast.rule(clinic, 30, at=NOON)
    again = cast.hand_over(clinic, [cast.message(1)], key="b2", at=NOON + timedelta(hours=3))
    assert (again.duplicates, again.accepted, stored()) == (1, 0, 1)


def test_a_message_deleted_at_its_source_goes_early_and_does_not_come_back():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1), cast.message(2)])
    gone = cast.hand_over(clinic, [Deletion(1, "m1", NOON, NOON + timedelta(hours=1))], key="b2")
    again = cast.hand_over(clinic, [cast.message(1)], key="b3")
    assert (gone.deleted, EarlyDeletion.objects.count(), stored()) == (1, 1, 1)
    assert RefusedLine.objects.get(batch=again).code == "deleted_before"


def test_a_deletion_of_what_never_came_is_told():
    batch = cast.hand_over(cast.hill_clinic(), [Deletion(1, "m9", NOON, NOON)])
    assert RefusedLine.objects.get(batch=batch).code == "nothing_to_delete"


def test_a_late_arrival_of_a_sealed_cohort_opens_a_supplement():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    late = NOON + 6 * DAY
    sealing.seal_due(at=late)
    cast.hand_over(clinic, [cast.message(2)], key="b2", at=late)
    cast.hand_over(clinic, [cast.message(3)], key="b3", at=late)
    segments = list(Segment.objects.values_list("number", "messages"))
    assert (segments, Cohort.objects.get().state) == ([(0, 1), (1, None)], CohortState.SEALED)


def test_what_is_sealed_is_not_edited_any_more():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    late = NOON + 6 * DAY
    sealing.seal_due(at=late)
    batch = cast.hand_over(clinic, [cast.message(1, body="other", edited_at=late)], key="b2", at=late)
    assert RefusedLine.objects.get(batch=batch).code == "edited_after_seal"


def test_people_match_by_external_id_then_by_email_and_never_across_organizations():
    clinic, other = cast.hill_clinic(), cast.client("Other")
    cast.rule(other, 7)
    ada = cast.ada(clinic)
    cast.hand_over(clinic, [cast.message(1, sender=Party(email="ADA@client.example "))])
    cast.hand_over(other, [cast.message(1)])
    ours = reading.read_message(organization=clinic, source="product", message_id="m1", sent_at=NOON, at=NOON)
    theirs = reading.read_message(organization=other, source="product", message_id="m1", sent_at=NOON, at=NOON)
    assert (ours["sender"]["person"], theirs["sender"]["person"]) == (ada.reference, None)


def test_a_persons_messages_are_found_by_one_tag_of_their_cohort():
    clinic = cast.hill_clinic()
    ada = cast.ada(clinic)
    cast.hand_over(clinic, [cast.message(1), cast.message(2, sender=Party(email="x@y.example"), recipients=())])
    opener = envelope.for_cohort(keystore(), organization=clinic.reference, expiry=DAY_OF_WEEK_LATER)
    found = Message.objects.on_days([DAY_OF_WEEK_LATER]).filter(tags__contains=[opener.tag("person", ada.reference)])
    assert found.count() == 1


def test_life_from_import_counts_from_the_import_and_the_same_message_is_stored_once_on_whatever_day():
    clinic = cast.hill_clinic()
    old = cast.message(1, at=NOON - 900 * DAY)
    first = cast.hand_over(clinic, [old], life_from="import")
    second = cast.hand_over(clinic, [old], life_from="import", key="b2", at=NOON + 3 * DAY)
    assert (first.accepted, second.duplicates, second.accepted, stored()) == (1, 1, 0, 1)
    assert Cohort.objects.get().expiry_on == DAY_OF_WEEK_LATER


def test_a_batch_name_can_not_be_used_with_another_choice_of_life():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    with pytest.raises(BatchKeyUsed):
        cast.hand_over(clinic, [cast.message(2)], life_from="import")


def test_refused_lines_keep_number_and_reason_and_never_content():
    clinic = cast.hill_clinic()
    batch = cast.hand_over(clinic, [cast.message(1), Refused(2, "bad_time", "sent_at must be a time.", "message")])
    assert list(RefusedLine.objects.values_list("number", "code", "why")) == [(2, "bad_time", "sent_at must be a time.")]
    assert batches.summary(batch)["refused_lines"] == [{"line": 2, "code": "bad_time", "why": "sent_at must be a time."}]


def test_messages_of_a_client_who_is_owed_an_archive_are_marked_as_owed():
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    cast.hand_over(mercy, [cast.message(1)])
    assert (Cohort.objects.get().archive_owed, AsideMessage.objects.count()) == (True, 0)


def test_each_message_knows_the_policy_in_force_when_it_came():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    batch = Batch.objects.get()
    assert Message.objects.on_days([DAY_OF_WEEK_LATER]).get().policy_version_id == batch.policy_version_id
