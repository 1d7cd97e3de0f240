"""What changed between two versions, clause by clause and word by word. Pure: it reads two versions and writes nothing.

Clauses are recognised by their code, which stays the same from version to version, not by their place or heading.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from apps.policies.models import Clause, PolicyVersion
from apps.policies.reading import plain, tidy

WORD = re.compile(r"\n|\S+")


@dataclass(frozen=True)
class Piece:
    """Some words that stayed, came or went. `kind` is same, ins or del."""

    kind: str
    words: str

    @property
    def bare(self) -> str:
        """Without the space at its end, which is not to be underlined."""
        return self.words.rstrip(" ")


@dataclass(frozen=True)
class ClauseChange:
    """What became of one clause. `kind` is added, removed, changed or moved."""

    code: str
    kind: str
    heading: tuple[Piece, ...]
    text: tuple[Piece, ...] = ()
    promises_added: tuple[str, ...] = ()
    promises_removed: tuple[str, ...] = ()

    @property
    def form_only(self) -> bool:
        """Whether emphasis or layout changed and no word."""
        whole = self.heading + self.text
        promises = self.promises_added + self.promises_removed
        return self.kind == "changed" and not promises and all(piece.kind == "same" for piece in whole)


@dataclass(frozen=True)
class Changes:
    """Everything that differs between two versions."""

    title: tuple[Piece, ...]
    introduction: tuple[Piece, ...]
    clauses: tuple[ClauseChange, ...]
    unchanged: int

    def _of(self, kind: str) -> tuple[ClauseChange, ...]:
        return tuple(change for change in self.clauses if change.kind == kind)

    @property
    def added(self) -> tuple[ClauseChange, ...]:
        return self._of("added")

    @property
    def removed(self) -> tuple[ClauseChange, ...]:
        return self._of("removed")

    @property
    def changed(self) -> tuple[ClauseChange, ...]:
        return self._of("changed")

    @property
    def moved(self) -> tuple[ClauseChange, ...]:
        return self._of("moved")

    @property
    def is_empty(self) -> bool:
        return not (self.clauses or self.title_changed or self.introduction_changed)

    @property
    def title_changed(self) -> bool:
        return any(piece.kind != "same" for piece in self.title)

    @property
    def introduction_changed(self) -> bool:
        return any(piece.kind != "same" for piece in self.introduction)


def words_between(before: str, after: str) -> tuple[Piece, ...]:
    """The words of both texts in reading order, each as same, ins or del; neighbours of one kind are one piece."""
    old, new = WORD.findall(before), WORD.findall(after)
    pieces: list[Piece] = []
    for operation, old_from, old_to, new_from, new_to in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if operation == "equal":
            pieces.append(Piece("same", _line(new[new_from:new_to])))
            continue
        if old_to > old_from:
            pieces.append(Piece("del", _line(old[old_from:old_to])))
        if new_to > new_from:
            pieces.append(Piece("ins", _line(new[new_from:new_to])))
    return tuple(pieces)


def _line(words: list[str]) -> str:
    """Each word with the space after it, so that pieces can stand side by side."""
    return "".join(word if word == "\n" else f"{word} " for word in words)


def between(before: PolicyVersion, after: PolicyVersion) -> Changes:
    """What one has to read to know `after` if one knew `before`."""
    old = {clause.code: clause for clause in before.clauses.order_by("position")}
    new = {clause.code: clause for clause in after.clauses.order_by("position")}
    changes = tuple(_clause_changes(old, new))
    return Changes(
        title=words_between(before.title, after.title),
        introduction=words_between(plain(before.introduction), plain(after.introduction)),
        clauses=changes,
        unchanged=len(old.keys() & new.keys()) - sum(change.kind in ("changed", "moved") for change in changes),
    )


def _clause_changes(old: dict[str, Clause], new: dict[str, Clause]) -> Iterator[ClauseChange]:
    moved = _moved([code for code in old if code in new], [code for code in new if code in old])
    for code, clause in new.items():
        if code not in old:
            yield _whole(clause, "added", "ins")
        elif _words(old[code]) != _words(clause):
            yield _changed(old[code], clause)
        elif code in moved:
            yield ClauseChange(code, "moved", (Piece("same", clause.heading),))
    for code, clause in old.items():
        if code not in new:
            yield _whole(clause, "removed", "del")


def _moved(before: list[str], after: list[str]) -> set[str]:
    stayed: set[str] = set()
    for block in SequenceMatcher(a=before, b=after, autojunk=False).get_matching_blocks():
        stayed |= set(before[block.a : block.a + block.size])
    return set(before) - stayed


def _words(clause: Clause) -> tuple:
    return clause.heading, tidy(clause.text), sorted(clause.promises)


def _whole(clause: Clause, kind: str, mark: str) -> ClauseChange:
    return ClauseChange(clause.code, kind, (Piece(mark, clause.heading),), (Piece(mark, plain(clause.text)),))


def _changed(old: Clause, new: Clause) -> ClauseChange:
    return ClauseChange(
        code=new.code,
        kind="changed",
        heading=words_between(old.heading, new.heading),
        text=words_between(plain(old.text), plain(new.text)),
        promises_added=tuple(sorted(set(new.promises) - set(old.promises))),
        promises_removed=tuple(sorted(set(old.promises) - set(new.promises))),
    )
