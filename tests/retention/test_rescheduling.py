"""Rescheduling: what is stored gets the day of today's rules, by two persons, and is still one message wherever it is asked for."""

import json
from datetime import date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from apps.audit.models import Event
from apps.foundation.digests import canonical, leaf_hash
from apps.foundation.keys import keystore
from apps.foundation.moves import NotAMove
from apps.holds.services import matters, placing
from apps.holds.services.placing import Conversation
from apps.mail.models import OutgoingMail
from apps.retention import envelope, promises
from apps.retention.importing.lines import Deletion, Incoming
from apps.retention.models import (
    AsideMessage,
    Certificate,
    Cohort,
    ConversationClass,
    EarlyDeletion,
    ImportedOnce,
    Message,
    Move,
    Rescheduling,
    Segment,
)
from apps.retention.services import accounts, aside, classes, early, moving, reading, rescheduling, sealing, sweep
from apps.retention.services.reading import MessageGone, NoSuchMessage
from apps.retention.services.rescheduling import AnotherUnderWay, NothingToMove, PlanChanged
from apps.retention.states import AsideGround, CohortState, RequestState
from apps.staff.models import Approval
from apps.staff.roles import Role
from apps.staff.services import approvals
from apps.staff.services.approvals import NotPermitted, OwnRequest
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

#: from then on the new rule is in force
LATER = NOON + timedelta(hours=1)


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def clinic_whose_life_changes(before: int, after: int, lines: list[Incoming] | None = None):
    """A client with three messages of today under a life of `before` days, and a rule of `after` days in force an hour later."""
    clinic = cast.hill_clinic(before)
    cast.hand_over(clinic, lines or [cast.message(n, conversation=f"c{n}") for n in range(1, 4)])
    new_rule(clinic, after)
    return clinic


def new_rule(clinic, life_days: int, *, kind: ConversationClass | None = None, at: datetime = NOON):
    return cast.rule(clinic, life_days, kind=kind, at=at)


def plan_of(clinic, at=LATER) -> dict:
    return rescheduling.preview(organization=clinic, at=at)


def proposed(clinic, at=LATER) -> Rescheduling:
    plan = plan_of(clinic, at)
    return rescheduling.propose(
        organization=clinic, through=plan["through"], shown=rescheduling.fingerprint(plan), by=cast.bo(), at=at
    )


def approved(clinic, at=LATER) -> Rescheduling:
    return rescheduling.approve(rescheduling=proposed(clinic, at), by=cast.cleo(), at=at)


def rescheduled(clinic, at=LATER) -> Rescheduling:
    row = approved(clinic, at)
    assert moving.reschedule_due(at=at) == [row.reference]
    return Rescheduling.objects.get(pk=row.pk)


def in_days(clinic) -> dict[date, int]:
    found = {}
    for cohort in Cohort.objects.filter(organization=clinic):
        if count := Message.objects.on_days([cohort.expiry_on]).filter(organization_id=clinic.pk).count():
            found[cohort.expiry_on] = count
    return dict(sorted(found.items()))


def read(clinic, number=1, at=LATER, sent_at=NOON) -> dict:
    return reading.read_message(organization=clinic, source="product", message_id=f"m{number}", sent_at=sent_at, at=at)


def balances(clinic) -> list[int]:
    return [accounts.account_of(cohort).balance for cohort in Cohort.objects.filter(organization=clinic)]


SHORT, LONG = date(2026, 3, 16), date(2026, 4, 8)  # lives of 7 and of 30 days, rounded to the next midnight


# --- the plan


def test_a_plan_says_by_cohort_the_day_now_the_days_then_and_how_many_messages():
    clinic = clinic_whose_life_changes(30, 7, [cast.message(n, at=NOON - n * DAY) for n in range(1, 4)])
    plan = plan_of(clinic)
    cohorts = {cohort.expiry_on.isoformat(): cohort.reference for cohort in Cohort.objects.all()}
    assert plan["lives"] == {"": 7}
    assert plan["cohorts"] == [
        {"cohort": cohorts[now], "now": now, "messages": 1, "then": [[then, 1]], "stays": {}}
        for now, then in (("2026-04-05", "2026-03-13"), ("2026-04-06", "2026-03-14"), ("2026-04-07", "2026-03-15"))
    ]
    assert rescheduling.moves_of(plan) == 3


def test_what_is_over_or_sealed_by_todays_rules_goes_to_the_first_day_that_is_open():
    clinic = clinic_whose_life_changes(90, 7, [cast.message(1, at=NOON - 60 * DAY), cast.message(2, at=NOON - 6 * DAY), cast.message(3)])
    assert [entry["then"] for entry in plan_of(clinic)["cohorts"]] == [[["first", 1]], [["first", 1]], [["2026-03-16", 1]]]
    rescheduled(clinic)
    assert in_days(clinic) == {date(2026, 3, 11): 2, SHORT: 1}
    assert Cohort.objects.get(expiry_on=date(2026, 3, 11)).state == CohortState.OPEN


def test_a_day_that_is_itself_the_first_open_one_stays_and_is_not_counted_as_a_move():
    clinic = clinic_whose_life_changes(90, 7, [cast.message(1, at=NOON - 88 * DAY), cast.message(2, at=NOON - 60 * DAY)])
    first, second = plan_of(clinic)["cohorts"]
    assert (first["now"], first["then"], second["then"]) == ("2026-03-11", [], [["first", 1]])
    row = rescheduled(clinic)
    assert (in_days(clinic), row.moved, row.stayed) == ({date(2026, 3, 11): 2}, 1, 0)


def test_each_class_goes_by_its_own_rule():
    clinic = cast.hill_clinic(30)
    kind = classes.save(
        conversation_class=ConversationClass(organization=clinic, code="clinical", name="Clinical"), by=cast.bo(), at=NOON - DAY
    )
    cast.hand_over(clinic, [cast.message(1), cast.message(2, conversation_class="clinical")])
    new_rule(clinic, 7, kind=kind)
    assert [entry["then"] for entry in plan_of(clinic)["cohorts"]] == [[["2026-03-16", 1]]]
    rescheduled(clinic)
    assert in_days(clinic) == {SHORT: 1, LONG: 1}
    assert read(clinic, 2)["class"] == "clinical"


def test_previewing_changes_nothing(home):
    clinic = clinic_whose_life_changes(30, 7)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    events = Event.objects.count()
    plan_of(clinic)
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert (Event.objects.count(), Rescheduling.objects.count(), Cohort.objects.count()) == (events, 0, 1)


def test_where_nothing_would_move_nothing_can_be_proposed():
    clinic = cast.hill_clinic(7)
    cast.hand_over(clinic, [cast.message(1)])
    with pytest.raises(NothingToMove):
        proposed(clinic)


# --- two persons


def test_nobody_approves_the_plan_they_proposed():
    clinic, both = clinic_whose_life_changes(30, 7), cast.staff("both", Role.RECORDS_MANAGER, Role.COMPLIANCE_OFFICER)
    plan = plan_of(clinic)
    row = rescheduling.propose(organization=clinic, through=plan["through"], shown=rescheduling.fingerprint(plan), by=both, at=LATER)
    with pytest.raises(OwnRequest):
        rescheduling.approve(rescheduling=row, by=both, at=LATER)
    with pytest.raises(NotPermitted):
        rescheduling.approve(rescheduling=row, by=cast.staff("cy", Role.RECORDS_MANAGER), at=LATER)
    assert moving.reschedule_due(at=LATER) == []
    assert Rescheduling.objects.get().state == RequestState.PROPOSED


def test_a_plan_is_void_when_the_rules_changed_before_it_was_approved():
    clinic = clinic_whose_life_changes(30, 7)
    row = proposed(clinic)
    new_rule(clinic, 14, at=LATER + timedelta(minutes=20))
    with pytest.raises(PlanChanged):
        rescheduling.approve(rescheduling=row, by=cast.cleo(), at=LATER + timedelta(hours=2))
    row = Rescheduling.objects.get()
    assert (row.state, row.decided_by, Approval.objects.get(subject=row.reference).verdict) == (RequestState.REJECTED, "", "void")
    assert in_days(clinic) == {LONG: 3}
    proposed(clinic, LATER + timedelta(hours=2))  # it stands in nobody's way


def test_a_plan_is_void_when_its_counts_changed_and_not_when_other_messages_arrived():
    clinic = clinic_whose_life_changes(30, 7)
    row = proposed(clinic)
    cast.hand_over(clinic, [cast.message(9, at=LATER)], at=LATER, key="b2")
    cast.hand_over(clinic, [cast.message(8, at=NOON - 3 * DAY)], at=LATER, key="b3")
    assert rescheduling.approve(rescheduling=row, by=cast.cleo(), at=LATER).state == RequestState.APPROVED
    Rescheduling.objects.update(state=RequestState.DONE)
    second = proposed(clinic)
    early.delete_by_source(organization=clinic, day=LONG, source="product", message_id="m1", reason="recalled", by=cast.bo().actor, at=LATER)
    with pytest.raises(PlanChanged):
        rescheduling.approve(rescheduling=second, by=cast.cleo(), at=LATER)


def test_a_plan_that_changed_since_it_was_shown_can_not_be_proposed():
    clinic = clinic_whose_life_changes(30, 7)
    plan = plan_of(clinic)
    early.delete_by_source(organization=clinic, day=LONG, source="product", message_id="m1", reason="recalled", by=cast.bo().actor, at=LATER)
    with pytest.raises(PlanChanged):
        rescheduling.propose(organization=clinic, through=plan["through"], shown=rescheduling.fingerprint(plan), by=cast.bo(), at=LATER)


def test_there_is_one_at_a_time_and_a_rejected_or_withdrawn_one_stands_in_nobodys_way():
    clinic = clinic_whose_life_changes(30, 7)
    first = proposed(clinic)
    with pytest.raises(AnotherUnderWay):
        proposed(clinic)
    rescheduling.reject(rescheduling=first, by=cast.cleo(), at=LATER)
    with pytest.raises(NotAMove):
        rescheduling.approve(rescheduling=first, by=cast.cleo(), at=LATER)
    second = proposed(clinic)
    approvals.withdraw(approval=Approval.objects.get(subject=second.reference), by=cast.bo(), at=LATER)
    approved(clinic)
    assert sorted(Rescheduling.objects.values_list("state", flat=True)) == ["approved", "rejected", "rejected"]
    assert in_days(clinic) == {LONG: 3}  # nothing moves before the job runs


# --- moving


@pytest.mark.parametrize("chunk", [5_000, 1])
def test_messages_move_re_encrypted_with_their_proof_and_both_accounts_add_up(monkeypatch, chunk):
    monkeypatch.setattr(aside, "CHUNK", chunk)
    clinic = clinic_whose_life_changes(30, 7)
    before = {bytes(row.proof): (row.id, bytes(row.source_tag), bytes(row.ciphertext)) for row in Message.objects.on_days([LONG])}
    row = rescheduled(clinic)
    after = {bytes(row.proof): (row.id, bytes(row.source_tag), bytes(row.ciphertext)) for row in Message.objects.on_days([SHORT])}
    assert before.keys() == after.keys()
    assert all(before[proof][part] != after[proof][part] for proof in before for part in range(3))
    opener = envelope.for_cohort(keystore(), organization=clinic.reference, expiry=SHORT)
    for stored in Message.objects.on_days([SHORT]):
        message, salt = opener.open(stored.ciphertext, number=stored.id, policy_version=stored.policy_version_id)
        assert leaf_hash(salt, canonical(message)) == bytes(stored.proof)
        assert bytes(stored.source_tag) == opener.source_tag("product", message["id"])
        assert [bytes(tag) for tag in stored.tags] == opener.tags(message)
    origin, destination = Cohort.objects.get(expiry_on=LONG), Cohort.objects.get(expiry_on=SHORT)
    assert (accounts.account_of(origin).moved_out, accounts.account_of(destination).moved_in, balances(clinic)) == (3, 3, [0, 0])
    assert Move.objects.aggregate(n=Sum("messages"))["n"] == 3
    assert (row.state, row.moved, row.stayed, row.progress[origin.reference]["done"]) == (RequestState.DONE, 3, 0, True)
    verbs = Event.objects.filter(object=row.reference).order_by("id").values_list("verb", flat=True)
    chunks = 1 if chunk > 3 else 3
    assert list(verbs) == ["rescheduling.proposed", "rescheduling.approved", *["messages.rescheduled"] * chunks, "rescheduling.done"]


def test_a_longer_life_moves_to_a_later_day_as_well():
    clinic = clinic_whose_life_changes(7, 30)
    rescheduled(clinic)
    assert in_days(clinic) == {LONG: 3}
    sweep.sweep(at=NOON + 9 * DAY)
    assert read(clinic, at=NOON + 9 * DAY)["body"] == "Good morning"
    assert Certificate.objects.get().messages == 0


def test_a_rescheduled_day_ends_like_any_other_with_a_certificate_that_knows_where_it_came_from():
    clinic = clinic_whose_life_changes(30, 7)
    rescheduled(clinic)
    sweep.sweep(at=NOON + 6 * DAY)
    sweep.sweep(at=NOON + 8 * DAY)
    certificate = Certificate.objects.get(cohort__expiry_on=SHORT)
    said = certificate.document["certificate"]
    assert (certificate.messages, said["account"]["moved_in"], said["account"]["destroyed"]) == (3, 3, 3)
    assert said["cohort"]["first_ingest_at"] == "2026-03-08T12:00:00.000000Z"
    assert said["cohort"]["policy_versions"] == [1]
    assert not Message.objects.on_days([SHORT, LONG]).exists()


def test_the_promises_stay_kept():
    clinic = clinic_whose_life_changes(30, 7)
    rescheduled(clinic)
    for check in (promises.every_account_adds_up, promises.every_message_has_its_policy, promises.nothing_past_its_life_is_readable):
        assert check(LATER).violations == ()
    assert promises.every_message_has_its_policy(LATER).rows == 3
    Message.objects.on_days([SHORT]).update(policy_version_id=4711)
    assert len(promises.every_message_has_its_policy(LATER).violations) == 1


# --- what stays


def test_what_is_held_never_gets_a_sooner_day_and_may_get_a_later_one():
    clinic = clinic_whose_life_changes(30, 7)
    ezra = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Case", reason="Letter", by=ezra, at=NOON)
    placing.place(matter=matter, organization=clinic, conversation=Conversation("product", "c2"), reason="x", by=ezra, at=NOON)
    assert plan_of(clinic)["cohorts"][0]["stays"] == {"held": 1}
    row = rescheduled(clinic)
    assert (in_days(clinic), row.moved, row.stayed) == ({SHORT: 2, LONG: 1}, 2, 1)
    assert row.progress[Cohort.objects.get(expiry_on=LONG).reference]["stays"] == {"held": 1}
    new_rule(clinic, 60, at=LATER + timedelta(minutes=1))
    rescheduled(clinic, LATER + timedelta(hours=1))
    assert in_days(clinic) == {date(2026, 5, 8): 3}


def test_a_hold_that_is_placed_after_the_approval_is_found():
    clinic = clinic_whose_life_changes(30, 7)
    approved(clinic)
    ezra = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Case", reason="Letter", by=ezra, at=NOON)
    placing.place(matter=matter, organization=clinic, conversation=Conversation("product", "c2"), reason="x", by=ezra, at=LATER)
    moving.reschedule_due(at=LATER)
    assert in_days(clinic) == {SHORT: 2, LONG: 1}


def test_what_is_sealed_stays_also_where_it_was_sealed_after_the_approval():
    clinic = clinic_whose_life_changes(7, 30)
    row = approved(clinic)
    sealing.seal_due(at=NOON + 6 * DAY)
    moving.reschedule_due(at=NOON + 6 * DAY)
    cohort, row = Cohort.objects.get(), Rescheduling.objects.get(pk=row.pk)
    assert (in_days(clinic), row.state, row.stayed, row.progress[cohort.reference]["stays"]) == ({SHORT: 3}, RequestState.DONE, 3, {"sealed": 3})
    assert promises.seals_hold(NOON + 6 * DAY).violations == ()
    with pytest.raises(NothingToMove):
        proposed(clinic, NOON + 6 * DAY)


def test_what_is_destroyed_before_the_job_runs_does_not_park_it():
    clinic = clinic_whose_life_changes(7, 30)
    approved(clinic)
    sweep.sweep(at=NOON + 8 * DAY)
    moving.reschedule_due(at=NOON + 8 * DAY)
    assert [(row.state, row.moved, row.stayed) for row in Rescheduling.objects.all()] == [(RequestState.DONE, 0, 3)]
    assert Certificate.objects.get().messages == 3


def test_a_late_arrival_in_a_sealed_destination_opens_a_supplement():
    clinic = clinic_whose_life_changes(30, 7)
    cast.hand_over(clinic, [cast.message(9, at=LATER)], at=LATER, key="b2")
    approved(clinic)
    sealing.seal_cohort(cohort_id=Cohort.objects.get(expiry_on=SHORT).pk, at=LATER)
    moving.reschedule_due(at=LATER)
    assert in_days(clinic) == {SHORT: 4}
    assert list(Segment.objects.filter(cohort__expiry_on=SHORT).order_by("number").values_list("number", "messages")) == [(0, 1), (1, None)]
    assert promises.seals_hold(LATER).violations == ()


def test_a_message_that_its_new_day_has_already_stays():
    clinic = cast.hill_clinic(30)
    kind = classes.save(
        conversation_class=ConversationClass(organization=clinic, code="brief", name="Brief"), by=cast.bo(), at=NOON - DAY
    )
    new_rule(clinic, 7, kind=kind, at=NOON - timedelta(minutes=20))
    cast.hand_over(clinic, [cast.message(1)])
    cast.hand_over(clinic, [cast.message(1, conversation_class="brief")], key="b2")
    new_rule(clinic, 7)
    row = rescheduled(clinic)
    assert (in_days(clinic), row.stayed) == ({SHORT: 1, LONG: 1}, 1)
    assert row.progress[Cohort.objects.get(expiry_on=LONG).reference]["stays"] == {"twice": 1}


# --- afterwards


@pytest.mark.parametrize(("before", "after"), [(30, 7), (7, 30)])
def test_a_moved_message_is_read_edited_resent_and_deleted_like_before(before, after):
    clinic = clinic_whose_life_changes(before, after)
    rescheduled(clinic)
    at, there = LATER, date(2026, 3, 16) if after == 7 else LONG
    assert read(clinic)["id"] == "m1"
    again = cast.hand_over(clinic, [cast.message(1, conversation="c1"), cast.message(2, conversation="c2", body="Other words")], at=at, key="again")
    assert again.kinds == {"message|duplicate": 1, "message|refused: same_id_other_words": 1}
    edited = cast.message(1, conversation="c1", body="Good evening", edited_at=at)
    assert cast.hand_over(clinic, [edited], at=at, key="edit").kinds == {"message|replaced": 1}
    assert read(clinic)["body"] == "Good evening"
    recall = Deletion(number=1, id="m1", sent_at=NOON, deleted_at=at)
    assert cast.hand_over(clinic, [recall], at=at, key="recall").kinds == {"deletion|deleted": 1}
    assert cast.hand_over(clinic, [recall], at=at, key="recall again").kinds == {"deletion|deleted": 1}
    with pytest.raises(NoSuchMessage):
        read(clinic)
    assert cast.hand_over(clinic, [edited], at=at, key="resend").kinds == {"message|refused: deleted_before": 1}
    assert (in_days(clinic), EarlyDeletion.objects.get().cohort.expiry_on, balances(clinic)) == ({there: 2}, there, [0, 0])


def test_a_message_whose_new_sooner_day_is_over_is_gone_and_does_not_come_back_though_its_old_day_lives():
    clinic = clinic_whose_life_changes(30, 7)
    rescheduled(clinic)
    at = NOON + 9 * DAY
    sweep.sweep(at=at)
    number = Certificate.objects.get().number
    with pytest.raises(MessageGone, match=f"2026-03-16.*{number}"):
        read(clinic, at=at)
    resent = cast.hand_over(clinic, [cast.message(1, conversation="c1"), cast.message(50)], at=at, key="resend")
    assert resent.kinds == {"message|accepted": 1, "message|refused: past_its_life": 1}
    assert in_days(clinic) == {LONG: 1}  # what never came before still comes, for the day its rules say


def test_a_message_that_outlives_its_old_day_is_still_found_edited_and_deleted_there_and_a_new_one_is_refused():
    clinic = clinic_whose_life_changes(7, 30)
    rescheduled(clinic)
    at = NOON + 10 * DAY
    sweep.sweep(at=at)
    assert not keystore().exists("day/2026-03-16")
    edited = cast.message(1, conversation="c1", body="Good evening", edited_at=at)
    came = cast.hand_over(clinic, [edited, cast.message(2, conversation="c2"), cast.message(50)], at=at, key="late")
    assert came.kinds == {"message|replaced": 1, "message|duplicate": 1, "message|refused: past_its_life": 1}
    assert read(clinic, at=at)["body"] == "Good evening"
    with pytest.raises(MessageGone):
        read(clinic, 50, at=at)
    recall = Deletion(number=1, id="m1", sent_at=NOON, deleted_at=at)
    assert cast.hand_over(clinic, [recall], at=at, key="recall").kinds == {"deletion|deleted": 1}
    assert cast.hand_over(clinic, [edited], at=at, key="resend").kinds == {"message|refused: deleted_before": 1}
    assert (in_days(clinic), balances(clinic)) == ({LONG: 2}, [0, 0])


def test_a_message_is_found_after_two_reschedulings_and_after_one_there_and_back():
    clinic = clinic_whose_life_changes(30, 7)
    rescheduled(clinic)
    new_rule(clinic, 60, at=LATER + timedelta(minutes=1))
    rescheduled(clinic, LATER + timedelta(hours=1))
    assert in_days(clinic) == {date(2026, 5, 8): 3}
    assert read(clinic)["id"] == "m1"
    assert cast.hand_over(clinic, [cast.message(1, conversation="c1")], at=LATER, key="again").kinds == {"message|duplicate": 1}
    new_rule(clinic, 30, at=LATER + timedelta(minutes=90))
    rescheduled(clinic, LATER + timedelta(hours=3))
    assert in_days(clinic) == {LONG: 3}
    assert read(clinic)["id"] == "m1"
    assert cast.hand_over(clinic, [cast.message(1, conversation="c1")], at=LATER + timedelta(hours=3), key="more").kinds == {"message|duplicate": 1}
    assert balances(clinic) == [0] * 3


def test_what_was_deleted_before_the_rescheduling_does_not_come_back_after_it():
    clinic = clinic_whose_life_changes(30, 7)
    early.delete_by_source(organization=clinic, day=LONG, source="product", message_id="m1", reason="recalled", by=cast.bo().actor, at=NOON)
    rescheduled(clinic)
    for at in (LATER, NOON + 9 * DAY):
        assert cast.hand_over(clinic, [cast.message(1)], at=at, key=f"resend {at}").kinds == {"message|refused: deleted_before": 1}


def test_what_counts_its_life_from_an_import_moves_by_that_and_is_imported_once_all_the_same():
    clinic = cast.hill_clinic(30)
    cast.hand_over(clinic, [cast.message(1, at=NOON - 200 * DAY)], life_from="import", key="file", source="slack")
    assert in_days(clinic) == {LONG: 1}
    new_rule(clinic, 7)
    assert [entry["then"] for entry in plan_of(clinic)["cohorts"]] == [[["2026-03-16", 1]]]
    rescheduled(clinic)
    assert (in_days(clinic), ImportedOnce.objects.get().expiry_on) == ({SHORT: 1}, SHORT)
    found = reading.read_message(organization=clinic, source="slack", message_id="m1", sent_at=NOON - 200 * DAY, at=LATER)
    assert found["id"] == "m1"
    again = cast.hand_over(clinic, [cast.message(1, at=NOON - 200 * DAY)], life_from="import", key="file again", source="slack", at=NOON + DAY)
    assert again.kinds == {"message|duplicate": 1}
    recall = [Deletion(number=1, id="m1", sent_at=NOON - 200 * DAY, deleted_at=NOON)]
    assert cast.hand_over(clinic, recall, life_from="import", key="recall", source="slack", at=NOON + DAY).kinds == {"deletion|deleted": 1}


def test_what_is_owed_to_an_archive_is_owed_at_its_new_day():
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 30)
    cast.hand_over(mercy, [cast.message(1)])
    new_rule(mercy, 7)
    rescheduled(mercy)
    assert Cohort.objects.get(expiry_on=SHORT).archive_owed
    sweep.sweep(at=NOON + 9 * DAY)
    assert AsideMessage.objects.get().ground == AsideGround.ARCHIVE


# --- what goes wrong


def test_a_message_whose_proof_does_not_fit_moves_nothing_and_the_fifth_failure_parks_the_job():
    clinic = clinic_whose_life_changes(30, 7)
    row = approved(clinic)
    Message.objects.on_days([LONG]).filter(pk=Message.objects.on_days([LONG]).order_by("id").last().pk).update(proof=bytes(32))
    at = LATER
    for _attempt in range(7):
        assert moving.reschedule_due(at=at) == []
        at += timedelta(minutes=5)
    row = Rescheduling.objects.get(pk=row.pk)
    assert (in_days(clinic), row.attempts, row.parked_at is not None) == ({LONG: 3}, 5, True)
    assert row.last_error.startswith("message_unreadable")
    assert Event.objects.filter(verb="rescheduling.parked").count() == 1
    moving.retry(row=row, by=cast.bo(), at=at)
    assert Rescheduling.objects.get(pk=row.pk).parked_at is None
    with pytest.raises(moving.NotParked):
        moving.retry(row=row, by=cast.bo(), at=at)


def test_a_run_lets_go_after_some_chunks_and_the_next_goes_on(monkeypatch):
    monkeypatch.setattr(aside, "CHUNK", 1)
    monkeypatch.setattr(moving, "CHUNKS_A_RUN", 2)
    clinic = clinic_whose_life_changes(30, 7)
    row = approved(clinic)
    assert moving.reschedule_due(at=LATER) == []
    assert (in_days(clinic), Rescheduling.objects.get().leased_until) == ({SHORT: 2, LONG: 1}, None)
    assert moving.reschedule_due(at=LATER) == [row.reference]
    assert in_days(clinic) == {SHORT: 3}


def test_a_chunk_that_somebody_else_moved_meanwhile_is_not_counted_twice():
    clinic = clinic_whose_life_changes(30, 7)
    row = approved(clinic)
    entry = row.plan["cohorts"][0]
    origin = Cohort.objects.get()
    rows, go_on = rescheduling.next_rows(origin, 0, row.plan["through"])
    seen = {one.row.id: one for one in moving._look(origin, rows, row.plan["lives"], LATER)}
    moving.reschedule_due(at=LATER)
    Rescheduling.objects.update(state=RequestState.APPROVED, progress={origin.reference: {"after": 5, "done": False}})
    moving._move_chunk(row.pk, entry, origin.pk, seen, 0, go_on, LATER)
    assert (Move.objects.count(), balances(clinic)) == (1, [0, 0])


def test_a_move_never_changes():
    rescheduled(clinic_whose_life_changes(30, 7))
    for statement in ("UPDATE retention_move SET messages = 0", "DELETE FROM retention_move"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert Move.objects.get().messages == 3


def test_neither_plan_nor_ledger_nor_mail_says_whose_messages_they_are():
    clinic = clinic_whose_life_changes(30, 7)
    row = rescheduled(clinic)
    said = json.dumps([row.plan, row.progress, *Event.objects.values_list("facts", flat=True)])
    said += "".join(OutgoingMail.objects.values_list("body", flat=True))
    assert [word for word in ("ada@", "ben@", "Good morning", "m1", "c1") if f'"{word}' in said] == []
