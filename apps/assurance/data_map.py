"""The data map: what kinds of personal data there are, why, from where, who decides on them and how they end. Made from the holdings alone.

Nothing of it is written by hand, so that it can't say what is not so. It holds no data about anybody and names no place on any machine; without
its technical part (tables, columns, files) it may be published.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.assurance import columns
from apps.assurance.inventory import HOLDINGS
from apps.data_requests import order
from apps.foundation.personal_data import Holding, Personal, Role, Whom

HEADINGS = {
    Whom.PEOPLE: "About people who use the service",
    Whom.CONTACTS: "About contacts of clients and providers",
    Whom.STAFF: "About members of staff",
    Whom.NOBODY: "About nobody by itself",
}
DECIDES = {
    Role.CONTROLLER: "We decide on it (controller).",
    Role.PROCESSOR: "The client decides on it; we act on its word (processor).",
}
GOES = "It goes, as step {number} of {steps}."
GOES_IN_PART = "What may go goes, as step {number} of {steps}."


@dataclass(frozen=True)
class Entry:
    """One holding, as it is read."""

    code: str
    title: str
    whom: Whom
    decides: str
    categories: tuple[str, ...]
    purposes: tuple[str, ...]
    collected: str
    ends: str
    erasure: str
    tables: tuple[tuple[str, tuple[str, ...]], ...]
    files: tuple[str, ...]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Heading and sentence of each part that says something."""
        parts = [
            ("Who decides", self.decides), ("Kinds of data", ", ".join(self.categories)), ("Used", "; ".join(self.purposes)),
            ("Where it comes from", self.collected), ("How it ends", self.ends), ("When a person is erased", self.erasure),
        ]  # fmt: skip
        return [(heading, sentence) for heading, sentence in parts if sentence]


def entries() -> list[Entry]:
    """All holdings in the order of the floors."""
    declared = _declared()
    steps = [one.code for one in order.in_order() if one.erase]
    return [_entry(one, declared, steps) for one in HOLDINGS]


def sections() -> list[tuple[str, list[Entry]]]:
    """By whom they are about: heading and holdings."""
    found = entries()
    return [(heading, [one for one in found if one.whom == whom]) for whom, heading in HEADINGS.items()]


def _declared() -> dict[str, dict[str, Personal]]:
    """Table → personal column → why it is held, by the declarations of the models; history follows the model whose it is."""
    return {
        model._meta.db_table: {
            column.column: why
            for column in columns.declaring_model(model)._meta.local_concrete_fields
            if (why := getattr(column, "personal", None)) is not None
        }
        for model in columns.our_models()
    }


def _entry(one: Holding, declared: dict[str, dict[str, Personal]], steps: list[str]) -> Entry:
    tables = {table: declared.get(table, {}) | one.third_party.get(table, {}) for table in one.tables}
    reasons = [why for columns_of in tables.values() for why in columns_of.values()]
    return Entry(
        code=one.code, title=one.title, whom=one.whom, decides=DECIDES[one.role], categories=_sorted(why.category for why in reasons),
        purposes=_sorted(why.purpose for why in reasons), collected=_sentence(one.collected), ends=_sentence(one.ends), erasure=_erasure(one, steps),
        tables=tuple((table, tuple(sorted(columns_of))) for table, columns_of in tables.items()), files=one.files,
    )  # fmt: skip


def _erasure(one: Holding, steps: list[str]) -> str:
    if one.whom != Whom.PEOPLE:
        return ""
    if not one.erase:
        return one.survives
    said = (GOES_IN_PART if one.survives else GOES).format(number=steps.index(one.code) + 1, steps=len(steps))
    return f"{said} {one.survives}".strip()


def _sorted(values: Iterable) -> tuple[str, ...]:
    return tuple(sorted({str(value.value) for value in values}))


def _sentence(text: str) -> str:
    """With a capital and a full stop, however it was written."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", ")")) or not text else ".")


def as_markdown(*, technical: bool) -> str:
    """The whole map; with tables, columns and files where it is for us or for auditors."""
    return "\n".join(_lines(technical)) + "\n"


def _lines(technical: bool) -> Iterator[str]:
    yield "# Data map"
    yield ""
    yield "Every kind of personal data that this installation can hold, made from its own declarations. Steps are those of an erasure, in their order."
    for heading, found in sections():
        if not found:
            continue
        yield ""
        yield f"## {heading}"
        for one in found:
            yield ""
            yield f"### {one.title}"
            yield ""
            yield from (f"- **{name}**: {sentence}" for name, sentence in one.lines)
            if technical:
                yield f"- **Code**: `{one.code}`"
                yield from (f"- **Table** `{table}`: {', '.join(names) or 'no personal column'}" for table, names in one.tables)
                yield from (f"- **Files**: {name}" for name in one.files)
