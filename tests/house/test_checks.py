"""A database server that may forget what it committed keeps the service shut, asked of real servers."""

import os
import subprocess
import sys
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection

from config.checks import the_database_keeps_what_it_says
from config.embedded.home import Home
from config.embedded.postgres import ALWAYS, Postgres
from tests.house.installation import CHECKOUT

A_REAL_KEY = "k3Yq8vR2pLx0wZs7TnBd5HcJfUgMaEoI9tCyXl4WbQ1rPiVuNhDkSz6GmAeFjO"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server as `make run` starts it."""
    made = Postgres(Home(tmp_path_factory.mktemp("server")))
    made.home.make()
    made.begin()
    made.wait()
    yield made
    made.stop()
    made.home.remove_sockets()


@pytest.fixture
def asked(server, monkeypatch):
    """What the checks find on that server."""
    about = {"HOST": str(server.home.sockets), "PORT": "", "NAME": "covenant", "USER": "covenant", "PASSWORD": server.passwords["covenant"]}
    for name, value in about.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    return lambda: [found.id for found in the_database_keeps_what_it_says()]


@contextmanager
def changed(server, whose: str, setting: str):
    with psycopg.connect(
        host=str(server.home.sockets), dbname="covenant", user="postgres", password=server.passwords["postgres"], autocommit=True
    ) as master:
        master.execute(f"ALTER {whose} covenant SET {setting}")
        try:
            yield
        finally:
            master.execute(f"ALTER {whose} covenant RESET ALL")


def restart(server) -> None:
    server.stop()
    server.begin()
    server.wait()


def test_the_server_that_comes_with_the_checkout_is_durable(asked):
    assert asked() == []


@pytest.mark.parametrize("whose", ["ROLE", "DATABASE"])
@pytest.mark.parametrize(("demo", "code"), [(True, "covenant.W703"), (False, "covenant.E703")], ids=["demo", "production"])
def test_commits_that_are_not_waited_for_are_found_whoever_set_them(server, asked, settings, whose, demo, code):
    settings.DEMO = demo
    with changed(server, whose, "synchronous_commit = off"):
        assert asked() == [code]
    with changed(server, whose, "synchronous_commit = local"):
        assert asked() == []
    assert asked() == []


def test_a_server_that_gives_up_durability_as_a_whole_is_found_with_each_of_its_settings(settings):
    """The tests' own server is one."""
    settings.DEMO = False
    found = the_database_keeps_what_it_says()
    assert [one.id for one in found] == ["covenant.E701", "covenant.E702", "covenant.E703"]
    assert ["fsync = off" in found[0].msg, "full_page_writes = on" in found[1].hint, "ALTER ROLE" in found[2].hint] == [True] * 3


def test_a_server_that_gives_few_locks_is_found(server, asked, settings):
    settings.DEMO = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ALWAYS, "max_locks_per_transaction", "64")
        restart(server)
    try:
        assert asked() == ["covenant.E704"]
    finally:
        restart(server)
    assert asked() == []


def test_a_server_that_can_not_be_reached_is_left_to_the_health_page(monkeypatch, tmp_path):
    monkeypatch.setitem(connection.settings_dict, "HOST", str(tmp_path))
    assert the_database_keeps_what_it_says() == []


def test_production_does_not_start_on_it(server):
    environment = os.environ | {"DEMO": "false", "SECRET_KEY": A_REAL_KEY, "DATABASE_URL": server.url}

    def check():
        return subprocess.run([sys.executable, "manage.py", "check"], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)

    assert "covenant.E7" not in check().stderr
    with changed(server, "DATABASE", "synchronous_commit = off"):
        done = check()
    assert done.returncode == 1
    assert "covenant.E703" in done.stderr
    assert "synchronous_commit = on" in done.stderr
