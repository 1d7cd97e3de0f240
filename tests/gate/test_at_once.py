"""Two at once, with real connections: a permit, a key of idempotency, a decision and a suspension, a use and a withdrawal."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from apps.accounts.services import tokens
from apps.foundation.actors import SYSTEM
from apps.foundation.refusals import Refusal
from apps.gate.models import Disclosure, GateRefusal, Permit, RememberedDecision
from apps.gate.services import exceptions, knowing, permits, remembering
from apps.gate.services.deciding import Recipient, Refused, decide
from apps.providers.models import Provider
from apps.providers.services import granting, lives
from apps.staff.roles import Role
from apps.staff.services import duties
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import given
from tests.gate.conftest import PATIENCE
from tests.gate.given import DIGEST

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(minutes=5)


def use(cirrus, token):
    return permits.spend(
        permit=token, recipient=Recipient.provider(cirrus.reference), fields=frozenset({"email", "given_name"}), digest=DIGEST, at=LATER
    )


def waiting() -> int:
    """How many sessions of this database wait for a row or a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0]


def ended(futures) -> list:
    """What each came to: its result, or the class of what refused it."""
    found = []
    for future in futures:
        try:
            found.append(future.result(PATIENCE))
        except Refusal as no:
            found.append(type(no))
    return found


def test_of_many_that_use_one_permit_at_once_exactly_one_does(package, cirrus, others):
    token = decide(package=package(), by=SYSTEM, at=NOON).token
    start = threading.Barrier(4)

    def rush():
        start.wait(PATIENCE)
        return use(cirrus, token)

    found = ended([others(rush) for _ in range(4)])
    assert sorted(str(one) for one in found if isinstance(one, Permit)) == [Permit.objects.get().reference]
    assert [one for one in found if not isinstance(one, Permit)] == [permits.PermitSpent] * 3
    assert [row.codes for row in GateRefusal.objects.all()] == [["permit_spent"]] * 3


def test_a_use_waits_for_a_withdrawal_that_came_first_and_then_nothing_leaves(package, cirrus, others, wait_until):
    token = decide(package=package(), by=SYSTEM, at=NOON).token
    grant = cirrus.grants.get()
    withdrawn, may_commit = threading.Event(), threading.Event()

    def slowly():
        with transaction.atomic():
            granting.withdraw(grant=grant, by=cast.cleo(), at=NOON)
            withdrawn.set()
            assert may_commit.wait(PATIENCE)

    withdrawing = others(slowly)
    assert withdrawn.wait(PATIENCE)
    using = others(use, cirrus, token)
    wait_until(lambda: waiting() >= 1, "the use to wait for the withdrawal")
    may_commit.set()
    withdrawing.result(PATIENCE)

    assert ended([using]) == [permits.GroundGone]
    assert Permit.objects.get().spent_at is None


def test_a_suspension_waits_for_a_use_that_came_first(package, cirrus, others, wait_until):
    permit = decide(package=package(), by=SYSTEM, at=NOON)
    held, may_commit = threading.Event(), threading.Event()

    def use_slowly():
        with transaction.atomic():
            knowing.lock(Recipient.provider(cirrus.reference))
            held.set()
            assert may_commit.wait(PATIENCE)
            Permit.objects.filter(pk=permit.pk).update(spent_at=LATER)

    using = others(use_slowly)
    assert held.wait(PATIENCE)
    suspending = others(lives.suspend, provider=cirrus, reason="It was broken into.", by=cast.cleo(), at=LATER)
    wait_until(lambda: waiting() >= 1, "the suspension to wait for the use")
    assert Provider.objects.get(pk=cirrus.pk).state == "active"
    may_commit.set()
    using.result(PATIENCE)
    suspending.result(PATIENCE)

    assert Provider.objects.get(pk=cirrus.pk).state == "suspended"
    with pytest.raises(Refused):
        decide(package=package(), by=SYSTEM, at=LATER)


def test_the_same_key_sent_twice_at_once_is_one_disclosure_and_one_permit(package, others):
    service, _words = tokens.issue(name="product", scopes=["gate"], organization=None, by=SYSTEM, at=NOON)
    wanted, start = package(), threading.Barrier(4)

    def ask():
        start.wait(PATIENCE)
        return remembering.decide_once(package=wanted, service=service, key="k-1", body=b"{}", at=NOON)

    found = ended([others(ask) for _ in range(4)])
    assert {one.token for one in found} == {found[0].token}
    assert sorted(one.is_new for one in found) == [False, False, False, True]
    assert (Disclosure.objects.count(), Permit.objects.count(), RememberedDecision.objects.count()) == (1, 1, 1)


def test_a_refusal_stays_though_whoever_asked_goes_down(package, others):
    def ask_and_fail():
        try:
            decide(package=package(purpose="sale"), by=SYSTEM, at=NOON)
        except Refused:
            raise MemoryError from None

    with pytest.raises(MemoryError):
        others(ask_and_fail).result(PATIENCE)
    assert [row.codes for row in GateRefusal.objects.all()] == [["no_such_purpose", "no_grant"]]


def test_of_two_who_approve_an_exception_one_does_and_an_approver_who_lost_the_right_never(cirrus, others):
    exception = exceptions.ask(
        recipient=Recipient.provider(cirrus.reference), country="CA", starts_at=NOON, ends_at=NOON + 30 * DAY, reason="Its second site.",
        by=given.dana(), at=NOON,
    )  # fmt: skip
    ezra, gina = given.ezra(), cast.staff("gina", Role.COMPLIANCE_OFFICER)
    gus = cast.staff("gus", Role.ADMINISTRATOR)
    duties.assign(member=gina, roles=[Role.AUDITOR], by=gus, at=NOON)
    start = threading.Barrier(3)

    def approve(by):
        start.wait(PATIENCE)
        return exceptions.approve(exception=exception, by=by, at=NOON).decided_by

    found = ended([others(approve, by) for by in (ezra, cast.cleo(), gina)])
    assert found[2] is NotPermitted or issubclass(found[2], Refusal)
    exception.refresh_from_db()
    assert exception.state == "approved"
    assert [one for one in found if isinstance(one, str)] == [exception.decided_by]
    assert exception.decided_by in (str(ezra.actor), str(cast.cleo().actor))


def test_a_decision_waits_for_an_exception_that_is_being_withdrawn(package, cirrus, others, wait_until):
    exception = exceptions.ask(
        recipient=Recipient.provider(cirrus.reference), country="CA", starts_at=NOON, ends_at=NOON + 30 * DAY, reason="Its second site.",
        by=given.dana(), at=NOON,
    )  # fmt: skip
    exceptions.approve(exception=exception, by=cast.cleo(), at=NOON)
    withdrawn, may_commit = threading.Event(), threading.Event()

    def slowly():
        with transaction.atomic():
            exceptions.withdraw(exception=exception, by=cast.cleo(), at=NOON)
            withdrawn.set()
            assert may_commit.wait(PATIENCE)

    withdrawing = others(slowly)
    assert withdrawn.wait(PATIENCE)
    deciding = others(decide, package=package(countries=("CA",)), by=SYSTEM, at=NOON)
    wait_until(lambda: waiting() >= 1, "the decision to wait")
    may_commit.set()
    withdrawing.result(PATIENCE)

    assert ended([deciding]) == [Refused]
    assert GateRefusal.objects.get().codes == ["country_outside"]
