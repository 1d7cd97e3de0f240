"""Every column of every table, and whether somebody said what it is (P01, invariant 8).

The list of columns comes from the database's own catalogue, the declarations from the models and the holdings. Nothing
here is a list kept by hand, so a table nobody thought of is a finding and not a gap.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.apps import apps
from django.db import connection
from django.db.models import Field, Model

from apps.foundation.personal_data import Holding
from apps.foundation.promises import Violation

OUR_APPS = "apps."
HISTORY_PLAIN = frozenset({"history_id", "history_date", "history_type", "history_change_reason"})
HISTORY_PERSONAL = frozenset({"history_user"})

UNDECLARED = "nobody declared whether this column is about a person"
BOTH_WAYS = "declared both as personal and as not personal"
NOT_THERE = "declared, but the database has no such column"
NO_HOLDING = "personal, but its table is in no holding"
NO_TABLE = "named by a holding, but the database has no such table"

COLUMNS = """
    SELECT CASE WHEN n.nspname = current_schema() THEN c.relname ELSE n.nspname || '.' || c.relname END, a.attname
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition
      AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%%'
    ORDER BY 1, a.attnum
"""


@dataclass
class Declarations:
    """What was said about columns: (table, column) → personal and/or plain; and tables that some holding covers."""

    personal: set[tuple[str, str]] = field(default_factory=set)
    plain: set[tuple[str, str]] = field(default_factory=set)
    held: set[str] = field(default_factory=set)

    @property
    def columns(self) -> set[tuple[str, str]]:
        return self.personal | self.plain


def our_models() -> list[type[Model]]:
    """Every model of ours that has a table, history models and made-for-many-to-many ones included."""
    return [
        model
        for model in apps.get_models(include_auto_created=True, include_swapped=False)
        if model.__module__.startswith(OUR_APPS) and not model._meta.proxy
    ]


def is_history(model: type[Model]) -> bool:
    return hasattr(model, "instance_type")


def declaring_model(model: type[Model]) -> type[Model]:
    """The model whose declarations count: a history model follows the model it tracks."""
    return model.instance_type if is_history(model) else model


def said_of(model: type[Model], model_field: Field) -> set[str]:
    """What is declared about one field: none, one or both of "personal" and "plain"."""
    if is_history(model) and model_field.name in HISTORY_PLAIN:
        return {"plain"}
    if is_history(model) and model_field.name in HISTORY_PERSONAL:
        return {"personal"}
    origin = declaring_model(model)
    names = {candidate.name: candidate for candidate in origin._meta.local_concrete_fields}
    said = set()
    if getattr(names.get(model_field.name), "personal", None) is not None:
        said.add("personal")
    if model_field.name in getattr(origin, "NOT_PERSONAL", ()):
        said.add("plain")
    return said


def declarations(models: Iterable[type[Model]], holdings: Iterable[Holding]) -> Declarations:
    """All that models and holdings say, by table and column."""
    found = Declarations()
    for model in models:
        for model_field in model._meta.local_concrete_fields:
            column = (model._meta.db_table, model_field.column)
            said = said_of(model, model_field)
            found.personal |= {column} if "personal" in said else set()
            found.plain |= {column} if "plain" in said else set()
    for holding in holdings:
        found.held |= set(holding.tables)
        for table, columns in holding.third_party.items():
            found.personal |= {(table, column) for column in columns}
        for table, columns in holding.plain.items():
            found.plain |= {(table, column) for column in columns}
    return found


def columns_in_database() -> list[tuple[str, str]]:
    """(table, column) of every table that holds rows, partitions under their parent's name."""
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, [])
        return [(table, column) for table, column in cursor.fetchall()]


def _name(column: tuple[str, str]) -> str:
    return ".".join(column)


def violations(there: list[tuple[str, str]], said: Declarations) -> Iterator[Violation]:
    """Where the database and what was said differ, in the order of tables and columns."""
    for column in there:
        if column not in said.columns:
            yield Violation(_name(column), UNDECLARED)
        elif column in said.personal and column in said.plain:
            yield Violation(_name(column), BOTH_WAYS)
        elif column in said.personal and column[0] not in said.held:
            yield Violation(_name(column), NO_HOLDING)
    for column in sorted(said.columns - set(there)):
        yield Violation(_name(column), NOT_THERE)
    for table in sorted(said.held - {table for table, _column in there}):
        yield Violation(table, NO_TABLE)


@dataclass(frozen=True)
class Undeclared:
    """A model field whose declaration is wrong, found without a database."""

    model: type[Model]
    name: str
    why: str


def undeclared_fields(models: Iterable[type[Model]]) -> Iterator[Undeclared]:
    """Fields that nobody declared, that were declared both ways, and names declared that are no fields."""
    for model in models:
        fields = {model_field.name: model_field for model_field in model._meta.local_concrete_fields}
        for name, model_field in fields.items():
            said = said_of(model, model_field)
            if not said:
                yield Undeclared(model, name, UNDECLARED)
            elif len(said) == 2:
                yield Undeclared(model, name, BOTH_WAYS)
        if not is_history(model):
            for name in getattr(model, "NOT_PERSONAL", ()):
                if name not in fields:
                    yield Undeclared(model, name, "named in NOT_PERSONAL, but the model has no such field")


def unheld_models(models: Iterable[type[Model]], holdings: Iterable[Holding]) -> list[type[Model]]:
    """Models with a personal field whose table is in no holding."""
    said = declarations(models, holdings)
    tables: dict[str, list[type[Model]]] = defaultdict(list)
    for model in models:
        tables[model._meta.db_table].append(model)
    personal_tables = {table for table, _column in said.personal} - said.held
    return [model for table in sorted(personal_tables) for model in tables.get(table, [])]
