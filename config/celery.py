"""The doorbell. Rows in the database are the work list; Celery only wakes who looks at it, so a lost task loses nothing."""

import os

from celery import Celery
from celery.signals import setup_logging

from config.logs import keep_our_logging
from config.timetable import TIMETABLE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("covenant", task_cls="config.guard:StandingStillTask")  # no task works on a restored database
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = TIMETABLE
app.autodiscover_tasks()
setup_logging.connect(keep_our_logging)  # Celery's own handlers would write arguments and texts of errors
