"""SIGKILL of a real worker at each place of what the gate does while something leaves, and two workers on one part.

What left is recorded, whatever died: at worst there is a disclosure of something that did not leave, never the other way round.
"""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as live_settings

from apps.foundation import clock
from apps.gate.models import Crossing, Disclosure, Permit
from apps.gate.package import Recipient
from apps.gate.services import permits
from apps.retention import archive_promises
from apps.retention.models import Archive
from apps.retention.services import sweep
from apps.retention.states import ArchiveState
from tests import cast
from tests.faults.test_archives_killed import PATIENCE, let_work_until, ring, worker
from tests.retention import archived
from tests.retention.places.conftest import ground, https, identity, receiver  # noqa: F401 - fixtures

#: where it dies → whether the permit is spent then, whether a connection is recorded
DEATHS = {"decided": (False, False), "spent": (True, False), "recorded": (True, True), "put": (True, True)}
KEY = archived.new_identity()


@pytest.fixture
def northgates(home, https, settings):  # noqa: F811 - a fixture
    """One client for each place of death, each with a day that is sealed."""
    settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES, settings.ARCHIVE_PORTS = ["127.0.0.1"], [https.server.port]
    cast.house()
    now, made = clock.now(), {}
    for number, place in enumerate(DEATHS):
        client = made[place] = cast.client(f"Northgate {number}", archive="own_server")
        cast.rule(client, 1, at=now - timedelta(minutes=1))
        archived.own_server(client, https, identity=KEY, at=now)
        cast.hand_over(client, [cast.message(n, at=now) for n in range(1, 6)], at=now)
    sweep.sealing.seal_due(at=now)
    return made


def all_are_closed() -> bool:
    return Archive.objects.filter(state=ArchiveState.CLOSED).count() == len(DEATHS)


def die(place: str, organization: str) -> None:
    database = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + live_settings.DATABASES["default"]["NAME"]
    environment = os.environ | {
        "DATABASE_URL": database, "COVENANT_HOME": str(live_settings.COVENANT_HOME), "DJANGO_SETTINGS_MODULE": "config.settings",
        "ARCHIVE_ALLOWED_PRIVATE_ADDRESSES": "127.0.0.1", "ARCHIVE_PORTS": ",".join(map(str, live_settings.ARCHIVE_PORTS)),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }  # fmt: skip
    program, until = Path(__file__).with_name("killed_at_the_gate.py"), time.monotonic() + PATIENCE
    dying = subprocess.Popen([sys.executable, str(program), place, organization], env=environment)
    while dying.poll() is None and time.monotonic() < until:
        ring()
        time.sleep(0.5)
    assert dying.wait(1) == -signal.SIGKILL, f"the worker did not die when it had {place}"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_at_any_place_of_the_gate_what_left_is_recorded_and_the_rest_leaves_under_a_permit_of_its_own(northgates, https):  # noqa: F811
    for place, client in northgates.items():
        die(place, client.reference)
        first = Permit.objects.filter(kind="data", recipient=client.reference).get()
        assert (first.spent_at is not None, first.crossings.exists()) == DEATHS[place], place
        assert any(name.startswith(f"{client.reference}/") for name in https.everything()) == (place == "put"), place
    let_work_until(all_are_closed, "retention.archive")

    for place, client in northgates.items():
        archive = Archive.objects.get(cohort__organization=client)
        assert archived.verified(archive, https.folder, [KEY]).flaws == []
        part, said = archive.parts.get(), Disclosure.objects.filter(recipient=client.reference).order_by("id")
        assert [one.what for one in said] == [f"{archive.reference}/part 1"] * 2 + [f"{archive.reference}/manifest"], place
        assert part.disclosure == said[1].reference
        assert bytes(said[0].digest) == bytes(said[1].digest) == bytes(part.sha256)
        with pytest.raises((permits.PermitSpent, permits.PermitLapsed)):
            permits.spend(
                permit=said[1].permit, recipient=Recipient.client(client.reference), fields=frozenset(said[1].fields),
                digest=bytes(said[1].digest), at=clock.now(),
            )  # fmt: skip
    looked = archive_promises.what_lies_elsewhere_was_let_out(clock.now())
    assert (looked.rows, looked.violations) == (2 * len(DEATHS), ())


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_part_hand_it_over_once(northgates, https):  # noqa: F811 - a fixture
    another = worker()
    try:
        let_work_until(all_are_closed, *["retention.archive"] * 4)
    finally:
        another.send_signal(signal.SIGTERM)
        another.wait(30)
    assert Disclosure.objects.count() == 2 * len(DEATHS)
    assert Permit.objects.filter(spent_at=None).count() == 0
    assert sorted(Disclosure.objects.values_list("what", flat=True)) == sorted(
        f"{archive.reference}/{what}" for archive in Archive.objects.all() for what in ("part 1", "manifest")
    )
    assert Crossing.objects.filter(permit__kind="data").count() == 2 * len(DEATHS)
