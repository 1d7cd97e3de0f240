"""Every task has its name, takes ids only, and is woken by the clock; every ring is rung again by a sweep."""

from pathlib import Path

from config.celery import app as celery
from config.timetable import TIMETABLE
from config.wakeups import WAKEUPS
from tests.architecture import work
from tests.architecture.sources import plant

BAD = """
@shared_task
def nameless():
    pass

@shared_task(name="elsewhere.deliver")
def deliver(mail_id, address, *extra, **_later):
    pass

@app.task(name="mail.send_due")
def send_due(**_later):
    pass
"""


def test_every_task_has_an_explicit_name_that_begins_with_its_app():
    assert work.badly_named(work.tasks()) == []


def test_no_task_takes_anything_but_ids():
    assert work.takes_more_than_ids(work.tasks()) == []


def test_every_task_is_woken_by_somebody():
    assert work.never_woken(work.tasks(), TIMETABLE, WAKEUPS) == []


def test_the_timetable_and_the_rings_name_real_tasks():
    assert work.not_a_task(work.tasks(), TIMETABLE, WAKEUPS) == []


def test_what_is_rung_is_also_swept():
    assert work.rung_once_only(TIMETABLE, WAKEUPS) == []


def test_the_worker_knows_every_task_that_is_written():
    celery.loader.import_default_modules()

    assert {task.name for task in work.tasks()} - set(celery.tasks) == set()


def test_bad_tasks_are_named(tmp_path: Path):
    found = work.tasks(plant(tmp_path, "apps/mail/tasks.py", BAD))
    timetable = {"mail leaves": {"task": "mail.send_due"}, "nothing": {"task": "mail.sort"}}
    wakeups = {"mail.queued": "elsewhere.deliver", "mail.torn": "mail.mend"}

    assert work.badly_named(found) == ["apps/mail/tasks.py:3", "apps/mail/tasks.py:7"]
    assert work.takes_more_than_ids(found) == [
        "apps/mail/tasks.py:7 takes address",
        "apps/mail/tasks.py:7 takes *extra",
    ]
    assert work.never_woken(found, timetable, wakeups) == ["apps/mail/tasks.py:3 "]
    assert work.not_a_task(found, timetable, wakeups) == [
        "timetable: nothing names mail.sort",
        "wake-ups: mail.torn names mail.mend",
    ]
    assert work.rung_once_only(timetable, wakeups) == ["mail.queued", "mail.torn"]
