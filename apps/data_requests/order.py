"""In which order holdings are collected and erased: what points to something before what it points to, and people's own rows last of all.

The order follows from the foreign keys of the models and is kept nowhere. The database is asked too (`against_the_database`): a foreign
key that a migration wrote by hand counts as much as one that a model declares.

| holding | when |
|---|---|
| one whose table points to a table of another | before that one |
| of two that do not point to each other | the one on the higher floor first |
| the one with the people's own rows | last: by them a run that was killed knows that it is not done |
"""

from collections.abc import Iterable, Sequence

from django.apps import apps
from django.conf import settings
from django.db.models import ForeignKey
from django.utils.module_loading import import_string

from apps.accounts.models import Person
from apps.foundation.personal_data import Holding, Whom

#: simple-history's note of who changed a row: a member of staff, and no part of what is held about people
EXCEPTED = frozenset({"history_user"})

#: (table that points, table it points to)
Pair = tuple[str, str]

POINTING = """
    SELECT DISTINCT child.relname, parent.relname FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_class child ON child.oid = c.conrelid JOIN pg_catalog.pg_class parent ON parent.oid = c.confrelid
    WHERE c.contype = 'f'
"""


class GoesRound(RuntimeError):
    """A defect of the declarations: holdings point to each other in a ring, so that none can go first."""


def all_holdings() -> tuple[Holding, ...]:
    """Every holding there is, in the order of the floors."""
    return import_string(settings.ALL_HOLDINGS)


def in_order() -> tuple[Holding, ...]:
    """The holdings of people, as they are collected and erased."""
    return of(all_holdings(), by_models())


def by_models() -> set[Pair]:
    """Which table points to which, as the models say."""
    return {
        (model._meta.db_table, column.related_model._meta.db_table)
        for model in apps.get_models(include_auto_created=True)
        for column in model._meta.local_fields
        if isinstance(column, ForeignKey) and column.name not in EXCEPTED
    }


def of(holdings: Iterable[Holding], pairs: Iterable[Pair]) -> tuple[Holding, ...]:
    """These holdings in the order that these foreign keys ask for. Raises GoesRound."""
    waiting = list(reversed([one for one in holdings if one.whom == Whom.PEOPLE]))
    waiting.sort(key=lambda one: Person._meta.db_table in one.tables)
    before = waits_for(waiting, pairs)
    ordered: list[Holding] = []
    while waiting:
        done = {one.code for one in ordered}
        free = next((one for one in waiting if before[one.code] <= done), None)
        if free is None:
            raise GoesRound(", ".join(sorted(one.code for one in waiting)))
        waiting.remove(free)
        ordered.append(free)
    return tuple(ordered)


def waits_for(holdings: Sequence[Holding], pairs: Iterable[Pair]) -> dict[str, set[str]]:
    """Per holding the codes of those that go before it. A table that both of two holdings have binds neither to the other."""
    found: dict[str, set[str]] = {one.code: set() for one in holdings}
    for pointing, pointed_to in set(pairs):
        for first in holdings:
            for second in holdings:
                if first is second or pointing not in first.tables or pointed_to not in second.tables:
                    continue
                if pointing not in second.tables and pointed_to not in first.tables:
                    found[second.code].add(first.code)
    return found


def against_the_database(ordered: Sequence[Holding], pairs: Iterable[Pair]) -> list[tuple[str, str, str, str]]:
    """Foreign keys of the database that this order does not respect: (holding that comes too late, the other, table, table it points to)."""
    place = {one.code: number for number, one in enumerate(ordered)}
    codes = {one.code: one for one in ordered}
    return sorted(
        (late, early, pointing, pointed_to)
        for pointing, pointed_to in set(pairs)
        for early, firsts in waits_for(ordered, [(pointing, pointed_to)]).items()
        for late in firsts
        if place[late] > place[early] and codes[late] is not codes[early]
    )
