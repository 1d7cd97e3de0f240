"""What a host does with a restored database, as a program of its own: its database and home come from the environment.

restored.py serve                what the first page, the API and sign-in answer
restored.py sweep | reschedule   what the worker does each minute, by the task itself
restored.py replay WHEN NUMBER   `manage.py replay`, killing itself with SIGKILL before, within or after that line
restored.py promises CODE…       what breaks these promises
"""

import json
import os
import signal
import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - after Django is set up
from django.test import Client  # noqa: E402

from apps.assurance.registry import CHECKS  # noqa: E402
from apps.assurance.services import checking  # noqa: E402
from apps.backups.services import replaying  # noqa: E402
from apps.foundation import clock  # noqa: E402
from config.celery import app  # noqa: E402


def serve() -> None:
    told = {}
    for page in ("/admin/", "/privacy/", "/api/v1/messages", "/account/login/", "/healthz"):
        answer = Client(HTTP_HOST="127.0.0.1").get(page)
        told[page] = [answer.status_code, answer.headers.get("Covenant-Standstill", "")]
    print(json.dumps(told))


def die(*_anything: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def replay_and_die(when: str, number: int) -> None:
    take_over, record = replaying._take_over, replaying.ledger.record

    def dying(line, *arguments, **options):
        if (when, line.sequence) == ("before", number):
            die()
        done = take_over(line, *arguments, **options)
        if (when, line.sequence) == ("after", number):
            die()
        return done

    def recording(verb, *arguments, **options):  # the last thing that is done of a line before its commit
        event = record(verb, *arguments, **options)
        if when == "within" and verb == "restore.entry_replayed" and options["facts"]["sequence"] == number:
            die()
        return event

    replaying._take_over, replaying.ledger.record = dying, recording
    call_command("replay")


def broken(*codes: str) -> None:
    at = clock.now()
    found = [
        [check.code, violation.object, violation.why]
        for check in CHECKS
        if check.promise in codes
        for violation in checking.look(check, at).violations
    ]
    print(json.dumps(found))


match sys.argv[1:]:
    case ["serve"]:
        serve()
    case ["sweep" | "reschedule" as task]:
        app.loader.import_default_modules()
        app.tasks[f"retention.{task}"]()
    case ["replay", when, number]:
        replay_and_die(when, int(number))
    case ["promises", *codes]:
        broken(*codes)
    case _:
        sys.exit("serve, sweep, reschedule, replay or promises")
