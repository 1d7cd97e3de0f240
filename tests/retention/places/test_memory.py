"""A large object passes through: what a place needs of memory does not grow with what it sends and reads back.

Measured in a process of its own, as the highest resident size the kernel saw. `PLACES_MEGABYTES=500` makes it 500.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.retention.places.peers import Peer

CHECKOUT = Path(__file__).resolve().parents[3]
MEGABYTES = int(os.environ.get("PLACES_MEGABYTES", "96"))
GROWTH = 32  # megabytes: two blocks, a window of requests, and the buffers of TLS and SSH

SENDER = """
import hashlib, io, json, sys, time
from datetime import UTC, datetime, timedelta
import django
django.setup()
from apps.gate.client.addresses import Guard
from tests.gate.client import passages
from apps.retention.archives.places.registry import PLACES

given = json.load(sys.stdin)
MEGABYTE = bytes(range(256)) * 4096

class Stream(io.RawIOBase):
    def __init__(self, megabytes):
        self.left = megabytes << 20
    def read(self, size=-1):
        piece = MEGABYTE[: min(size, self.left)]
        self.left -= len(piece)
        return piece

def peak():
    with open("/proc/self/status") as status:  # ru_maxrss would count the process that started this one
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM:"))

def pass_through(name, megabytes):
    digest = hashlib.sha256()
    for _megabyte in range(megabytes):
        digest.update(MEGABYTE)
    with passages.opened() as way:
        return go_through(name, megabytes, digest.hexdigest(), Guard.of(ports=None, allowed=["127.0.0.1"]).within(way))

def go_through(name, megabytes, sha256, guard):
    place = PLACES[given["kind"]](given["settings"], given["credentials"], country="US", guard=guard)
    begun = time.monotonic()
    until = datetime.now(UTC) + timedelta(seconds=3)
    receipt = place.put(name, Stream(megabytes), size=megabytes << 20, sha256=sha256, keep_until=until)
    sent = time.monotonic()
    place.prove(name, receipt)
    return peak(), round(sent - begun, 2), round(time.monotonic() - sent, 2)

small, large = pass_through("small", 2), pass_through("large", given["megabytes"])
print(json.dumps({"small": small[0], "large": large[0], "put_seconds": large[1], "prove_seconds": large[2]}))
"""


def the_tests_own_database() -> str:
    return os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + settings.DATABASES["default"]["NAME"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_memory_does_not_grow_with_the_size_of_an_object(peer: Peer, record_property):
    sender = subprocess.run(
        [sys.executable, "-c", SENDER],
        input=json.dumps({**json.loads(peer.as_json()), "megabytes": MEGABYTES}), text=True, capture_output=True,
        cwd=CHECKOUT, check=False, env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": the_tests_own_database()},
    )  # fmt: skip
    assert sender.returncode == 0, sender.stderr[-2000:]

    measured = json.loads(sender.stdout)
    record_property("measured", {"kind": peer.kind, "megabytes": MEGABYTES, **measured})
    sys.stdout.write(f"{type(peer).__name__} {MEGABYTES} MB: {measured}\n")
    assert measured["large"] - measured["small"] <= GROWTH
