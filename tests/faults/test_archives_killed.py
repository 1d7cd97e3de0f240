"""SIGKILL of a real worker before and after every step of an archiving: the same end, once.

The steps come from the code's own list, so that a new step without this test can't exist. One client for each place of
death. Once behind the seal to a folder of ours, once from aside, after the day, to the client's own server.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings as live_settings

from apps.audit.models import Event, JournalEntry
from apps.audit.services import journal
from apps.foundation import clock
from apps.foundation.keys import keystore
from apps.retention.models import Archive, ArchivePart, AsideMessage, Cohort, Destruction, Segment
from apps.retention.services import accounts, archiving, sweep
from apps.retention.states import ArchiveState, CohortState, DestructionState, PartState
from tests import cast
from tests.retention import archived
from tests.retention.places.conftest import ground, https, identity, receiver  # noqa: F401 - fixtures

DEATHS = [(step.__name__, when) for step in archiving.STEPS for when in ("before", "after")]
PATIENCE = 90
EXACTLY = Counter({"archive.opened": 1, "archive.part_written": 1, "archive.part_delivered": 1, "archive.part_verified": 1,
                   "archive.manifest_signed": 1, "archive.manifest_delivered": 1, "archive.closed": 1})  # fmt: skip


def worker(*death: str) -> subprocess.Popen:
    database = live_settings.DATABASES["default"]
    environment = os.environ | {
        "DATABASE_URL": os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + database["NAME"],
        "COVENANT_HOME": str(live_settings.COVENANT_HOME),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "RETENTION_LEASE_SECONDS": "1",
        "ARCHIVE_ALLOWED_PRIVATE_ADDRESSES": ",".join(live_settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES),
        "ARCHIVE_PORTS": ",".join(map(str, live_settings.ARCHIVE_PORTS)),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    return subprocess.Popen([sys.executable, str(Path(__file__).with_name("killed_archiver.py")), *death], env=environment)


def ring(task: str = "retention.archive") -> None:
    Celery(broker=os.environ["REDIS_URL"]).send_task(task, ignore_result=True)


def die(step: str, when: str, organization: str) -> None:
    dying = worker(step, when, organization)
    until = time.monotonic() + PATIENCE
    while dying.poll() is None and time.monotonic() < until:
        ring()
        time.sleep(0.5)
    assert dying.wait(1) == -signal.SIGKILL, f"the worker did not die {when} {step}"


def let_work_until(condition, *tasks: str) -> None:
    whole = worker()
    until = time.monotonic() + PATIENCE
    try:
        while not condition():
            if time.monotonic() > until:
                pytest.fail(f"waited {PATIENCE} s for a whole worker to end what the killed ones began", pytrace=False)
            for task in tasks:
                ring(task)
            time.sleep(1)
    finally:
        whole.send_signal(signal.SIGTERM)
        whole.wait(30)


def all_closed() -> bool:
    return not Archive.objects.exclude(state=ArchiveState.CLOSED).exists()


def require_the_same_end_once(home) -> None:
    assert ArchivePart.objects.exclude(state=PartState.VERIFIED).count() == 0
    assert Segment.objects.filter(archived_at=None).count() == 0
    assert list((home / "spool").iterdir()) == []
    for archive in Archive.objects.all():
        verbs = Counter(Event.objects.filter(object=archive.reference).values_list("verb", flat=True))
        assert verbs == EXACTLY, archive.reference
    told = Counter(line.about for line in journal.read() if line.kind == "archive.closed")
    owed = Counter(JournalEntry.objects.filter(kind="archive.closed", sequence=None).values_list("about", flat=True))
    assert told + owed == Counter({archive.reference: 1 for archive in Archive.objects.all()})


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_at_any_step_behind_the_seal_leads_to_the_same_end_once(home):
    cast.house()
    now = clock.now()
    for number, (step, when) in enumerate(DEATHS):
        client = cast.client(f"Mercy {number}", archive="hosted")
        cast.rule(client, 1, at=now - timedelta(minutes=1))
        archived.hosted(client, at=now)
        cast.hand_over(client, [cast.message(n, at=now) for n in range(1, 6)], at=now)
        sweep.sealing.seal_due(at=now)
        die(step, when, client.reference)
    let_work_until(all_closed, "retention.archive")

    require_the_same_end_once(home)
    archives = Archive.objects.all()
    assert len(archives) == len(DEATHS)
    assert [archived.verified(archive).flaws for archive in archives] == [[]] * len(DEATHS)
    assert all(archived.verified(archive).opened for archive in archives)
    there = sorted(str(path.relative_to(archived.folder())) for path in archived.folder().rglob("*") if path.is_file())
    assert there == sorted(
        str((archived.folder_of(archive) / name).relative_to(archived.folder()))
        for archive in archives for name in ("part-00001.jsonl.zst.age", "manifest.json")
    )  # fmt: skip
    assert {cohort.state for cohort in Cohort.objects.all()} == {CohortState.ARCHIVED}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_at_any_step_after_the_day_leads_to_the_same_end_once(home, https, settings):  # noqa: F811 - a fixture
    settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES, settings.ARCHIVE_PORTS = ["127.0.0.1"], [https.server.port]
    cast.house()
    key = archived.new_identity()
    for number, (step, when) in enumerate(DEATHS):
        at = cast.NOON + timedelta(days=number)
        client = cast.client(f"Northgate {number}", archive="own_server")
        cast.rule(client, 7)
        archived.own_server(client, https, identity=key)
        cast.hand_over(client, [cast.message(n, at=at) for n in range(1, 6)], at=at)
        sweep.sweep(at=clock.now())
        assert AsideMessage.objects.filter(cohort__organization=client).count() == 5
        die(step, when, client.reference)

    def all_gone() -> bool:
        return all_closed() and not AsideMessage.objects.exists() and not Destruction.objects.exclude(state=DestructionState.DONE).exists()

    let_work_until(all_gone, "retention.archive", "retention.sweep")

    require_the_same_end_once(home)
    archives = Archive.objects.all()
    assert len(archives) == len(DEATHS)
    assert [archived.verified(archive, https.folder, [key]).flaws for archive in archives] == [[]] * len(DEATHS)
    assert len(https.everything()) == 2 * len(DEATHS)
    assert [accounts.account_of(cohort).as_dict()["destroyed"] for cohort in Cohort.objects.all()] == [5] * len(DEATHS)
    assert keystore().names("aside") == keystore().names("archive") == []
