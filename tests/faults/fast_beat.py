"""A real Celery beat that rings the sweep four times a second. Run as a program: fast_beat.py SCHEDULE-FILE."""

import sys

import django

django.setup()

from config.celery import app  # noqa: E402 - after Django is set up

app.conf.beat_schedule = {"fast": {"task": "retention.sweep", "schedule": 0.25}}
app.conf.beat_max_loop_interval = 0.2
app.Beat(schedule=sys.argv[1], loglevel="WARNING", pidfile=None).run()
