"""Holdings made of rows: counted, handed over and erased by one machinery, so that no app can forget a part of it.

| what | how |
|---|---|
| whose rows they are | a condition per model, which finds them also after the person's own row is gone |
| erasing | so many rows a call, the parts in the order given (what points to something before that), each row with what the admin wrote about it |
| a hold on the person | nothing of it goes, and what stays is said; asked in the transaction of the erasure, so that no hold can come in between |
| history | rows go by one statement that leaves no history behind |

It must never keep, log or raise what it reads, and never let an erasure through because nobody could be asked for holds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet
from django.utils.module_loading import import_string

from apps.foundation.personal_data import Collected, CollectedFile, Ended, Kept, KeptGround, Redaction, Subject

#: rows that go in one call: a transaction that locks more keeps others waiting
MOST = 5_000
AT_A_TIME = 500


def keepers(subject: Subject, at: datetime) -> tuple[str, ...]:
    """The holds that keep what is held about somebody, by reference, oldest first; none can be placed until the transaction ends.

    Holds stand above most holdings, so the settings name who answers.
    """
    return tuple(import_string(settings.SUBJECT_KEPT_BY)(subject=subject, at=at))


def kept_or(erase: Callable[[Subject, datetime], Ended], count: Callable[[Subject, datetime], int]) -> Callable[[Subject, datetime], Ended]:
    """The same erasure, which leaves everything where a hold keeps the person, and says so."""

    def erase_unless_kept(subject: Subject, at: datetime) -> Ended:
        holds = keepers(subject, at)
        if not holds:
            return erase(subject, at)
        rows = count(subject, at)
        return Ended(kept=(Kept(KeptGround.HOLD, holds[0], rows),)) if rows else Ended()

    return erase_unless_kept


@dataclass(frozen=True)
class Rows:
    """Rows of one model that are about somebody. What is not `shown` says nothing to a person, and is erased all the same.

    `reads` opens what lies sealed, `files` hands over what is more than a row, `redacts` says what of others is left out; `secret` names the
    secret of a row by its reference.
    """

    title: str
    model: type[Model]
    whose: Callable[[Subject], Q]
    shown: tuple[str, ...] = ()
    reads: Callable[[Any], Mapping[str, Any]] | None = None
    files: Callable[[QuerySet], Iterable[CollectedFile]] | None = None
    redacts: Callable[[QuerySet], Iterable[Redaction]] | None = None
    secret: Callable[[str], str] | None = None

    def of(self, subject: Subject) -> QuerySet:
        return self.model._default_manager.filter(self.whose(subject)).order_by("pk")

    def collect(self, subject: Subject) -> Collected:
        rows = self.of(subject)
        return Collected(
            title=self.title, rows=self._said(rows), files=self.files(rows) if self.files else (), redactions=self.redacts(rows) if self.redacts else ()
        )

    def _said(self, rows: QuerySet) -> Iterator[dict[str, Any]]:
        fields = [self.model._meta.get_field(name) for name in self.shown]
        joined = [one.name for one in fields if one.is_relation]
        for row in (rows.select_related(*joined) if joined else rows).iterator(chunk_size=AT_A_TIME):
            said = {label(one): value_of(row, one) for one in fields}
            yield said | dict(self.reads(row)) if self.reads else said

    def erase(self, subject: Subject, most: int) -> tuple[int, tuple[str, ...]]:
        """Erase so many at most: how many went, and whose secrets are to be destroyed."""
        columns = ("pk", "reference") if self.secret else ("pk",)
        found = list(self.of(subject).select_for_update(of=("self",)).values_list(*columns)[:most])
        forget([pk for pk, *_reference in found], model=self.model)
        return len(found), tuple(self.secret(reference) for _pk, reference in found) if self.secret else ()


def forget(pks: Iterable[Any], *, model: type[Model]) -> int:
    """Erase rows by their keys, with what the admin's log says of them, and without a row of history."""
    pks = list(pks)
    if not pks:
        return 0
    forget_log(pks, model=model)
    rows = model._default_manager.filter(pk__in=pks)
    return rows._raw_delete(rows.db)


def forget_log(pks: Iterable[Any], *, model: type[Model]) -> None:
    """Erase what the admin's log says of rows."""
    LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model), object_id__in=[str(pk) for pk in pks]).delete()


@dataclass(frozen=True)
class Held:
    """One holding's rows, in the order in which they may go."""

    parts: tuple[Rows, ...]
    #: what has to be done in the transaction before the first row goes
    first: Callable[[Subject, datetime], None] | None = field(default=None)

    def count(self, subject: Subject, at: datetime) -> int:
        return sum(part.of(subject).count() for part in self.parts)

    def collect(self, subject: Subject, at: datetime) -> Iterator[Collected]:
        for part in self.parts:
            if part.shown or part.reads or part.files:
                yield part.collect(subject)

    def erase(self, subject: Subject, at: datetime) -> Ended:
        return kept_or(self._erase, self.count)(subject, at)

    def _erase(self, subject: Subject, at: datetime) -> Ended:
        if self.first is not None:
            self.first(subject, at)
        erased, secrets = 0, []
        for part in self.parts:
            gone, named = part.erase(subject, MOST - erased)
            erased += gone
            secrets += named
            if erased >= MOST:
                return Ended(erased=erased, secrets=tuple(secrets), more=True)
        return Ended(erased=erased, secrets=tuple(secrets))


def label(column: Any) -> str:
    """How a column is called where a person reads it."""
    return str(column.verbose_name)[:1].upper() + str(column.verbose_name)[1:]


def value_of(row: Any, column: Any) -> Any:
    """What stands in a column, as JSON knows it: words for codes, a reference for another row."""
    if getattr(column, "choices", None):
        return str(getattr(row, f"get_{column.name}_display")())
    value = getattr(row, column.name)
    return plain(str(value) if isinstance(value, Model) else value)


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, (bool, int, float, str, dict)) else str(value)
