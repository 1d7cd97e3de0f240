"""What a run of checks makes of what they see: states, findings that last, errors that are not kept, no writing."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from apps.assurance.models import CheckResult, Finding, Promise, Run
from apps.assurance.services import board, checking
from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.foundation.promises import PROMISES, Check, Looked, Violation

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)


def seeing(rows, *violations, promise="P06", code="p06_seen"):
    return Check(promise, code, "what it proves", lambda at: Looked(rows, tuple(Violation(*one) for one in violations)))


def raising(error, promise="P06", code="p06_raises"):
    def run(at):
        raise error

    return Check(promise, code, "what it proves", run)


def check(*checks, at=NOON, codes=("P06",)):
    return checking.run(codes=codes, by=SYSTEM, at=at, checks=checks)


def state(code="P06"):
    return Promise.objects.get(code=code).state


def test_a_promise_is_kept_when_rows_were_looked_at_and_nothing_was_found():
    check(seeing(3))

    assert state() == "kept"
    assert list(CheckResult.objects.values_list("check_code", "state", "rows", "error")) == [
        ("p06_seen", "kept", 3, "")
    ]


def test_a_promise_is_broken_by_one_finding_of_one_check():
    check(seeing(3), seeing(3, ("COH-1", "expired and readable"), code="p06_other"))

    assert state() == "broken"
    assert list(Finding.objects.values_list("promise_id", "check_code", "object", "why", "since", "gone_at")) == [
        ("P06", "p06_other", "COH-1", "expired and readable", NOON, None)
    ]


def test_a_promise_without_a_check_is_unproven():
    check()

    assert state() == "unproven"
    assert Promise.objects.get(code="P06").checked_at == NOON


def test_a_promise_whose_parts_all_wait_is_unproven():
    check(Check("P06", "p06_waits", "held rows are kept", waits_for="holds are not built"))

    assert state() == "unproven"
    assert CheckResult.objects.get().state == "unproven"


def test_a_promise_whose_checks_saw_no_rows_has_nothing_to_check():
    check(seeing(0), seeing(0, code="p06_other"))

    assert state() == "nothing to check"


def test_one_check_that_saw_rows_is_enough_to_keep_a_promise():
    check(seeing(0), seeing(1, code="p06_other"))

    assert state() == "kept"


def test_a_part_that_waits_does_not_stop_what_is_proven_and_stays_named():
    waiting = Check("P06", "p06_waits", "held rows are kept", waits_for="holds are not built")
    check(seeing(2), waiting)

    assert state() == "kept"
    found = board.as_dict(["P06"], checks=(seeing(2), waiting))["P06"]["checks"]
    assert [(one["code"], one["state"], one["waits_for"]) for one in found] == [
        ("p06_seen", "kept", ""),
        ("p06_waits", "unproven", "holds are not built"),
    ]


def test_a_check_that_raises_is_not_kept_and_tells_the_kind_of_error_only():
    check(seeing(5), raising(ValueError("Ada Lovelace is past her life")))

    assert state() == "broken"
    assert list(Finding.objects.values_list("object", "why")) == [
        ("check:p06_raises", "the check ended with ValueError")
    ]
    result = CheckResult.objects.get(check_code="p06_raises")
    assert (result.state, result.error, result.rows) == ("error", "ValueError", 0)


def test_after_a_check_that_raised_the_other_checks_still_run():
    broken_query = Check("P06", "p06_sql", "what it proves", lambda at: connection.cursor().execute("SELECT nothing"))
    check(broken_query, seeing(1, promise="P26", code="p26_seen"), codes=("P06", "P26"))

    assert (state("P06"), state("P26")) == ("broken", "kept")
    assert CheckResult.objects.get(check_code="p06_sql").error == "ProgrammingError"


@pytest.mark.django_db(transaction=True)
def test_a_check_that_writes_is_refused_by_the_database():
    def write(at):
        Promise.objects.update(title="rewritten")
        return Looked(1)

    check(Check("P06", "p06_writes", "what it proves", write))

    assert CheckResult.objects.get().error == "InternalError"
    assert Promise.objects.get(code="P06").title == PROMISES["P06"]
    Promise.objects.filter(code="P06").update(state="kept")  # the connection can write again afterwards


def test_inside_a_transaction_a_check_that_writes_is_refused_too():
    check(Check("P06", "p06_writes", "what it proves", lambda at: Promise.objects.update(title="rewritten")))

    assert CheckResult.objects.get().error == "InternalError"


@pytest.mark.django_db(transaction=True)
def test_all_queries_of_a_check_see_one_moment():
    seen = []

    def look(at):
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            seen.append(cursor.fetchone()[0])
        return Looked(1)

    check(Check("P06", "p06_seen", "what it proves", look))

    assert seen == ["repeatable read"]


def test_a_finding_keeps_its_since_while_it_lasts():
    found = seeing(1, ("COH-1", "expired and readable"))
    check(found, at=NOON)
    check(found, at=LATER)

    finding = Finding.objects.get()
    assert (finding.since, finding.last_seen_at, finding.gone_at) == (NOON, LATER, None)


def test_a_finding_no_longer_seen_is_gone_and_one_that_comes_back_is_new():
    found = seeing(1, ("COH-1", "expired and readable"))
    check(found, at=NOON)
    check(seeing(1), at=LATER)
    check(found, at=LATER + timedelta(days=1))

    assert list(Finding.objects.order_by("id").values_list("since", "gone_at")) == [
        (NOON, LATER),
        (LATER + timedelta(days=1), None),
    ]


def test_another_reason_for_the_same_object_is_another_finding():
    check(seeing(2, ("COH-1", "expired and readable"), ("COH-1", "owed to an archive")))

    assert Finding.objects.open().count() == 2


def test_what_a_check_found_before_stays_open_while_it_can_not_look():
    check(seeing(1, ("COH-1", "expired and readable"), code="p06_x"), at=NOON)
    check(raising(OSError("no"), code="p06_x"), at=LATER)

    assert sorted(Finding.objects.open().values_list("object", "since")) == [("COH-1", NOON), ("check:p06_x", LATER)]


def test_a_check_that_finds_too_much_lists_a_thousand_and_says_so():
    check(seeing(2000, *((f"COH-{number:05}", "expired") for number in range(1200))))

    assert Finding.objects.open().count() == 1001
    assert Finding.objects.filter(object="check:p06_seen").count() == 1


def test_the_database_refuses_the_same_open_finding_twice():
    check(seeing(1, ("COH-1", "expired and readable")))
    finding = Finding.objects.get()
    finding.pk, finding.reference = None, "FND-2"

    with pytest.raises(IntegrityError, match="an_open_finding_stands_once"), transaction.atomic():
        finding.save(force_insert=True)


def test_a_run_that_ends_after_a_later_one_changes_neither_state_nor_findings():
    check(seeing(1), at=LATER)
    check(seeing(1, ("COH-1", "expired and readable")), at=NOON)

    assert state() == "kept"
    assert Finding.objects.count() == 0
    assert CheckResult.objects.count() == 2


def test_a_run_and_its_ledger_entry_are_written_together():
    run = check(seeing(1, ("COH-1", "expired and readable")))

    event = Event.objects.get(verb="assurance.checked")
    assert (event.object, event.actor) == (run.reference, "system:covenant")
    assert {name: event.facts[name] for name in ("promises", "kept", "broken", "findings_opened", "findings_gone")} == {
        "promises": 1, "kept": 0, "broken": 1, "findings_opened": 1, "findings_gone": 0,
    }  # fmt: skip
    assert Run.objects.get().finished_at >= NOON


def test_an_unknown_promise_is_refused_before_anything_is_written():
    with pytest.raises(board.UnknownPromise) as refused:
        check(codes=("P99",))

    assert refused.value.as_dict()["mend"] == "Use a code from P01 to P26."
    assert Run.objects.count() == 0


def test_all_promises_have_a_row_by_section_and_making_them_twice_changes_nothing_found():
    board.ensure(NOON)
    check(seeing(1))
    board.ensure(LATER)

    assert list(Promise.objects.values_list("code", flat=True)) == list(PROMISES)
    assert [Promise.objects.get(code=code).section for code in ("P10", "P11", "P16", "P17", "P20", "P26")] == [
        1,
        2,
        2,
        3,
        4,
        4,
    ]
    assert state() == "kept"
