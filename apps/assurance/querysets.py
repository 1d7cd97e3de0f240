"""Questions about findings and runs."""

from django.db import models


class FindingQuerySet(models.QuerySet):
    def open(self):
        return self.filter(gone_at__isnull=True)

    def gone(self):
        return self.filter(gone_at__isnull=False)


class RunQuerySet(models.QuerySet):
    def finished(self):
        return self.filter(finished_at__isnull=False)

    def newest_first(self):
        return self.order_by("-id")
