"""The master key is changed while the house is open: every secret is wrapped anew, then the old master key is shredded.

| moment | what is true |
|---|---|
| the new key is made, the labels name it | both keys are there; whoever makes a secret wraps it by the new one |
| each secret in turn, under the lock | its file is replaced in both copies in one step each, the old bytes are overwritten |
| a pause | hosts that share the volume over a network may see files a minute late; now nobody wraps by the old key any more |
| at the end, under the lock | every file was opened with the new key; what killed processes left is shredded; then the old key is |

Killed at any moment, both keys are still there or everything is wrapped by the new one; the next run goes on. Must never shred a
master key that any file may still need, nor bring back a secret that was destroyed meanwhile.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from apps.foundation.keys import locking, wrapping
from apps.foundation.keys.copies import ROTATION, Copy
from apps.foundation.keys.file_store import MENDABLE, FileKeystore, agreed, put, why
from apps.foundation.keys.master import MasterKey
from apps.foundation.keys.refusals import KeyCopyLeft, KeyDamaged, KeyNotMade, RotationUnfinished
from apps.foundation.refusals import Refusal

#: twice the longest time for which an NFS client may take a folder's listing from its memory (acdirmax, nfs(5))
SETTLE_SECONDS = 120
#: between two secrets, so that who waits for the lock gets it
BREATH_SECONDS = 0.005
MOST_NAMED = 5

#: is told what is being done, how much of it is done, and how much there is
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Rotated:
    """What a rotation did."""

    key: str
    rewrapped: int
    shredded: tuple[str, ...]


def rotate(store: FileKeystore, *, settle: float = SETTLE_SECONDS, progress: Progress = lambda *_: None) -> Rotated:
    """Go from the master key in use to a new one, or end a rotation that was killed. Raises RotationRuns, RotationUnfinished."""
    store.require_copies()
    with locking.alone(store.copies[0].folder / ROTATION):
        key = _begin(store)
        count = _rewrap_all(store, key, progress)
        for waited in range(int(settle)):
            progress("waiting until no host can see the old key as the one in use", waited, int(settle))
            time.sleep(1)
        while True:
            count += _rewrap_all(store, key, progress)
            with store.locked():
                if not _not_under(store, key):
                    return Rotated(key.id.hex(), count, tuple(_end(store, key)))


def _begin(store: FileKeystore) -> MasterKey:
    """The new key, made and named by both labels; where a killed rotation made one, that."""
    with store.locked():
        label = store.require_copies()
        in_use = store.master.by_id(bytes.fromhex(label.master))
        newest = store.master.newest()
        if newest.id == in_use.id and len(store.master.files()) == 1:
            newest = store.master.make_next()
        name_in_labels(store, newest)
    return newest


def name_in_labels(store: FileKeystore, key: MasterKey) -> None:
    """Say in every copy's label which master key is in use."""
    for copy in store.copies:
        try:
            copy.put_label(replace(copy.label(), master=key.id.hex()))
        except OSError as error:
            raise KeyNotMade(f"The label of {copy} can't be written: {why(error)}.") from error


def _rewrap_all(store: FileKeystore, key: MasterKey, progress: Progress) -> int:
    """Rewrap what is left; every secret gets its try before those that failed are named. Raises RotationUnfinished."""
    names = _not_under(store, key)
    failed: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        try:
            rewrap(store, name, key)
        except Refusal as refusal:
            failed[name] = refusal.code
        progress("rewrapped", number, len(names))
        time.sleep(BREATH_SECONDS)
    if failed:
        named = ", ".join(f"{name} ({code})" for name, code in list(failed.items())[:MOST_NAMED])
        more = f" and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        raise RotationUnfinished(f"{len(failed)} of {len(names)} secrets could not be rewrapped: {named}{more}.")
    return len(names)


def _not_under(store: FileKeystore, key: MasterKey) -> list[str]:
    """The names whose file, in any copy, does not open with `key`; and those that one copy lacks or that came back."""
    kinds = sorted({kind for copy in store.copies for kind in copy.kinds()})
    found = []
    for kind in kinds:
        everywhere = [copy.names(kind) for copy in store.copies]
        for name in sorted(set().union(*(files for files, _marks in everywhere))):
            if store.is_marked(name) or not all(_is_under(copy, name, key) for copy in store.copies):
                found.append(name)
    return found


def _is_under(copy: Copy, name: str, key: MasterKey) -> bool:
    try:
        content = copy.read(name)
        return wrapping.wrapped_by(name, content) == key.id and bool(wrapping.unwrap(name, content, key=key.aead))
    except Refusal:
        return False


def rewrap(store: FileKeystore, name: str, key: MasterKey) -> None:
    """Wrap one secret by `key` in both copies, the same bytes in each; a copy that lacked it has it afterwards."""
    with store.locked():
        if store.is_marked(name):
            _wipe(store, name)
            return
        seen = store.look(name)
        secret = agreed(name, seen)
        if secret is None:
            return  # never was there, or was destroyed since it was listed
        under = (one.content for one in seen if one.secret and wrapping.wrapped_by(name, one.content) == key.id)
        content = next(under, None) or wrapping.wrap(name, secret, key=key.aead, key_id=key.id)
        for one in seen:
            if one.problem and not isinstance(one.problem, MENDABLE):
                raise one.problem
            try:
                if one.content != content:
                    put(one.copy, name, content)
            except OSError as error:
                raise KeyNotMade(f"The secret {name} can't be rewrapped in {one.copy}: {why(error)}.") from error
        if any(one.secret != secret or one.content != content for one in store.look(name)):
            raise KeyDamaged(f"The secret {name} was rewrapped and reads otherwise.")
        if store.is_marked(name):
            _wipe(store, name)


def _wipe(store: FileKeystore, name: str) -> None:
    if problems := store.wipe(name):
        raise KeyCopyLeft(f"The destroyed secret {name} is left: {'; '.join(problems)}.")


def _end(store: FileKeystore, key: MasterKey) -> list[str]:
    """Everything was just seen to open with `key`: what else could be opened with an older one goes, then the older one."""
    try:
        for copy in store.copies:
            copy.sweep()
        return store.master.shred_all_but(key)
    except OSError as error:
        raise RotationUnfinished(f"What is left of the old master key can't be removed: {why(error)}.") from error
