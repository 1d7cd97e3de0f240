"""Message Data from the hand-over to the certificate, and the clocks that stop a destruction."""

from datetime import timedelta

from django.db import connection

from apps.accounts.models import Organization
from apps.foundation import clock
from apps.holds.models import Matter
from apps.holds.services import placing
from apps.retention.models import (
    AsideBundle,
    Batch,
    Certificate,
    ClockDoubt,
    Cohort,
    ConversationClass,
    Destruction,
    EarlyDeletion,
    MatterExport,
    PersonRule,
    Rescheduling,
    RetentionRule,
    Review,
    ReviewAsked,
)
from apps.retention.services import classes, clock_guard, counting, early, leaves, matter_exports, moving, rescheduling, reviews, rules, sealing, sweep
from apps.retention.services.people import rules as person_rules
from apps.staff.models import StaffMember
from tests import cast
from tests.cast import DAY, NOON
from tests.house_web.rows import accounts, holds
from tests.house_web.rows.declared import FORMULAS, PRESENT, Rows, Scene

MORNING_AFTER = NOON + 9 * DAY


def clinic() -> Organization:
    """A client with a rule of life."""
    client = accounts.a_client()
    if not RetentionRule.objects.approved().filter(organization=client).exists():
        cast.rule(client, 7)
    return client


def batch(number: int) -> Batch:
    """One message that is taken in and one that names a class which nobody registered; each number's expires on a day of its own."""
    sent_at = NOON - number * DAY
    lines = [
        cast.message(1, id=f"row-{number}", at=sent_at, body="Adelaide has a fever"),
        cast.message(2, at=sent_at, conversation_class="unregistered"),
    ]
    return cast.hand_over(clinic(), lines, key=f"row-{number}")


def cohort(number: int) -> Cohort:
    batch(number)
    return Cohort.objects.get(expiry_on=(NOON + (8 - number) * DAY).date())


def destroyed(number: int) -> None:
    batch(number)
    sweep.sweep(at=MORNING_AFTER + timedelta(minutes=number))


def rule(number: int) -> RetentionRule:
    return rules.propose(
        organization=accounts.a_client(), conversation_class=None, life_days=7 + number, minimum_days=1, maximum_days=90, effective_from=PRESENT,
        by=cast.bo(), at=NOON,
    )  # fmt: skip


def person_rule(number: int) -> PersonRule:
    said = PersonRule(organization=accounts.a_client(), erasure="erase", access="release", evidence=f"Letter {number} of 2 March")
    return person_rules.propose(rule=said, by=cast.bo(), at=NOON)


def conversation_class(number: int) -> ConversationClass:
    kind = ConversationClass(organization=accounts.organization(number), code=f"kind-{number}", name=FORMULAS[number])
    return classes.save(conversation_class=kind, by=cast.bo(), at=NOON)


def deletion(number: int) -> EarlyDeletion:
    return early.delete_by_source(
        organization=clinic(), day=cohort(number).expiry_on, source="product", message_id=f"row-{number}", reason="recalled",
        by=cast.bo().actor, at=NOON,
    )  # fmt: skip


def doubt(number: int) -> ClockDoubt:
    """The clock is two days ahead of where it was last heard from; of three such jumps the first two are confirmed."""
    for standing in ClockDoubt.objects.filter(confirmed_at=None):
        clock_guard.confirm(doubt=standing, by=cast.bo(), at=NOON)
    clock_guard.watch(at=NOON)
    clock_guard.watch(at=NOON + 2 * DAY)
    return ClockDoubt.objects.get(confirmed_at=None)


def expired() -> None:
    """A day that is over, so that a sweep has something to destroy."""
    batch(0)


def readable_cohort() -> Cohort:
    organization = clinic()
    leaves.make_leaves(at=PRESENT)
    cast.hand_over(organization, [cast.message(1, at=PRESENT)], at=PRESENT)
    return Cohort.objects.get()


def parked() -> Destruction:
    """A destruction that stopped because a row of its day is missing, five times."""
    cast.hand_over(clinic(), [cast.message(1), cast.message(2)])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM message WHERE expiry = '2026-03-16' AND id = (SELECT min(id) FROM message WHERE expiry = '2026-03-16')")
    for attempt in range(7):
        sweep.sweep(at=MORNING_AFTER + attempt * timedelta(minutes=5))
    return Destruction.objects.get(parked_at__isnull=False)


def held_batch(number: int) -> Matter:
    """One message that a hold of its own matter keeps."""
    matter = holds.matter(number)
    batch(number)
    placing.place(matter=matter, organization=clinic(), sent_from=(NOON - number * DAY).date(), sent_until=(NOON - (number - 1) * DAY).date(),
                  reason="The court names it.", by=holds.counsel(), at=NOON)  # fmt: skip
    return matter


def bundle(number: int) -> None:
    held_batch(number)
    sweep.sweep(at=MORNING_AFTER + timedelta(minutes=number))


def export(number: int, member: StaffMember | None = None) -> MatterExport:
    asker = member if member is not None and member.has_perm(matter_exports.ASK) else holds.counsel()
    return matter_exports.ask(
        matter=held_batch(number), recipient=clinic().reference, reason="The client asks for it.", by=asker, at=NOON
    )


def approved_export(member: StaffMember) -> MatterExport:
    return matter_exports.approve(export=export(0, member), by=cast.cleo(), at=clock.now())


def asked(number: int) -> ReviewAsked:
    """Three clients that ask for reviews; the first asks no more."""
    found = reviews.ask(organization=accounts.organization(number), by=cast.bo(), at=NOON)
    return reviews.end(asked=found, by=cast.bo(), at=NOON) if number == 0 else found


def a_client_to_ask() -> None:
    accounts.a_client()


def review(number: int) -> Review:
    """A sealed cohort that waits; each number's of a day of its own."""
    if not ReviewAsked.objects.filter(organization=clinic(), ended_at=None).exists():
        reviews.ask(organization=clinic(), by=cast.bo(), at=NOON)
    batch(number)
    sweep.sweep(at=NOON + (6 - number) * DAY)
    sealing.seal_cohort(cohort_id=Cohort.objects.get(expiry_on=(NOON + (8 - number) * DAY).date()).pk, at=NOON + 6 * DAY)
    return Review.objects.get(expiry_on=(NOON + (8 - number) * DAY).date())


def plan(number: int, member: StaffMember | None = None) -> Rescheduling:
    """Of three clients, each with a message that a later rule gives a sooner day; the plan is proposed, or also carried out."""
    organization = accounts.organization(number)
    cast.rule(organization, 30)
    cast.hand_over(organization, [cast.message(1)])
    cast.rule(organization, 7, at=NOON)
    shown = rescheduling.preview(organization=organization, at=NOON + DAY)
    asker = member if member is not None and member.has_perm("retention.add_rescheduling") else cast.bo()
    return rescheduling.propose(
        organization=organization, through=shown["through"], shown=rescheduling.fingerprint(shown), by=asker, at=NOON + DAY
    )


def parked_plan() -> Rescheduling:
    """A plan that failed five times, since a message does not fit its proof."""
    row = rescheduling.approve(rescheduling=plan(0), by=cast.cleo(), at=NOON + DAY)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE message SET proof = sha256('another') WHERE expiry = '2026-04-08'")
    for attempt in range(7):
        moving.reschedule_due(at=NOON + DAY + attempt * timedelta(minutes=5))
    return Rescheduling.objects.get(pk=row.pk, parked_at__isnull=False)


def counted_plan() -> Rescheduling:
    """A plan that a worker worked out."""
    organization = accounts.organization(0)
    cast.rule(organization, 30)
    cast.hand_over(organization, [cast.message(1)])
    cast.rule(organization, 7, at=NOON)
    row = counting.begin(organization=organization, by=cast.bo(), at=NOON + DAY)
    moving.reschedule_due(at=NOON + DAY)
    return Rescheduling.objects.get(pk=row.pk)


ROWS = {
    Rescheduling: Rows(plan, queries=5, more="the organizations to filter by"),
    ReviewAsked: Rows(asked, queries=5, more="the organizations to filter by"),
    Review: Rows(review),
    AsideBundle: Rows(bundle, queries=5, more="the matters to filter by"),
    MatterExport: Rows(export, queries=5, more="the matters to filter by"),
    Cohort: Rows(cohort, queries=5, more="the organizations to filter by"),
    Certificate: Rows(destroyed),
    RetentionRule: Rows(rule, queries=5, more="the organizations to filter by"),
    PersonRule: Rows(person_rule, queries=5, more="the organizations to filter by"),
    ConversationClass: Rows(conversation_class, queries=5, more="the organizations to filter by", planted=True),
    Batch: Rows(batch, queries=5, more="the organizations to filter by"),
    Destruction: Rows(destroyed),
    EarlyDeletion: Rows(deletion, queries=5, more="the cohorts to filter by"),
    ClockDoubt: Rows(doubt, scans=("=against",)),
}

SCENES = {
    (Rescheduling, "approve"): Scene(lambda _member: plan(0)),
    (Rescheduling, "reject"): Scene(lambda _member: plan(0)),
    (Rescheduling, "propose"): Scene(lambda _member: counted_plan()),
    (Rescheduling, "put_away"): Scene(lambda _member: counted_plan()),
    (Rescheduling, "retry"): Scene(lambda _member: parked_plan()),
    (ReviewAsked, "ask"): Scene(lambda _member: a_client_to_ask(), lambda _none: {"organization": accounts.a_client().pk}),
    (ReviewAsked, "end"): Scene(lambda _member: asked(1)),
    (Review, "approve"): Scene(lambda _member: review(0)),
    (Review, "reject"): Scene(lambda _member: review(0), {"reason": "An audit of the state looks at them."}),
    (MatterExport, "approve"): Scene(lambda _member: export(0)),
    (MatterExport, "reject"): Scene(lambda _member: export(0)),
    (MatterExport, "take"): Scene(approved_export),
    (Cohort, "sweep"): Scene(lambda _member: expired()),
    (Cohort, "delete_early"): Scene(lambda _member: readable_cohort(), {"source": "product", "message_id": "m1", "reason": "recalled"}),
    (RetentionRule, "approve"): Scene(lambda _member: rule(0)),
    (RetentionRule, "reject"): Scene(lambda _member: rule(0)),
    (PersonRule, "approve"): Scene(lambda _member: person_rule(0)),
    (PersonRule, "reject"): Scene(lambda _member: person_rule(0)),
    (Destruction, "retry"): Scene(lambda _member: parked()),
    (ClockDoubt, "confirm"): Scene(lambda _member: doubt(0)),
}
