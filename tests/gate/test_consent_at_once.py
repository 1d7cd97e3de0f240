"""A decision or a use and a withdrawal at once, with real connections: each comes wholly before the other or wholly after it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from apps.consents.models import Standing
from apps.foundation.actors import SYSTEM
from apps.gate import promises
from apps.gate.models import Disclosure, GateRefusal, Permit, WithdrawalNotice
from apps.gate.services import permits, withdrawals
from apps.gate.services.deciding import About, Recipient, Refused, decide
from tests import cast
from tests.cast import NOON
from tests.gate import agreed, given
from tests.gate.conftest import PATIENCE
from tests.gate.given import DIGEST
from tests.gate.test_at_once import ended, waiting

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def somebody(house):
    made = given.provider("Somebody Else", role="independent")
    agreed.purpose(made)
    return made


@pytest.fixture
def ready(somebody, ada):
    """What Somebody Else may have of Ada, who consented."""
    agreed.give(ada)
    return agreed.on_consent(somebody, About.person(ada.reference))


def use(somebody, permit):
    return permits.spend(
        permit=permit, recipient=Recipient.provider(somebody.reference), fields=frozenset({"email", "given_name"}), digest=DIGEST, at=LATER
    )


def stopping(work, *, after: str, reached: threading.Event, go_on: threading.Event):
    """Does its work, and stands still with its locks after the statement that begins like this."""

    def hold(execute, sql, params, many, context):
        done = execute(sql, params, many, context)
        if sql.lstrip().startswith(after):
            reached.set()
            assert go_on.wait(PATIENCE)
        return done

    with connection.execute_wrapper(hold):
        return work()


def at_once(others, wait_until, first, *, after, second):
    """`first` reaches its statement, `second` then waits for it; both end. What each came to."""
    reached, go_on = threading.Event(), threading.Event()
    one = others(stopping, first, after=after, reached=reached, go_on=go_on)
    assert reached.wait(PATIENCE)
    two = others(second)
    wait_until(lambda: waiting() >= 1, "the second to wait for the first")
    go_on.set()
    return ended([one, two])


FALLS = 'UPDATE "consents_standing"'
SPENT = 'UPDATE "gate_permit"'


def test_a_decision_waits_for_a_withdrawal_that_came_first_and_lets_nothing_out(ready, ada, others, wait_until):
    withdrawn, decided = at_once(
        others, wait_until, lambda: agreed.withdraw(ada), after=FALLS, second=lambda: decide(package=ready, by=SYSTEM, at=NOON)
    )

    assert (withdrawn.act, decided) == ("withdrawn", Refused)
    assert (GateRefusal.objects.get().codes, Disclosure.objects.count()) == (["no_consent"], 0)


def test_a_withdrawal_waits_for_a_decision_that_came_first_and_its_permit_serves_no_more(ready, somebody, ada, others, wait_until):
    reached, go_on = threading.Event(), threading.Event()

    def along(_permit):
        reached.set()
        assert go_on.wait(PATIENCE)

    deciding = others(decide, package=ready, by=SYSTEM, at=NOON, along=along)
    assert reached.wait(PATIENCE)
    withdrawing = others(agreed.withdraw, ada)
    wait_until(lambda: waiting() >= 1, "the withdrawal to wait for the decision")
    assert Standing.objects.get(person=ada).stands is True
    go_on.set()
    permit, event = ended([deciding, withdrawing])

    assert (Disclosure.objects.get().pk, event.act, Standing.objects.get(person=ada).stands) == (permit.disclosure.pk, "withdrawn", False)
    with pytest.raises(permits.GroundGone):
        use(somebody, permit)
    assert [(row.stage, row.codes) for row in GateRefusal.objects.all()] == [("spending", ["no_consent"])]


def test_a_use_waits_for_a_withdrawal_that_came_first_and_nothing_leaves(ready, somebody, ada, others, wait_until):
    permit = decide(package=ready, by=SYSTEM, at=NOON)
    _event, used = at_once(others, wait_until, lambda: agreed.withdraw(ada), after=FALLS, second=lambda: use(somebody, permit.token))

    assert used is permits.GroundGone
    assert Permit.objects.get().spent_at is None
    assert (GateRefusal.objects.get().stage, GateRefusal.objects.get().codes) == ("spending", ["no_consent"])
    assert withdrawals.look_after(at=LATER) == 0


def test_a_withdrawal_waits_for_a_use_that_came_first_and_who_got_it_is_told(ready, somebody, ada, others, wait_until):
    permit = decide(package=ready, by=SYSTEM, at=NOON)
    used, event = at_once(others, wait_until, lambda: use(somebody, permit.token), after=SPENT, second=lambda: agreed.withdraw(ada, at=LATER))

    assert (used.spent_at, event.act) == (LATER, "withdrawn")
    withdrawals.look_after(at=LATER)
    notice = WithdrawalNotice.objects.get()
    assert (notice.event, notice.disclosures, notice.state) == (event.reference, [permit.disclosure.reference], "told")


def test_whatever_the_order_nothing_is_let_out_after_a_withdrawal(somebody, ada, others):
    ben = cast.ada(ada.organization, "ben@client.example")
    for person in (ada, ben):
        agreed.give(person)
    package = agreed.on_consent(somebody, About.people([ada.reference, ben.reference]))
    start = threading.Barrier(4)

    def ask():
        start.wait(PATIENCE)
        made = 0
        for _turn in range(10):
            try:
                decide(package=package, by=SYSTEM, at=NOON)
                made += 1
            except Refused:
                break
        return made

    def take_back():
        start.wait(PATIENCE)
        return agreed.withdraw(ada)

    *asked, _event = ended([others(ask), others(ask), others(ask), others(take_back)])
    assert Disclosure.objects.count() == sum(asked)
    assert {tuple(row.codes) for row in GateRefusal.objects.all()} <= {("no_consent",)}
    with pytest.raises(Refused):
        decide(package=package, by=SYSTEM, at=NOON)
    check = next(check for check in promises.CHECKS if check.code == "gate.consents")
    assert check.run(LATER).violations == ()


def test_two_workers_that_notice_and_tell_at_once_tell_once(ready, somebody, ada, others):
    use(somebody, decide(package=ready, by=SYSTEM, at=NOON))
    agreed.withdraw(ada, at=LATER)
    start = threading.Barrier(3)

    def look():
        start.wait(PATIENCE)
        return withdrawals.look_after(at=LATER)

    mails = ended([others(look) for _ in range(3)])
    assert sum(mails) == 2
    assert (WithdrawalNotice.objects.count(), WithdrawalNotice.objects.get().state) == (1, "told")
