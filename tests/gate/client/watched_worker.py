"""A real Celery worker that notes every connection it opens, as the interpreter itself reports them.

Run as a program by test_wire_watched.py: watched_worker.py FILE [PORT]. With a port it also opens a connection beside the gate after each
archive's last step, as a defect would. The product knows nothing of it: it is watched from outside.
"""

import os
import socket
import sys

NOTED = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def note(event: str, given: tuple) -> None:
    if event == "socket.connect":
        os.write(NOTED, f"{given[1]!r}\n".encode())


sys.addaudithook(note)

import django  # noqa: E402 - what it opens while it starts is noted too

django.setup()

from apps.retention.services import archiving  # noqa: E402
from config.celery import app  # noqa: E402


def beside_the_gate(_archive_id, _at) -> None:
    socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=5).close()


if len(sys.argv) == 3:
    archiving.STEPS = (*archiving.STEPS, beside_the_gate)

app.worker_main(["worker", "--pool=solo", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"])
