"""A decision of the gate with its record, and one person's account of what left, over 1,000 providers, 10,000 grants and 5,000,000 disclosures.

A decision looks the provider, its grant and all that rests under it up, whose data it is, and writes disclosure, subject and permit under
the provider's lock. Beside it: one look-up by an index, one INSERT of a row as wide and its COMMIT, in a table as large. One person's
account is put together to series from disclosures that lie anywhere in the ledger; beside it: the same rows by one look-up in one index.
Sizes: BENCH_GATE_PROVIDERS, BENCH_GATE_GRANTS, BENCH_GATE_DISCLOSURES, BENCH_GATE_PEOPLE.
"""

import secrets
from datetime import timedelta

import pytest
from django.db import connection

from apps.foundation.actors import SYSTEM
from apps.gate.models import Disclosure
from apps.gate.services import accounts
from apps.gate.services.deciding import About, decide
from tests import cast
from tests.bench.conftest import ask, compare, size
from tests.cast import NOON
from tests.gate import given

PROVIDERS = size("BENCH_GATE_PROVIDERS", 1_000)
GRANTS = size("BENCH_GATE_GRANTS", 10_000)
DISCLOSURES = size("BENCH_GATE_DISCLOSURES", 5_000_000)
PEOPLE = size("BENCH_GATE_PEOPLE", 50_000)
A_TURN, TURNS = 200, 7
AT_ONCE = 500_000
FIRST = 1_000_000  # of the made-up rows, far from what the services number


def copies(table: str, source: str, count: int, **changed: str) -> None:
    """So many copies of a row that a service made, each with what makes it another one; `n` counts them from 1."""
    others = ", ".join(f"'{name}', {value}" for name, value in changed.items())
    ask(
        f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(one) || jsonb_build_object({others}))).*"
        f" FROM (SELECT * FROM {table} WHERE {source}) one, generate_series(1, {count}) n"
    )


def reference(prefix: str, number: str, width: int = 7) -> str:
    return f"'{prefix}-' || lpad(({number})::text, {width}, '0')"


def registry() -> None:
    """Providers in use, each with its agreement, review and grants, copied from one that went the whole way."""
    cirrus = given.provider()
    grant = given.grant(cirrus)
    first = f"id = {cirrus.pk}"
    of_each = GRANTS // PROVIDERS
    ask("SET session_replication_role = replica")
    copies("providers_provider", first, PROVIDERS, id=f"{FIRST} + n", reference=reference("PRV", "n"))
    agreement = cirrus.agreements.get()
    ask(
        "INSERT INTO providers_document SELECT (jsonb_populate_record(NULL::providers_document, to_jsonb(one) || jsonb_build_object("
        f"'id', {FIRST} + n, 'reference', {reference('DOC', 'n')}))).* FROM providers_document one, generate_series(1, {PROVIDERS}) n"
        f" WHERE one.id = {agreement.document_id}"
    )
    copies(
        "providers_agreement", f"id = {agreement.pk}", PROVIDERS, id=f"{FIRST} + n", provider_id=f"{FIRST} + n", reference=reference("AGR", "n"),
        line=reference("AGR", "n"), document_id=f"{FIRST} + n",
    )  # fmt: skip
    copies(
        "providers_securityreview", f"provider_id = {cirrus.pk}", PROVIDERS, id=f"{FIRST} + n", provider_id=f"{FIRST} + n", reference=reference("SEC", "n")
    )
    copies(
        "providers_grant", f"id = {grant.pk}", PROVIDERS * of_each, id=f"{FIRST} + n", provider_id=f"{FIRST} + 1 + (n - 1) / {of_each}",
        agreement_id=f"{FIRST} + 1 + (n - 1) / {of_each}", reference=reference("GRT", "n"),
        purposes=f"CASE WHEN n % {of_each} = 0 THEN '[\"support\"]'::jsonb ELSE '[\"security\"]'::jsonb END",
    )  # fmt: skip
    ask("SET session_replication_role = origin")


def people() -> None:
    ada = cast.ada(cast.client(hipaa=False))
    copies("accounts_person", f"id = {ada.pk}", PEOPLE, id=f"{FIRST} + n", reference=reference("PER", "n"))


LEDGER = """
INSERT INTO gate_disclosure (id, reference, at, recipient_kind, recipient, about_kind, about_organization, about_count, categories, fields, purpose,
    ground, "grant", consent, exceptions, countries, patient_information, what, digest, size, by)
SELECT n, 'DIS-' || lpad(n::text, 11, '0'), %s::timestamptz - (%s - n) * interval '30 seconds', 'provider', 'PRV-' || lpad((n %% %s + 1)::text, 7, '0'),
    'person', '', 1, '{contact,identity}', '{email,given_name}', (ARRAY['support', 'security', 'operation'])[1 + n / 7 %% 3], 'service_provider',
    'GRT-' || lpad((n %% %s + 1)::text, 7, '0'), '', '{}', '{US}', false, 'EXP-7F3K2M9/part ' || n, sha256(n::text::bytea), 120, 'system:covenant'
FROM generate_series(%s, %s) n
"""
SUBJECTS = (
    "INSERT INTO gate_disclosuresubject (disclosure_id, person_reference, consent)"
    " SELECT n, 'PER-' || lpad((n %% %s + 1)::text, 7, '0'), '' FROM generate_series(%s, %s) n"
)
PERMITS = """
INSERT INTO gate_permit (reference, token_hash, kind, disclosure_id, why, recipient_kind, recipient, fields, digest, given_at, lapses_at, spent_at, by)
SELECT 'PMT-' || lpad(id::text, 11, '0'), sha256(reference::bytea), 'data', id, '', recipient_kind, recipient, fields, digest, at,
    at + interval '15 minutes', at + interval '1 second', by FROM gate_disclosure WHERE id BETWEEN %s AND %s
"""
RIVAL = """
CREATE TABLE other_ledger AS SELECT d.*, s.person_reference AS person, p.token_hash, p.lapses_at, p.spent_at
FROM gate_disclosure d JOIN gate_disclosuresubject s ON s.disclosure_id = d.id JOIN gate_permit p ON p.disclosure_id = d.id
"""


def ledger() -> None:
    """What left in the years before, with subjects and permits; and the one table beside it, with an index each for what it is asked."""
    ask("SET session_replication_role = replica")
    for first in range(1, DISCLOSURES + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, DISCLOSURES)
        ask(LEDGER, NOON, DISCLOSURES, PROVIDERS, GRANTS, first, last)
        ask(SUBJECTS, PEOPLE, first, last)
        ask(PERMITS, first, last)
    ask("SET session_replication_role = origin")
    ask(f"SELECT setval(pg_get_serial_sequence('gate_disclosure', 'id'), {DISCLOSURES + 1})")
    ask(RIVAL)
    ask("ALTER TABLE other_ledger ADD PRIMARY KEY (id), ADD UNIQUE (reference)")
    ask("CREATE INDEX ON other_ledger (person)")
    for table in ("gate_disclosure", "gate_disclosuresubject", "gate_permit", "other_ledger", "providers_provider", "providers_grant", "providers_agreement",
                  "providers_securityreview", "accounts_person"):  # fmt: skip
        ask(f"VACUUM ANALYZE {table}")
    ask("CHECKPOINT")


def decisions(round_number: int) -> None:
    for number in range(A_TURN):
        who = (round_number * A_TURN + number) * 37
        package = given.to_provider(
            given.Provider(reference=f"PRV-{who % PROVIDERS + 1:07}"), About.person(f"PER-{who % PEOPLE + 1:07}"),
        )  # fmt: skip
        decide(package=package, by=SYSTEM, at=NOON + timedelta(seconds=number))


INSERT = """
INSERT INTO other_ledger (id, reference, at, recipient_kind, recipient, about_kind, about_organization, about_count, categories, fields, purpose, ground,
    "grant", consent, exceptions, countries, patient_information, what, digest, size, by, person, token_hash, lapses_at)
VALUES (%s, %s, %s, 'provider', %s, 'person', '', 1, '{contact,identity}', '{email,given_name}', 'support', 'service_provider', %s, '', '{}', '{US}', false,
    'EXP-7F3K2M9/part 1', %s, 120, 'system:covenant', %s, %s, %s)
"""


def look_up_and_insert(round_number: int) -> None:
    for number in range(A_TURN):
        turn = round_number * A_TURN + number
        who = turn * 37
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM other_ledger WHERE reference = %s", [f"DIS-{who % DISCLOSURES + 1:011}"])
            assert cursor.fetchone() is not None
            cursor.execute(INSERT, [
                DISCLOSURES + FIRST + turn, f"DIS-{secrets.token_hex(5)}", NOON, f"PRV-{who % PROVIDERS + 1:07}", f"GRT-{who % GRANTS + 1:07}", given.DIGEST,
                f"PER-{who % PEOPLE + 1:07}", secrets.token_bytes(32), NOON,
            ])  # fmt: skip


def by_one_index(person: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM other_ledger WHERE person = %s", [person])
        return len(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def bench_gate(home):
    cast.house()
    registry()
    people()
    ledger()
    in_all = f"over {PROVIDERS:,} providers, {GRANTS:,} grants, {DISCLOSURES:,} disclosures"
    race = compare(f"{A_TURN} decisions with their record {in_all}")
    decisions(99)
    look_up_and_insert(99)
    before = Disclosure.objects.filter(pk__gt=DISCLOSURES).count()
    for turn in range(TURNS):
        race.time("ours", lambda turn=turn: decisions(turn))
        race.time("look-up, INSERT, COMMIT", lambda turn=turn: look_up_and_insert(turn))
    assert Disclosure.objects.filter(pk__gt=DISCLOSURES).count() - before == A_TURN * TURNS
    race.ratio("ours", "look-up, INSERT, COMMIT", "at most 5 times its time")

    race = compare(f"one person's account {in_all}")
    for turn in range(TURNS):
        named = [f"PER-{(turn * 25 + number) * 211 % PEOPLE + 1:07}" for number in range(25)]
        assert [accounts.of_person(one, at=NOON).number for one in named[:2]] == [by_one_index(one) for one in named[:2]]
        race.time("ours", lambda named=named: [accounts.of_person(one, at=NOON) for one in named])
        race.time("one table, indexed", lambda named=named: [by_one_index(one) for one in named])
    race.ratio("ours", "one table, indexed", "at most 10 times its time")
    ask("DROP TABLE other_ledger")
