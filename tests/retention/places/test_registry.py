"""Which kinds of place there are, how one is opened from what was registered, and what the settings may allow."""

import pytest
from django.core.checks import run_checks

from apps.gate.client.addresses import AddressUnsafe
from apps.gate.client.troubles import PeerSettingsUnfit, PeerTrouble
from apps.retention.archives.places.base import Place
from apps.retention.archives.places.checks import archives_stay_outside
from apps.retention.archives.places.registry import PLACES, guard_for, open_place
from apps.retention.services.archives.places import ProviderNotNamed
from tests.retention.places.peers import NAME, HttpsPeer, LocalPeer, part, put
from tests.retention.places.receiver import TOKEN


@pytest.fixture
def archives(settings):
    """A real installation with nothing set."""
    settings.DEMO = False
    settings.ARCHIVE_PORTS = [443, 8443, 22, 2222]
    settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES = []
    return settings


def found() -> list[str]:
    return [message.id for message in archives_stay_outside()]


def test_every_kind_has_its_name_and_only_two_may_be_named_by_clients():
    assert {name: kind.for_clients for name, kind in PLACES.items()} == {"local": False, "s3": False, "sftp": True, "https": True}
    assert all(issubclass(kind, Place) and kind.kind == name for name, kind in PLACES.items())


def test_every_setting_and_credential_says_what_it_is():
    for kind in PLACES.values():
        assert kind.needs
        assert all(len(what) > 10 for what in {**kind.needs, **kind.takes, **kind.secrets}.values())
        assert not {*kind.needs, *kind.takes} & {*kind.secrets}


def test_a_place_is_opened_by_its_kind(archives, local: LocalPeer):
    place = open_place("local", local.settings, {}, country="CA")

    assert (place.kind, place.country) == ("local", "CA")
    place.prove(NAME, put(place, part()))


@pytest.mark.parametrize("kind", ["", "ftp", "LOCAL", "webdav"])
def test_an_unknown_kind_is_refused(archives, kind: str):
    with pytest.raises(PeerSettingsUnfit):
        open_place(kind, {}, {}, country="US")


def test_a_clients_place_on_this_host_is_refused_unless_a_test_allows_it(archives, https: HttpsPeer, passage):
    archives.ARCHIVE_PORTS = [https.server.port]
    with pytest.raises(AddressUnsafe):
        put(open_place("https", https.settings, {"token": TOKEN}, country="US", passage=passage), part())
    assert https.server.asked == []

    archives.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES = ["127.0.0.1"]
    place = open_place("https", https.settings, {"token": TOKEN}, country="US", passage=passage)
    place.prove(NAME, put(place, part()))


def test_a_clients_place_on_another_port_is_refused(archives, https: HttpsPeer):
    archives.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES = ["127.0.0.1"]

    with pytest.raises(AddressUnsafe, match="port"):
        open_place("https", https.settings, {"token": TOKEN}, country="US")


def test_our_own_stores_may_lie_on_a_private_network_and_a_clients_may_not(archives):
    assert guard_for(PLACES["s3"]).ports is None
    assert guard_for(PLACES["s3"]).allowed
    assert guard_for(PLACES["sftp"]).ports == {443, 8443, 22, 2222}
    assert guard_for(PLACES["sftp"]).allowed == ()


def test_nothing_set_is_safe(archives):
    assert found() == []


def test_a_real_installation_that_allows_private_addresses_does_not_start(archives):
    archives.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES = ["127.0.0.1"]
    assert found() == ["covenant.E501"]
    assert "covenant.E501" in [message.id for message in run_checks(tags=["security"])]

    archives.DEMO = True
    assert found() == []


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1/33", "10.0.0.1/8", "", "::g"])
def test_what_is_no_address_is_named_also_in_the_demo(archives, text: str):
    archives.DEMO, archives.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES = True, [text]

    assert found() == ["covenant.E502"]


@pytest.mark.parametrize("ports", [[], [0], [443, 70000], [-1]])
def test_ports_that_are_none_are_named(archives, ports: list[int]):
    archives.ARCHIVE_PORTS = ports

    assert found() == ["covenant.E503"]


def test_every_trouble_says_whether_trying_again_can_help():
    def kinds(kind):
        return [kind, *(below for child in kind.__subclasses__() for below in kinds(child))]

    # of the gate's client and of archives; what people lend has troubles of its own
    ours = [kind for kind in kinds(PeerTrouble) if kind.__module__.startswith(("apps.gate.", "apps.retention."))]
    by_hand = {kind.__name__ for kind in ours if not kind.retryable}
    assert by_hand == {
        "PeerRefuses", "PeerUnsafe", "AddressUnsafe", "PeerMisbehaves", "NotThere", "NameTaken", "TooLarge", "NameUnfit",
        "PeerSettingsUnfit", ProviderNotNamed.__name__,
    }  # fmt: skip
