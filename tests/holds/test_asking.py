"""What higher floors are told: every hold that could touch an organization or a person, and none that is over."""

from datetime import date

import pytest
from django.db import transaction

from apps.holds.models import Hold
from apps.holds.services import asking
from tests import cast
from tests.cast import DAY, NOON, SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture
def alone(house):
    """Somebody who registered without a client."""
    return cast.registration.register_person(
        organization=None, given_name="Ida", family_name="Alone", emails=["ida@alone.example"], by=SYSTEM, at=NOON - DAY
    )


@pytest.fixture
def holds(place, clinic, mercy, ada, alone):
    """One hold of each kind."""
    return {
        "clinic": place(organization=clinic),
        "clinic since January": place(organization=clinic, sent_from=date(2026, 1, 1)),
        "conversation": place(organization=clinic, conversation=("slack", "c1")),
        "mercy": place(organization=mercy),
        "ada": place(person=ada),
        "ada at the clinic": place(person=ada, organization=clinic),
        "alone": place(person=alone),
        "alone at mercy": place(person=alone, organization=mercy),
        "days": place(sent_until=date(2026, 3, 1)),
    }


def names(holds, found):
    return sorted(name for name, hold in holds.items() if hold in found)


def test_an_organization_is_told_of_its_own_holds_of_its_people_of_people_without_a_client_and_of_days(holds, clinic, mercy):
    assert names(holds, asking.holds_of_organization(clinic.pk, NOON)) == [
        "ada", "ada at the clinic", "alone", "clinic", "clinic since January", "conversation", "days",
    ]  # fmt: skip
    assert names(holds, asking.holds_of_organization(mercy.pk, NOON)) == ["alone", "alone at mercy", "days", "mercy"]


def test_holds_come_oldest_first_with_what_they_name(holds, clinic, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = asking.holds_of_organization(clinic.pk, NOON)
        assert [hold.pk for hold in found] == sorted(hold.pk for hold in found)
        assert {hold.matter.reference for hold in found} == {holds["ada"].matter.reference}
        assert [hold.person.reference for hold in found if hold.person_id]
        assert [hold.organization.reference for hold in found if hold.organization_id]


def test_a_person_is_kept_by_what_names_them_and_by_what_keeps_all_of_their_organization(holds, ada, alone):
    assert names(holds, asking.holds_of_person(ada.pk, NOON)) == [
        "ada", "ada at the clinic", "clinic", "clinic since January", "days",
    ]  # fmt: skip
    assert names(holds, asking.holds_of_person(alone.pk, NOON)) == ["alone", "alone at mercy", "days"]


def test_a_held_person_is_not_free_and_the_refusal_names_the_holds_and_nobody(place, ada):
    hold = place(person=ada)
    with pytest.raises(asking.UnderHold) as refused:
        asking.require_free(person=ada, at=NOON)
    assert refused.value.what == f"{ada.reference} is kept by {hold.reference}."
    assert refused.value.code == "under_hold"


def test_a_refusal_names_a_handful_and_says_that_there_are_more(place, ada):
    for day in range(1, 8):
        place(person=ada, sent_from=date(2026, 1, day))
    with pytest.raises(asking.UnderHold, match="and others"):
        asking.require_free(person=ada, at=NOON)


def test_who_is_in_no_hold_is_free(place, ada, mercy):
    place(organization=mercy)
    assert asking.require_free(person=ada, at=NOON) is None


def test_a_released_hold_keeps_a_person_until_its_grace_is_over(place, release, ada):
    release(place(person=ada))
    with pytest.raises(asking.UnderHold):
        asking.require_free(person=ada, at=NOON + 7 * DAY - DAY / 100)
    assert asking.require_free(person=ada, at=NOON + 7 * DAY) is None


def test_the_newest_hold_tells_whether_one_came_in_between(place, clinic, ada, release):
    assert asking.newest(NOON) == 0
    first = place(organization=clinic)
    assert asking.newest(NOON) == first.pk
    release(first)
    assert asking.newest(NOON) == first.pk


def test_a_hold_written_by_a_clock_that_runs_ahead_counts_all_the_same(place, clinic):
    hold = place(organization=clinic, at=NOON + 30 * DAY)
    assert asking.holds_of_organization(clinic.pk, NOON) == [hold]
    assert asking.newest(NOON) == hold.pk


def test_a_hold_on_somebody_whose_row_a_restore_lost_counts_for_every_organization_it_could_mean(
    place, ada, clinic, mercy, by_force
):
    hold = place(person=ada)
    by_force("UPDATE holds_hold SET person_id = NULL")
    assert asking.holds_of_organization(clinic.pk, NOON) == [hold]
    assert asking.holds_of_organization(mercy.pk, NOON) == [hold]
    assert asking.holds_of_person(ada.pk, NOON) == [hold]


def test_questions_change_nothing(holds, clinic, ada):
    before = list(Hold.objects.order_by("pk").values())
    with transaction.atomic():
        asking.in_force(NOON), asking.holds_of_organization(clinic.pk, NOON), asking.holds_of_person(ada.pk, NOON)
        asking.newest(NOON)
    assert list(Hold.objects.order_by("pk").values()) == before
