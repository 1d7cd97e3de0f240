"""Questions about backups, restores and drills, in the policy's words."""

from datetime import date

from django.db import models

from apps.backups.states import Outcome


class BackupQuerySet(models.QuerySet):
    def kept(self):
        return self.filter(destroyed_at=None)

    def overdue(self, today: date):
        """Past their last day and not told to be destroyed."""
        return self.kept().filter(kept_until__lt=today)


class RestoreQuerySet(models.QuerySet):
    def open(self):
        """Found, and not replayed to the end."""
        return self.filter(replayed_at=None)


class DrillQuerySet(models.QuerySet):
    def running(self):
        return self.filter(outcome=Outcome.RUNNING)
