"""Everything that a person's server can come to: named, with what mends it, in bounded time; nothing is half taken, and no password is seen."""

import base64
import logging
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from apps.accounts.states import PersonStanding
from apps.contacts.dav import syncing, troubles
from apps.contacts.dav.changes import SyncState
from apps.contacts.dav.server import Reach
from apps.gate.client.addresses import Guard
from apps.gate.models import Crossing
from apps.gate.services.deciding import Refused
from tests.contacts.dav.between import Between
from tests.contacts.dav.radicale import PASSWORD, USER, book
from tests.retention.places.tls import make_identity

WRONG = "wrong-password-4711"
ENDS_WITHIN = 60  # seconds, on a busy machine; the limits below allow far less


@pytest.fixture
def path(radicale, name):
    return radicale.make("contacts", name, book(6))


MANNERS = {
    "leaving in the middle": (troubles.SourceUnreachable, {"at_once": 1}),
    "breaking off": (troubles.SourceUnreachable, {}),
    "slow": (troubles.SourceSlow, {"silence": 1}),
    "busy": (troubles.SourceUnreachable, {}),
    "forbidding": (troubles.PasswordRefused, {}),
    "answering too much": (troubles.SourceTooLarge, {"largest": 8 << 20}),
    "pointing in circles": (troubles.SourceMisbehaves, {}),
    "cutting without end": (troubles.SourceMisbehaves, {}),
    "naming entries elsewhere": (troubles.SourceMisbehaves, {}),
    "naming other peoples entries": (troubles.SourceMisbehaves, {}),
    "a bomb": (troubles.SourceMisbehaves, {}),
    "no XML": (troubles.SourceMisbehaves, {}),
    "packing": (troubles.SourceMisbehaves, {}),
    "a web site": (troubles.NotACollection, {}),
}


@pytest.mark.parametrize("manner", MANNERS)
def test_a_server_that_misbehaves_is_named_for_it(sync, between, path, manner: str, monkeypatch):
    monkeypatch.setattr(syncing, "MOST_ROUNDS", 5)
    trouble, limits = MANNERS[manner]
    between.manner = manner
    begun = time.monotonic()

    with pytest.raises(troubles.SourceTrouble) as caught:
        sync(path, **limits)

    assert isinstance(caught.value, trouble)
    assert caught.value.retryable is (trouble in (troubles.SourceUnreachable, troubles.SourceSlow))
    assert time.monotonic() - begun < ENDS_WITHIN
    assert len(between.asked) < 20


def test_after_a_server_went_in_the_middle_the_next_time_begins_where_the_last_one_did(sync, radicale, between, path):
    before = sync(path)
    for number in range(7, 12):
        radicale.put(f"{path}{number}.vcf", f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:n{number}\r\nFN:New\r\nEND:VCARD\r\n")
    between.asked.clear()
    between.manner = "leaving in the middle"

    with pytest.raises(troubles.SourceUnreachable):
        sync(path, before.state, at_once=1)
    between.manner = ""

    assert [item.href for item in sync(path, before.state).changed] == sorted(f"{path}{number}.vcf" for number in range(7, 12))


def test_a_wrong_password_is_one_and_no_password_is_ever_shown(sync, path, caplog, capfd, radicale):
    caplog.set_level(logging.DEBUG)

    with pytest.raises(troubles.PasswordRefused) as caught:
        sync(path, password=WRONG)

    shown = "".join(traceback.format_exception(caught.value)) + caplog.text + "".join(capfd.readouterr())
    assert WRONG not in shown
    assert base64.b64encode(f"{USER}:{WRONG}".encode()).decode() not in shown
    assert path not in shown
    assert not caught.value.retryable
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("user", "password"), [("a:da", "x"), ("ada\r\nX-Other: 1", "x"), ("ada", "x\n"), ("ada", "\x00")])
def test_a_name_or_password_that_would_be_more_than_one_is_not_sent(between, ada, reach, user: str, password: str):
    with pytest.raises(troubles.PasswordRefused):
        syncing.sync(
            address=between.address("/"), user=user, password=password, kind="contacts", state=SyncState(), person_reference=ada.reference,
            at=datetime.now(UTC), reach=reach,
        )  # fmt: skip

    assert between.asked == []


def test_nobody_follows_a_server_to_another_host_with_a_password(sync, between, dav_identity, radicale, path):
    other = Between(dav_identity, radicale.port)
    try:
        for elsewhere in (other.address(path), f"//127.0.0.1:{other.port}{path}", f"http://127.0.0.1:{between.port}{path}", f"https://localhost:{between.port}/"):
            between.manner, between.elsewhere = "pointing elsewhere", elsewhere
            with pytest.raises(troubles.PointsElsewhere):
                sync(path)
        assert other.asked == []
        assert len(between.asked) == 4
    finally:
        other.close()


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1/x/", "https://10.0.0.1/", "https://169.254.169.254/latest/", "https://[::1]/", "https://[fd00::1]/", "https://localhost/",
        "https://127.1/", "https://0x7f000001/",
    ],
)  # fmt: skip
def test_an_address_that_leads_to_our_own_network_is_refused_and_nothing_is_opened(sync, between, address: str):
    with pytest.raises(troubles.SourceAddressUnsafe):
        sync("", address=address, guard=Guard.of(ports=[443, 8443]))

    assert Crossing.objects.count() == 0
    assert between.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "", "ada", "http://dav.example.com/", "ftp://dav.example.com/", "https://ada:secret@dav.example.com/", "https://dav.example.com:25/", "https://",
        "https://dav.example.com/../x", "https://dav.example.com/%2e%2e/x", "https://dav.example.com/x?y", "https://dav.example.com/x#y",
        "https://dav.example.com/a%0d%0aX: y", "https://dav.example.com/a b", f"https://dav.example.com/{'x' * 2000}", "https://dav.example.com\\@127.0.0.1/",
    ],
)  # fmt: skip
def test_an_address_that_can_be_read_in_more_than_one_way_is_refused_and_not_repeated(sync, address: str):
    with pytest.raises(troubles.SourceAddressUnsafe) as caught:
        sync("", address=address, guard=Guard.of(ports=[443, 8443]))

    assert "secret" not in str(caught.value)
    assert "example.com" not in str(caught.value)
    assert Crossing.objects.count() == 0


def test_the_house_reaches_no_private_address_and_only_the_ports_of_https():
    reach = Reach.from_settings()

    assert reach.guard.allowed == ()
    assert reach.guard.ports == {443, 8443}
    assert reach.authority == ""


def test_a_certificate_that_nobody_trusted_vouches_for_is_refused_before_the_password_is_sent(sync, between, path, tmp_path):
    with pytest.raises(troubles.SourceUnsafe):
        sync(path, authority="")
    with pytest.raises(troubles.SourceUnsafe):
        sync(path, authority=make_identity(tmp_path / "other").authority)

    assert between.logins == []


def test_an_address_without_a_server_is_unreachable(sync, between):
    between.close()

    with pytest.raises(troubles.SourceUnreachable):
        sync("/")


def test_an_address_where_nothing_is_and_one_that_is_something_else_are_told_apart(sync, radicale, between, path, name):
    with pytest.raises(troubles.NotACollection):
        sync(path, kind="calendar")
    with pytest.raises(troubles.SourceGone):
        sync(f"{path}nothing/")
    with pytest.raises(troubles.SourceTrouble):
        sync(path.replace(USER, "ben"))


def test_an_address_book_that_was_removed_is_gone(sync, radicale, path):
    before = sync(path)
    radicale.delete(path)

    with pytest.raises(troubles.SourceGone):
        sync(path, before.state)


def test_more_entries_than_may_be_are_too_many(sync, path):
    with pytest.raises(troubles.SourceTooLarge):
        sync(path, most_entries=5)


def test_time_runs_for_all_that_is_asked_together(sync, path):
    with pytest.raises(troubles.SourceSlow):
        sync(path, seconds=0.01)


def test_nothing_is_fetched_for_a_person_whose_registration_is_suspended(sync, between, ada, path):
    ada.standing = PersonStanding.SUSPENDED
    ada.save(update_fields=["standing"])

    with pytest.raises(Refused):
        sync(path)

    assert Crossing.objects.count() == 0
    assert between.asked == []


def test_every_trouble_has_a_code_and_a_mend_of_its_own():
    kinds = [kind for kind in vars(troubles).values() if isinstance(kind, type) and issubclass(kind, troubles.SourceTrouble)]

    assert len({kind.code for kind in kinds}) == len({kind.mend for kind in kinds}) == len(kinds) == 11


def test_a_reach_shows_nothing_secret(between, reach):
    assert PASSWORD not in repr(replace(reach, seconds=1))
