"""Fails the start where a column about a person was added and nobody said so (invariant 8), or nobody said how it is handed over and erased.
Needs no database.

The same question is asked of the live database by the check of P01: a column added by hand is found there.
"""

from collections.abc import Iterable, Iterator

from django.core.checks import Error

from apps.accounts.models import Person
from apps.assurance import columns
from apps.assurance.inventory import HOLDINGS
from apps.data_requests import order
from apps.foundation.personal_data import Holding, Whom


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


def holdings_of_people(app_configs=None, **_options) -> list[Error]:
    """covenant.E303, E304 and E305: of each holding of people it is known how it is counted, handed over and erased, and in which order."""
    return [*unsaid(HOLDINGS), *without_order(HOLDINGS), *without_people(order.by_models(), HOLDINGS)]


def unsaid(holdings: Iterable[Holding]) -> Iterator[Error]:
    for one in holdings:
        if one.whom != Whom.PEOPLE:
            continue
        if not one.erase and not one.survives:
            what, mend = "neither how it is erased nor why it survives an erasure", "Give it `erase`, or say in `survives` what stays, by which law."
        elif not one.unfound and not (one.count and one.collect):
            what, mend = "not how it is counted and handed over", "Give it `count` and `collect`, or say in `unfound` why nobody can be found in it."
        else:
            continue
        yield Error(
            f"The holding {one.code} is of people and says {what}.",
            hint=f"{mend} Where it is about nobody who may ask, name whom it is about in `whom`.", id="covenant.E303",
        )  # fmt: skip


def without_order(holdings: Iterable[Holding]) -> Iterator[Error]:
    try:
        order.of(holdings, order.by_models())
    except order.GoesRound as ring:
        yield Error(
            f"These holdings point to each other in a ring, so that none can be erased first: {ring}.",
            hint="Put tables that point to each other into one holding.", id="covenant.E304",
        )  # fmt: skip


def without_people(pairs: Iterable[order.Pair], holdings: Iterable[Holding]) -> Iterator[Error]:
    """A table that points to people is about them, whatever its columns say."""
    held = {table for one in holdings if one.whom == Whom.PEOPLE for table in one.tables}
    for table in sorted({pointing for pointing, pointed_to in pairs if pointed_to == Person._meta.db_table} - held):
        yield Error(
            f"The table {table} points to people, and no holding of people names it.",
            hint="Name it in a holding of PEOPLE in the app's holdings.py, which says how it is counted, collected and erased.", id="covenant.E305",
        )  # fmt: skip
