"""Columns that several tables of the gate have."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.foundation.personal_data import DataCategory, Purpose, personal


def by_whom(**more) -> models.CharField:
    """Who did it: a member of staff or a service, by the reference that the ledger uses too."""
    return personal(models.CharField(max_length=60, help_text="By reference.", **more), DataCategory.WORK_RECORD, Purpose.LEGAL)


def codes(longest: int, **more) -> ArrayField:
    """A sorted list of codes."""
    return ArrayField(models.CharField(max_length=longest), default=list, blank=True, **more)
