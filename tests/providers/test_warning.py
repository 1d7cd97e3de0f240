"""What lapses is said 90, 30 and 7 days ahead, each once, and recorded once; an ended provider's data is asked for every week."""

from datetime import timedelta

import pytest
import time_machine

from apps.audit.models import Event
from apps.mail.models import OutgoingMail
from apps.providers.models import Lapse
from apps.providers.services import agreeing, granting, lives, warning
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry

pytestmark = pytest.mark.django_db

END = NOON + 364 * DAY


def mails(template="providers/lapse_warning"):
    return list(OutgoingMail.objects.filter(template=template).order_by("pk").values_list("about", "to_address"))


@pytest.fixture
def lapsing(house):
    """A provider whose agreement is the only thing that ends within the year after next."""
    provider = registry.in_use()
    registry.reviewed(provider, days=1000)
    return provider, provider.agreements.get()


def test_it_is_said_at_ninety_thirty_and_seven_days_each_once(lapsing):
    _provider, agreement = lapsing
    said = {}
    for left in range(100, -5, -1):
        for _twice in range(2):
            if warning.look_after(at=END - left * DAY):
                said[left] = len(mails())

    assert said == {90: 1, 30: 2, 7: 3, 0: 3}
    assert mails() == [(agreement.reference, "dana@covenant.example")] * 3
    assert mails("providers/lapsed") == [(agreement.reference, "dana@covenant.example")]
    assert [event.facts["threshold"] for event in Event.objects.filter(verb="agreement.lapse_warned").order_by("pk")] == [90, 30, 7]
    assert Event.objects.filter(verb="agreement.lapsed").count() == 1
    assert Lapse.objects.get().lapsed_on == END.date()


def test_a_day_that_was_missed_is_made_up_for(lapsing):
    warning.look_after(at=END - 25 * DAY)
    warning.look_after(at=END - 24 * DAY)
    assert len(mails()) == 1

    warning.look_after(at=END + 10 * DAY)

    assert (len(mails()), Lapse.objects.get().lapsed_on) == (1, END.date())


def test_reviews_and_grants_are_said_too(harbor):
    grant = registry.granted(harbor, ends_on=(NOON + 50 * DAY).date())
    review = registry.reviewed(harbor, days=50)

    warning.look_after(at=NOON + 25 * DAY)
    assert {about for about, _to in mails()} == {grant.reference, review.reference}

    warning.look_after(at=NOON + 51 * DAY)
    assert dict(Lapse.objects.values_list("about", "kind")) == {grant.reference: "grant", review.reference: "review"}


def test_what_is_carried_on_is_not_said(lapsing, dana):
    provider, agreement = lapsing
    registry.agreed(provider, at=END - 100 * DAY, starts_on=END.date(), ends_on=(END + 300 * DAY).date(), supersedes=agreement)

    assert warning.look_after(at=END - 20 * DAY) == 0
    assert warning.look_after(at=END + DAY) == 0
    assert Lapse.objects.count() == 0


def test_an_older_review_or_a_withdrawn_grant_is_not_said(harbor, dana):
    registry.reviewed(harbor, days=1000, at=NOON + DAY)
    granting.withdraw(grant=registry.granted(harbor, ends_on=(NOON + 50 * DAY).date()), by=dana, at=NOON)

    assert warning.look_after(at=NOON + 45 * DAY) == 0


def test_nothing_is_said_of_who_is_not_in_use(house):
    registry.agreed(registry.proposed())

    assert warning.look_after(at=END - DAY) == 0


def test_a_suspended_provider_is_still_said(lapsing, dana):
    provider, _agreement = lapsing
    lives.suspend(provider=provider, reason="x", by=dana, at=NOON)

    assert warning.look_after(at=END - DAY) == 1


def test_where_the_owner_has_left_who_decides_is_told(lapsing, dana, cleo):
    dana.is_active = False
    dana.save(update_fields=["is_active"])

    warning.look_after(at=END - DAY)

    assert [to for _about, to in mails()] == [cleo.email]


def test_data_is_asked_for_every_week_until_it_is_confirmed(harbor, dana, cleo):
    provider = lives.end(provider=harbor, data_end="destruction", by=cleo, at=NOON)
    asked = [day for day in range(60) if warning.look_after(at=NOON + day * DAY + timedelta(hours=4))]
    assert asked == [0, 7, 14, 21, 28, 35, 42, 49, 56]

    lives.confirm_data_end(provider=provider, evidence="Letter", by=dana, at=NOON + 60 * DAY)

    assert not any(warning.look_after(at=NOON + day * DAY) for day in range(60, 90))


def test_what_is_at_hand_is_its_owners_and_who_decides(lapsing, dana, cleo, ezra):
    _provider, agreement = lapsing
    at = END - 20 * DAY
    assert [one.about for one in warning.at_hand(member=dana, at=at)] == [agreement.reference]
    assert [one.about for one in warning.at_hand(member=cleo, at=at)] == [agreement.reference]
    assert warning.at_hand(member=ezra, at=at) == []

    warning.look_after(at=END)
    assert [one.about for one in warning.at_hand(member=dana, at=END + 20 * DAY)] == [agreement.reference]
    assert warning.at_hand(member=dana, at=END - 40 * DAY) == []


def test_an_agreement_that_was_ended_is_no_lapse(lapsing, ezra):
    _provider, agreement = lapsing
    agreeing.end(agreement=agreement, by=ezra, at=NOON)

    assert warning.look_after(at=END + DAY) == 0


def test_the_first_page_says_it_to_its_owner_alone(lapsing, dana, client):
    other = cast.staff("olga", Role.PRIVACY_ANALYST)
    pages = {}
    for member in (dana, other):
        with time_machine.travel(END - 20 * DAY):
            client.force_login(member)
            pages[member.username] = client.get("/admin/").text

    assert "What ends at service providers" in pages["dana"]
    assert "What ends at service providers" not in pages["olga"]
