"""Questions about accounts."""

from django.db import models


class ServiceTokenQuerySet(models.QuerySet):
    def usable(self):
        return self.filter(revoked_at__isnull=True)
