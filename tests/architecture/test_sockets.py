"""Nothing opens a connection beside the gate: every module that could is named with its reason, and a planted one is found."""

from pathlib import Path

import pytest

from tests.architecture import sockets
from tests.architecture.sources import CHECKOUT, plant

#: where a connection is made by name: of ours the gate's client, own services on this machine, and our own database and broker
OPENERS = [
    "apps/backups/copies/databases.py connect",
    "apps/gate/client/wire.py connect",
    "apps/gate/client/wire.py socket",
    "apps/retention/services/archives/rows.py connect",
    "config/celery.py connect",
    "config/checks.py connect",
    "config/embedded/broker.py connect",
    "config/embedded/broker.py socket",
    "config/run.py socket",
]


def test_every_module_that_could_open_a_connection_is_named_for_exactly_what_it_imports():
    assert sockets.beside_the_gate() == []


def test_every_named_module_says_why():
    reasons = {sockets.GATE, sockets.FROM_DIAL, sockets.DATABASE, sockets.SIGN_ON, sockets.PEOPLES_SIGN_ON, sockets.MAIL, sockets.MAIL_IN, sockets.OWN_SERVICES,
               sockets.OWN_QUEUE}  # fmt: skip
    assert {reason for _rooms, reason in sockets.NAMED.values()} == reasons
    assert all(rooms <= sockets.ROOMS for rooms, _reason in sockets.NAMED.values())


def test_connections_are_made_in_the_gates_client_to_our_own_services_and_nowhere_else():
    assert sockets.openers() == OPENERS


@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("import socket", "socket"),
        ("from socket import create_connection", "socket"),
        ("import http.client", "http.client"),
        ("from http import client", "http.client"),
        ("from urllib.request import urlopen", "urllib.request"),
        ("from urllib import request", "urllib.request"),
        ("import requests.adapters", "requests"),
        ("import httpx", "httpx"),
        ("import urllib3", "urllib3"),
        ("import boto3", "boto3"),
        ("import paramiko", "paramiko"),
        ("import smtplib", "smtplib"),
        ("import asyncio", "asyncio"),
        ("from django.core import mail", "django.core.mail"),
        ("import psycopg", "psycopg"),
        ("from psycopg import connect", "psycopg"),
        ("client = import_module('requests')", "requests"),
    ],
)
def test_a_planted_way_around_the_gate_is_found(tmp_path: Path, text: str, room: str):
    root = plant(tmp_path, "apps/retention/x.py", f"{text}\n")
    assert sockets.beside_the_gate(root) == [f"apps/retention/x.py imports {room}: what leaves goes through apps/gate/client"]


@pytest.mark.parametrize("text", ["from http import HTTPStatus", "from urllib.parse import urlsplit", "from psycopg.errors import UniqueViolation"])
def test_what_opens_nothing_is_no_way_around_the_gate(tmp_path: Path, text: str):
    assert sockets.beside_the_gate(plant(tmp_path, "apps/retention/x.py", f"{text}\n")) == []


def test_a_module_that_is_named_for_what_it_no_longer_imports_is_found(tmp_path: Path):
    root = plant(tmp_path, "apps/retention/archives/places/sftp_wire.py", "import struct\n")
    assert sockets.beside_the_gate(root) == ["apps/retention/archives/places/sftp_wire.py is named for paramiko, which it does not import"]


def test_the_linter_says_the_same_to_whoever_writes():
    said = (CHECKOUT / "pyproject.toml").read_text()
    for room in ("socket", "http.client", "urllib.request", "requests", "httpx", "urllib3", "boto3", "paramiko", "smtplib"):
        assert f'"{room}"' in said.partition("banned-api]")[2], room
    exempt = {name for name, (rooms, _reason) in sockets.NAMED.items() if rooms & {"socket", "http.client", "boto3", "paramiko", "smtplib", "requests"}}
    assert {name for name in sockets.NAMED if f'"{name}"' in said.partition("per-file-ignores]")[2].partition("\n[")[0]} == exempt
