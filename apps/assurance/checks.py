"""Fails the start where a column about a person was added and nobody said so (invariant 8). Needs no database.

The same question is asked of the live database by the check of P01: a column added by hand is found there.
"""

from django.core.checks import Error

from apps.assurance import columns
from apps.assurance.inventory import HOLDINGS


def declared_columns(app_configs=None, **_options) -> list[Error]:
    """covenant.E301 and covenant.E302, one error for each field or model."""
    models = columns.our_models()
    return [*_undeclared(models), *_unheld(models)]


def _undeclared(models) -> list[Error]:
    return [
        Error(
            f"{found.model._meta.label}.{found.name}: {found.why}.",
            hint="Wrap the field with personal(category, purpose), or name it in the model's NOT_PERSONAL.",
            obj=found.model,
            id="covenant.E301",
        )
        for found in columns.undeclared_fields(models)
    ]


def _unheld(models) -> list[Error]:
    return [
        Error(
            f"{model._meta.label} has personal columns, and no holding names its table {model._meta.db_table}.",
            hint="Name the table in the HOLDINGS of the app's holdings.py, and the app in apps/assurance/inventory.py.",
            obj=model,
            id="covenant.E302",
        )
        for model in columns.unheld_models(models, HOLDINGS)
    ]
