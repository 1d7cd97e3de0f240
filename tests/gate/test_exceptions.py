"""An exception for a country is asked by one, approved by another, in force for its time, and withdrawn at once."""

from datetime import timedelta

import pytest

from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.foundation.moves import NotAMove
from apps.gate.models import CountryException, Disclosure, GateRefusal
from apps.gate.services import exceptions, permits
from apps.gate.services.deciding import Recipient, Refused, decide
from apps.mail.models import OutgoingMail
from apps.staff.models import Approval
from apps.staff.roles import Role
from apps.staff.services import approvals, duties, leaving
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import given
from tests.gate.given import DIGEST

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(cirrus):
    def asked(**changed):
        return exceptions.ask(**{
            "recipient": Recipient.provider(cirrus.reference), "country": "CA", "starts_at": NOON, "ends_at": NOON + 60 * DAY,
            "reason": "Its second site is there.", "by": given.dana(), "at": NOON,
        } | changed)  # fmt: skip

    return asked


@pytest.fixture
def approved(ask):
    return exceptions.approve(exception=ask(), by=cast.cleo(), at=NOON)


def codes(package, at=NOON) -> list[str]:
    with pytest.raises(Refused) as no:
        decide(package=package, by=SYSTEM, at=at)
    return [reason.code for reason in no.value.reasons]


def test_nothing_leaves_the_united_states_without_an_exception_that_was_approved(package, ask):
    assert codes(package(countries=("CA",))) == ["country_outside"]
    exception = ask()
    assert codes(package(countries=("CA",))) == ["country_outside"]
    exceptions.approve(exception=exception, by=cast.cleo(), at=NOON)

    decide(package=package(countries=("US", "CA")), by=SYSTEM, at=NOON)
    row = Disclosure.objects.get()
    assert (row.countries, row.exceptions) == (["CA", "US"], [exception.reference])
    assert [event.verb for event in Event.objects.filter(object=exception.reference).order_by("pk")] == [
        "country_exception.asked", "country_exception.approved",
    ]  # fmt: skip


def test_where_a_provider_processes_counts_whatever_the_package_names(house, ada):
    northern = given.provider("Northern Mail", countries=("CA", "US"))
    given.grant(northern)
    package = given.to_provider(northern, given.About.person(ada.reference))

    assert codes(package) == ["country_outside"]
    exception = exceptions.ask(
        recipient=Recipient.provider(northern.reference), country="CA", starts_at=NOON, ends_at=NOON + DAY, reason="Its only site.",
        by=given.dana(), at=NOON,
    )  # fmt: skip
    exceptions.approve(exception=exception, by=cast.cleo(), at=NOON)
    decide(package=package, by=SYSTEM, at=NOON)


def test_an_exception_is_for_its_country_its_recipient_and_its_time(package, approved, clinic):
    assert codes(package(countries=("MX",))) == ["country_outside"]
    assert codes(given.to_client(clinic, countries=("CA",))) == ["country_outside"]
    assert codes(package(countries=("CA",)), at=NOON - timedelta(microseconds=1)) == ["country_outside"]
    decide(package=package(countries=("CA",)), by=SYSTEM, at=NOON + 60 * DAY - timedelta(microseconds=1))
    assert codes(package(countries=("CA",)), at=NOON + 60 * DAY) == ["country_outside"]


def test_a_permit_serves_no_longer_once_its_exception_is_withdrawn(package, approved, cirrus, ask):
    permit = decide(package=package(countries=("CA",)), by=SYSTEM, at=NOON)
    exceptions.withdraw(exception=approved, by=cast.cleo(), at=NOON)
    use = {
        "permit": permit.token, "recipient": Recipient.provider(cirrus.reference), "fields": frozenset({"email", "given_name"}),
        "digest": DIGEST, "at": NOON + timedelta(minutes=1),
    }  # fmt: skip

    with pytest.raises(permits.GroundGone) as gone:
        permits.spend(**use)
    assert [reason.code for reason in gone.value.reasons] == ["country_outside"]
    exceptions.approve(exception=ask(reason="Its second site again."), by=cast.cleo(), at=NOON)
    with pytest.raises(permits.GroundGone) as gone:
        permits.spend(**use)
    assert [reason.code for reason in gone.value.reasons] == ["another_exception"]
    assert GateRefusal.objects.filter(stage="spending").count() == 2


def test_nobody_approves_what_they_asked_for(ask):
    asked_by_ezra = ask(by=given.ezra())
    with pytest.raises(approvals.OwnRequest):
        exceptions.approve(exception=asked_by_ezra, by=given.ezra(), at=NOON)

    assert CountryException.objects.get().state == "asked"


def test_who_lost_the_right_approves_nothing(ask):
    exception = ask()
    duties.assign(member=cast.cleo(), roles=[Role.AUDITOR], by=cast.staff("gus", Role.ADMINISTRATOR), at=NOON)
    with pytest.raises(NotPermitted):
        exceptions.approve(exception=exception, by=cast.cleo(), at=NOON)

    assert CountryException.objects.get().state == "asked"


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.PRIVACY_ANALYST, Role.RECORDS_MANAGER, Role.COUNSEL)])
def test_who_may_not_ask_is_refused(ask, role):
    with pytest.raises(NotPermitted):
        ask(by=cast.staff("somebody", role))


def test_what_its_asker_left_behind_is_not_approved(ask):
    exception = ask()
    leaving.leave(member=given.dana(), by=cast.staff("gus", Role.ADMINISTRATOR), at=NOON)
    with pytest.raises(exceptions.ExceptionNotAsked):
        exceptions.approve(exception=exception, by=cast.cleo(), at=NOON)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"country": "US"}, exceptions.CountryNotForeign), ({"country": "XX"}, exceptions.CountryNotForeign),
        ({"ends_at": NOON}, exceptions.TimeNotFit), ({"ends_at": NOON + 367 * DAY}, exceptions.TimeNotFit),
        ({"starts_at": NOON - DAY}, exceptions.TimeNotFit), ({"recipient": Recipient.provider("PRV-0000000")}, exceptions.RecipientUnknown),
        ({"recipient": Recipient.client("ORG-0000000")}, exceptions.RecipientUnknown), ({"recipient": Recipient("friend", "x")}, exceptions.RecipientUnknown),
    ],
)  # fmt: skip
def test_what_can_be_no_exception_is_refused(ask, changed, refusal):
    with pytest.raises(refusal):
        ask(**changed)
    assert CountryException.objects.count() == 0


def test_asking_twice_is_asking_once_and_asking_otherwise_waits_for_the_decision(ask):
    assert ask() == ask()
    with pytest.raises(approvals.AlreadyAsked):
        ask(reason="Something else.")
    assert Approval.objects.filter(act=exceptions.APPROVE).count() == 1


def test_what_was_rejected_or_withdrawn_is_in_force_no_more_and_never_again(package, ask):
    rejected = exceptions.reject(exception=ask(), by=cast.cleo(), at=NOON)
    withdrawn = exceptions.withdraw(exception=ask(), by=cast.cleo(), at=NOON)

    assert codes(package(countries=("CA",))) == ["country_outside"]
    for over in (rejected, withdrawn):
        with pytest.raises(exceptions.ExceptionNotAsked):
            exceptions.approve(exception=over, by=cast.cleo(), at=NOON)
        with pytest.raises(NotAMove):
            exceptions.withdraw(exception=over, by=cast.cleo(), at=NOON)
    assert Approval.objects.waiting().count() == 0


def test_who_asked_and_who_approved_hear_30_7_and_1_days_before_it_lapses_each_once(approved):
    for days_before in (31, 30, 30, 8, 7, 2, 1, 1):
        exceptions.warn_of_lapses(at=approved.ends_at - days_before * DAY)
    exceptions.warn_of_lapses(at=approved.ends_at)

    assert sorted(OutgoingMail.objects.values_list("to_address", flat=True)) == ["cleo@covenant.example"] * 3 + ["dana@covenant.example"] * 3
    mail = OutgoingMail.objects.first()
    assert approved.reference in mail.subject
    assert "CA until 2026-05-07 12:00 UTC" in mail.body


def test_a_warning_goes_to_who_may_ask_when_both_have_left(approved):
    gus = cast.staff("gus", Role.ADMINISTRATOR)
    bo, ezra = cast.bo(), given.ezra()
    for gone in (given.dana(), cast.cleo()):
        leaving.leave(member=gone, by=gus, at=NOON)
    exceptions.warn_of_lapses(at=approved.ends_at - DAY)

    assert sorted(OutgoingMail.objects.values_list("to_address", flat=True)) == [bo.email, ezra.email]
