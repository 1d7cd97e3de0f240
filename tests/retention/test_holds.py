"""Holds over messages: what they keep steps aside and stays, what they do not goes, and released it goes after its grace."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from apps.foundation.keys import KeyDestroyed, keystore
from apps.holds.services import matters, placing, releasing
from apps.holds.services.placing import Conversation
from apps.retention.importing.lines import Deletion, Party
from apps.retention.models import AsideBundle, AsideMessage, Certificate, Cohort, Destruction, EarlyDeletion, Message
from apps.retention.services import accounts, destroy, ends, reading, sweep
from apps.retention.services.reading import NoSuchMessage
from apps.retention.states import AsideGround, CohortState, DestructionScope, DestructionState
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

EXPIRY = date(2026, 3, 16)
MORNING_AFTER = NOON + 8 * DAY


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test


@pytest.fixture
def ezra():
    return cast.staff("ezra", Role.COUNSEL)


@pytest.fixture
def matter(ezra):
    return matters.open_matter(title="Case 26-114", reason="Preservation letter", by=ezra, at=NOON)


def hold(matter, ezra, *, at=NOON, **scope):
    return placing.place(matter=matter, reason="asked by the court", by=ezra, at=at, **scope)


def release(held, ezra, *, at):
    releasing.ask_release(hold=held, reason="the case is closed", by=ezra, at=at)
    return releasing.approve_release(hold=held, by=cast.cleo(), at=at)


def account(cohort):
    return {name: number for name, number in accounts.account_of(cohort).as_dict().items() if number}


def three_conversations(clinic):
    cast.hand_over(clinic, [cast.message(n, conversation=f"c{n % 3}", at=NOON - (n % 2) * timedelta(hours=30)) for n in range(1, 10)])


def test_what_a_hold_on_a_conversation_keeps_steps_aside_and_the_rest_is_destroyed(matter, ezra):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(n, conversation=f"c{n % 3}") for n in range(1, 10)])
    proofs = {bytes(row.proof) for row in Message.objects.on_days([EXPIRY])}
    hold(matter, ezra, organization=clinic, conversation=Conversation("product", "c1"))
    sweep.sweep(at=MORNING_AFTER)
    cohort = Cohort.objects.get()
    assert (cohort.state, account(cohort)) == (CohortState.DESTROYED, {"ingested": 9, "aside_for_hold": 3, "destroyed": 6})
    kept = AsideMessage.objects.all()
    assert {row.ground for row in kept} == {AsideGround.HOLD}
    assert {bytes(row.proof) for row in kept} < proofs
    assert AsideBundle.objects.get().secret == f"matter/{matter.reference}_{cohort.reference}_1"
    certificate = Certificate.objects.get()
    assert certificate.messages == 6
    assert "3 messages that a legal hold keeps, hidden from everybody else." in certificate.document["certificate"]["does_not_cover"]
    with pytest.raises(KeyDestroyed):
        keystore().get("day/2026-03-16")


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        (lambda clinic, ada: {"organization": clinic}, {1, 2, 3, 4, 5, 6}),
        (lambda clinic, ada: {"person": ada}, {1, 2}),
        (lambda clinic, ada: {"person": ada, "sent_from": date(2026, 3, 8)}, {2}),
        (lambda clinic, ada: {"organization": clinic, "sent_from": date(2026, 3, 8), "sent_until": date(2026, 3, 9)}, {2, 4, 6}),
        (lambda clinic, ada: {"sent_until": date(2026, 3, 8)}, {1, 3, 5}),
        (lambda clinic, ada: {"organization": clinic, "person": ada, "conversation": Conversation("product", "c1")}, {1}),
    ],
    ids=["organization", "person", "person and days", "organization and days", "days", "all three"],
)
def test_a_hold_keeps_exactly_its_scope_in_any_combination(matter, ezra, scope, kept):
    clinic = cast.hill_clinic(7)
    ada = cast.ada(clinic, "ada@client.example")
    others = {"sender": Party(email="cy@client.example"), "recipients": (Party(email="ben@client.example"),)}
    lines = [
        cast.message(n, conversation=f"c{n}", at=NOON if n % 2 == 0 else NOON - timedelta(hours=13), **({} if n < 3 else others))
        for n in range(1, 7)
    ]
    cast.hand_over(clinic, lines, at=NOON)
    stored = sorted(Message.objects.on_days([EXPIRY, date(2026, 3, 15)]).values_list("id", flat=True))
    numbers = dict(zip(stored, [1, 3, 5, 2, 4, 6], strict=True))  # the earlier day is stored first
    hold(matter, ezra, **scope(clinic, ada))
    sweep.sweep(at=MORNING_AFTER)
    assert {numbers[pk] for pk in AsideMessage.objects.values_list("id", flat=True)} == kept
    assert [accounts.account_of(cohort).balance for cohort in Cohort.objects.all()] == [0, 0]
    assert sum(cohort.destroyed_messages for cohort in Cohort.objects.all()) == 6 - len(kept)


def test_a_hold_on_a_person_keeps_what_came_before_the_person_was_registered(matter, ezra):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1), cast.message(2, sender=Party(email="cy@client.example"))])
    hold(matter, ezra, person=cast.ada(clinic))
    sweep.sweep(at=MORNING_AFTER)
    assert account(Cohort.objects.get()) == {"ingested": 2, "aside_for_hold": 1, "destroyed": 1}


def test_a_hold_keeps_what_still_arrives(matter, ezra):
    clinic = cast.hill_clinic()
    hold(matter, ezra, organization=clinic)
    cast.hand_over(clinic, [cast.message(1)], at=NOON + DAY)
    sweep.sweep(at=MORNING_AFTER)
    assert account(Cohort.objects.get()) == {"ingested": 1, "aside_for_hold": 1}


def test_a_hold_of_one_client_keeps_nothing_of_another(matter, ezra):
    clinic, other = cast.hill_clinic(), cast.client("Lake Clinic")
    cast.rule(other, 7)
    for organization in (clinic, other):
        cast.hand_over(organization, [cast.message(1)])
    hold(matter, ezra, organization=clinic, conversation=Conversation("product", "c1"))
    sweep.sweep(at=MORNING_AFTER)
    assert Cohort.objects.get(organization=other).state == CohortState.DESTROYED
    assert AsideMessage.objects.get().cohort.organization_id == clinic.pk


def test_after_release_and_grace_what_it_kept_is_destroyed_with_a_certificate_of_its_own(matter, ezra):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(n, conversation=f"c{n % 3}") for n in range(1, 10)])
    held = hold(matter, ezra, organization=clinic, conversation=Conversation("product", "c1"))
    sweep.sweep(at=MORNING_AFTER)
    release(held, ezra, at=MORNING_AFTER + DAY)
    sweep.sweep(at=MORNING_AFTER + 7 * DAY)
    assert AsideMessage.objects.count() == 3
    sweep.sweep(at=MORNING_AFTER + 9 * DAY)
    cohort, bundle = Cohort.objects.get(), AsideBundle.objects.get()
    assert (AsideMessage.objects.count(), account(cohort)) == (0, {"ingested": 9, "destroyed": 9})
    assert bundle.destroyed_at is not None
    with pytest.raises(KeyDestroyed):
        keystore().get(bundle.secret)
    first, second = Certificate.objects.order_by("id")
    assert [c.messages for c in (first, second)] == [6, 3]
    said = second.document["certificate"]
    assert (said["scope"]["kind"], said["scope"]["messages"], said["verification"]["canary_opens"]) == ("aside", 3, False)
    assert Destruction.objects.get(scope=DestructionScope.ASIDE).state == DestructionState.DONE


def test_what_two_matters_hold_stays_until_both_are_released(matter, ezra):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(n, conversation=f"c{n % 3}") for n in range(1, 10)])
    narrow = hold(matter, ezra, organization=clinic, conversation=Conversation("product", "c1"))
    second = matters.open_matter(title="Case 26-115", reason="An audit", by=ezra, at=NOON)
    wide = hold(second, ezra, organization=clinic)
    sweep.sweep(at=MORNING_AFTER)
    assert account(Cohort.objects.get()) == {"ingested": 9, "aside_for_hold": 9}
    assert Certificate.objects.count() == 0
    release(wide, ezra, at=MORNING_AFTER)
    sweep.sweep(at=MORNING_AFTER + 8 * DAY)
    assert account(Cohort.objects.get()) == {"ingested": 9, "aside_for_hold": 3, "destroyed": 6}
    release(narrow, ezra, at=MORNING_AFTER + 8 * DAY)
    sweep.sweep(at=MORNING_AFTER + 16 * DAY)
    cohort = Cohort.objects.get()
    assert (cohort.state, account(cohort)) == (CohortState.DESTROYED, {"ingested": 9, "destroyed": 9})
    assert keystore().names("matter") == []


def test_the_first_matters_release_hands_over_to_the_second(matter, ezra):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    first = hold(matter, ezra, organization=clinic)
    second = matters.open_matter(title="Case 26-115", reason="An audit", by=ezra, at=NOON)
    hold(second, ezra, organization=clinic, conversation=Conversation("product", "c1"))
    sweep.sweep(at=MORNING_AFTER)
    proof = bytes(AsideMessage.objects.get().proof)
    release(first, ezra, at=MORNING_AFTER)
    sweep.sweep(at=MORNING_AFTER + 8 * DAY)
    row = AsideMessage.objects.get()
    assert (row.bundle.matter_id, bytes(row.proof)) == (second.pk, proof)
    assert AsideBundle.objects.get(matter=matter).destroyed_at is not None
    assert Certificate.objects.count() == 0


@pytest.mark.parametrize("step", [step.__name__ for step in destroy.STEPS])
def test_a_hold_placed_before_any_step_keeps_its_messages_or_comes_after_the_key_is_gone(matter, ezra, step):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(n) for n in range(1, 4)])
    sweep.sealing.expire_due(at=MORNING_AFTER)
    destroy.open_due(at=MORNING_AFTER)
    work = Destruction.objects.get()
    names = [one.__name__ for one in destroy.STEPS]
    for one in destroy.STEPS[: names.index(step)]:
        one(work.pk, MORNING_AFTER)
    hold(matter, ezra, at=MORNING_AFTER, organization=clinic)
    after_key = names.index(step) > names.index("destroy_key")
    for _again in range(2):
        try:
            for one in destroy.STEPS[names.index(step) if _again == 0 else 0 :]:
                one(work.pk, MORNING_AFTER)
        except ends.KeptMeanwhile:
            assert Message.objects.on_days([EXPIRY]).count() == 3
    work.refresh_from_db()
    assert work.state == DestructionState.DONE
    expected = {"ingested": 3, "destroyed": 3} if after_key else {"ingested": 3, "aside_for_hold": 3}
    assert account(Cohort.objects.get()) == expected


def test_the_database_refuses_to_empty_a_leaf_that_a_hold_nobody_looked_at_may_keep(matter, ezra):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    sweep.sealing.expire_due(at=MORNING_AFTER)
    destroy.open_due(at=MORNING_AFTER)
    work = Destruction.objects.get()
    for step in destroy.STEPS[:3]:
        step(work.pk, MORNING_AFTER)
    held = hold(matter, ezra, at=MORNING_AFTER, organization=clinic)
    Cohort.objects.update(holds_seen=held.pk)  # a defect of ours: as if somebody had looked
    destroy.destroy_key(work.pk, MORNING_AFTER)
    Cohort.objects.update(holds_seen=0)
    with pytest.raises(DatabaseError, match="a hold may keep rows"), transaction.atomic():
        destroy.truncate_and_certify(work.pk, MORNING_AFTER)
    assert Message.objects.on_days([EXPIRY]).count() == 1


def test_the_database_lets_no_row_aside_go_while_its_key_lives(matter, ezra):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    hold(matter, ezra, organization=clinic)
    sweep.sweep(at=MORNING_AFTER)
    with pytest.raises(DatabaseError, match="after the key of their bundle"), transaction.atomic():
        AsideMessage.objects.all().delete()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE retention_asidemessage")
    assert AsideMessage.objects.count() == 1


def test_a_held_message_that_its_sender_recalls_leaves_the_service_and_is_kept_apart(matter, ezra):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1), cast.message(2)])
    held = hold(matter, ezra, organization=clinic)
    recall = Deletion(number=1, id="m1", sent_at=NOON, deleted_at=NOON + DAY)
    batch = cast.hand_over(clinic, [recall], key="b2", at=NOON + DAY)
    assert batch.deleted == 1
    with pytest.raises(NoSuchMessage):
        reading.read_message(organization=clinic, source="product", message_id="m1", sent_at=NOON, at=NOON + DAY)
    assert EarlyDeletion.objects.get().kept_for_hold
    assert account(Cohort.objects.get()) == {"ingested": 2, "in_leaf": 1, "aside_for_hold": 1}
    again = cast.hand_over(clinic, [cast.message(1)], key="b3", at=NOON + DAY)
    assert (again.accepted, again.refused_lines.get().code) == (0, "deleted_before")
    release(held, ezra, at=NOON + DAY)
    sweep.sweep(at=NOON + 20 * DAY)
    sweep.sweep(at=NOON + 20 * DAY + timedelta(hours=1))
    cohort = Cohort.objects.get()
    assert (cohort.state, account(cohort)) == (CohortState.DESTROYED, {"ingested": 2, "destroyed": 2})
    assert sorted(Certificate.objects.values_list("messages", flat=True)) == [1, 1]
