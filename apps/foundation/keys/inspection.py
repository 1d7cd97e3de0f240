"""Looks at every file of the keystore, says what is wrong, and mends what can be mended without overwriting a sound secret.

A secret that a restored copy brought back is destroyed again by looking: its mark says that it may not be there.
"""

import contextlib
import os
import stat
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from apps.foundation.keys import wrapping
from apps.foundation.keys.copies import Copy
from apps.foundation.keys.file_store import MENDABLE, FileKeystore, agreed
from apps.foundation.keys.master import MasterKey
from apps.foundation.keys.refusals import (
    CopyOutOfReach,
    KeyCopiesDiffer,
    KeyCopyLeft,
    KeyDamaged,
    KeystoreNotSetUp,
    MasterKeyDamaged,
    MasterKeyMissing,
    MasterKeyUnsafe,
    MasterKeyWrong,
)
from apps.foundation.keys.setting_up import label_copies, require_places
from apps.foundation.refusals import Refusal

#: a draft that is older is no longer being written
STALE_SECONDS = 60
#: longer than it takes to destroy a secret
MOMENT_SECONDS = 1
#: what a problem is about where that is no secret by its name, and no copy by its number
KEYSTORE, MASTER_KEY, COPY = "keystore", "master-key", "keystore-copy-{}"
MASTER_KEY_TROUBLES = (MasterKeyMissing, MasterKeyDamaged, MasterKeyUnsafe, MasterKeyWrong)
MEND = "Run `manage.py check_keystore --mend`."
ROTATE = "Run `manage.py rotate_master_key`."


@dataclass
class Report:
    """What stands in the keystore, and what is wrong with it."""

    secrets: int = 0
    destroyed: int = 0
    #: secrets by the id of the master key that opens them; those in clear under "none"
    wrapped_by: dict[str, int] = field(default_factory=dict)
    came_back: list[str] = field(default_factory=list)
    #: each with its code, what it is about (a secret, a copy, the master key), what is wrong, and the mend
    problems: list[dict[str, str]] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.problems and not self.came_back

    @property
    def about(self) -> set[str]:
        """What something is wrong with."""
        return {problem["about"] for problem in self.problems}

    def as_dict(self) -> dict:
        return {"sound": self.is_sound, **asdict(self)}


def inspect(store: FileKeystore) -> Report:
    """Look at everything. Changes nothing, but that it destroys again what came back under the mark of a destruction."""
    report = Report()
    for look in (_at_places, _at_copies, _at_master_keys, _at_secrets):
        report.problems += [
            {"about": about, **(told if isinstance(told, dict) else told.as_dict())} for about, told in look(store, report)
        ]
    return report


def all_names(store: FileKeystore) -> list[str]:
    """Every name that has a file or a mark in any copy."""
    return sorted({name for copy in store.copies for kind in copy.kinds() for names in copy.names(kind) for name in names})


#: what it is about, and what is wrong
Told = tuple[str, Refusal | dict[str, str]]


def _problem(code: str, what: str, mend: str) -> dict[str, str]:
    return {"code": code, "what": what, "mend": mend}


def _at_places(store: FileKeystore, _report: Report) -> Iterator[Told]:
    try:
        require_places(store)
    except Refusal as refusal:
        yield KEYSTORE, refusal


def _at_copies(store: FileKeystore, _report: Report) -> Iterator[Told]:
    own = store.label()
    if own is None:
        yield KEYSTORE, KeystoreNotSetUp()
        return
    for copy in store.copies:
        about = COPY.format(copy.number)
        try:
            store.require_copy(copy, own)
            copy.try_writing()
        except Refusal as refusal:
            yield about, refusal
        for folder in _open_to_others(copy):
            yield about, _problem("key_folder_open", f"{folder} is open to others.", f"chmod 700 {folder}")
        stale = [path for _name, path in copy.drafts() if _age(path) > STALE_SECONDS]
        if stale:
            yield about, _problem("key_drafts_left", f"Killed processes left {len(stale)} files in {copy}.", MEND)


def _open_to_others(copy: Copy) -> list[str]:
    folders = [copy.folder, *(copy.folder / kind for kind in copy.kinds())]
    return [str(folder) for folder in folders if folder.exists() and stat.S_IMODE(folder.stat().st_mode) & 0o077]


def _age(path) -> float:
    try:
        return time.time() - os.lstat(path).st_mtime
    except FileNotFoundError:
        return 0


def _at_master_keys(store: FileKeystore, _report: Report) -> Iterator[Told]:
    own = store.label()
    found = store.master.problems()
    yield from ((MASTER_KEY, refusal) for refusal in found)
    if own is None:
        return
    if not found:
        try:
            store.master.by_id(bytes.fromhex(own.master))
        except Refusal as refusal:
            yield MASTER_KEY, refusal
    with contextlib.suppress(MasterKeyMissing):  # a folder that can't be looked into was told above
        if len(store.master.files()) > 1:
            yield MASTER_KEY, _problem("rotation_open", "There are two master keys: a rotation was begun and has not ended.", ROTATE)
    if len({label.master for copy in store.copies if (label := copy.label())}) > 1:
        yield KEYSTORE, _problem("key_labels_differ", "The labels of the two copies name different master keys.", MEND)


def _at_secrets(store: FileKeystore, report: Report) -> Iterator[Told]:
    wrapped: Counter[str] = Counter()
    names = all_names(store)
    half_destroyed = {name for name in names if _is_half_destroyed(store, name)}
    if half_destroyed:
        time.sleep(MOMENT_SECONDS)  # marks come first: some may be on their way
    for name in names:
        if store.is_marked(name):
            report.destroyed += 1
            if name not in half_destroyed and _is_half_destroyed(store, name):
                time.sleep(MOMENT_SECONDS)  # since we began
            yield from ((name, told) for told in _at_destroyed(store, name, report))
            continue
        report.secrets += 1
        seen = store.look(name)
        yield from ((_whose(name, one.problem), one.problem) for one in seen if one.problem and not isinstance(one.problem, CopyOutOfReach))
        wrapped.update({_key_of(name, one.content) for one in seen if one.content})
        try:
            agreed(name, seen)
        except KeyCopiesDiffer as refusal:
            yield name, refusal
        except Refusal:
            continue  # told by its copy
    report.wrapped_by = dict(sorted(wrapped.items()))
    if clear := wrapped["none"]:
        yield KEYSTORE, _problem("keys_in_clear", f"{clear} secrets of an older installation lie in clear.", ROTATE)


def _whose(name: str, problem: Refusal) -> str:
    """Without its master key no secret opens, and none is to blame."""
    return MASTER_KEY if isinstance(problem, MASTER_KEY_TROUBLES) else name


def _at_destroyed(store: FileKeystore, name: str, report: Report) -> Iterator[Refusal | dict]:
    if _is_half_destroyed(store, name) and store.destroy_again(name):
        report.came_back.append(name)
    if left := [str(copy) for copy in store.copies if not copy.is_wiped(name)]:
        yield KeyCopyLeft(f"The secret {name} is destroyed, but for {' and '.join(left)}.")
    if any(copy.label() and not copy.is_marked(name) for copy in store.copies):
        yield _problem("key_mark_missing", f"One copy lacks the mark that {name} was destroyed.", MEND)


def _is_half_destroyed(store: FileKeystore, name: str) -> bool:
    return store.is_marked(name) and not all(copy.is_wiped(name) for copy in store.copies)


def _key_of(name: str, content: bytes) -> str:
    try:
        return wrapping.wrapped_by(name, content).hex() or "none"
    except KeyDamaged:
        return "damaged"


# --- mending ----------------------------------------------------------------------------------------------------------


def mend(store: FileKeystore) -> list[str]:
    """Make a lost copy anew, complete what one copy lacks or has damaged, repeat marks, remove what killed processes left.

    Returns what was done. What is not safe to mend (two sound secrets under one name, another's file, a secret's open mode) stays
    as it is.
    """
    require_places(store)
    done = _mend_copies(store, _key_in_use(store))
    for name in all_names(store):
        with store.locked():
            done += _mend_mark(store, name) if store.is_marked(name) else _mend_secret(store, name)
    with store.locked():
        done += [f"{copy}: {count} files that killed processes left" for copy in store.copies if (count := copy.sweep())]
    return done


def _key_in_use(store: FileKeystore) -> MasterKey:
    """Of the master keys that labels name the newest; a restored copy may name one that is gone."""
    found, problem = [], KeystoreNotSetUp()
    for label in filter(None, (copy.label() for copy in store.copies)):
        try:
            found.append(store.master.by_id(bytes.fromhex(label.master)))
        except Refusal as refusal:
            problem = refusal
    if not found:
        raise problem
    return max(found, key=lambda key: key.number)


def _mend_copies(store: FileKeystore, key: MasterKey) -> list[str]:
    lost = [copy for copy in store.copies if copy.label() is None]
    for copy in store.copies:
        if copy not in lost:
            store.require_copy(copy, store.label())
    before = [copy.label() for copy in store.copies]
    done = [f"{folder}: mode 700" for copy in store.copies for folder in _open_to_others(copy)]
    label_copies(store, key, lost)
    changed = [copy for copy, label in zip(store.copies, before, strict=True) if copy.label() != label]
    return [*done, *(f"{copy}: {'made anew' if copy in lost else 'label written anew'}" for copy in changed)]


def _mend_mark(store: FileKeystore, name: str) -> list[str]:
    lacking = [copy for copy in store.copies if not copy.is_marked(name)]
    problems = [*store.put_marks(name), *store.wipe(name)]
    return [f"{name}: {problem}" for problem in problems] or [f"{name}: mark repeated in {copy}" for copy in lacking]


def _mend_secret(store: FileKeystore, name: str) -> list[str]:
    seen = store.look(name)
    with contextlib.suppress(Refusal):  # what can't be mended safely is what `inspect` names
        if agreed(name, seen):
            mended = [one.copy for one in seen if isinstance(one.problem, MENDABLE)]
            problems = store.complete(name, seen)
            return [f"{name}: {problem}" for problem in problems] or [f"{name}: completed in {copy}" for copy in mended]
    return []
