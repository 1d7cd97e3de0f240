"""Whoever got something of a person who is erased hears of it by a real connection, is reminded every week, and confirms; staff see what is late."""

import hmac
import json
import threading
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import DatabaseError, transaction

from apps.data_requests.models import ErasureHook, ErasureNotice
from apps.data_requests.services import provider_notices
from apps.foundation.keys import keystore
from apps.gate.models import Crossing, Permit
from apps.mail.models import OutgoingMail
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import carried
from tests.gate import agreed, given
from tests.retention.places.tls import make_identity

pytestmark = pytest.mark.django_db(transaction=True)


class Hook(ThreadingHTTPServer):
    """A provider's own server, with TLS."""

    daemon_threads = True

    def __init__(self, identity):
        super().__init__(("127.0.0.1", 0), Heard)
        self.said: list[tuple[dict, bytes]] = []
        self.answer = (200, b'{"acknowledged": true}')
        self.socket = identity.server_context().wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class Heard(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self):
        self.server.said.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_anything):
        """Nothing."""


@pytest.fixture(autouse=True)
def house(home):
    cast.house()


@pytest.fixture
def hook(tmp_path, settings, monkeypatch):
    identity = make_identity(tmp_path / "tls")
    authority = tmp_path / "authority.pem"
    authority.write_text(identity.authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    running = Hook(identity)
    settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES, settings.ARCHIVE_PORTS = ["127.0.0.1"], [running.server_address[1]]
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def cirrus():
    made = given.provider()
    given.grant(made)
    return made


@pytest.fixture
def ada():
    return cast.ada(cast.client())


def got_something(provider, person) -> str:
    agreed.purpose(provider)
    agreed.give(person, at=NOON - timedelta(hours=3))
    return agreed.handed_over(provider, person, at=NOON - timedelta(hours=2))


def noticed(person, provider, at=NOON) -> ErasureNotice:
    request = carried.asked(person)
    got = provider_notices.who_got_something(carried.subject(person))
    with transaction.atomic():
        return provider_notices.make(request, provider=provider.reference, person=person.reference, disclosures=got[provider.reference], at=at)


def listens(hook, provider, at=NOON) -> str:
    _hook, key = provider_notices.set_hook(
        provider=provider.reference, url=f"https://127.0.0.1:{hook.server_address[1]}/erase", by=cast.cleo(), at=at
    )
    return key


def test_everybody_who_got_something_is_found_and_nobody_who_only_might_have(cirrus, ada):
    disclosure = got_something(cirrus, ada)
    found = provider_notices.who_got_something(carried.subject(ada))
    assert found == {cirrus.reference: [disclosure]}
    ben = cast.ada(ada.organization, email="ben@client.example")
    assert provider_notices.who_got_something(carried.subject(ben)) == {}


def test_a_provider_with_an_address_is_told_by_machine_and_its_answer_confirms(hook, cirrus, ada):
    disclosure = got_something(cirrus, ada)
    key = listens(hook, cirrus)
    notice = noticed(ada, cirrus)
    crossed = Crossing.objects.count()
    assert provider_notices.tell_due(at=NOON + timedelta(minutes=1)) == 1
    (headers, body), = hook.said
    said = json.loads(body)
    assert said == {
        "format": "covenant-erasure-notice/1", "notice": notice.reference, "person": ada.reference, "disclosures": [disclosure],
        "due_on": f"{notice.due_at:%Y-%m-%d}", "is_again": False,
    }  # fmt: skip
    seconds, signed = (part.partition("=")[2] for part in headers["Covenant-Signature"].split(","))
    assert hmac.compare_digest(signed, hmac.new(bytes.fromhex(key), f"{seconds}.".encode() + body, sha256).hexdigest())
    notice.refresh_from_db()
    assert (notice.way, notice.acknowledged_by) == ("webhook", f"provider:{cirrus.reference}")
    assert notice.told_at == notice.acknowledged_at == NOON + timedelta(minutes=1)
    assert Permit.objects.get(reference=notice.permit).why == "removal"
    assert Crossing.objects.count() == crossed + 1
    assert provider_notices.tell_due(at=NOON + 30 * DAY) == 0


def test_a_server_that_is_down_is_tried_five_times_and_then_its_contact_is_written_to(hook, cirrus, ada):
    got_something(cirrus, ada)
    listens(hook, cirrus)
    hook.answer = (500, b"Ada Lovell is unknown")
    notice = noticed(ada, cirrus)
    at = NOON + timedelta(minutes=1)
    for turn in range(5):
        assert provider_notices.tell_due(at=at + turn * timedelta(hours=7)) == (turn == 4)
    notice.refresh_from_db()
    assert (len(hook.said), notice.way, notice.told_at) == (5, "email", at + 4 * timedelta(hours=7))
    mail = OutgoingMail.objects.get(about=notice.reference)
    assert (mail.to_address, mail.template) == ("desk@provider.example", "data_requests/erasure_notice")
    assert ada.reference in mail.body
    assert "Lovell" not in mail.body


def test_who_has_not_confirmed_is_reminded_every_week_with_its_owner_and_staff_confirm_once(cirrus, ada):
    got_something(cirrus, ada)
    notice = noticed(ada, cirrus)
    at = NOON + timedelta(minutes=1)
    told = [provider_notices.tell_due(at=at + days * DAY) for days in range(22)]
    assert [day for day, count in enumerate(told) if count] == [0, 7, 14, 21]
    mails = OutgoingMail.objects.filter(about=notice.reference).order_by("pk")
    assert [mail.template for mail in mails] == ["data_requests/erasure_notice"] + [
        "data_requests/erasure_notice", "data_requests/erasure_notice_to_owner"
    ] * 3  # fmt: skip
    assert "Reminder" in mails[1].subject
    with pytest.raises(NotPermitted):
        provider_notices.acknowledge(notice=notice, evidence="Its letter", by=cast.bo(), at=at)
    done = provider_notices.acknowledge(notice=notice, evidence="Its letter of March 3", by=given.dana(), at=at + 22 * DAY)
    assert (done.acknowledged_by, done.evidence) == (str(given.dana().actor), "Its letter of March 3")
    with pytest.raises(provider_notices.NoticeAcknowledged):
        provider_notices.acknowledge(notice=notice, evidence="Another", by=given.dana(), at=at + 23 * DAY)
    assert provider_notices.tell_due(at=at + 40 * DAY) == 0


def test_where_the_gate_lets_nobody_through_staff_have_a_task(ada):
    request = carried.asked(ada)
    with transaction.atomic():
        notice = provider_notices.make(request, provider="PRV-0000000", person=ada.reference, disclosures=[], at=NOON)
    assert provider_notices.tell_due(at=NOON) == 0
    notice.refresh_from_db()
    assert (notice.way, notice.last_code, notice.next_try_at) == ("task", "gate_refused", None)


def test_what_a_notice_says_stays_and_it_is_written_once(cirrus, ada):
    got_something(cirrus, ada)
    notice = noticed(ada, cirrus)
    with transaction.atomic():
        assert provider_notices.make(notice.request, provider=cirrus.reference, person=ada.reference, disclosures=[], at=NOON + DAY) == notice
    notice.person_reference = "PER-0000000"
    with pytest.raises(DatabaseError, match="stays"):
        notice.save()
    with pytest.raises(DatabaseError, match="kept as long as its request"):
        ErasureNotice.objects.all().delete()


def test_the_key_of_a_provider_is_its_own_and_stays_when_its_address_changes(hook, cirrus):
    key = listens(hook, cirrus)
    assert listens(hook, cirrus, at=NOON + DAY) == key
    assert ErasureHook.objects.count() == 1
    assert keystore().exists(f"request/hook-{cirrus.reference}")
    assert provider_notices.key_of("PRV-0000000").hex() != key
