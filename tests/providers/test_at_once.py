"""Two at once, with real connections: two approvers, a withdrawal and the last look of a permit, two sweeps, two imports."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from apps.audit.models import Event
from apps.foundation.refusals import Refusal
from apps.mail.models import OutgoingMail
from apps.providers.models import Lapse, Provider
from apps.providers.services import asking, granting, lives, register, warning
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry
from tests.providers.test_register import file_of, line

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20


@pytest.fixture
def others():
    """A pool of threads with connections of their own, closed when their work is done."""
    with ThreadPoolExecutor(4) as pool:

        def start(work, **given) -> Future:
            def run():
                try:
                    return work(**given)
                except Refusal as refusal:
                    return refusal
                finally:
                    connections.close_all()

            return pool.submit(run)

        yield start


def waiting_for_a_row() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')")
        return cursor.fetchone()[0]


def wait_until(condition, what):
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            pytest.fail(f"waited {PATIENCE} s for: {what}", pytrace=False)
        time.sleep(0.02)


def ask(provider):
    return asking.ask(provider=provider.reference, categories=frozenset({"contact"}), purpose="operation", patient_information=False, at=NOON)


@pytest.mark.parametrize("close", ["suspend", "withdraw", "end"])
def test_what_closes_waits_for_a_last_look_or_comes_before_it(harbor, dana, cleo, others, close):
    """While somebody looked under the lock and has not used it, nothing can close; afterwards it is closed for everybody."""
    grant = registry.granted(harbor, "contact")
    acts = {
        "suspend": lambda: others(lives.suspend, provider=harbor, reason="x", by=dana, at=NOON),
        "withdraw": lambda: others(granting.withdraw, grant=grant, by=dana, at=NOON),
        "end": lambda: others(lives.end, provider=harbor, data_end="return", by=cleo, at=NOON),
    }
    with transaction.atomic():
        asking.lock(provider=harbor.reference)
        assert ask(harbor).reasons == ()
        closing = acts[close]()
        wait_until(waiting_for_a_row, "the act to wait for the look")
        assert ask(harbor).reasons == ()
        assert not closing.done()
    assert not isinstance(closing.result(PATIENCE), Refusal)

    assert ask(harbor).reasons != ()


def test_two_who_look_do_not_wait_for_each_other(harbor, others):
    def look():
        with transaction.atomic():
            asking.lock(provider=harbor.reference)
            return True

    with transaction.atomic():
        asking.lock(provider=harbor.reference)
        assert others(look).result(PATIENCE) is True


def test_of_two_who_approve_at_once_one_does(harbor, others):
    cleo, second = cast.cleo(), cast.staff("second", Role.COMPLIANCE_OFFICER)
    grant = registry.wanted(harbor)
    start = threading.Barrier(2)

    def approve(by):
        start.wait(PATIENCE)
        return granting.approve(grant=grant, by=by, at=NOON)

    results = [work.result(PATIENCE) for work in (others(approve, by=cleo), others(approve, by=second))]

    assert sorted(isinstance(result, Refusal) for result in results) == [False, True]
    assert Event.objects.filter(verb="grant.approved").count() == 1


def test_of_two_sweeps_at_once_each_lapse_is_said_and_recorded_once(harbor, others):
    registry.reviewed(harbor, days=1000, at=NOON + DAY)
    start = threading.Barrier(2)

    def sweep(at):
        start.wait(PATIENCE)
        return warning.look_after(at=at)

    for at in (NOON + 360 * DAY, NOON + 365 * DAY):
        for work in [others(sweep, at=at), others(sweep, at=at)]:
            work.result(PATIENCE)

    assert OutgoingMail.objects.filter(template="providers/lapse_warning").count() == 2  # both agreements
    assert OutgoingMail.objects.filter(template="providers/lapsed").count() == 2
    assert Lapse.objects.count() == Event.objects.filter(verb="agreement.lapsed").count() == 2


def test_a_file_that_is_applied_twice_at_once_is_applied_once(house, others):
    dana = registry.dana()
    upload = register.upload(content=file_of(line()), by=dana, at=NOON)
    start = threading.Barrier(2)

    def apply():
        start.wait(PATIENCE)
        return register.apply(upload=upload, by=dana, at=NOON)

    results = [work.result(PATIENCE) for work in (others(apply), others(apply))]

    assert sorted(isinstance(result, Refusal) for result in results) == [False, True]
    assert Provider.objects.count() == 1
