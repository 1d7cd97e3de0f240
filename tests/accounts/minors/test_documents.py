"""The document goes with its key some days after the decision, once, whoever is killed or repeated, and never while a hold keeps the person."""

import os
import signal
import threading

import pytest
from django.db import connection

from apps.accounts.models import MinorCase, Representative
from apps.accounts.services import days, documents, minors, representing
from apps.audit.models import Event, JournalEntry
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.foundation.refusals import Refusal
from apps.holds.services import matters, placing, releasing
from apps.staff.roles import Role
from tests import cast
from tests.accounts.minors.given import KIM_BORN, asked, dana, grown, proposed, represented, verified
from tests.cast import DAY, NOON
from tests.faults import deaths

DUE = NOON + 30 * DAY

pytestmark = pytest.mark.django_db(transaction=True)


def secrets():
    return keystore().names("representative")


def at_once(*works):
    """All of them in threads of their own, as near together as can be; what each gave or was refused with."""
    ready, given = threading.Barrier(len(works)), []

    def run(work):
        ready.wait()
        try:
            given.append(work())
        except Refusal as refusal:
            given.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return given


def test_a_document_goes_with_its_key_30_days_after_the_decision_and_not_before():
    row = verified()
    assert documents.destroy_due(at=DUE - DAY) == 0
    assert documents.destroy_due(at=DUE) == 1
    assert documents.destroy_due(at=DUE) == 0
    row.refresh_from_db()
    assert (row.document, row.document_destroyed_at, row.full_name) == (None, DUE, "Paula Parent")
    assert documents.destroy_left_secrets(at=DUE) == 1
    assert keystore().was_destroyed(documents.secret_of(row.reference))
    facts = Event.objects.get(verb="representative.document_destroyed").facts
    assert (facts["digest"], facts["names_too"]) == (bytes(row.document_digest).hex(), False)
    with pytest.raises(documents.DocumentGone):
        documents.take(representative=row, reason="legal", by=dana(), at=DUE)


def test_of_a_rejected_one_the_names_go_too():
    row = representing.reject(representative=asked(), reason="not_shown", by=cast.cleo(), at=NOON)
    documents.destroy_due(at=DUE)
    row.refresh_from_db()
    assert (row.full_name, row.email, row.minor_given_name, row.minor_birth_date, row.rejection) == ("", "", "", None, "not_shown")


def test_what_waits_for_a_decision_stays_and_opens():
    row = proposed()
    assert documents.destroy_due(at=NOON + 300 * DAY) == 0
    assert documents.destroy_left_secrets(at=NOON) == 0
    assert documents.take(representative=row, reason="legal", by=dana(), at=NOON)[1] == "application/pdf"


def test_under_a_hold_the_document_stays_until_the_hold_is_over():
    kim = represented()
    ezra = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Docket 7", reason="a lawsuit", by=ezra, at=NOON)
    hold = placing.place(matter=matter, person=kim, reason="a lawsuit", by=ezra, at=NOON)
    assert documents.destroy_due(at=DUE) == 0
    releasing.ask_release(hold=hold, reason="settled", by=ezra, at=DUE)
    releasing.approve_release(hold=hold, by=cast.cleo(), at=DUE)
    assert documents.destroy_due(at=DUE + 30 * DAY) == 1


def test_what_is_refused_leaves_no_secret_behind():
    with pytest.raises(Refusal):
        representing.register(
            full_name="Paula", email="p@f.example", authority="parent", valid_from=NOON.date(), valid_until=None, content=b"no document",
            minor_given_name="Kim", minor_birth_date=KIM_BORN, by=dana(), at=NOON,
        )  # fmt: skip
    assert (secrets(), Representative.objects.count()) == ([], 0)


def test_who_is_killed_between_the_rows_end_and_the_keys_leaves_what_the_next_sweep_finishes():
    row = verified()

    def dying():
        documents.destroy_due(at=DUE)
        documents.keystore = lambda: os.kill(os.getpid(), signal.SIGKILL)
        documents.destroy_left_secrets(at=DUE)

    assert deaths.in_child(dying) == -signal.SIGKILL
    row.refresh_from_db()
    assert (row.document, secrets()) == (None, [documents.secret_of(row.reference)])
    documents.destroy_due(at=DUE)
    documents.destroy_left_secrets(at=DUE)
    assert secrets() == []
    assert Event.objects.filter(verb="representative.document_destroyed").count() == 1


@pytest.mark.parametrize("step", ["representative.verified", "minor_case.closed", "person.resumed"])
def test_who_is_killed_while_verifying_leaves_nothing_half_done(step):
    kim = grown()
    case = minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    row = asked(person=kim)
    cleo = cast.cleo()
    documents.take(representative=row, reason="legal", by=cleo, at=NOON)
    record = representing.ledger.record

    def dying():
        def killed(verb, **given):
            record(verb, **given)
            if verb == step:
                deaths.die()

        representing.ledger.record = killed
        representing.approve(representative=row, by=cleo, at=NOON)

    assert deaths.in_child(dying) == -signal.SIGKILL
    kim.refresh_from_db()
    case.refresh_from_db()
    row.refresh_from_db()
    assert (row.state, case.state, kim.standing) == ("proposed", "open", "suspended")
    assert Event.objects.filter(verb__in=["representative.verified", "minor_case.closed", "person.resumed"]).count() == 0
    representing.approve(representative=row, by=cleo, at=NOON)
    kim.refresh_from_db()
    assert (kim.standing, JournalEntry.objects.filter(kind="person.resumed").count()) == ("active", 1)


def test_two_sweeps_at_once_destroy_each_document_once():
    for _each in range(3):
        verified()
    assert sum(at_once(*[lambda: documents.destroy_due(at=DUE)] * 2)) == 3
    assert Event.objects.filter(verb="representative.document_destroyed").count() == 3


def test_two_reports_at_once_open_one_case():
    kim = grown()
    given = at_once(*[lambda: minors.report(person=kim, how="report", by=SYSTEM, at=NOON).reference] * 2)
    assert (len(given), len(set(given)), MinorCase.objects.count()) == (2, 1, 1)
    assert JournalEntry.objects.filter(kind="person.suspended").count() == 1


def test_two_sweeps_at_once_suspend_once():
    represented(valid_until=(NOON + 10 * DAY).date())
    at_once(*[lambda: days.look_after(at=NOON + 10 * DAY)] * 2)
    assert (MinorCase.objects.count(), JournalEntry.objects.filter(kind="person.suspended").count()) == (1, 1)


def test_two_registrations_at_once_use_a_representative_once():
    acting, code = verified(), representing.RepresentativeNotUsable.code
    ready = [lambda: grown(birth_date=KIM_BORN, representative=acting.reference).reference] * 2
    given = at_once(*ready)
    assert (len(given), given.count(code)) == (2, 1)
    acting.refresh_from_db()
    assert acting.person is not None


def test_an_approval_and_an_end_of_another_at_once_leave_nobody_alone_and_active():
    kim = represented()
    first = kim.representatives.get()
    row, cleo, by = asked(person=kim), cast.cleo(), dana()
    documents.take(representative=row, reason="legal", by=cleo, at=NOON)
    at_once(
        lambda: representing.approve(representative=row, by=cleo, at=NOON),
        lambda: representing.end(representative=first, reason="withdrew", by=by, at=NOON),
    )  # fmt: skip
    kim.refresh_from_db()
    assert (kim.standing, MinorCase.objects.open().count()) == ("active", 0)
