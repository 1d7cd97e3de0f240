"""Admin lists at a million rows against the stock queries, and the destruction of a day against a bare DELETE of as many rows.

Sizes come from the environment: BENCH_EVENTS (default 1,000,000) and BENCH_MESSAGES (default 20,000).
"""

import os
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from apps.retention.models import Cohort
from apps.retention.services import destroy, sealing
from apps.staff.roles import Role
from tests import cast

EVENTS = int(os.environ.get("BENCH_EVENTS", 1_000_000))
MESSAGES = int(os.environ.get("BENCH_MESSAGES", 20_000))


def ask(sql: str):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@pytest.mark.django_db
def bench_a_list_of_a_million_rows(home, client, measure):
    cast.house()
    client.force_login(cast.staff("faye", Role.AUDITOR))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (at, actor, verb, object, facts) SELECT now() - n * interval '1 second', 'system:covenant',"
            " 'bench.row', 'B' || n, '{}' FROM generate_series(1, %s) n",
            [EVENTS],
        )
        cursor.execute("ANALYZE audit_event")
    page = client.get("/admin/audit/event/")
    assert page.status_code == 200
    measure(
        f"ledger, {EVENTS:,} rows, first page",
        ours=lambda: client.get("/admin/audit/event/"),
        stock_queries=lambda: (ask("SELECT count(*) FROM audit_event"), ask("SELECT * FROM audit_event ORDER BY id DESC LIMIT 100")),
    )
    measure(
        f"ledger, {EVENTS:,} rows, deep page (queries only)",
        keyset=lambda: ask(f"SELECT * FROM audit_event WHERE id < {EVENTS // 100} ORDER BY id DESC LIMIT 51"),
        stock_offset=lambda: (
            ask("SELECT count(*) FROM audit_event"),
            ask(f"SELECT * FROM audit_event ORDER BY id DESC LIMIT 100 OFFSET {EVENTS - EVENTS // 100}"),
        ),
    )


@pytest.mark.django_db(transaction=True)
def bench_the_destruction_of_a_day(home, measure):
    cast.house()
    clinic = cast.hill_clinic(7)
    for batch in range(MESSAGES // 1000):
        lines = [cast.message(n, id=f"{batch}-{n}") for n in range(1, 1001)]
        measure("ingest of 1,000 messages through the service", rounds=1, ours=lambda b=batch, rows=lines: cast.hand_over(clinic, rows, key=f"b{b}"))
    day = Cohort.objects.get().expiry_on
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bench_copy (LIKE message INCLUDING ALL); INSERT INTO bench_copy SELECT * FROM message WHERE expiry = '{day}'")
    now = datetime.now(UTC) + timedelta(seconds=1)
    measure(f"sealing {MESSAGES:,} messages", rounds=1, ours=lambda: sealing.expire_due(at=now))
    measure(
        f"destroying {MESSAGES:,} messages, intent to certificate", rounds=1,
        ours=lambda: destroy.destroy_due(at=now),
        bare_delete_nothing_proven=lambda: connection.cursor().execute("DELETE FROM bench_copy"),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_copy")
    assert Cohort.objects.get().state == "destroyed"
