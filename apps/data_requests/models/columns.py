"""Columns that several models of data requests have."""

from django.db import models

from apps.foundation.personal_data import DataCategory, Purpose, personal


def by_whom(**more) -> models.CharField:
    """Who did it, by the reference that the ledger uses too."""
    field = models.CharField(max_length=60, editable=False, help_text="By reference.", **more)
    return personal(field, DataCategory.WORK_RECORD, Purpose.LEGAL)


def sealed(help_text: str, **more) -> models.BinaryField:
    """Words of people, sealed under the secret of what they belong to."""
    field = models.BinaryField(editable=False, help_text=help_text, **more)
    return personal(field, DataCategory.COMMUNICATION, Purpose.ANSWERING)


def digest_of_address(help_text: str, **more) -> models.BinaryField:
    """An address or a name as a keyed hash (apps.data_requests.hashing)."""
    field = models.BinaryField(max_length=32, editable=False, help_text=help_text, **more)
    return personal(field, DataCategory.CONTACT, Purpose.IDENTIFICATION)
