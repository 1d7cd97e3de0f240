"""Real peers for every kind of place, started once for all tests of a run and given to each with an empty folder."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

from tests.gate.client import passages
from tests.retention.places.peers import HttpsPeer, LocalPeer, OpenSshPeer, Peer, S3Peer, SshPeer
from tests.retention.places.receiver import Receiver
from tests.retention.places.s3_proxy import S3Proxy
from tests.retention.places.seaweed import binary, start
from tests.retention.places.ssh_servers import OpenSsh, SshServer
from tests.retention.places.tls import make_identity

ALL = ("local", "s3", "https", "sftp", "openssh")


@pytest.fixture(autouse=True)
def passage(db, monkeypatch):
    """The open passage of a spent permit, through which every place of a test is reached."""
    with passages.opened() as way:
        monkeypatch.setattr(Peer, "passage", way)
        yield way


@pytest.fixture(scope="session")
def ground():
    """A folder with a short path, for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="places-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def identity(ground):
    return make_identity(ground / "tls")


@pytest.fixture(scope="session")
def receiver(ground, identity):
    running = Receiver(ground / "received", identity)
    yield running
    running.close()


@pytest.fixture(scope="session")
def seaweed(ground, identity):
    if not binary():
        pytest.fail("There is no SeaweedFS to test S3 against. Mend: make set-up-test", pytrace=False)
    running = start(ground, identity)
    yield running
    running.close()


@pytest.fixture(scope="session")
def s3_proxy(seaweed, identity):
    running = S3Proxy(seaweed.ports["s3"], identity)
    yield running
    running.close()


@pytest.fixture(scope="session")
def open_ssh(ground):
    if not OpenSsh.binary():
        pytest.skip("No sshd on this machine, so asyncssh alone played the server. Mend: apt-get install openssh-server")
    running = OpenSsh(ground / "sshd")
    yield running
    running.close()


@pytest.fixture
def local(tmp_path) -> LocalPeer:
    return LocalPeer(tmp_path / "archives")


@pytest.fixture
def https(tmp_path, receiver) -> HttpsPeer:
    folder = tmp_path / "received"
    folder.mkdir()
    return HttpsPeer(folder, receiver)


@pytest.fixture
def s3(seaweed, s3_proxy) -> S3Peer:
    return S3Peer(seaweed, s3_proxy, f"test-{uuid4().hex}")


@pytest.fixture
def ssh_server(tmp_path):
    running = SshServer(tmp_path / "ssh")
    yield running
    running.close()


@pytest.fixture
def sftp(ssh_server) -> SshPeer:
    return SshPeer(ssh_server)


@pytest.fixture
def openssh(tmp_path, open_ssh) -> OpenSshPeer:
    return OpenSshPeer(open_ssh, tmp_path / "inbox")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes, where this process may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "places", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("This process may not mount a file system, so a full disk was tried by a limit on files alone.")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)  # a server may still be closing its files


@pytest.fixture(params=ALL)
def peer(request) -> Peer:
    """Each kind of place in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=[kind for kind in ALL if kind != "s3"])
def changeable(request) -> Peer:
    """Each kind of place where somebody could change what lies there; what a store with versions may do is tried apart."""
    return request.getfixturevalue(request.param)
