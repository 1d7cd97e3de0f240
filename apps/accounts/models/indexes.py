"""The index that the admin's searches use."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db.models import F
from django.db.models.functions import Upper


def trigram(column: str, name: str) -> GinIndex:
    """The index that the admin's `icontains` uses: Django compares UPPER(column)."""
    return GinIndex(OpClass(Upper(F(column)), name="gin_trgm_ops"), name=name)
