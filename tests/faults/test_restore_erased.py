"""Whoever was erased stays erased: a backup from before twenty erasures is really restored, and the replay erases them again in every holding.

The dump is pg_dump's, the restored database is a second one on the same server, and each host is a process of its own.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from apps.accounts.models import Person
from apps.accounts.services import registration
from apps.audit.services import heartbeat, journal
from apps.data_requests.services import executing
from apps.data_requests.states import State
from apps.foundation.actors import SYSTEM
from apps.holds.services import matters, placing
from apps.retention.models import AsideBundle, AsideMessage, EarlyDeletion
from tests import cast
from tests.data_requests import carried
from tests.data_requests.holdings import everything
from tests.faults.back_in_time import program
from tests.gate import given

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ERASED = 20


def everywhere(back, reference: str, address: str) -> list[str]:
    """Tables of the restored database in which a row says that reference or address, but for those that keep references by law."""
    tables = [name for (name,) in back.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")]
    found = []
    for table in tables:
        rows = back.one(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE %s OR t::text ILIKE %s", f"%{reference}%", f"%{address}%")
        if rows:
            found.append(table)
    return sorted(found)


#: what keeps references for their time
LAWFUL = {
    "audit_event", "audit_journalentry", "data_requests_erasedperson", "gate_disclosure", "gate_disclosuresubject", "gate_gaterefusal", "gate_permit",
    "gate_withdrawalnotice", "holds_hold",
}  # fmt: skip


def test_after_a_restore_from_before_twenty_erasures_nobody_of_them_is_back(home, restore, tmp_path, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    now = datetime.now(UTC)
    cast.house()
    clinic = cast.client()
    cast.rule(clinic, 40, at=now - timedelta(days=1))
    carried.client_says(clinic, at=now - timedelta(hours=5))
    ada = everything.person(clinic, "Ada", "Lovell")
    ben = everything.person(clinic, "Ben", "Okafor")
    others = [
        registration.register_person(
            organization=clinic, given_name=f"Given{n}", family_name=f"Unmistakable{n}", emails=[f"unmistakable{n}@private.example"],
            phones=[f"+1202555{7000 + n}"], by=SYSTEM, at=now - timedelta(days=3),
        )  # fmt: skip
        for n in range(ERASED - 1)
    ]
    lines = [cast.message(n, at=now, sender=cast.Party(email=f"unmistakable{n - 1}@private.example", name="G")) for n in range(1, ERASED)]
    cast.hand_over(clinic, lines, at=now)
    gone = [ada, *others]
    heartbeat.beat("sweep", at=now)
    journal.write_owed()
    dump = tmp_path / "before.dump"
    program("pg_dump", "--format=custom", f"--file={dump}")

    requests = [carried.approved(person, at=now) for person in gone]
    counsel = given.ezra()
    matter = matters.open_matter(title="Docket 26-119", reason="A court asks for it.", by=counsel, at=now)
    placing.place(matter=matter, reason="The court names it.", person=others[0], by=counsel, at=now)
    at = max(carried.due(request) for request in requests)
    for _number in range(ERASED):  # as far as the search, which has tests of its own
        run = executing.claim(at=at)
        assert executing.STAGES[State.ANNOUNCED](run)
        assert executing.STAGES[State.RUNNING](run)
    assert [request.__class__.objects.get(pk=request.pk).state for request in requests] == [State.SCANNING] * ERASED
    journal.write_owed()
    assert Person.objects.filter(reference__in=[person.reference for person in gone]).count() == 1, "the one that a hold keeps"

    bundles, deletions = AsideBundle.objects.filter(destroyed_at=None, ground="hold"), EarlyDeletion.objects.filter(kept_for_hold=True)
    assert [AsideMessage.objects.count(), bundles.count(), deletions.count()] == [1, 1, 1], "the message of the one that a hold keeps stepped aside"

    back = restore(dump)
    assert back.one("SELECT count(*) FROM accounts_person WHERE reference = ANY(%s)", [person.reference for person in gone]) == ERASED
    assert json.loads(back.does("serve"))["/privacy/"] == [503, "database_restored"]
    back.manage("replay")
    assert json.loads(back.does("serve"))["/privacy/"][0] == 200
    left = [row[0] for row in back.rows("SELECT reference FROM accounts_person WHERE reference = ANY(%s)", [person.reference for person in gone])]
    assert left == [others[0].reference]
    assert set(everywhere(back, ada.reference, "ada@private.example")) <= LAWFUL
    for number, person in list(enumerate(others))[1:]:
        assert set(everywhere(back, person.reference, f"Unmistakable{number}%")) - LAWFUL == set(), person.reference
    assert back.one("SELECT count(*) FROM data_requests_erasedperson WHERE done_at IS NOT NULL") == ERASED
    assert back.one("SELECT count(*) FROM accounts_personemail WHERE person_id = %s", ben.pk) == 1
    assert back.one("SELECT count(*) FROM message") == 0
    assert back.one("SELECT count(*) FROM retention_asidemessage") == 1, "what a hold keeps is kept in the restored database too"
    assert back.one("SELECT count(*) FROM retention_asidebundle WHERE ground = 'hold' AND destroyed_at IS NULL") == 1
    assert "nothing" in back.manage("replay").lower()
