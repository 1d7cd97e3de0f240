"""Credentials, addresses and what a place says reach no exception, no `repr` and no log, at any level."""

import json
import logging
import pickle
import traceback

import pytest

from apps.gate.client.troubles import PeerTrouble
from tests.retention.places.peers import HASTY, NAME, HttpsPeer, Peer, S3Peer, SshPeer, later, now, part, put
from tests.retention.places.receiver import TOKEN
from tests.retention.places.seaweed import SECRET_KEY
from tests.retention.places.ssh_servers import PASSWORD

CONTENT = part(5000)


def secrets_of(peer: Peer) -> list[str]:
    """What may be seen nowhere: the credentials, and of a key every line of it."""
    lines = [line for value in peer.credentials.values() for line in value.splitlines()]
    return [line for line in lines if len(line) > 8 and not line.startswith("-----")]


@pytest.fixture
def everything_logged(caplog):
    """All loggers say all that they can say, whatever level a module asked them for."""
    for name in ("", "botocore", "boto3", "paramiko", "paramiko.transport", "urllib3", "http.client", "apps"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def use(peer: Peer) -> None:
    place = peer.place()
    receipt = put(place, CONTENT)
    place.prove(NAME, receipt)
    place.try_out(at=now())
    if peer.kind != "s3":
        place.remove(NAME, receipt, at=later())


def test_nothing_secret_is_logged_while_all_goes_well(peer: Peer, everything_logged):
    use(peer)

    told = everything_logged.text
    assert [secret for secret in secrets_of(peer) if secret in told] == []


def test_a_place_shows_its_kind_and_country_and_nothing_else(peer: Peer):
    place = peer.place()

    assert repr(place) == str(place) == f"<place {peer.kind} in US>"
    assert f"{place!r:>60}".strip() == repr(place)


def test_a_receipt_holds_nothing_secret(peer: Peer):
    receipt = put(peer.place(), CONTENT)

    told = repr(receipt) + json.dumps(receipt.as_dict()) + repr(pickle.dumps(receipt.as_dict()))
    assert [secret for secret in secrets_of(peer) if secret in told] == []


@pytest.fixture(params=["s3", "https", "sftp", "sftp by password"])
def failing(request, ssh_server) -> list[Peer]:
    """A peer with credentials, in every way in which it can fail."""
    if request.param.startswith("sftp"):
        peer = SshPeer(ssh_server, by_password=request.param.endswith("password"))
        manners = ["slow", "stalling", "full", "forbidding", "refusing", "corrupting", "lying", "without sizes", "slow login"]
    else:
        peer = request.getfixturevalue(request.param)
        manners = {
            "https": ["slow", "full", "refusing", "lying", "corrupting", "redirecting", "hanging up", "no HTTP", "trickling", "unsigned"],
            "s3": ["slow", "put: lying", "put: 403 AccessDenied", "bomb", "redirecting", "trickling", "put: breaking off", "no XML"],
        }[request.param]
    peer.manners = manners
    return peer


def test_nothing_secret_is_told_when_it_fails(failing: HttpsPeer | S3Peer | SshPeer, everything_logged):
    troubles = []
    for manner in failing.manners:
        failing.server.manner = manner
        try:
            place = failing.place(limits=HASTY)
            place.prove(NAME, put(place, CONTENT))
        except PeerTrouble as trouble:
            troubles.append(trouble)

    assert len(troubles) >= len(failing.manners) - 1
    for trouble in troubles:
        told = "".join(traceback.format_exception(trouble)) + repr(trouble) + json.dumps(trouble.as_dict())
        assert [secret for secret in secrets_of(failing) if secret in told] == []
        assert [word for word in ("127.0.0.1", "inbox", "locked", NAME, "secret") if word in trouble.what + trouble.mend] == []
    assert [secret for secret in secrets_of(failing) if secret in everything_logged.text] == []


def test_what_a_place_says_does_not_reach_the_log(sftp: SshPeer, https: HttpsPeer, s3: S3Peer, caplog):
    """At the level that an installation logs at, the libraries that speak for us don't repeat a peer's words."""
    caplog.set_level(logging.INFO)
    for peer, manner in ((sftp, "full"), (https, "no HTTP"), (s3, "put: 400 InvalidRequest")):
        peer.server.manner = manner
        with pytest.raises(PeerTrouble):
            put(peer.place(), CONTENT)

    ours = [record for record in caplog.records if record.name.split(".")[0] in ("paramiko", "botocore", "boto3", "urllib3", "apps")]
    told = " ".join(record.getMessage() for record in ours)
    assert not [word for word in ("said only here", "ESMTP", "secret-of-the-store") if word in told]


def test_the_secrets_that_these_tests_look_for_are_what_the_peers_are_given(https: HttpsPeer, s3: S3Peer, ssh_server):
    assert TOKEN in secrets_of(https)
    assert SECRET_KEY in secrets_of(s3)
    assert secrets_of(SshPeer(ssh_server, by_password=True)) == [PASSWORD]
    assert len(secrets_of(SshPeer(ssh_server))) >= 4
