"""Each check finds what was planted by raw SQL, names it, and finds nothing where all is well."""

import json
from datetime import timedelta

import pytest
from django.db import connection

from apps.data_requests import hashing, promises
from apps.foundation.promises import Violation
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked

LATER = NOON + 100 * DAY
GONE = "PER-GGGGGGG"


@pytest.fixture
def ada(house):
    return cast.ada(cast.hill_clinic(7))


def whys(looked) -> list[tuple[str, str]]:
    return [(found.object, found.why) for found in looked.violations]


@pytest.fixture
def erased(by_force):
    """Somebody was erased, says the record: with what digests, and by which request."""

    def put(reference: str = GONE, digests: bytes = b"", request: str = "REQ-GGGGGGG", done_at=NOON):
        by_force(
            "INSERT INTO data_requests_erasedperson (person_reference, request_reference, digests, began_at, done_at, kept_until)"
            " VALUES (%s, %s, %s, %s, %s, %s)", reference, request, digests, NOON - DAY, done_at, NOON + 700 * DAY,
        )  # fmt: skip

    return put


# --- P20: in time ----------------------------------------------------------------------------------------------------


def test_an_open_request_is_past_its_day_when_its_clock_ran_out(ada):
    request = asked.request(person=ada)

    assert promises.no_request_is_past_its_day(NOON + DAY) == promises.Looked(1)
    assert whys(promises.no_request_is_past_its_day(NOON + 61 * DAY)) == [
        (request.reference, "open for more than 60 days"),
        (request.reference, "open past ccpa_acknowledge, due on 2026-03-20"),
        (request.reference, "open past ccpa_answer, due on 2026-04-22"),
        (request.reference, "open past policy_deletion, due on 2026-05-07"),
    ]


def test_a_request_whose_clocks_somebody_moved_or_removed_is_past_its_day_all_the_same(ada, by_force):
    request = asked.request(person=ada)
    by_force("DELETE FROM data_requests_clock")

    assert whys(promises.no_request_is_past_its_day(NOON + 61 * DAY)) == [
        (request.reference, "erases, and the policy set it no day"), (request.reference, "open for more than 60 days"),
    ]  # fmt: skip


def test_a_request_that_is_over_is_not_late(ada, by_force):
    request = asked.request(person=ada)
    by_force("UPDATE data_requests_datarequest SET state = 'completed', outcome = 'whole', closed_at = %s WHERE id = %s", NOON, request.pk)

    assert promises.no_request_is_past_its_day(LATER) == promises.Looked(0)


# --- P20: nowhere ----------------------------------------------------------------------------------------------------


def test_nobody_erased_nothing_to_look_at(ada):
    assert promises.who_was_erased_is_nowhere(NOON) == promises.Looked(0)


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("INSERT INTO accounts_historicalperson SELECT * FROM json_populate_record(NULL::accounts_historicalperson, %s)", "accounts_historicalperson"),
        ("INSERT INTO django_admin_log SELECT * FROM json_populate_record(NULL::django_admin_log, %s)", "django_admin_log"),
        ("INSERT INTO audit_eventdetail SELECT * FROM json_populate_record(NULL::audit_eventdetail, %s)", "audit_eventdetail"),
        ("INSERT INTO mail_outgoingmail SELECT * FROM json_populate_record(NULL::mail_outgoingmail, %s)", "mail_outgoingmail"),
    ],
)  # fmt: skip
def test_an_erased_person_is_found_by_reference_in_any_live_table(ada, erased, by_force, sql, table):
    erased()
    assert promises.who_was_erased_is_nowhere(NOON) == promises.Looked(1)

    row = {"id": 7, "reference": "x", "object_repr": f"was {GONE}.", "detail": {"who": [GONE]}, "about": GONE, "history_id": 7}
    if table == "accounts_historicalperson":
        row["reference"] = GONE
    with connection.cursor() as cursor:
        cursor.execute("SELECT attname, typname FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid WHERE attrelid = %s::regclass AND attnum > 0 AND"
                       " attnotnull", [table])  # fmt: skip
        filled = {"varchar": "", "text": "", "timestamptz": NOON.isoformat(), "bool": False, "bytea": "", "date": "2026-01-01", "jsonb": {}}
        row = {name: filled.get(kind, 7) for name, kind in cursor.fetchall()} | row
    by_force(sql, json.dumps(row))

    assert promises.who_was_erased_is_nowhere(NOON) == promises.Looked(1, (Violation(GONE, f"was erased, and {table} still names them"),))


@pytest.mark.parametrize("done_after", [True, False])
def test_an_address_that_an_erased_person_was_known_by_is_found_unless_they_came_again_later(ada, erased, done_after):
    erased(digests=hashing.of_email("nobody@client.example") + hashing.of_email("Ada@client.example"), done_at=NOON if done_after else NOON - 300 * DAY)

    found = whys(promises.who_was_erased_is_nowhere(NOON))

    assert found == ([
        (GONE, "was erased, and what they were known by is still in accounts_personemail"),
        (GONE, "was erased, and what they were known by is still in accounts_historicalpersonemail"),
    ] if done_after else [])  # fmt: skip


def test_what_a_hold_still_keeps_is_no_violation(ada, erased, by_force):
    request = asked.request(person=ada)
    erased(reference=ada.reference, request=request.reference)
    assert len(promises.who_was_erased_is_nowhere(NOON).violations) > 0

    by_force(
        "INSERT INTO data_requests_remainder SELECT * FROM json_populate_record(NULL::data_requests_remainder, %s)",
        json.dumps({"id": 1, "request_id": request.pk, "holding": "accounts.people", "ground": "hold", "about": "HLD-1", "rows": 1, "owed": [],
                    "since": NOON.isoformat()}),
    )  # fmt: skip
    assert promises.who_was_erased_is_nowhere(NOON) == promises.Looked(0)


# --- P20: proven -----------------------------------------------------------------------------------------------------


def test_a_completed_erasure_without_scan_approval_and_evidence_is_named(ada, erased, by_force):
    request = asked.request(person=ada)
    erased(request=request.reference)
    assert promises.every_erasure_is_proven(NOON) == promises.Looked(1)

    by_force("UPDATE data_requests_datarequest SET state = 'completed', outcome = 'whole', closed_at = %s WHERE id = %s", NOON, request.pk)
    assert whys(promises.every_erasure_is_proven(NOON)) == [
        (request.reference, "completed without evidence for an auditor"),
        (request.reference, "completed, and its last search was not clean, or there was none after its last step"),
        (request.reference, "erased without a second person who approved it"),
    ]


def test_a_scan_from_before_the_last_step_proves_nothing(ada, erased, by_force):
    request = asked.request(person=ada)
    erased(request=request.reference)
    by_force("UPDATE data_requests_datarequest SET state = 'completed', outcome = 'whole', closed_at = %s WHERE id = %s", NOON, request.pk)
    by_force(
        "INSERT INTO data_requests_scan (reference, request_id, number, at, seconds, tables, columns, files, bytes, findings, excused, is_clean)"
        " VALUES ('SCN-1', %s, 1, %s, 0, 1, 1, 1, 1, '[]', '[]', true)", request.pk, NOON,
    )  # fmt: skip
    unclean = "completed, and its last search was not clean, or there was none after its last step"
    assert (request.reference, unclean) not in whys(promises.every_erasure_is_proven(NOON))

    by_force("INSERT INTO data_requests_plan SELECT * FROM json_populate_record(NULL::data_requests_plan, %s)", json.dumps(
        {"id": 1, "reference": "PLN-1", "request_id": request.pk, "number": 1, "digest": "", "exceptions": [], "made_by": "x", "made_at": NOON.isoformat(),
         "approval": "", "approved_by": "", "void_because": ""}
    ))  # fmt: skip
    by_force("INSERT INTO data_requests_step SELECT * FROM json_populate_record(NULL::data_requests_step, %s)", json.dumps(
        {"id": 1, "plan_id": 1, "number": 1, "kind": "erase", "holding": "x", "expected": 0, "state": "done", "erased": 0, "anonymised": 0, "collected": 0,
         "owed": [], "waits_for": "", "done_at": (NOON + timedelta(hours=1)).isoformat()}
    ))  # fmt: skip
    assert (request.reference, unclean) in whys(promises.every_erasure_is_proven(NOON))


def test_a_provider_that_did_not_confirm_in_time_is_named(ada, by_force):
    request = asked.request(person=ada)
    by_force("INSERT INTO data_requests_erasurenotice SELECT * FROM json_populate_record(NULL::data_requests_erasurenotice, %s)", json.dumps(
        {"id": 1, "reference": "ERN-1", "request_id": request.pk, "provider": "PRV-1", "person_reference": GONE, "disclosures": [], "way": "task",
         "made_at": NOON.isoformat(), "due_at": (NOON + 30 * DAY).isoformat(), "permit": "", "acknowledged_by": "", "evidence": "", "attempts": 0,
         "last_code": "", "acknowledged_how": ""}
    ))  # fmt: skip

    assert promises.providers_erase_too(NOON) == promises.Looked(1)
    assert whys(promises.providers_erase_too(LATER)) == [("ERN-1", "the provider PRV-1 has not confirmed by 2026-04-07")]


# --- P21 -------------------------------------------------------------------------------------------------------------


def test_numbers_that_are_kept_lead_to_nobody_and_a_column_that_would_is_named(ada):
    assert promises.what_is_kept_joins_to_nobody(NOON).violations == ()

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE communications_formerdeliveries ADD person_id bigint REFERENCES accounts_person, ADD seen bytea, ADD at timestamptz")
    assert whys(promises.what_is_kept_joins_to_nobody(NOON)) == [
        ("communications_formerdeliveries.at", "kept as a number about nobody, and it leads to timestamptz"),
        ("communications_formerdeliveries.person_id", "kept as a number about nobody, and it leads to accounts_person"),
        ("communications_formerdeliveries.seen", "kept as a number about nobody, and it leads to bytea"),
    ]


# --- P22 -------------------------------------------------------------------------------------------------------------


def test_who_was_erased_by_the_journal_and_is_in_the_register_came_back(ada, house):
    assert promises.nobody_came_back_with_a_backup(NOON).violations == ()

    with (house / "journal" / "journal.ndjson").open("a") as file:
        file.write(json.dumps({"kind": "person.erased", "about": GONE}) + "\n" + json.dumps({"kind": "person.erased", "about": ada.reference}) + "\n")
        file.write('{"kind": "person.erased", "about": "PER-HALF')
    assert promises.nobody_came_back_with_a_backup(NOON) == promises.Looked(2, (
        Violation(ada.reference, "was erased by the journal, and is in accounts_person"),
        Violation(ada.reference, "was erased by the journal, and is in accounts_historicalperson"),
    ))  # fmt: skip


def test_a_drill_that_looked_for_nobody_after_somebody_was_erased_is_named(ada, erased, by_force):
    drill = {"id": 1, "reference": "DRL-1", "started_at": (NOON + DAY).isoformat(), "ended_at": (NOON + DAY).isoformat(), "by": "x", "outcome": "well",
             "dump_sha256": "", "scratch": "", "entries": 1, "report": {"looked_at": {"people": 0}}}  # fmt: skip
    by_force("INSERT INTO backups_drill SELECT * FROM json_populate_record(NULL::backups_drill, %s)", json.dumps(drill))
    assert promises.drills_look_for_people(LATER) == promises.Looked(1)

    erased()
    assert whys(promises.drills_look_for_people(LATER)) == [("DRL-1", "people were erased before it, and it looked for none of them")]

    by_force("UPDATE backups_drill SET report = %s", json.dumps({"looked_at": {"people": 1}}))
    assert promises.drills_look_for_people(LATER) == promises.Looked(1)


# --- P24 -------------------------------------------------------------------------------------------------------------


def test_a_minors_request_past_its_day_and_a_removal_that_became_none_are_named(ada, by_force):
    request = asked.request("minor", person=ada)
    assert promises.no_minor_waits_past_the_day(NOON).violations == ()
    assert (request.reference, "open for more than 10 days") in whys(promises.no_minor_waits_past_the_day(NOON + 11 * DAY))
    assert promises.no_request_is_past_its_day(NOON + 5 * DAY).violations == ()

    by_force("INSERT INTO accounts_minorcase SELECT * FROM json_populate_record(NULL::accounts_minorcase, %s)", json.dumps(
        {"id": 1, "reference": "MIN-1", "how": "report", "opened_at": NOON.isoformat(), "opened_by": "x", "due_at": LATER.isoformat(), "state": "open",
         "closed_by": "", "person_id": ada.pk, "policy_version_id": ada.policy_version_id, "removal_asked_at": NOON.isoformat(), "removal_asked_by": "x"}
    ))  # fmt: skip
    assert whys(promises.no_minor_waits_past_the_day(NOON + 2 * DAY)) == []
    by_force("DELETE FROM data_requests_clock")
    by_force("DELETE FROM data_requests_datarequest")
    assert whys(promises.no_minor_waits_past_the_day(NOON + 2 * DAY)) == [
        ("MIN-1", "its removal was asked for more than a day ago, and no request erases the minor")
    ]
