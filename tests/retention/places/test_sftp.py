"""A client's SSH server that misbehaves: asyncssh on order, a bare socket that speaks no SSH, and what OpenSSH really does."""

import os
import socket
import stat
import time

import asyncssh
import pytest

from apps.gate.client.troubles import PeerDown, PeerFull, PeerMisbehaves, PeerRefuses, PeerSettingsUnfit, PeerSlow, PeerUnsafe
from apps.gate.client.wire import BLOCK
from apps.retention.archives.places.sftp import SftpPlace
from apps.retention.archives.places.sftp_wire import Failed
from apps.retention.archives.places.troubles import PlaceCorrupts, PlaceForgets, PlaceKeeps, PlaceLies
from tests.retention.places.peers import HASTY, NAME, PATIENT, OpenSshPeer, SshPeer, known_host, later, limits_for, now, part, put
from tests.retention.places.ssh_servers import PASSWORD, Socket

CONTENT = part()
ENDS_WITHIN = 8  # seconds, where a peer is slow: the limits allow no more than 3.5


@pytest.fixture
def place(sftp: SshPeer) -> SftpPlace:
    return sftp.place()


@pytest.mark.parametrize(
    ("manner", "trouble"),
    [
        ("slow", PeerSlow),
        ("stalling", PeerSlow),
        ("dawdling", PeerSlow),
        ("full", PeerFull),
        ("full once", PeerFull),
        ("full, without saying so", Failed),
        ("unable to sync", Failed),
        ("forbidding", PeerRefuses),
        ("truncating", PeerDown),
        ("without sizes", PeerMisbehaves),
        ("listing without end", PeerMisbehaves),
        ("refusing", PeerRefuses),
    ],
)
def test_a_server_that_misbehaves_at_a_put_has_not_got_it(sftp: SshPeer, manner: str, trouble: type):
    place = sftp.place(limits=limits_for(trouble))
    sftp.server.manner = manner
    begun = time.monotonic()

    with pytest.raises(trouble) as caught:
        put(place, part(BLOCK))

    assert type(caught.value) is trouble
    assert trouble is not PeerSlow or time.monotonic() - begun < ENDS_WITHIN


@pytest.mark.parametrize("manner", ["full", "full once", "truncating", "full, without saying so"])
def test_a_put_that_failed_leaves_no_draft_where_it_can_be_removed(sftp: SshPeer, place: SftpPlace, manner: str):
    sftp.server.manner = manner

    with pytest.raises((PeerFull, PeerDown, Failed)):
        put(place, CONTENT)

    assert sftp.everything() == []
    sftp.server.manner = ""
    place.prove(NAME, put(place, CONTENT))


def test_it_is_on_the_servers_disk_before_it_gets_its_name(sftp: SshPeer, place: SftpPlace):
    put(place, CONTENT)

    asked = [one for one in sftp.server.asked if one in ("open", "fsync", "rename")]
    assert asked == ["open", "fsync", "rename"]


def test_what_a_killed_sender_left_is_swept_by_the_next(sftp: SshPeer, place: SftpPlace):
    folder, last = NAME.rsplit("/", 1)
    drafts = [f"{folder}/.{last}.0123456789ab.part", f"{folder}/.{last}.ba9876543210.part"]
    foreign = [f"{folder}/.{last}.notours.part", f"{folder}/{last}.old", f"{folder}/.{last}.sig.0123456789ab.part"]
    for name in [*drafts, *foreign]:
        sftp.tamper(name, b"half of it")

    put(place, CONTENT)

    assert sftp.everything() == sorted([NAME, *foreign])


def test_a_server_that_confirms_without_storing_is_a_liar(sftp: SshPeer, place: SftpPlace):
    sftp.server.manner = "lying"

    receipt = put(place, CONTENT)

    with pytest.raises(PlaceLies):
        place.prove(NAME, receipt)


def test_a_server_that_stores_something_else_corrupts(sftp: SshPeer, place: SftpPlace):
    sftp.server.manner = "corrupting"

    receipt = put(place, CONTENT)

    with pytest.raises(PlaceCorrupts):
        place.prove(NAME, receipt)
    with pytest.raises(PlaceCorrupts):
        place.try_out(at=now())


def test_a_server_that_loses_it_afterwards_forgets(sftp: SshPeer, place: SftpPlace):
    receipt = put(place, CONTENT)
    place.prove(NAME, receipt)

    sftp.lose()

    with pytest.raises(PlaceForgets):
        place.prove(NAME, receipt, again=True)


def test_a_server_that_keeps_what_it_says_it_removed_is_named(sftp: SshPeer, place: SftpPlace):
    receipt = put(place, CONTENT)
    sftp.server.manner = "keeping"

    with pytest.raises(PlaceKeeps):
        place.remove(NAME, receipt, at=later())


@pytest.mark.parametrize(
    ("manner", "trouble"),
    [
        ("slow", PeerSlow),
        ("stalling", PeerSlow),
        ("giving a byte now and then", PeerSlow),
        ("giving without end", PlaceCorrupts),
        ("giving too much", PeerMisbehaves),
        ("refusing", PeerRefuses),
    ],
)
def test_a_server_that_misbehaves_at_reading_back_proves_nothing(sftp: SshPeer, manner: str, trouble: type):
    receipt, place = put(sftp.place(), CONTENT), sftp.place(limits=limits_for(trouble))
    sftp.server.manner = manner
    begun = time.monotonic()

    with pytest.raises(trouble) as caught:
        place.prove(NAME, receipt)

    assert type(caught.value) is trouble
    assert trouble is not PeerSlow or time.monotonic() - begun < ENDS_WITHIN


def test_a_server_that_gives_less_at_a_time_than_asked_for_is_read_whole(sftp: SshPeer, place: SftpPlace):
    receipt = put(place, CONTENT)
    sftp.server.manner = "giving little"

    place.prove(NAME, receipt)


@pytest.mark.parametrize(
    ("manner", "trouble"),
    [
        ("packet of a gigabyte", PeerMisbehaves),
        ("packet of nothing", PeerMisbehaves),
        ("packet of another kind", PeerMisbehaves),
        ("packet with a broken text", PeerMisbehaves),
        ("packet that nobody asked for", PeerMisbehaves),
    ],
)
def test_a_server_that_speaks_broken_sftp_is_left(sftp: SshPeer, manner: str, trouble: type):
    sftp.server.manner = manner
    sftp.server.present(sftp.server.host_key)
    place = sftp.place(url=f"sftp://127.0.0.1:{sftp.server.port}/inbox")

    for act in (lambda: put(place, CONTENT), lambda: place.holds(NAME)):
        with pytest.raises(trouble):
            act()


def test_another_host_key_is_unsafe_and_gets_no_password(ssh_server):
    peer = SshPeer(ssh_server, by_password=True)
    ssh_server.present(ssh_server.other_host_key)
    place = peer.place(url=f"sftp://127.0.0.1:{ssh_server.port}/inbox")

    with pytest.raises(PeerUnsafe, match="host key"):
        put(place, CONTENT)

    assert ssh_server.passwords == []


def test_another_kind_of_host_key_is_unsafe_too(ssh_server):
    peer = SshPeer(ssh_server, by_password=True)
    ssh_server.present(asyncssh.generate_private_key("ecdsa-sha2-nistp256"))
    place = peer.place(url=f"sftp://127.0.0.1:{ssh_server.port}/inbox")

    with pytest.raises(PeerUnsafe, match="host key"):
        put(place, CONTENT)

    assert ssh_server.passwords == []


@pytest.mark.parametrize("kind", ["ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ssh-ed25519"])
def test_every_usual_kind_of_host_key_and_of_our_own_key_works(ssh_server, kind: str):
    options = {"key_size": 2048} if kind == "ssh-rsa" else {}
    host_key, client_key = asyncssh.generate_private_key(kind, **options), asyncssh.generate_private_key(kind, **options)
    ssh_server.present(host_key)
    ssh_server.client_key = client_key
    peer = SshPeer(ssh_server)

    place = peer.place(host_key=known_host(host_key))

    place.prove(NAME, put(place, CONTENT))


@pytest.mark.parametrize("form", ["openssh", "pkcs1-pem", "pkcs8-pem"])
def test_our_key_may_be_written_in_any_usual_form(ssh_server, form: str):
    ssh_server.client_key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    peer = SshPeer(ssh_server)
    peer.credentials = {"private_key": ssh_server.client_key.export_private_key(form).decode()}

    place = peer.place()

    place.prove(NAME, put(place, CONTENT))


def test_a_password_lets_us_in_where_the_host_key_is_right(ssh_server):
    place = SshPeer(ssh_server, by_password=True).place()

    place.prove(NAME, put(place, CONTENT))

    assert set(ssh_server.passwords) == {PASSWORD}


def test_a_wrong_password_and_a_wrong_key_are_not_let_in(ssh_server):
    by_password, by_key = SshPeer(ssh_server, by_password=True), SshPeer(ssh_server)
    by_password.credentials = {"password": "wrong"}
    by_key.credentials = {"private_key": ssh_server.other_host_key.export_private_key("openssh").decode()}

    for peer in (by_password, by_key):
        with pytest.raises(PeerRefuses):
            put(peer.place(), CONTENT)


def test_a_login_that_takes_too_long_is_slow(sftp: SshPeer):
    sftp.server.manner = "slow login"
    begun = time.monotonic()

    with pytest.raises(PeerSlow):
        put(sftp.place(limits=HASTY), CONTENT)

    assert time.monotonic() - begun < ENDS_WITHIN


@pytest.mark.parametrize(
    "changes",
    [
        {"host_key": ""},
        {"host_key": "ssh-ed25519"},
        {"host_key": "ssh-ed25519 AAAA"},
        {"host_key": "ssh-rsa not/base64!"},
        {"host_key": "127.0.0.1 ssh-ed25519 AAAA"},
        {"user": ""},
        {"user": "root; rm"},
        {"user": "a\nb"},
        {"user": "-oProxyCommand=x"},
        {"url": "sftp://127.0.0.1"},
        {"url": "sftp://127.0.0.1/"},
    ],
)
def test_settings_that_describe_no_server_are_refused(sftp: SshPeer, changes: dict):
    with pytest.raises(PeerSettingsUnfit):
        sftp.place(**changes)


@pytest.mark.parametrize("key", ["no key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"])
def test_a_private_key_that_can_not_be_read_is_refused_without_repeating_it(sftp: SshPeer, key: str):
    sftp.credentials = {"private_key": key}

    with pytest.raises(PeerSettingsUnfit) as caught:
        sftp.place()

    assert key not in str(caught.value)


def test_a_private_key_with_a_password_is_refused(sftp: SshPeer):
    sftp.credentials = {"private_key": sftp.server.client_key.export_private_key("openssh", passphrase="x").decode()}

    with pytest.raises(PeerSettingsUnfit):
        sftp.place()


def test_a_folder_that_is_missing_at_the_server_is_not_made(sftp: SshPeer):
    with pytest.raises(PeerDown, match="folder") as caught:
        put(sftp.place(url=f"sftp://127.0.0.1:{sftp.server.port}/elsewhere"), CONTENT)

    assert "Make the folder" in caught.value.mend
    assert not (sftp.server.folder / "elsewhere").exists()


def silent(connection: socket.socket, stop) -> None:
    stop.wait(20)


def without_end(connection: socket.socket, stop) -> None:
    while not stop.is_set():
        connection.sendall(b"x" * 10_000)


def lines_without_end(connection: socket.socket, stop) -> None:
    while not stop.is_set():
        connection.sendall(b"a line before the banner\r\n" * 1000)


def trickling(connection: socket.socket, stop) -> None:
    while not stop.is_set():
        connection.sendall(b"S")
        time.sleep(0.1)


def giant_packet(connection: socket.socket, stop) -> None:
    connection.sendall(b"SSH-2.0-Giant\r\n" + b"\x3f\xff\xff\xfc" + bytes(100_000))
    stop.wait(20)


def silent_after_banner(connection: socket.socket, stop) -> None:
    connection.sendall(b"SSH-2.0-Silent\r\n")
    stop.wait(20)


def another_protocol(connection: socket.socket, stop) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def old_protocol(connection: socket.socket, stop) -> None:
    connection.sendall(b"SSH-1.5-Old\r\n")
    stop.wait(1)


@pytest.mark.parametrize(
    ("treat", "trouble"),
    [
        (silent, PeerSlow),
        (trickling, PeerSlow),
        (silent_after_banner, PeerSlow),
        (without_end, PeerMisbehaves),
        (giant_packet, PeerMisbehaves),
        (lines_without_end, PeerDown),
        (another_protocol, PeerDown),
        (old_protocol, PeerUnsafe),
    ],
)
def test_a_peer_that_speaks_no_ssh_is_left_in_time(sftp: SshPeer, treat, trouble: type):
    peer = Socket(treat)
    begun = time.monotonic()
    try:
        with pytest.raises(trouble) as caught:
            put(sftp.place(limits=limits_for(trouble), url=f"sftp://127.0.0.1:{peer.port}/inbox"), CONTENT)
    finally:
        peer.close()

    assert type(caught.value) is trouble
    assert time.monotonic() - begun < (ENDS_WITHIN if trouble is PeerSlow else PATIENT.connect)


def test_openssh_stores_it_for_its_owner_alone_and_refuses_to_rename_onto_another(openssh: OpenSshPeer):
    place = openssh.place()
    put(place, CONTENT)

    path = openssh.folder / NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in list(path.parents)[: NAME.count("/")]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with place._files() as files:
        assert {"fsync@openssh.com", "statvfs@openssh.com"} <= files.extensions
        assert files.room(str(openssh.folder)) > 0
        (openssh.folder / "draft").write_bytes(b"draft")
        with pytest.raises(Failed):
            files.rename(str(openssh.folder / "draft"), str(path))
    assert path.read_bytes() == CONTENT


def test_openssh_without_room_is_full(openssh: OpenSshPeer, small_disk):
    place = openssh.place(url=openssh.settings["url"].replace(str(openssh.folder), str(small_disk)))

    with pytest.raises(PeerFull):
        put(place, part(5 * BLOCK))

    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


def test_a_link_at_the_server_is_not_followed(openssh: OpenSshPeer, tmp_path):
    (tmp_path / "elsewhere").write_bytes(CONTENT)
    path = openssh.folder / NAME
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    place = openssh.place()

    for act in (lambda: put(place, CONTENT), lambda: place.holds(NAME), lambda: place.fetch(NAME)):
        with pytest.raises(PeerUnsafe):
            act()


def test_a_server_that_dies_in_the_middle_is_down_and_the_next_put_is_whole(openssh: OpenSshPeer):
    class Dying:
        """Kills the session's processes after the second block."""

        def __init__(self, content):
            self.content, self.given = content, 0

        def read(self, size=-1):
            if self.given == 2 * BLOCK:
                for process in _below(openssh.server.process.pid):
                    os.kill(process, 9)
            piece = self.content[self.given : self.given + size]
            self.given += len(piece)
            return piece

    content = part(8 * BLOCK)
    receipt = put(openssh.place(), content, "other/one")

    with pytest.raises(PeerDown):
        openssh.place().put(NAME, Dying(content), size=receipt.size, sha256=receipt.sha256)

    assert openssh.stored() is None
    place = openssh.place()
    place.prove(NAME, put(place, content))
    assert openssh.everything() == [NAME, "other/one"]


def _below(process: int) -> list[int]:
    """Every process that this one started, and those that they started: for whom is not root, sshd has three a session."""
    with open(f"/proc/{process}/task/{process}/children") as file:
        children = list(map(int, file.read().split()))
    return [one for child in children for one in (child, *_below(child))]
