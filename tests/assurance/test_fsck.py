"""The independent examiner: clean where all is well, and for each thing that must not be a finding that names what and why."""

import json
import os
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command

from apps.accounts.services import linking
from apps.assurance.fsck import examination
from apps.assurance.fsck.looking import Finding
from apps.audit.models import Event, JournalEntry
from apps.audit.services import journal
from apps.foundation import signing
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.holds.models import Hold
from apps.retention import envelope
from apps.retention.models import AsideMessage, Certificate, Destruction, Message
from tests import cast
from tests.assurance.conftest import FIRST, LATER
from tests.cast import DAY, NOON
from tests.foundation import keystores


def living_rows(world):
    return Message.objects.on_days([world.living.expiry_on])


# --- the journal ------------------------------------------------------------------------------------------------------


def a_line_is_cut_out(world):
    lines = world.journal.read_bytes().splitlines(keepends=True)
    world.journal.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    return "journal", "journal line 4", "It does not continue the line before it."


def a_line_is_changed(world):
    world.journal.write_bytes(world.journal.read_bytes().replace(b'"destruction.done"', b'"destruction.gone"', 1))
    number = next(n for n, line in enumerate(world.journal.read_bytes().splitlines(), 1) if b"destruction.gone" in line)
    return "journal", f"journal line {number}", "It is not signed by this installation as it stands."


def the_tail_is_torn(world):
    with world.journal.open("ab") as file:
        file.write(b'{"about":')
    number = world.journal.read_bytes().count(b"\n") + 1
    return "journal", f"journal line {number}", "It breaks off."


def the_file_is_gone(world):
    world.journal.unlink()
    return "journal", "journal", "Its file is missing."


def a_row_of_the_journal_is_gone(world):
    entry = JournalEntry.objects.get(pk=world.day.done_entry)
    world.by_hand("DELETE FROM audit_journalentry WHERE id = %s", entry.pk)
    return "journal", f"destruction.done {world.day.reference}", "It is a line of the journal and no row: the database was restored."


def an_entry_is_owed(world):
    journal.owe("matter.opened", about="MAT-X", body={}, at=LATER)
    return "journal", "matter.opened MAT-X", "It is owed to the journal and not written."


def a_row_says_something_else(world):
    world.by_hand("""UPDATE audit_journalentry SET body = '{"day": "2026-03-17"}' WHERE id = %s""", world.day.done_entry)
    return "journal", f"destruction.done {world.day.reference}", "Row and line of the journal say different things."


def a_row_names_another_line(world):
    world.by_hand("UPDATE audit_journalentry SET sequence = 999 WHERE id = %s", world.day.done_entry)
    return "journal", f"destruction.done {world.day.reference}", "Its row names another line, or other bytes."


def an_act_is_told_twice(world):
    journal.write(journal.owe("destruction.done", about=world.day.reference, body={"day": "x", "certificates": []}, at=LATER).pk)
    return "journal", world.day.reference, "The journal tells destruction.done about it twice."


def an_act_is_not_told(world):
    world.by_hand("UPDATE holds_hold SET reference = 'HLD-UNTOLD' WHERE state = 'active'")
    return "journal", "HLD-UNTOLD", "The journal has no line hold.placed about it."


# --- the keystore -----------------------------------------------------------------------------------------------------


def day_key(world):
    return world.home / "keystore" / f"day/{world.living.expiry_on}"


def others_may_read_a_secret(world):
    day_key(world).chmod(0o644)
    return "keystore", f"secret day/{world.living.expiry_on}", "Others may read it, or anybody run it (mode 644)."


def a_secret_belongs_to_nothing(world):
    keystore().ensure("aside/COH-NOBODY_1")
    return "keystore", "secret aside/COH-NOBODY_1", "It belongs to nothing."


def a_day_that_nobody_had_kept_its_secret(world):
    keystore().ensure("day/2026-03-01")
    return "keystore", "secret day/2026-03-01", "It belongs to nothing."


def a_secret_was_destroyed_by_nobody(world):
    keystore().destroy(f"organization/{world.mercy.reference}")
    return "keystore", f"secret organization/{world.mercy.reference}", "It was destroyed, and no destruction names it."


def a_byte_of_a_secret_is_flipped(world):
    content = bytearray(day_key(world).read_bytes())
    content[10] ^= 1
    day_key(world).write_bytes(content)
    name = f"day/{world.living.expiry_on}"
    return "keystore", f"secret {name}", f"It can't be used: its secret {name} is damaged."


def a_killed_writer_left_something(world):
    (world.home / "keystore/day/.2026-03-27.0123456789ab").write_bytes(b"")
    return "keystore", "secret day/.2026-03-27.0123456789ab", "It was left behind by a writer that was killed."


def bytes_are_left_in_a_mark(world):
    (world.home / "keystore-second" / f"{world.day.secret}.destroyed").write_bytes(b"CVK2")
    return "keystore", f"secret {world.day.secret}", "It was destroyed, and bytes are left in its mark."


def others_may_read_the_master_key(world):
    (world.home / "master" / "master-1.key").chmod(0o640)
    return "keystore", "master key master-1.key", "Others may read it, or change it (mode 640)."


def a_byte_of_the_master_key_is_flipped(world):
    keystores.flip(world.home / "master" / "master-1.key", 10)
    return "keystore", "master key master-1.key", "It is damaged."


# --- what lies sealed under a secret of its own ------------------------------------------------------------------------


def linked(world):
    return linking.link(
        person=cast.ada(world.clinic, email="eve@client.example"), provider="elsewhere", subject="eve-1", scopes=["email"],
        claims={"email": "eve@elsewhere.example"}, how="api", by=SYSTEM, at=NOON,
    )  # fmt: skip


def the_secret_of_something_sealed_was_destroyed(world):
    secret = linking.secret_of(linked(world).reference)
    keystore().destroy(secret)
    return "sealed", f"secret {secret}", "It was destroyed, and something is still sealed under it."


def the_secret_of_something_sealed_is_missing(world):
    secret = linking.secret_of(linked(world).reference)
    cast.lose_secret(secret)
    return "sealed", f"secret {secret}", "It is missing, and something is sealed under it."


def the_secret_of_an_unlinked_account_is_left(world):
    account = linking.unlink(account=linked(world), how="person", by=SYSTEM, at=NOON)
    return "sealed", f"secret linked/{account.reference}", "It belongs to nothing."


def what_everybodys_matching_rests_on_was_destroyed(world):
    keystore().ensure("matching/fixed")
    keystore().destroy("matching/fixed")
    return "sealed", "secret matching/fixed", "It was destroyed, and everybody's rests on it."


# --- cohorts and leaves -----------------------------------------------------------------------------------------------


COLUMNS = "id, expiry, organization_id, segment, policy_version_id, source_tag, tags, proof, ciphertext"


def copy_of_a_row(world, **changed):
    wanted = ", ".join(changed.get(name.strip(), name) for name in COLUMNS.split(","))
    world.by_hand(f"INSERT INTO message ({COLUMNS}) SELECT {wanted} FROM {world.leaf} ORDER BY id LIMIT 1")


def a_row_belongs_to_no_cohort(world):
    copy_of_a_row(world, id="9000", organization_id=str(world.mercy.pk), source_tag=r"'\x00112233445566778899aabbccddeeff'::bytea")
    return "leaves", f"leaf {world.living.expiry_on}", f"1 rows of organization {world.mercy.pk} belong to no cohort."


def a_row_of_a_destroyed_cohort_is_there(world):
    copy_of_a_row(world, id="9000", expiry=f"'{FIRST}'")
    return "leaves", world.ended.reference, "It is destroyed, and 1 of its rows are in their leaf."


def a_row_names_a_segment_that_is_not_there(world):
    world.by_hand(f"UPDATE {world.leaf} SET segment = 7 WHERE id = (SELECT min(id) FROM {world.leaf})")
    return "leaves", world.living.reference, "1 of its rows belong to segment 7, which it does not have."


def a_row_stands_in_its_leaf_and_aside(world):
    number = AsideMessage.objects.filter(ground="hold").first().pk
    world.by_hand(f"UPDATE {world.leaf} SET id = %s WHERE id = (SELECT min(id) FROM {world.leaf})", number)
    return "leaves", f"message {number}", f"It stands in the leaf of {world.living.expiry_on} and aside."


def a_number_stands_in_two_leaves(world):
    number = living_rows(world).order_by("id").first().pk
    copy_of_a_row(world, expiry=f"'{FIRST}'")
    return "leaves", f"message {number}", f"It stands in the leaves of {FIRST} and {world.living.expiry_on}."


def nobody_knows_of_a_leaf(world):
    world.by_hand("DELETE FROM retention_leaf WHERE day = %s", world.living.expiry_on)
    return "leaves", f"leaf {world.living.expiry_on}", "Nobody knows of it."


def a_row_was_deleted(world):
    world.by_hand(f"DELETE FROM {world.leaf} WHERE id = (SELECT min(id) FROM {world.leaf})")
    return "accounts", world.living.reference, "Its account is off by 1 messages."


def more_is_destroyed_than_certified(world):
    world.by_hand("UPDATE retention_cohort SET destroyed_messages = 6 WHERE id = %s", world.ended.pk)
    return "accounts", world.ended.reference, "6 of its messages are destroyed, certificates speak of 5."


def a_cohort_stepped_back(world):
    world.by_hand("UPDATE retention_cohort SET state = 'intended' WHERE id = %s", world.ended.pk)
    return "states", world.ended.reference, "It is intended, and has time at which it was destroyed."


def a_cohort_can_be_read_past_its_day(world):
    world.by_hand("UPDATE retention_cohort SET state = 'sealed' WHERE id = %s", world.cohort(world.mercy).pk)
    return "states", world.cohort(world.mercy).reference, "Its day is over, and it is sealed."


def messages_outlived_their_day(world):
    cohort, day = world.living, FIRST + timedelta(days=7)
    copy_of_a_row(world, expiry=f"'{day}'")
    world.by_hand("UPDATE retention_cohort SET expiry_on = %s WHERE id = %s", day, cohort.pk)
    return "states", cohort.reference, "1 of its messages outlived their day by more than a day."


def a_cohort_says_that_it_is_gone(world):
    world.by_hand("UPDATE retention_cohort SET state = 'destroyed', shredded_at = now(), destroyed_at = now() WHERE id = %s", world.living.pk)
    return "states", world.living.reference, "It is destroyed, and its day's secret is not destroyed by any record."


def the_canary_is_of_another_key(world):
    world.by_hand("UPDATE retention_cohort SET canary = %s WHERE id = %s", bytes(60), world.living.pk)
    return "states", world.living.reference, "Its canary does not open with its key."


def a_copy_of_a_secret_is_missing(world):
    day_key(world).unlink()
    return "keystore", f"secret day/{world.living.expiry_on}", "The two copies of the keystore differ about it."


def the_key_of_a_day_is_missing(world):
    for copy in world.home.glob("keystore*"):
        (copy / f"day/{world.living.expiry_on}").unlink()
    return "states", world.living.reference, f"It is sealed, and its secret day/{world.living.expiry_on} is not in the keystore."


# --- messages and seals -----------------------------------------------------------------------------------------------


def first_row(world, change, *values):
    number = living_rows(world).order_by("id").first().pk
    world.by_hand(f"UPDATE {world.leaf} SET {change} WHERE id = %s", *values, number)
    return f"message {number}"


def a_ciphertext_was_changed(world):
    return "messages", first_row(world, "ciphertext = set_byte(ciphertext, 40, 255 - get_byte(ciphertext, 40))"), "It does not open with its key."


def a_proof_was_changed(world):
    return "messages", first_row(world, "proof = %s", bytes(32)), "It does not match its proof."


def a_message_is_found_by_somebody_else(world):
    why = "It is not found by the people and the conversation it names."
    return "messages", first_row(world, r"tags = ARRAY['\x00112233445566778899aabbccddeeff'::bytea]"), why


def a_message_is_not_found_by_its_id(world):
    return "messages", first_row(world, r"source_tag = '\x00112233445566778899aabbccddeeff'"), "It is not found by its id at its source."


def a_message_is_stored_twice(world):
    cohort, row = world.living, living_rows(world).order_by("id").first()
    key = envelope.for_cohort(keystore(), organization=world.clinic.reference, expiry=cohort.expiry_on)
    message, salt = key.open(row.ciphertext, number=row.pk, policy_version=row.policy_version_id)
    sealed = key.seal(message, number=9000, policy_version=row.policy_version_id, salt=salt)
    copy_of_a_row(world, id="9000", source_tag=r"'\x00112233445566778899aabbccddeeff'::bytea")
    world.by_hand(f"UPDATE {world.leaf} SET ciphertext = %s WHERE id = 9000", sealed.ciphertext)
    return "messages", "message 9000", f"It is stored a second time: it is message {row.pk} too."


def a_sealed_message_was_exchanged(world):
    first_row(world, "proof = %s", bytes(32))
    return "seals", world.living.reference, "The messages of segment 0 are not those that were sealed."


def a_sealed_message_is_missing(world):
    a_row_was_deleted(world)
    return "seals", world.living.reference, "Segment 0 was sealed with 7 messages, there are 6."


def a_segment_was_never_sealed(world):
    cohort = world.cohort(world.mercy)
    world.by_hand("UPDATE retention_segment SET sealed_at = NULL WHERE cohort_id = %s AND number = 1", cohort.pk)
    return "seals", cohort.reference, "It is expired, and its segment 1 is not sealed."


# --- the ledger -------------------------------------------------------------------------------------------------------


def an_effect_has_no_entry(world):
    world.by_hand("DELETE FROM audit_event WHERE verb = 'cohort.expired' AND object = %s", world.ended.reference)
    return "ledger", world.ended.reference, "The ledger has no entry cohort.expired (1 missing)."


def an_effect_has_two_entries(world):
    event = Event.objects.get(verb="cohort.destroyed", object=world.ended.reference, facts__destruction=world.day.reference)
    Event.objects.create(at=event.at, actor=event.actor, verb=event.verb, object=event.object, facts=event.facts)
    return "ledger", world.ended.reference, f"The ledger says cohort.destroyed of {world.day.reference} 1 times too often."


# --- what stands aside, and holds -------------------------------------------------------------------------------------


def a_row_aside_was_changed(world):
    row = world.held.rows.first()
    world.by_hand("UPDATE retention_asidemessage SET ciphertext = set_byte(ciphertext, 40, 255 - get_byte(ciphertext, 40)) WHERE id = %s", row.pk)
    return "aside", f"message {row.pk} aside", "It does not open with its key."


def held_name(world):
    return f"bundle {world.held.pk} of {world.ended.reference}"


def the_key_of_a_bundle_is_gone(world):
    keystore().destroy(world.held.secret)
    return "aside", held_name(world), f"It has 3 rows, and its secret {world.held.secret} is not in the keystore."


def a_destroyed_bundle_has_rows(world):
    name = held_name(world)
    world.by_hand("UPDATE retention_asidebundle SET destroyed_at = now() WHERE id = %s", world.held.pk)
    return "aside", name, "It is destroyed, and 3 of its rows are there."


def a_row_aside_has_another_ground_than_its_bundle(world):
    world.by_hand("UPDATE retention_asidemessage SET ground = 'review' WHERE id = %s", world.held.rows.first().pk)
    return "aside", held_name(world), "1 of its rows name another cohort or another ground."


def a_hold_is_long_over(world):
    row = world.held.rows.order_by("pk").first()
    world.by_hand("UPDATE holds_hold SET conversation_id = 'c7' WHERE state = 'active'")
    return "aside", f"message {row.pk} aside", f"{held_name(world)} keeps it for a hold, and no hold of its matter covers it."


def an_archive_has_had_it_for_long(world):
    cohort = world.cohort(world.mercy)
    row = AsideMessage.objects.filter(cohort=cohort, segment=1).get()
    world.by_hand("UPDATE retention_segment SET archived_at = %s WHERE cohort_id = %s AND number = 1", NOON, cohort.pk)
    return "aside", f"message {row.pk} aside", f"bundle {row.bundle_id} of {cohort.reference} keeps it for an archive that has it."


def a_review_is_long_done(world):
    cohort = world.cohort(world.lake)
    row = AsideMessage.objects.filter(cohort=cohort).order_by("pk").first()
    world.by_hand("UPDATE retention_review SET state = 'approved', decided_by = 'staff:x', decided_at = %s WHERE cohort_id = %s", NOON, cohort.pk)
    return "aside", f"message {row.pk} aside", f"bundle {row.bundle_id} of {cohort.reference} keeps it for a review that is done."


def a_hold_was_passed_over(world):
    world.by_hand("UPDATE retention_cohort SET holds_seen = 0 WHERE id = %s", world.ended.pk)
    hold = Hold.objects.get(state="active")
    return "holds", world.day.reference, f"It destroyed messages of {world.ended.reference} without a look at {hold.reference}."


# --- destructions -----------------------------------------------------------------------------------------------------


def a_certificate_is_missing(world):
    world.by_hand("DELETE FROM retention_certificate WHERE destruction_id = %s", world.day.pk)
    return "destructions", world.ended.reference, f"{world.day.reference} destroyed messages of it, and there is no certificate."


def a_certificate_was_changed(world):
    number = Certificate.objects.get(destruction=world.day).number
    world.by_hand(
        "UPDATE retention_certificate SET document = jsonb_set(document, '{certificate,account,destroyed}', '3') WHERE number = %s", number
    )
    return "destructions", number, "It is not signed by this installation as it stands."


def a_certificate_counts_otherwise(world):
    number = Certificate.objects.get(destruction=world.day).number
    world.by_hand("UPDATE retention_certificate SET messages = 8 WHERE number = %s", number)
    return "destructions", number, "It says something else than its row."


def the_intent_is_not_in_the_journal(world):
    world.by_hand("UPDATE retention_destruction SET intent_entry = gen_random_uuid() WHERE id = %s", world.day.pk)
    return "destructions", world.day.reference, "It is done, and the journal lacks its intent."


def the_secret_of_a_destroyed_day_is_there(world):
    (world.home / "keystore" / world.day.secret).write_bytes(b"")
    return "destructions", world.day.reference, f"It is done, and its secret {world.day.secret} is there."


def nothing_says_that_the_secret_was_destroyed(world):
    for copy in world.home.glob("keystore*"):
        (copy / f"{world.day.secret}.destroyed").unlink()
    why = f"It is done, and nothing in the keystore says that {world.day.secret} was destroyed."
    return "destructions", world.day.reference, why


def the_key_died_before_the_intent(world):
    before = (NOON + 7 * DAY).timestamp()
    os.utime(world.home / "keystore" / f"{world.day.secret}.destroyed", (before, before))
    return "destructions", world.day.reference, f"The secret {world.day.secret} was destroyed at 2026-03-15 12:00:00, before its intent."


def the_key_died_without_an_intent(world):
    world.by_hand("UPDATE retention_destruction SET reference = 'DES-OTHER' WHERE id = %s", world.day.pk)
    return "destructions", "DES-OTHER", f"The secret {world.day.secret} was destroyed without an intent in the journal."


def a_destruction_skipped_a_step(world):
    world.by_hand("UPDATE retention_destruction SET journalled_at = NULL WHERE id = %s", world.day.pk)
    return "destructions", world.day.reference, "It is done, and has no time at which it was journalled."


# --- what is owed -----------------------------------------------------------------------------------------------------


def something_owed_to_an_archive_was_destroyed(world):
    cohort = world.cohort(world.mercy)
    world.by_hand("UPDATE retention_cohort SET shredded_at = now() WHERE id = %s", cohort.pk)
    world.by_hand("DELETE FROM retention_asidemessage WHERE cohort_id = %s AND segment = 1", cohort.pk)
    return "owed", cohort.reference, "1 messages of segment 1 were owed to an archive and are destroyed."


def something_counts_as_archived_that_no_archive_has(world):
    cohort = world.cohort(world.mercy)
    world.by_hand("UPDATE retention_segment SET archived_at = now() WHERE cohort_id = %s AND number = 0", cohort.pk)
    return "owed", cohort.reference, "Segment 0 counts as archived, and no archive has it."


def something_was_left_in_the_spool(world):
    (world.home / "spool").mkdir()
    (world.home / "spool" / "ARC-X_00001").write_bytes(b"")
    return "archives", "spool ARC-X_00001", "Nothing waits for it."


VIOLATIONS = (
    a_line_is_cut_out, a_line_is_changed, the_tail_is_torn, the_file_is_gone, a_row_of_the_journal_is_gone, an_entry_is_owed,
    a_row_says_something_else, a_row_names_another_line, an_act_is_told_twice, an_act_is_not_told,
    others_may_read_a_secret, a_secret_belongs_to_nothing, a_day_that_nobody_had_kept_its_secret, a_secret_was_destroyed_by_nobody,
    a_byte_of_a_secret_is_flipped, a_killed_writer_left_something,
    bytes_are_left_in_a_mark, others_may_read_the_master_key, a_byte_of_the_master_key_is_flipped,
    the_secret_of_something_sealed_was_destroyed, the_secret_of_something_sealed_is_missing, the_secret_of_an_unlinked_account_is_left,
    what_everybodys_matching_rests_on_was_destroyed,
    a_row_belongs_to_no_cohort, a_row_of_a_destroyed_cohort_is_there, a_row_names_a_segment_that_is_not_there,
    a_row_stands_in_its_leaf_and_aside, a_number_stands_in_two_leaves, nobody_knows_of_a_leaf, a_row_was_deleted,
    more_is_destroyed_than_certified, a_cohort_stepped_back, a_cohort_can_be_read_past_its_day, messages_outlived_their_day,
    a_cohort_says_that_it_is_gone, the_canary_is_of_another_key, the_key_of_a_day_is_missing, a_copy_of_a_secret_is_missing,
    a_ciphertext_was_changed, a_proof_was_changed, a_message_is_found_by_somebody_else, a_message_is_not_found_by_its_id,
    a_message_is_stored_twice, a_sealed_message_was_exchanged, a_sealed_message_is_missing, a_segment_was_never_sealed,
    an_effect_has_no_entry, an_effect_has_two_entries,
    a_row_aside_was_changed, the_key_of_a_bundle_is_gone, a_destroyed_bundle_has_rows, a_row_aside_has_another_ground_than_its_bundle,
    a_hold_is_long_over, an_archive_has_had_it_for_long, a_review_is_long_done, a_hold_was_passed_over,
    a_certificate_is_missing, a_certificate_was_changed, a_certificate_counts_otherwise, the_intent_is_not_in_the_journal,
    the_secret_of_a_destroyed_day_is_there, nothing_says_that_the_secret_was_destroyed, the_key_died_before_the_intent,
    the_key_died_without_an_intent, a_destruction_skipped_a_step,
    something_owed_to_an_archive_was_destroyed, something_counts_as_archived_that_no_archive_has, something_was_left_in_the_spool,
)  # fmt: skip


def test_an_account_that_was_unlinked_and_told_leaves_nothing_to_find(world):
    linking.unlink(account=linked(world), how="person", by=SYSTEM, at=NOON)
    linking.destroy_left_secrets(at=NOON)
    journal.write_owed()
    assert world.examine().findings["sealed"] == []
    assert world.examine().findings["keystore"] == []


@pytest.mark.django_db  # and so the first of all, before the world is made in a transaction of its own
def test_an_installation_without_its_journal_is_told_so(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    signing.create_missing()
    found = examination.examine(at=LATER, folder=tmp_path)
    assert [finding for findings in found.findings.values() for finding in findings] == [Finding("journal", "Its file is missing.")]


def test_nothing_is_found_where_all_is_well_and_everything_was_looked_at(world):
    found = world.examine()
    assert [finding for findings in found.findings.values() for finding in findings] == []
    assert {name: number for name, number in found.looked_at.items() if name in EXPECTED} == EXPECTED


EXPECTED = {
    "accounts": 5, "cohorts": 5, "rows in leaves": 7, "messages opened": 7, "messages aside opened": 22, "canaries": 1, "bundles": 4,
    "certificates": 3, "destructions": 3, "keys looked for": 3, "acts: hold.placed": 2, "acts: destruction.done": 3,
}  # fmt: skip


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda violation: violation.__name__)
def test_what_must_not_be_is_found_and_named(world, violation):
    check, name, why = violation(world)
    assert (name, why) in [(finding.object, finding.why) for finding in world.examine().findings[check]]


def test_a_destroyed_secret_whose_rows_a_restore_took_is_vouched_for_by_the_journal(world):
    ended = Destruction.objects.exclude(scope="day").first()
    world.by_hand("DELETE FROM retention_destruction WHERE id = %s", ended.pk)
    found = world.examine().findings
    assert found["keystore"] == []
    why = "The journal has a line destruction.intended about it, and the database no such act."
    assert Finding(ended.reference, why) in found["journal"], "the lost row itself is told"
    (world.journal).write_bytes(world.journal.read_bytes().replace(ended.secret.encode(), b"aside/COH-OTHER"))
    assert Finding(f"secret {ended.secret}", "It was destroyed, and no destruction names it.") in world.examine().findings["keystore"]


def test_the_master_key_is_found_where_the_settings_put_it_and_under_any_name(world, settings, tmp_path):
    (tmp_path / "apart").mkdir()
    (world.home / "master" / "master-1.key").rename(tmp_path / "apart" / "wraps.pem")
    settings.KEYSTORE_MASTER_KEY_FILE = str(tmp_path / "apart" / "wraps.pem")
    assert world.examine().is_clean
    (tmp_path / "apart" / "wraps.pem").chmod(0o604)
    assert Finding("master key wraps.pem", "Others may read it, or change it (mode 604).") in world.examine().findings["keystore"]


def test_a_chosen_few_of_each_cohort_can_be_opened(world):
    found = world.examine(most=2)
    assert found.is_clean
    assert (found.looked_at["messages opened"], found.looked_at["messages aside opened"]) == (2, 6)


def run(world, *arguments):
    out = StringIO()
    with time_machine.travel(LATER, tick=False):
        try:
            call_command("fsck", *arguments, stdout=out)
        except SystemExit as ended:
            return ended.code, out.getvalue()
    return 0, out.getvalue()


def test_the_command_ends_with_nought_and_says_what_it_looked_at(world):
    code, said = run(world, "--all")
    assert code == 0
    assert said.splitlines()[:2] == ["journal       nothing found", "keystore      nothing found"]
    assert "5 cohorts" in said.splitlines()[-1]


def test_the_command_ends_with_one_and_names_what_it_found(world):
    name = first_row(world, "proof = %s", bytes(32))
    code, said = run(world)
    assert code == 1
    assert f"  ! {name}: It does not match its proof." in said.splitlines()
    code, said = run(world, "--json")
    assert code == 1
    assert {"check": "messages", "object": name, "why": "It does not match its proof."} in json.loads(said)["findings"]


def test_each_check_has_a_violation_that_it_finds():
    module = Path(__file__).read_text(encoding="utf-8")
    assert [check for check in examination.CHECKS if f'return "{check}", ' not in module] == []


def test_days_are_looked_at_in_utc(world):
    assert world.living.expiry_on == date(2026, 3, 27)
    assert world.examine(at=LATER.replace(hour=23, minute=59)).is_clean
