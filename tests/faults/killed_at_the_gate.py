"""A real Celery worker that kills itself with SIGKILL at one place of what the gate does when an archive's part of one organization leaves.

Run as a program by test_gate_killed.py: killed_at_the_gate.py PLACE ORG-…. The product knows nothing of it: it is wrapped from outside.
"""

import os
import signal
import sys

import django

django.setup()

from apps.gate.client import passage  # noqa: E402 - after Django is set up
from apps.retention.archives.places.https import HttpsPlace  # noqa: E402
from config.celery import app  # noqa: E402

PLACE, ORGANIZATION = sys.argv[1:]
leaving = False


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def decide(*, package, by, at):
    global leaving
    permit = decided(package=package, by=by, at=at)
    leaving = package.recipient.reference == ORGANIZATION
    if leaving and PLACE == "decided":
        die()
    return permit


def spend(**given):
    permit = spent(**given)
    if leaving and PLACE == "spent":
        die()
    return permit


def put(place, *given, **more):
    receipt = has_put(place, *given, **more)
    if leaving and PLACE == "put":
        die()
    return receipt


def connect(event: str, _given: tuple) -> None:
    if event == "socket.connect" and leaving and PLACE == "recorded":
        die()


decided, spent, has_put = passage.deciding.decide, passage.permits.spend, HttpsPlace.put
passage.deciding.decide, passage.permits.spend, HttpsPlace.put = decide, spend, put
sys.addaudithook(connect)

app.worker_main(["worker", "--pool=solo", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"])
