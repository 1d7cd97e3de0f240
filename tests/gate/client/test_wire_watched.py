"""The wire is watched through a whole journey: each connection that leaves is one that the gate recorded, or a named exception.

The interpreter itself reports every connection that Python opens (its audit event). Places are proposed, tried out and approved, and staff
signs on, in this process; a real worker delivers, reads back and sends mail. What the database's own library opens leads to the
database alone.
"""

import ast
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from celery import Celery
from django.conf import settings as live_settings
from django.test import Client
from django.urls import reverse
from oidc_provider_mock import User, run_server_in_thread

from apps.foundation import clock
from apps.gate.models import Crossing
from apps.mail.models import OutgoingMail
from apps.retention.models import Archive
from apps.retention.services import sweep, targets
from apps.retention.states import ArchiveState
from tests import cast
from tests.gate.client.watching import Address, off_this_machine, unmatched, watched  # noqa: F401 - a fixture
from tests.mail.server import MailServer
from tests.retention import archived
from tests.retention.places.conftest import ground, https, identity, receiver, s3, s3_proxy, seaweed  # noqa: F401 - fixtures
from tests.staff.people import is_signed_in

PATIENCE = 90


@pytest.fixture
def mail_server():
    running = MailServer()
    running.start()
    yield running
    running.desk.let_go.set()
    running.stop()


@pytest.fixture
def home(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES, settings.ARCHIVE_PORTS = ["127.0.0.1"], None
    return tmp_path


def sign_on(settings) -> int:
    """Staff signs on by the company's own provider, whose port is returned; their browser is another thread, which nobody watches."""
    claims = {"name": "Cleo", "preferred_username": "cora", "email": "cora@company.example", "email_verified": True, "groups": ["legal"]}
    with run_server_in_thread(user_claims=[User(sub="1", claims=claims)]) as server, ThreadPoolExecutor(1) as their_browser:
        app = {
            "provider_id": "company", "name": "Company", "client_id": "covenant", "secret": "s",
            "settings": {"server_url": f"http://localhost:{server.server_port}"},
        }  # fmt: skip
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
        settings.SIGN_ON_ROLES = {"legal": ["counsel"]}
        browser = Client()
        to_provider = browser.post(reverse("openid_connect_login", args=("company",)))
        back = their_browser.submit(requests.post, to_provider.url, data={"sub": "1"}, allow_redirects=False, timeout=10).result()
        browser.get(back.headers["location"])
        assert is_signed_in(browser)
        return server.server_port


def propose_and_approve(https, s3, now):  # noqa: F811 - fixtures
    """Northgate's own server, and a store that a provider runs for us for Mercy General."""
    northgate, mercy = cast.client("Northgate", archive="own_server"), cast.client("Mercy General", archive="hosted")
    archived.own_server(northgate, https, identity=archived.new_identity(), at=now)
    options = dict(s3.settings)
    address = f"{options.pop('url')}/{options.pop('bucket')}"
    store = targets.propose(
        organization=mercy, kind="hosted", place="s3", address=address, credentials=s3.credentials, options=options,
        provider=archived.store_provider(at=now), keep_days=2, by=cast.bo(), at=now,
    )  # fmt: skip
    targets.approve(target=store, by=cast.cleo(), at=now)
    for number, client in enumerate((northgate, mercy)):
        cast.rule(client, 1, at=now - timedelta(minutes=1))
        cast.hand_over(client, [cast.message(n, at=now) for n in range(1, 4)], at=now, key=f"b{number}")
    sweep.sweep(at=now)


def let_a_worker_do_it(file: Path, mail_port: int, *planted: str) -> list:
    """What the worker connected to until both archives were closed and all mail was sent."""
    environment = os.environ | {
        "DATABASE_URL": os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + live_settings.DATABASES["default"]["NAME"],
        "COVENANT_HOME": str(live_settings.COVENANT_HOME), "DJANGO_SETTINGS_MODULE": "config.settings",
        "ARCHIVE_ALLOWED_PRIVATE_ADDRESSES": "127.0.0.1", "ARCHIVE_PORTS": ",".join(map(str, ports_of_targets())),
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }  # fmt: skip
    program = Path(__file__).with_name("watched_worker.py")
    worker, until = subprocess.Popen([sys.executable, str(program), str(file), *planted], env=environment), time.monotonic() + PATIENCE
    broker = Celery(broker=os.environ["REDIS_URL"])
    try:
        while Archive.objects.filter(state=ArchiveState.CLOSED).count() < 2 or OutgoingMail.objects.filter(sent_at=None).exists():
            if time.monotonic() > until or worker.poll() is not None:
                pytest.fail(f"the worker did not deliver within {PATIENCE} s", pytrace=False)
            for task in ("retention.archive", "mail.send_due"):
                broker.send_task(task, ignore_result=True)
            time.sleep(0.5)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)
    return [ast.literal_eval(line) for line in file.read_text().splitlines()]


def ports_of_targets() -> set[int]:
    return {int(target.address.split(":")[2].split("/")[0]) for target in targets.ArchiveTarget.objects.all()}


def broker_address() -> set[Address]:
    """Of a broker that is reached by the network; ours is a unix socket."""
    url = os.environ["REDIS_URL"]
    return set() if url.startswith("redis+socket") else {("127.0.0.1", int(url.rpartition(":")[2].split("/")[0]))}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_every_connection_of_a_whole_journey_is_one_that_the_gate_recorded_or_a_named_exception(
    watched, home, tmp_path, settings, https, s3, mail_server  # noqa: F811 - fixtures
):  # fmt: skip
    cast.house()
    port = sign_on(settings)
    named = {(host, port) for host in ("127.0.0.1", "::1")} | {("127.0.0.1", mail_server.port)} | broker_address()
    propose_and_approve(https, s3, clock.now())
    noted = [*watched, *let_a_worker_do_it(tmp_path / "noted", mail_server.port)]
    assert unmatched(noted, named) == ([], [])
    # the watch saw what it is there to see: the exceptions, and both peers from both processes
    seen = Counter(off_this_machine(noted))
    assert seen[("127.0.0.1", port)] + seen[("::1", port)] > 0
    assert seen[("127.0.0.1", mail_server.port)] > 0
    for peer_port in ports_of_targets():
        assert Counter(off_this_machine(watched))[("127.0.0.1", peer_port)] > 0
        assert seen[("127.0.0.1", peer_port)] > Counter(off_this_machine(watched))[("127.0.0.1", peer_port)]
    assert set(Crossing.objects.values_list("permit__kind", flat=True)) == {"contact", "data"}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_planted_beside_the_gate_is_found_in_the_worker(
    watched, home, tmp_path, https, s3, mail_server  # noqa: F811 - fixtures
):  # fmt: skip
    cast.house()
    propose_and_approve(https, s3, clock.now())
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        planted = elsewhere.getsockname()
        noted = [*watched, *let_a_worker_do_it(tmp_path / "noted", mail_server.port, str(planted[1]))]
    beside, missing = unmatched(noted, {("127.0.0.1", mail_server.port)} | broker_address())
    assert (set(beside), missing) == ({planted}, [])


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_planted_beside_the_gate_is_found_in_this_process(watched):  # noqa: F811 - a fixture
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        address = elsewhere.getsockname()
        socket.create_connection(address).close()
        assert unmatched(watched, set()) == ([address], [])
        assert unmatched(watched, {address}) == ([], [])
