"""Reviews: a cohort waits for a yes between its seal and its day; without one it steps aside, hidden, until there is one."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import Event, EventDetail
from apps.foundation.keys import KeyDestroyed, keystore
from apps.foundation.moves import NotAMove
from apps.holds.services import matters, placing
from apps.holds.services.placing import Conversation
from apps.mail.models import OutgoingMail
from apps.retention.models import AsideBundle, AsideMessage, Certificate, Cohort, Message, Review, ReviewAsked
from apps.retention.services import accounts, destroy, reading, reviews, sealing, sweep
from apps.retention.services.ends import KeptMeanwhile
from apps.retention.services.reading import MessageGone
from apps.retention.services.reviews import AskedAlready, NotAsked, ReasonMissing
from apps.retention.states import REVIEW_MOVES, AsideGround, CohortState, ReviewState
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

EXPIRY = date(2026, 3, 16)
SEALED = NOON + 6 * DAY
MORNING_AFTER = NOON + 8 * DAY


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test


@pytest.fixture
def clinic():
    """A client that asks for reviews, with three messages that end on EXPIRY."""
    organization = cast.hill_clinic()
    reviews.ask(organization=organization, by=cast.bo(), at=NOON)
    cast.hand_over(organization, [cast.message(n, conversation=f"c{n}") for n in range(1, 4)])
    return organization


def sealed_review() -> Review:
    sweep.sweep(at=SEALED)
    return Review.objects.get()


def account(cohort: Cohort) -> dict[str, int]:
    return {name: number for name, number in accounts.account_of(cohort).as_dict().items() if number}


def test_the_seal_opens_a_review_and_tells_the_contact_once(clinic):
    review = sealed_review()
    sweep.sweep(at=SEALED + timedelta(minutes=1))
    cohort = Cohort.objects.get()
    assert (review.cohort, review.expiry_on, review.state) == (cohort, EXPIRY, ReviewState.WAITING)
    mail = OutgoingMail.objects.get(template="retention/review_opened")
    assert (mail.to_address, mail.about) == ("records@client.example", cohort.reference)
    assert cohort.reference in mail.subject + mail.body
    assert "2026-03-16" in mail.subject


def test_who_does_not_ask_gets_no_review():
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    sweep.sweep(at=SEALED)
    assert (Review.objects.count(), OutgoingMail.objects.count()) == (0, 0)


def test_what_was_approved_in_time_is_destroyed_on_its_day_like_everything_else(clinic):
    reviews.approve(review=sealed_review(), by=cast.bo(), at=SEALED)
    sweep.sweep(at=MORNING_AFTER)
    cohort = Cohort.objects.get()
    assert (cohort.state, account(cohort)) == (CohortState.DESTROYED, {"ingested": 3, "destroyed": 3})
    assert Certificate.objects.get().messages == 3
    assert AsideBundle.objects.count() == 0


def test_what_nobody_reviewed_steps_aside_hidden_and_everyone_elses_destruction_goes_on(clinic):
    other = cast.client("Lake Clinic")
    cast.rule(other, 7)
    cast.hand_over(other, [cast.message(1)])
    sweep.sweep(at=SEALED)
    sweep.sweep(at=MORNING_AFTER)
    cohort = Cohort.objects.get(organization=clinic)
    assert Cohort.objects.get(organization=other).state == CohortState.DESTROYED
    assert (cohort.state, account(cohort)) == (CohortState.EXPIRED, {"ingested": 3, "aside_for_archive": 3})
    assert set(AsideMessage.objects.values_list("ground", flat=True)) == {AsideGround.REVIEW}
    assert Message.objects.on_days([EXPIRY]).count() == 0
    with pytest.raises(KeyDestroyed):
        keystore().get("day/2026-03-16")
    with pytest.raises(MessageGone):
        reading.read_message(organization=clinic, source="product", message_id="m1", sent_at=NOON, at=MORNING_AFTER)


def test_a_later_approval_destroys_what_stood_aside_with_a_certificate_of_its_own(clinic):
    review = sealed_review()
    sweep.sweep(at=MORNING_AFTER)
    bundle = AsideBundle.objects.get()
    assert keystore().exists(bundle.secret)
    sweep.sweep(at=MORNING_AFTER + 5 * DAY)
    assert AsideMessage.objects.count() == 3  # nothing happens by itself
    reviews.approve(review=review, by=cast.bo(), at=MORNING_AFTER + 6 * DAY)
    sweep.sweep(at=MORNING_AFTER + 6 * DAY)
    cohort, certificate = Cohort.objects.get(), Certificate.objects.get()
    assert (cohort.state, account(cohort)) == (CohortState.DESTROYED, {"ingested": 3, "destroyed": 3})
    assert (certificate.messages, certificate.destruction.secret) == (3, bundle.secret)
    with pytest.raises(KeyDestroyed):
        keystore().get(bundle.secret)
    assert Event.objects.filter(verb="review.approved", object=cohort.reference).count() == 1


def test_a_rejection_says_why_keeps_the_cohort_aside_and_can_be_followed_by_an_approval(clinic):
    review = sealed_review()
    with pytest.raises(ReasonMissing):
        reviews.reject(review=review, reason="  ", by=cast.bo(), at=SEALED)
    reviews.reject(review=review, reason="An audit of the state looks at them.", by=cast.bo(), at=SEALED)
    sweep.sweep(at=MORNING_AFTER)
    sweep.sweep(at=MORNING_AFTER + 30 * DAY)
    assert account(Cohort.objects.get()) == {"ingested": 3, "aside_for_archive": 3}
    event = Event.objects.get(verb="review.rejected")
    assert "audit" not in str(event.facts)
    assert EventDetail.objects.get(event=event).detail == {"reason": "An audit of the state looks at them."}
    reviews.approve(review=review, by=cast.cleo(), at=MORNING_AFTER + 31 * DAY)
    sweep.sweep(at=MORNING_AFTER + 31 * DAY)
    assert account(Cohort.objects.get()) == {"ingested": 3, "destroyed": 3}
    assert Review.objects.get().reason == ""


def test_what_a_hold_keeps_is_kept_for_the_hold_and_an_approval_lets_only_the_rest_go(clinic):
    ezra = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Case", reason="Letter", by=ezra, at=NOON)
    placing.place(matter=matter, organization=clinic, conversation=Conversation("product", "c2"), reason="x", by=ezra, at=NOON)
    review = sealed_review()
    sweep.sweep(at=MORNING_AFTER)
    assert account(Cohort.objects.get()) == {"ingested": 3, "aside_for_hold": 1, "aside_for_archive": 2}
    reviews.approve(review=review, by=cast.bo(), at=MORNING_AFTER)
    sweep.sweep(at=MORNING_AFTER)
    assert account(Cohort.objects.get()) == {"ingested": 3, "aside_for_hold": 1, "destroyed": 2}


def test_a_rejection_that_comes_between_intent_and_key_still_keeps_every_row(clinic):
    review = sealed_review()
    reviews.approve(review=review, by=cast.bo(), at=SEALED)
    sealing.expire_due(at=MORNING_AFTER)
    destroy.open_due(at=MORNING_AFTER)
    work = destroy.claim(at=MORNING_AFTER)
    for step in destroy.STEPS[:3]:
        step(work.pk, MORNING_AFTER)
    Review.objects.update(state=ReviewState.REJECTED, reason="as if the table of moves were not there")
    with pytest.raises(KeptMeanwhile):
        destroy.destroy_key(work.pk, MORNING_AFTER)
    assert keystore().exists("day/2026-03-16")
    assert Message.objects.on_days([EXPIRY]).count() == 3


@pytest.mark.parametrize(("hours", "reminded"), [(-1, 0), (0, 1), (30, 1)])
def test_a_reminder_leaves_a_day_before_the_end_and_once(clinic, hours, reminded):
    sealed_review()
    moment = NOON.replace(day=15, hour=0) + timedelta(hours=hours)
    sweep.sweep(at=moment)
    sweep.sweep(at=moment + timedelta(minutes=1))
    mails = OutgoingMail.objects.filter(template="retention/review_reminder")
    assert (mails.count(), Event.objects.filter(verb="review.reminded").count()) == (reminded, reminded)


def test_nobody_is_reminded_of_what_is_decided(clinic):
    reviews.approve(review=sealed_review(), by=cast.bo(), at=SEALED)
    assert reviews.remind_due(at=NOON + 7 * DAY) == 0


def test_asking_includes_what_is_sealed_already_and_ends_only_for_what_comes_later():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    sweep.sweep(at=SEALED)
    asked = reviews.ask(organization=clinic, by=cast.bo(), at=SEALED)
    assert Review.objects.get().state == ReviewState.WAITING
    with pytest.raises(AskedAlready):
        reviews.ask(organization=clinic, by=cast.bo(), at=SEALED)
    cast.hand_over(clinic, [cast.message(2, at=NOON + 3 * DAY)], at=NOON + 3 * DAY, key="b2")
    reviews.end(asked=asked, by=cast.bo(), at=SEALED)
    with pytest.raises(NotAsked):
        reviews.end(asked=asked, by=cast.bo(), at=SEALED)
    sweep.sweep(at=NOON + 12 * DAY)
    first, second = Cohort.objects.order_by("expiry_on")
    assert (first.state, second.state) == (CohortState.EXPIRED, CohortState.DESTROYED)
    assert [row.ended_at for row in ReviewAsked.objects.all()] == [SEALED]


def decide(review: Review, state: ReviewState) -> None:
    if state == ReviewState.APPROVED:
        reviews.approve(review=review, by=cast.bo(), at=SEALED)
    else:
        reviews.reject(review=review, reason="because", by=cast.bo(), at=SEALED)


@pytest.mark.parametrize(("now", "then"), [(a, b) for a in ReviewState for b in ReviewState if b not in REVIEW_MOVES[a] and b != ReviewState.WAITING])
def test_every_other_move_of_a_review_is_refused(clinic, now, then):
    review = sealed_review()
    if now != ReviewState.WAITING:
        decide(review, now)
    with pytest.raises(NotAMove):
        decide(review, then)
    assert Review.objects.get().state == now


def test_the_database_wants_a_reason_and_a_name(clinic):
    sealed_review()
    for wrong in ({"state": "rejected", "decided_by": "staff:STF-1", "decided_at": NOON}, {"state": "approved", "decided_at": NOON}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Review.objects.update(**wrong)
    assert Review.objects.get().state == ReviewState.WAITING
