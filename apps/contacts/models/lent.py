"""The columns of every row that is collected under a consent: whose it is, under which purpose, and that this stands.

The database binds the three to `consents_standing` (migration 0002): no row without a consent that stands, and no withdrawal commits
while one is left.
"""

from django.db import models

from apps.accounts.models import Person
from apps.consents.models import ConsentPurpose
from apps.foundation.personal_data import DataCategory, Purpose, personal


def lender(related_name: str) -> models.ForeignKey:
    """Whose it is. The database itself removes the row with the person's (migration 0002)."""
    field = models.ForeignKey(Person, on_delete=models.DO_NOTHING, db_constraint=False, related_name=related_name)
    return personal(field, DataCategory.IDENTITY, Purpose.SERVICE)


def under() -> models.ForeignKey:
    """The purpose that the person consented to."""
    return models.ForeignKey(ConsentPurpose, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")


def standing() -> models.BooleanField:
    """Always true: it is what the foreign key to the standing compares."""
    return models.BooleanField(default=True, db_default=True, editable=False)
