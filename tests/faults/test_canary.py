"""A person with marks in every field of every holding is erased through the real doors, and an examiner with everything finds none of them.

Before, the marks are found: by the examiner in the dump, and by the search of the product in every table that holds the person. The examiner
shares nothing with that search: it reads a dump, the files, the broker and the logs byte by byte.
"""

import base64
import logging
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from django.conf import settings
from django.test import Client

from apps.accounts.models import Person
from apps.accounts.services.subjects import subject_of
from apps.data_requests import inventory, promises
from apps.data_requests.models import DataRequest, Evidence
from apps.data_requests.scanning import broker, looking
from apps.data_requests.services import approving, closing, evidence, executing, planning
from apps.data_requests.states import State
from apps.foundation import clock
from apps.foundation.personal_data import Whom
from apps.mail.services import outbox
from apps.retention.importing.lines import Party
from apps.retention.models import Message
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import carried
from tests.data_requests.holdings import everything
from tests.data_requests.intake import given as intake
from tests.faults.test_forensics import dump_of_everything, files_with
from tests.gate import given

GIVEN, FAMILY = "Zaphirine", "Quillvane"
PHONE = "12025550090"
HOUR = timedelta(hours=1)
#: tables of people in which nothing by itself says whom it is about, and those that this person has no row in
WITHOUT_A_MARK = {
    "accounts_linkedclaim": "sealed, and goes with its account",
    "gate_remembereddecision": "a keyed digest and sealed bytes",
    "communications_inquirymessage": "sealed, and goes with its inquiry",
    "communications_receivedmail": "names its inquiry alone",
    "data_requests_package": "there is none where nobody asked for a copy",
    "holds_matter": "named by its holds, which are found",
    "retention_archivepart": "this client pays for no archive",
    "retention_archivereading": "this client pays for no archive",
    "retention_asidemessage": "no hold keeps a message",
    "retention_earlydeletion": "nothing was deleted yet",
    "retention_move": "nothing was moved",
}


def marks(person: Person) -> list[bytes]:
    """Each mark in the spellings that a copy of it could have; not the reference, which names nobody."""
    words = [GIVEN, FAMILY, f"{FAMILY}-Before", everything.address_of(GIVEN), f"sub-{GIVEN}", f"U-{GIVEN}", f"4 {GIVEN} Street"]
    words += [word.lower() for word in words] + [word.upper() for word in words] + [PHONE]
    found = set()
    for word in words:
        raw = word.encode()
        found |= {raw, raw.hex().encode(), quote(word, safe="").encode(), word.encode("utf-16-le"), word.encode("utf-16-be")}
        for before, cut in ((0, 0), (1, 2), (2, 3)):
            found.add(base64.b64encode(bytes(before) + raw)[cut : (before + len(raw)) * 8 // 6])
    return sorted(one for one in found if len(one) >= 9)


def in_broker(needles: list[bytes]) -> set[str]:
    found = set()
    for url in (settings.CELERY_BROKER_URL, settings.CACHE_URL):
        with redis.Redis.from_url(broker._plain(url)) as server:
            for key in server.scan_iter():
                value = server.dump(key) or b""
                found |= {str(key) for needle in needles if needle in key or needle in value}
    return found


def the_examiner_finds_what_is_planted(home: Path, needles: list[bytes]) -> bool:
    """A mark in a file and in a key of the broker, both removed again."""
    (home / "spool").mkdir()
    planted = home / "spool" / "left.bin"
    planted.write_bytes(b"\x00" * 5_000_000 + FAMILY.encode())
    with redis.Redis.from_url(broker._plain(settings.CELERY_BROKER_URL)) as server:
        server.rpush("left", f"args: {FAMILY}")
        found = files_with(needles, home / "spool") == {str(planted)} and in_broker(needles) == {"b'left'"}
        server.delete("left")
    planted.unlink()
    return found


@pytest.fixture
def noon(monkeypatch):
    moment = [NOON]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    return moment


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_marks_of_an_erased_person_are_nowhere_and_were_everywhere_before(home, noon, caplog, capfd, settings):
    caplog.set_level(logging.DEBUG)
    logging.getLogger(__name__).debug("as chatty as can be")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    cast.house()
    clinic = cast.hill_clinic(7)
    carried.client_says(clinic, at=NOON - HOUR)
    other = everything.person(clinic, "Ben", "Okafor")
    person = everything.person(clinic, GIVEN, FAMILY)
    address = everything.address_of(GIVEN)
    sender = Party(email=address, name=f"{GIVEN} {FAMILY}")
    cast.hand_over(clinic, [cast.message(n, sender=sender, body=f"{GIVEN} wrote {n}") for n in range(1, 6)])
    needles, subject = marks(person), subject_of(person)

    # before: the dump has the marks, and the search finds the person in every table of people
    dump = dump_of_everything()
    assert {needle for needle in (GIVEN, FAMILY, f"{FAMILY}-Before", address, PHONE, f"sub-{GIVEN}", f"U-{GIVEN}") if needle.encode() not in dump} == set()
    assert the_examiner_finds_what_is_planted(home, needles)
    seen = looking.search(subject)
    tables = {table for holding in inventory.HOLDINGS if holding.whom == Whom.PEOPLE and holding.erase for table in holding.tables}
    assert {table for table in tables if not seen.rows[table]} == set(WITHOUT_A_MARK)
    assert seen.rows["message"] == 5

    # the real doors: the form, the link in the mail, the plan, a second person, the announcement, the worker, the answer
    visitor = Client()
    assert visitor.post("/requests/", intake.TYPED | {"email": address, "name": f"{GIVEN} {FAMILY}"}).status_code == 303
    intake.work(at=NOON)
    outbox.send_due(at=NOON)
    request = DataRequest.objects.get()
    assert visitor.post(f"/requests/prove/{intake.token(address)}/").status_code == 200
    request.refresh_from_db()
    assert request.state == State.IN_WORK
    planning.make_plan(request, by=given.dana(), at=NOON + HOUR)
    approving.ask(request, by=given.dana(), at=NOON + HOUR)
    approving.approve(request, by=cast.cleo(), at=NOON + 2 * HOUR)
    outbox.send_due(at=NOON + 3 * HOUR)
    noon[0] = carried.due(request)
    executing.work_due(at=noon[0])
    request.refresh_from_db()
    assert [(scan.findings, scan.is_clean) for scan in request.scans.order_by("number")][-1:] == [([], True)], request.last_code
    assert request.state == State.ANSWERING
    for turn in range(1, 4):
        outbox.send_due(at=noon[0] + turn * HOUR)
        closing.finish_when_answered(at=noon[0] + turn * HOUR)
    request.refresh_from_db()
    assert request.state == State.COMPLETED

    # after: an examiner with the dump, the files, the broker and the logs
    dump, logs = dump_of_everything(), caplog.text + "".join(capfd.readouterr())
    assert b"CREATE TABLE" in dump
    assert "chatty" in logs
    assert [line[:200] for line in dump.splitlines() if any(needle in line for needle in needles)] == []
    assert files_with(needles, *(path for path in Path(home).iterdir() if path.is_dir())) == set()
    assert in_broker(needles) == set()
    assert [needle for needle in needles if needle.decode("utf-8", "replace") in logs] == []
    assert not Person.objects.filter(pk=person.pk).exists()

    # the evidence verifies and says nothing of them; the promises hold; somebody else kept everything
    proof = evidence.download(Evidence.objects.get())
    assert evidence.verify(proof)["request"]["reference"] == request.reference
    assert [needle for needle in needles if needle in proof] == []
    for check in promises.CHECKS:
        assert check.run(noon[0] + 4 * HOUR).violations == (), check.code
    assert looking.search(subject_of(other)).rows.keys() >= {"accounts_person", "accounts_personemail", "communications_inquiry"}
    assert Message.objects.filter(expiry__gt=(NOON + DAY).date()).count() == 0
