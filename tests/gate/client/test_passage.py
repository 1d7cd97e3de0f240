"""No connection without a permit that was spent for it, and none that is not recorded before it is opened."""

import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.states import OrganizationStanding
from apps.foundation.actors import SYSTEM
from apps.gate.client.addresses import Guard, Pinned
from apps.gate.client.passage import NoPassage, contacting, through
from apps.gate.client.wire import Deadline, dial
from apps.gate.models import Crossing, GateRefusal, Permit
from apps.gate.package import Recipient
from apps.gate.services import contacts, deciding, permits
from apps.gate.states import ContactReason
from tests.cast import NOON
from tests.gate.client import passages

CHECKOUT = Path(__file__).resolve().parents[3]
LOOPBACK = Guard.of(ports=None, allowed=["127.0.0.1"])


@pytest.fixture
def peer():
    """Somebody who listens, and knows whether anybody came."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        yield listening


def port_of(peer) -> int:
    return peer.getsockname()[1]


def somebody_came(peer) -> bool:
    try:
        peer.accept()[0].close()
    except TimeoutError:
        return False
    return True


def pinned(peer, way, host: str = "127.0.0.1") -> Pinned:
    guard = LOOPBACK.within(way)
    return guard.pin(guard.read(f"https://{host}:{port_of(peer)}/inbox", scheme="https"))


def dialled(found: Pinned) -> None:
    dial(found, Deadline(5, 5)).close()


def test_without_a_passage_no_name_is_looked_up(peer, monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_more: asked.append(given))
    with pytest.raises(NoPassage):
        LOOPBACK.pin(LOOPBACK.read(f"https://archive.example.com:{port_of(peer)}", scheme="https"))
    assert asked == []


def test_a_connection_is_recorded_under_its_permit_with_host_address_and_port(db, peer):
    with passages.opened(at=NOON) as way:
        dialled(pinned(peer, way))
    assert somebody_came(peer)
    crossing = Crossing.objects.get()
    assert (crossing.permit, crossing.host, crossing.address, crossing.port) == (Permit.objects.get(), "127.0.0.1", "127.0.0.1", port_of(peer))
    assert NOON <= crossing.at < NOON + timedelta(minutes=1)
    assert Permit.objects.get().spent_at == NOON


def test_when_its_passage_is_closed_what_was_looked_up_before_opens_nothing(db, peer):
    with passages.opened() as way:
        found = pinned(peer, way)
    with pytest.raises(NoPassage):
        dialled(found)
    with pytest.raises(NoPassage):
        pinned(peer, way)
    assert (Crossing.objects.count(), somebody_came(peer)) == (0, False)


def test_each_address_that_is_tried_is_recorded_also_where_nobody_answers(db, peer):
    with passages.opened() as way:
        found = pinned(peer, way)
        dialled(Pinned(found.target, (*found.addresses, *found.addresses), way))
        peer.close()
        with pytest.raises(Exception, match="takes no connection"):
            dialled(Pinned(found.target, (*found.addresses, *found.addresses), way))
    assert Crossing.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_connection_whose_record_could_be_rolled_back_is_not_opened(peer):
    with passages.opened() as way:
        found = pinned(peer, way)
        with transaction.atomic(), pytest.raises(RuntimeError):
            dialled(found)
    assert (Crossing.objects.count(), somebody_came(peer)) == (0, False)


def test_a_permit_serves_for_one_passage(db, peer):
    recipient = Recipient.client(passages.somebody().reference)
    permit = contacts.open_contact(recipient=recipient, why=ContactReason.LOOK, by=SYSTEM, at=NOON)
    with through(permit, recipient=recipient, at=NOON) as way:
        dialled(pinned(peer, way))
    with pytest.raises(permits.PermitSpent), through(permit, recipient=recipient, at=NOON):
        pytest.fail("it served twice")
    assert Crossing.objects.count() == 1


def test_what_has_begun_may_end_though_the_recipient_departs_meanwhile_and_nothing_new_begins(db, peer):
    client = passages.somebody()
    with passages.opened(client, at=NOON) as way:
        Organization.objects.filter(pk=client.pk).update(standing=OrganizationStanding.DEPARTED)
        way._began -= 3_600  # an hour later, long after the permit has lapsed
        dialled(pinned(peer, way))
        assert Crossing.objects.get().at >= NOON + timedelta(hours=1) > Permit.objects.get().lapses_at
    with pytest.raises(deciding.Refused), contacting(recipient=Recipient.client(client.reference), why=ContactReason.TRY_OUT, by=SYSTEM, at=NOON):
        pytest.fail("it was let through")
    assert GateRefusal.objects.get().codes == ["client_departed"]


DYING = """
import os, signal, sys
import django
django.setup()
from apps.gate.client.addresses import Guard
from apps.gate.client.wire import Deadline, dial
from tests.gate.client import passages

port = int(sys.argv[1])

def die(event, given):
    if event == "socket.connect" and given[1] == ("127.0.0.1", port):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
with passages.opened() as way:
    guard = Guard.of(ports=None, allowed=["127.0.0.1"]).within(way)
    dial(guard.pin(guard.read(f"https://127.0.0.1:{port}", scheme="https")), Deadline(5, 5))
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_between_permit_and_connection_the_record_stands_and_the_permit_serves_nobody_any_more(peer):
    database = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + live_settings.DATABASES["default"]["NAME"]
    killed = subprocess.run(
        [sys.executable, "-c", DYING, str(port_of(peer))], cwd=CHECKOUT, check=False,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": database},
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    permit, crossing = Permit.objects.get(), Crossing.objects.get()
    assert (crossing.permit_id, crossing.port, somebody_came(peer)) == (permit.pk, port_of(peer), False)
    with pytest.raises(permits.PermitSpent):
        permits.spend(
            permit=permit, recipient=Recipient.client(permit.recipient), fields=frozenset(), digest=None, at=permit.spent_at
        )
