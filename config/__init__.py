"""Settings, the work queue, the timetable, urls, and the services that run inside the checkout. No app imports it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
