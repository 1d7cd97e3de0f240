"""Handlers of the tests' own: each act is a heartbeat of its own name, whose moment says how often it was repeated."""

from datetime import timedelta

from apps.audit.models import Heartbeat


def beat_once_more(line, *, at):
    """Not idempotent on purpose: doing it twice shows."""
    heart, is_new = Heartbeat.objects.get_or_create(name=line.about, defaults={"at": line.at})
    if not is_new:
        heart.at += timedelta(days=1)
        heart.save()


def nothing(line, *, at):
    pass


HANDLERS = {"heart.beaten": beat_once_more, "restore.replayed": nothing}
