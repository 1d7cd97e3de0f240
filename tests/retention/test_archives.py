"""Archives: what is owed leaves daily, is verified there, and only then goes with its day. What is not there steps aside."""

from dataclasses import replace
from datetime import date, timedelta
from threading import Thread

import pytest
from django.db import connection

from apps.audit.models import Event, JournalEntry
from apps.audit.services import journal
from apps.foundation.keys import KeyDestroyed, keystore
from apps.mail.models import OutgoingMail
from apps.retention.importing.lines import Deletion
from apps.retention.models import Archive, ArchivePart, AsideMessage, Certificate, Cohort, EarlyDeletion, Message, Segment
from apps.retention.services import accounts, alarms, archiving, sweep
from apps.retention.services.archives import lag, parts, rows
from apps.retention.states import ArchiveState, CohortState, PartState
from config.replay import HANDLERS
from tests import cast
from tests.cast import DAY, NOON
from tests.retention import archived

pytestmark = pytest.mark.django_db(transaction=True)

EXPIRY = date(2026, 3, 16)
SEALED = NOON + 6 * DAY
MORNING_AFTER = NOON + 8 * DAY


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test


@pytest.fixture
def mercy(home):
    cast.house()
    organization = cast.client("Mercy General", archive="hosted")
    cast.rule(organization, 7)
    return organization


def account(cohort):
    return {name: number for name, number in accounts.account_of(cohort).as_dict().items() if number}


def test_what_is_owed_leaves_daily_in_parts_and_the_manifest_closes_it_behind_the_seal(mercy):
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    archiving.archive_due(at=NOON + DAY)
    archive = Archive.objects.get()
    assert [(part.number, part.state, part.lines) for part in archive.parts.all()] == [(1, PartState.VERIFIED, 5)]
    cast.hand_over(mercy, [cast.message(n) for n in range(6, 8)], key="b2", at=NOON + 2 * DAY)
    archiving.archive_due(at=NOON + DAY + timedelta(hours=23))
    assert archive.parts.count() == 1
    archiving.archive_due(at=NOON + 3 * DAY)
    assert [part.lines for part in archive.parts.all()] == [5, 2]
    sweep.sweep(at=SEALED)
    assert archiving.archive_due(at=SEALED) == [archive.reference]
    archive.refresh_from_db()
    cohort = Cohort.objects.get()
    assert (archive.state, archive.messages, archive.keep_until) == (ArchiveState.CLOSED, 7, date(2032, 3, 14))
    assert (cohort.state, cohort.archived_at, Segment.objects.get().archived_at) == (CohortState.ARCHIVED, SEALED, SEALED)
    assert archived.verified(archive).flaws == []
    assert archived.verified(archive).opened
    sweep.sweep(at=MORNING_AFTER)
    cohort.refresh_from_db()
    assert (cohort.state, account(cohort)) == (CohortState.DESTROYED, {"ingested": 7, "destroyed": 7})
    assert archived.verified(archive).flaws == []
    assert sorted(line["message"]["id"] for line in archived.lines(archive)) == [f"m{n}" for n in range(1, 8)]


def test_an_edit_of_what_had_left_leaves_again_and_what_was_deleted_is_named(mercy):
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    archiving.archive_due(at=NOON + DAY)
    cast.hand_over(mercy, [cast.message(2, body="Better", edited_at=NOON + DAY)], key="b2", at=NOON + 2 * DAY)
    gone = [Deletion(number=n, id=f"m{n}", sent_at=NOON, conversation_class=None, deleted_at=NOON) for n in (3, 4)]
    cast.hand_over(mercy, gone[:1], key="b3", at=NOON + 2 * DAY)
    sweep.sweep(at=SEALED)
    cast.hand_over(mercy, gone[1:], key="b4", at=SEALED)
    archive = Archive.objects.get()
    assert archiving.archive_due(at=SEALED) == [archive.reference]
    archive.refresh_from_db()
    assert [part.lines for part in archive.parts.all()] == [5, 1]
    before, after = EarlyDeletion.objects.order_by("id")
    said = archive.manifest["manifest"]
    assert (said["deleted"], [item["id"] for item in said["deleted_after_seal"]]) == ([before.message], [after.message])
    assert archived.verified(archive).flaws == []
    assert [line["message"]["body"] for line in archived.lines(archive)].count("Better") == 1
    sweep.sweep(at=MORNING_AFTER)
    assert account(Cohort.objects.get()) == {"ingested": 5, "deleted_early": 2, "destroyed": 3}


def test_what_was_deleted_before_it_left_is_in_no_part_and_after_the_seal_is_proven_all_the_same(mercy):
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 5)])
    cast.hand_over(mercy, [Deletion(number=1, id="m1", sent_at=NOON, conversation_class=None, deleted_at=NOON)], key="b2")
    sweep.sweep(at=SEALED)
    cast.hand_over(mercy, [Deletion(number=1, id="m2", sent_at=NOON, conversation_class=None, deleted_at=NOON)], key="b3", at=SEALED)
    archiving.archive_due(at=SEALED)
    archive = Archive.objects.get()
    assert archive.manifest["manifest"]["counts"] | {"bytes": 0} == {"parts": 1, "lines": 2, "bytes": 0, "messages": 3, "deleted": 1}
    assert archived.verified(archive).flaws == []


def test_what_comes_late_has_a_part_a_manifest_and_an_archive_of_its_own(mercy):
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 4)])
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    cast.hand_over(mercy, [cast.message(9)], key="late", at=SEALED + timedelta(hours=3))
    assert Cohort.objects.get().state == CohortState.ARCHIVED
    archiving.archive_due(at=SEALED + timedelta(hours=28))
    main, late = Archive.objects.order_by("segment")
    assert [(archive.state, archive.segment, archive.parts.count()) for archive in (main, late)] == [("closed", 0, 1), ("open", 1, 1)]
    sweep.sweep(at=MORNING_AFTER)
    assert account(Cohort.objects.get()) == {"ingested": 4, "aside_for_archive": 1, "destroyed": 3}
    archiving.archive_due(at=MORNING_AFTER)
    late.refresh_from_db()
    assert late.state == ArchiveState.CLOSED
    assert [archived.verified(archive).flaws for archive in (main, late)] == [[], []]
    sweep.sweep(at=MORNING_AFTER + DAY)
    assert account(Cohort.objects.get()) == {"ingested": 4, "destroyed": 4}
    assert Certificate.objects.count() == 2


def test_without_a_place_everything_owed_steps_aside_and_is_archived_and_destroyed_once_there_is_one(mercy):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    sweep.sweep(at=MORNING_AFTER)
    cohort = Cohort.objects.get(organization=mercy)
    assert (cohort.state, account(cohort)) == (CohortState.EXPIRED, {"ingested": 5, "aside_for_archive": 5})
    assert Cohort.objects.get(organization=clinic).state == CohortState.DESTROYED
    archived.hosted(mercy, at=MORNING_AFTER)
    archiving.archive_due(at=MORNING_AFTER + DAY)
    archive = Archive.objects.get()
    assert archived.verified(archive).flaws == []
    assert AsideMessage.objects.count() == 5
    sweep.sweep(at=MORNING_AFTER + DAY)
    cohort.refresh_from_db()
    assert (cohort.state, account(cohort)) == (CohortState.DESTROYED, {"ingested": 5, "destroyed": 5})
    assert keystore().names("aside") == []
    assert archived.verified(archive).flaws == []


def test_a_large_cohort_leaves_in_several_parts_at_once(mercy, settings):
    settings.ARCHIVE_PART_LINES = 3
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 9)])
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    archive = Archive.objects.get()
    assert (archive.state, [part.lines for part in archive.parts.all()]) == (ArchiveState.CLOSED, [3, 3, 2])
    assert archived.verified(archive).flaws == []


def test_large_messages_make_smaller_parts_and_are_fetched_few_at_once(mercy, settings, monkeypatch):
    settings.ARCHIVE_PART_BYTES = 250_000
    monkeypatch.setattr(parts.Snapshot, "_stream", fetched := watched(parts.Snapshot._stream))
    monkeypatch.setattr(rows, "BYTES_AT_ONCE", 210_000)
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n, body=f"{n}" * 100_000) for n in range(1, 8)])
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    archive = Archive.objects.get()
    assert [part.lines for part in archive.parts.all()] == [3, 3, 1]
    assert archived.verified(archive).flaws == []
    assert {at_once for at_once in fetched.seen if at_once} == {2, rows.AT_ONCE}  # where no message is edited there is nothing large


def watched(stream):
    """The same, remembering how many rows were asked for at once."""

    def remembering(self, query, **values):
        remembering.seen.append(values.get("at_once") if "ciphertext" in query else None)
        return stream(self, query, **values)

    remembering.seen = []
    return remembering


def test_a_cohort_that_was_deleted_to_the_last_message_has_a_manifest_that_says_so(mercy):
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(1)])
    cast.hand_over(mercy, [Deletion(number=1, id="m1", sent_at=NOON, conversation_class=None, deleted_at=NOON)], key="b2")
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    archive = Archive.objects.get()
    assert (archive.state, archive.messages, archive.parts.count()) == (ArchiveState.CLOSED, 0, 0)
    assert archived.verified(archive).flaws == []


def test_the_spool_is_empty_when_a_part_is_proven_and_never_holds_a_word(mercy, home, monkeypatch):
    seen = []
    deliver = archiving.parts.deliver_part

    def looked_at(archive_id, at):
        seen.extend((path.stat().st_mode & 0o777, b"Good morning" in path.read_bytes()) for path in (home / "spool").iterdir())
        deliver(archive_id, at)

    monkeypatch.setattr(archiving, "STEPS", tuple(looked_at if step is deliver else step for step in archiving.STEPS))
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 4)])
    archiving.archive_due(at=NOON + DAY)
    assert seen == [(0o600, False)]
    assert list((home / "spool").iterdir()) == []


def down(root):
    root.rename(root.with_name("unmounted"))
    return lambda: root.with_name("unmounted").rename(root)


def open_to_others(root):
    root.chmod(0o755)
    return lambda: root.chmod(0o700)


@pytest.mark.parametrize("break_it", [down, open_to_others])
def test_a_place_that_fails_is_left_alone_for_longer_each_time_and_told_once_a_day(mercy, break_it):
    target = archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    mend = break_it(archived.folder())
    pauses, at = [], NOON + DAY
    for _turn in range(12):
        archiving.archive_due(at=at)
        target.refresh_from_db()
        pauses.append(round((target.next_try_at - at).total_seconds() / 60))
        archiving.archive_due(at=target.next_try_at - timedelta(seconds=1))
        at = target.next_try_at
    assert (pauses, target.failures) == ([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360], 12)
    told = OutgoingMail.objects.filter(template="retention/target_fails")
    days = len({mail.created_at.date() for mail in told})
    assert (days, sorted(mail.to_address for mail in told)) == (2, ["bo@covenant.example"] * 2 + ["cleo@covenant.example"] * 2)
    assert target.last_error.startswith("place_")
    mend()
    archiving.archive_due(at=at)
    target.refresh_from_db()
    assert (target.failures, target.next_try_at, target.last_error, target.last_success_at) == (0, None, "", at)
    assert ArchivePart.objects.get().state == PartState.VERIFIED


def test_what_a_place_that_is_down_is_owed_steps_aside_and_everyone_elses_destruction_and_archive_goes_on(mercy, home):
    other = cast.client("Saint Ann", archive="hosted")
    cast.rule(other, 7)
    for organization in (mercy, other, cast.hill_clinic()):
        archived.hosted(organization) if organization.archive_entitlement == "hosted" else None
        cast.hand_over(organization, [cast.message(n) for n in range(1, 6)])
    sweep.sweep(at=SEALED)
    (archived.folder() / mercy.reference).mkdir(mode=0o700)
    (archived.folder() / mercy.reference / EXPIRY.isoformat()).symlink_to(home)
    archiving.archive_due(at=SEALED)
    sweep.sweep(at=MORNING_AFTER)
    states = {cohort.organization.name: (cohort.state, account(cohort)) for cohort in Cohort.objects.all()}
    assert states == {
        "Mercy General": (CohortState.EXPIRED, {"ingested": 5, "aside_for_archive": 5}),
        "Saint Ann": (CohortState.DESTROYED, {"ingested": 5, "destroyed": 5}),
        "Hill Clinic": (CohortState.DESTROYED, {"ingested": 5, "destroyed": 5}),
    }
    (archived.folder() / mercy.reference / EXPIRY.isoformat()).unlink()
    archiving.archive_due(at=MORNING_AFTER + DAY)
    sweep.sweep(at=MORNING_AFTER + DAY)
    assert account(Cohort.objects.get(organization=mercy)) == {"ingested": 5, "destroyed": 5}
    assert Certificate.objects.count() == 3
    assert archived.verified(Archive.objects.get(cohort__organization=mercy)).flaws == []


def lose(path):
    path.unlink()


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [lose, flip])
def test_a_place_that_lost_or_changed_what_it_once_showed_gets_it_all_again_under_another_name(mercy, harm):
    target = archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    archiving.archive_due(at=NOON + DAY)
    archive = Archive.objects.get()
    before, first = archive.reference, archived.folder_of(archive)
    harm(first / "part-00001.jsonl.zst.age")
    sweep.sweep(at=SEALED)
    assert archiving.archive_due(at=SEALED) == []
    assert Segment.objects.get().archived_at is None
    target.refresh_from_db()
    assert target.failures == 1
    archive.refresh_from_db()
    assert (archive.reference != before, archive.parts.count(), archive.through_id) == (True, 0, 0)
    with pytest.raises(KeyDestroyed):
        keystore().get(f"archive/{before}")
    assert archiving.archive_due(at=target.next_try_at) == [archive.reference]
    assert archived.verified(archive).flaws == []
    sweep.sweep(at=MORNING_AFTER)
    assert account(Cohort.objects.get()) == {"ingested": 5, "destroyed": 5}


def test_what_somebody_put_under_our_name_is_never_taken_for_ours(mercy):
    target = archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    archiving.open_archive(Segment.objects.get(), target, NOON)
    archive = Archive.objects.get()
    archived.folder_of(archive).mkdir(parents=True)
    for folder in (archived.folder_of(archive), *archived.folder_of(archive).parents[:2]):
        folder.chmod(0o700)
    foreign = archived.folder_of(archive) / "part-00001.jsonl.zst.age"
    foreign.write_bytes(b"not ours")
    archiving.archive_due(at=NOON + DAY)
    archive.refresh_from_db()
    assert archive.last_error.startswith("place_name_taken")
    archiving.archive_due(at=archive.next_try_at)
    archive.refresh_from_db()
    assert (foreign.read_bytes(), archive.parts.get().state) == (b"not ours", PartState.VERIFIED)


def test_the_journal_knows_which_secret_went_when_an_archive_started_over_and_a_replay_takes_it_away_again(mercy):
    target = archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(1)])
    archive = archiving.open_archive(Segment.objects.get(), target, NOON)
    secret = f"archive/{archive.reference}"
    keystore().ensure(secret)
    parts.start_over(archive, at=NOON, why="killed")
    journal.write_owed()
    [line] = [line for line in journal.read() if line.kind == "archive.started_over"]
    assert (line.about, line.body) == (archive.reference, {"secret": secret, "why": "killed"})
    with pytest.raises(KeyDestroyed):
        keystore().get(secret)
    keystore().ensure("archive/ARC-7F3K2MP")  # as an older copy of the keystore would have it
    for _twice in range(2):
        HANDLERS[line.kind](replace(line, body={"secret": "archive/ARC-7F3K2MP"}), at=NOON + DAY)
    with pytest.raises(KeyDestroyed):
        keystore().get("archive/ARC-7F3K2MP")


def a_row_that_no_part_has(mercy) -> Archive:
    """A message of the first day gets a number below the last part's."""
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    archiving.archive_due(at=NOON + DAY)
    cast.hand_over(mercy, [cast.message(6)], key="b2", at=NOON + 2 * DAY)
    Archive.objects.update(through_id=Message.objects.on_days([EXPIRY]).order_by("-id").first().pk)
    return Archive.objects.get()


def test_a_row_that_no_part_has_keeps_the_archive_open_and_its_messages_safe(mercy):
    """It must not be destroyed as archived."""
    archived.hosted(mercy)
    archive = a_row_that_no_part_has(mercy)
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    archive.refresh_from_db()
    assert archive.last_error.startswith("archive_not_whole")
    sweep.sweep(at=MORNING_AFTER)
    assert account(Cohort.objects.get()) == {"ingested": 6, "aside_for_archive": 6}


def test_an_archive_that_fails_is_left_alone_for_longer_each_time_and_the_others_at_its_place_are_closed(mercy):
    target = archived.hosted(mercy)
    bad = a_row_that_no_part_has(mercy)
    right = bad.parts.get().through_id
    cast.hand_over(mercy, [cast.message(n, at=NOON + DAY) for n in range(7, 10)], key="b3", at=NOON + 2 * DAY)
    at = SEALED + DAY
    sweep.sweep(at=at)
    closed = archiving.archive_due(at=at)
    good = Archive.objects.exclude(pk=bad.pk).get()
    assert (closed, good.state, archived.verified(good).flaws) == ([good.reference], ArchiveState.CLOSED, [])
    pauses = []
    for _turn in range(4):
        bad.refresh_from_db()
        pauses.append(round((bad.next_try_at - at).total_seconds() / 60))
        assert archiving.archive_due(at=bad.next_try_at - timedelta(seconds=1)) == []
        at = bad.next_try_at
        archiving.archive_due(at=at)
    bad.refresh_from_db()
    target.refresh_from_db()
    assert (pauses, bad.failures) == ([1, 2, 4, 8], 5)
    assert (target.failures, target.next_try_at, target.last_error) == (0, None, "")
    assert {mail.to_address for mail in OutgoingMail.objects.filter(template="retention/target_fails")} == {
        "bo@covenant.example", "cleo@covenant.example",
    }  # fmt: skip
    assert list(alarms.failing_places(at)) == [bad.reference]
    [late] = lag.lags(at=at)
    assert late.why == f"{bad.reference} fails (archive_not_whole, 5 times)"

    Archive.objects.filter(pk=bad.pk).update(through_id=right)
    assert archiving.archive_due(at=bad.next_try_at) == [bad.reference]
    bad.refresh_from_db()
    assert (bad.failures, bad.next_try_at, bad.last_error) == (0, None, "")
    assert (list(alarms.failing_places(at)), archived.verified(bad).flaws) == ([], [])
    sweep.sweep(at=MORNING_AFTER + DAY)
    assert {cohort.state for cohort in Cohort.objects.all()} == {CohortState.DESTROYED}


def test_what_lies_under_one_archives_name_keeps_no_other_from_its_place_in_the_same_run(mercy):
    target = archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    cast.hand_over(mercy, [cast.message(n, at=NOON + DAY) for n in range(6, 9)], key="b2", at=NOON + DAY)
    bad = archiving.open_archive(Segment.objects.order_by("cohort__expiry_on").first(), target, NOON)
    foreign = archived.folder_of(bad) / "part-00001.jsonl.zst.age"
    foreign.parent.mkdir(parents=True)
    for folder in (foreign.parent, *foreign.parent.parents[:2]):
        folder.chmod(0o700)
    foreign.write_bytes(b"not ours")
    at = SEALED + DAY
    sweep.sweep(at=at)
    [closed] = archiving.archive_due(at=at)
    bad.refresh_from_db()
    target.refresh_from_db()
    assert (closed != bad.reference, bad.last_error.partition(":")[0], target.failures) == (True, "place_name_taken", 0)
    assert archiving.archive_due(at=bad.next_try_at) == [bad.reference]


def test_a_part_whose_spool_was_lost_is_written_anew(mercy, home):
    target = archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    mend = down(archived.folder())
    archiving.archive_due(at=NOON + DAY)
    for path in (home / "spool").iterdir():
        path.unlink()
    mend()
    target.refresh_from_db()
    archiving.archive_due(at=target.next_try_at)
    assert ArchivePart.objects.get().state == PartState.VERIFIED
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    assert archived.verified(Archive.objects.get()).flaws == []


def test_two_workers_at_once_deliver_once(mercy):
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    sweep.sweep(at=SEALED)

    def work():
        try:
            archiving.archive_due(at=SEALED)
        finally:
            connection.close()

    workers = [Thread(target=work) for _one in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    archive = Archive.objects.get()
    assert (archive.state, archive.parts.count()) == (ArchiveState.CLOSED, 1)
    assert Event.objects.filter(verb="archive.closed").count() == 1
    assert JournalEntry.objects.filter(kind="archive.closed").count() == 1


def test_messages_that_arrive_while_a_part_is_written_come_with_the_next(mercy, monkeypatch):
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 6)])
    write = parts._write

    def late(*arguments):
        cast.hand_over(mercy, [cast.message(7), cast.message(2, body="Better", edited_at=NOON + DAY)], key=f"late-{arguments[2]}", at=NOON + DAY)
        return write(*arguments)

    monkeypatch.setattr(parts, "_write", late)
    archiving.archive_due(at=NOON + DAY)
    monkeypatch.undo()
    archive = Archive.objects.get()
    assert [(line["message"]["id"], line["message"]["body"]) for line in archived.lines(archive)][1] == ("m2", "Good morning")
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    archive.refresh_from_db()
    assert archived.verified(archive).flaws == []
    assert (archive.messages, [line["message"]["body"] for line in archived.lines(archive)].count("Better")) == (6, 1)
