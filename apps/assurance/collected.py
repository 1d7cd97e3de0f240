"""Which tables hold what was collected under a version of the policy, and when each row was: found from the models, in no list (P26).

A table has to say its moment: a column `collected_at`, or else its first moment that is never empty, which is when the row came about.
One that says none is a finding and no gap. Two are looked at otherwise: messages know no moment but their day, and what stepped aside of
them came later than it was collected.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import DateTimeField, Model

from apps.foundation.promises import Violation, fetch

VERSION = "policy_version_id"
MOMENT = "collected_at"
MOST_NAMED = 200

#: messages carry the version of the batch that brought them; the check `retention.policy` compares the two
WITHOUT_MOMENT = frozenset({"message"})
#: their moment is a later one: they were collected before it
LATER = frozenset({"retention_asidemessage"})

FORCE = """
    force AS (SELECT id, published_at AS since, lead(published_at) OVER (ORDER BY published_at, number) AS until
              FROM policies_policyversion WHERE state = 'published')
"""


@dataclass(frozen=True)
class Table:
    """One table: how its rows are named, and the column of their moment, empty where it says none."""

    name: str
    key: str
    moment: str

    def looked(self) -> int:
        return fetch(f'SELECT count(*) FROM "{self.name}"')[0][0]

    def wrong(self) -> Iterator[Violation]:
        """Rows without a version, and rows whose version was not in force at their moment."""
        if not self.moment and self.name not in WITHOUT_MOMENT:
            yield Violation(self.name, "its rows name a version of the policy and not when they were collected")
            return
        match = "force.since <= row.{0} AND (force.until IS NULL OR row.{0} < force.until)".format(f'"{self.moment}"')
        if self.name in LATER:
            match = f'force.since <= row."{self.moment}"'
        elif not self.moment:
            match = "true"
        named = fetch(
            f"""
            WITH {FORCE}
            SELECT '{self.name} ' || row."{self.key}", row.{VERSION} IS NULL FROM "{self.name}" row
            WHERE NOT EXISTS (SELECT 1 FROM force WHERE force.id = row.{VERSION} AND {match}) ORDER BY row."{self.key}" LIMIT %s
            """,  # noqa: S608 - names of our own tables and columns
            [MOST_NAMED],
        )
        for row, is_missing in named:
            yield Violation(row, "names no version of the policy" if is_missing else "names a policy that was not in force when it was collected")


def tables(models: Iterable[type[Model]]) -> list[Table]:
    """Each table of these models that names a version, by name."""
    found = []
    for model in models:
        columns = {field.column: field for field in model._meta.local_concrete_fields}
        if VERSION not in columns:
            continue
        moments = [field.column for field in columns.values() if isinstance(field, DateTimeField) and not field.null]
        moment = MOMENT if MOMENT in moments else next(iter(moments), "")
        found.append(Table(model._meta.db_table, model._meta.pk.column, moment))
    return sorted(found, key=lambda table: table.name)
