"""The keystore in files: every secret in two folders, wrapped by a master key that lies in a third place.

| what happens | what follows |
|---|---|
| two hosts make the same secret at once | one has the lock and makes it; the other finds it. Without a working lock link(2) decides |
| killed between the two copies | whoever comes next reads the one and completes the other |
| missing or damaged in one copy | read from the other, and healed from it, unless that would overwrite a sound one |
| one copy restored from a backup | a mark in either means destroyed: what came back is destroyed again, and logged |
| a copy full, unwritable or not mounted | nothing is made; what is there is read; destroying does all that can be done, and says what is left |

Marks come first, in both copies, and need no lock; overwriting comes under the lock, so that nobody who is about to complete or
rewrap a file can bring it back. It must never overwrite a sound secret, nor make again one that was destroyed.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from apps.foundation.files import NO_SPACE, publish, replace, shred, write_draft, write_once
from apps.foundation.keys import derivation, locking, wrapping
from apps.foundation.keys.copies import LOCK, Copy, Label
from apps.foundation.keys.interface import require_name
from apps.foundation.keys.master import MasterKey, MasterKeys
from apps.foundation.keys.refusals import (
    CopyForeign,
    CopyOutOfReach,
    KeyCopiesDiffer,
    KeyCopyLeft,
    KeyDamaged,
    KeyDestroyed,
    KeyMissing,
    KeyNotMade,
    KeystoreNotSetUp,
    KeyUnsafe,
    KeyWrong,
    MasterKeyDamaged,
    MasterKeyMissing,
    MasterKeyUnsafe,
    MasterKeyWrong,
)
from apps.foundation.refusals import Refusal

log = structlog.get_logger(__name__)

#: a file read while it is being replaced or destroyed looks damaged; so it is looked at again
TRIES, PAUSE_SECONDS = 3, 0.005
MENDABLE = (KeyMissing, KeyDamaged)
#: of several problems the one that says most, first
GRAVITY = (MasterKeyUnsafe, MasterKeyMissing, MasterKeyDamaged, MasterKeyWrong, KeyDamaged, CopyOutOfReach, KeyMissing)


@dataclass(frozen=True)
class Seen:
    """What one copy has under a name: the secret as its file holds it, or what is wrong."""

    copy: Copy
    secret: bytes = b""
    content: bytes = b""
    problem: Refusal | None = None


class FileKeystore:
    """Secrets as files of 0600 in two folders."""

    destroys = (
        "at once: in both copies the file is overwritten, flushed and removed, and its folder flushed; "
        "a minute later no process has it in memory"
    )
    snapshots = "none are made by the software; the operator must exclude both folders from backups and volume snapshots"
    #: how long who changes a secret waits for the others
    patience = locking.PATIENCE_SECONDS

    def __init__(self, folders: Sequence[Path], master_key: Path, *, snapshots: str = ""):
        self.copies = [Copy(number, folder) for number, folder in enumerate(folders, 1)]
        self.master = MasterKeys(master_key)
        self.identity = "|".join(map(str, folders))
        if snapshots:
            self.snapshots = snapshots

    # --- the verbs ----------------------------------------------------------------------------------------------------

    def ensure(self, name: str) -> bytes:
        """The secret of that name, made now if it never existed. Raises KeyDestroyed for one that did and is gone."""
        self._refuse_destroyed(require_name(name))
        seen = self.look(name)
        if (secret := self._agreed_unless_destroyed(name, seen)) and not any(one.problem for one in seen):
            return secret
        with self.locked():
            self._refuse_marked(name)
            secret = agreed(name, seen := self.look(name))
            if secret is None:
                return self._make(name)
            self.complete(name, seen)
            return secret

    def get(self, name: str) -> bytes:
        """The 32 secret bytes, from the second copy where the first lacks it. Raises by its name what is wrong with it."""
        self._refuse_destroyed(require_name(name))
        first = self._look_at(self.copies[0], name)
        if first.secret:
            return first.secret
        seen = [first, *(self._look_at(copy, name) for copy in self.copies[1:])]
        if secret := self._agreed_unless_destroyed(name, seen):
            self._complete_if_possible(name)
            return secret
        raise KeyMissing(f"The secret {name} is not in the keystore.")

    def exists(self, name: str) -> bool:
        return not self.is_marked(require_name(name)) and any(copy.has(name) for copy in self.copies)

    def was_destroyed(self, name: str) -> bool:
        """Whether it is marked, and no copy has anything of it; never while a copy is out of reach."""
        return self.is_marked(require_name(name)) and not self._left_of(name)

    def destroy(self, name: str) -> None:
        """Destroy a secret for good. Twice is once; a damaged or missing one is destroyed all the same.

        The marks come first: killed at any moment after, the name can already not be made or read again. Raises KeyCopyLeft
        where a copy can't be reached, after destroying it wherever that can be done.
        """
        self._refuse_strangers(require_name(name))
        problems = self.put_marks(name)
        derivation.forget(self.identity, name)
        with self.locked(needed=False):
            problems += self.wipe(name)
            if not all(copy.is_marked(name) for copy in self.copies):
                problems += self.put_marks(name)  # there may be room now
        derivation.forget(self.identity, name)
        left = self._left_of(name)
        if left or not self.is_marked(name):
            because = f" ({'; '.join(dict.fromkeys(problems))})" if problems else ""
            raise KeyCopyLeft(f"The secret {name} is destroyed, but for {' and '.join(left) or 'its mark'}{because}.")
        if problems:
            log.warning("secret_destroyed_with_trouble", secret=name, why="; ".join(dict.fromkeys(problems)))

    def names(self, kind: str) -> list[str]:
        """The names of the secrets of one kind that exist, sorted."""
        found = [copy.names(kind) for copy in self.copies]
        return sorted(set().union(*(files for files, _marks in found)) - set().union(*(marks for _files, marks in found)))

    # --- looking ------------------------------------------------------------------------------------------------------

    def look(self, name: str) -> list[Seen]:
        """What each copy has under a name."""
        return [self._look_at(copy, name) for copy in self.copies]

    def _look_at(self, copy: Copy, name: str) -> Seen:
        for attempt in range(TRIES):
            if attempt > 1:
                time.sleep(PAUSE_SECONDS)
            try:
                content = copy.read(name)
                return Seen(copy, self._open(name, content), content)
            except KeyMissing as refusal:
                return Seen(copy, problem=refusal if self._is_reachable(copy) else self._out_of_reach(copy))
            except Refusal as refusal:
                seen = Seen(copy, problem=refusal)
        return seen

    def _open(self, name: str, content: bytes) -> bytes:
        by = wrapping.wrapped_by(name, content)
        if by == wrapping.NOBODY:
            return wrapping.secret_in_clear(content)
        return wrapping.unwrap(name, content, key=self.master.by_id(by).aead)

    def _agreed_unless_destroyed(self, name: str, seen: list[Seen]) -> bytes | None:
        try:
            return agreed(name, seen)
        except Refusal:
            self._refuse_destroyed(name)  # it may have been destroyed while we looked
            raise

    def is_marked(self, name: str) -> bool:
        return any(copy.is_marked(name) for copy in self.copies)

    def _refuse_destroyed(self, name: str) -> None:
        """Raise KeyDestroyed where a copy is marked, after destroying again what came back in another."""
        if not self.is_marked(name):
            return
        if not all(copy.is_wiped(name) for copy in self.copies):
            self.destroy_again(name)
        raise KeyDestroyed(f"The secret {name} was destroyed.")

    def _refuse_marked(self, name: str) -> None:
        """The same for who has the lock."""
        if self.is_marked(name):
            self.wipe(name)
            raise KeyDestroyed(f"The secret {name} was destroyed.")

    def destroy_again(self, name: str) -> bool:
        """Destroy what a restored copy brought back under a marked name; False where a running destruction just did."""
        with self.locked(needed=False):
            back = [str(copy) for copy in self.copies if not copy.is_wiped(name)]
            if not back:
                return False
            log.error("destroyed_secret_came_back", secret=name, copies=back)
            for problem in self.wipe(name):
                log.error("destroyed_secret_is_left", secret=name, why=problem)
        return True

    # --- the copies ---------------------------------------------------------------------------------------------------

    @contextmanager
    def locked(self, *, needed: bool = True, patience: float | None = None) -> Iterator[None]:
        """Change secrets while nobody else does. Raises KeystoreBusy, KeystoreNotSetUp, CopyOutOfReach."""
        if not self.copies[0].is_there():
            if needed:
                raise self._out_of_reach(self.copies[0]) if self.label() else KeystoreNotSetUp()
            yield
            return
        with locking.locked(self.copies[0].folder / LOCK, needed=needed, patience=self.patience if patience is None else patience):
            yield

    def label(self) -> Label | None:
        """The label of the first copy that has one; None for a keystore that was never set up."""
        return next((label for copy in self.copies if (label := copy.label())), None)

    def require_copies(self) -> Label:
        """Both copies are there and ours. Raises KeystoreNotSetUp, CopyOutOfReach, CopyForeign."""
        own = self.label()
        if own is None:
            raise KeystoreNotSetUp
        for copy in self.copies:
            self.require_copy(copy, own)
        return own

    def require_copy(self, copy: Copy, own: Label) -> None:
        """One copy is there and ours. Raises CopyOutOfReach, CopyForeign."""
        if copy.label() is None:
            raise self._out_of_reach(copy)
        if not copy.is_of(own):
            raise CopyForeign(f"{copy} is not copy {copy.number} of the keystore {own.store}.")

    def _refuse_strangers(self, name: str) -> None:
        """Nothing is destroyed where a folder may be another installation's, which has secrets of the same names."""
        stores = {label.store for copy in self.copies if (label := copy.label())}
        if len(stores) > 1:
            raise CopyForeign(f"The secret {name} is not destroyed: the two folders belong to different keystores.")

    def master_in_use(self) -> MasterKey:
        """The master key that new secrets are wrapped by: the one that the label names, and no other that lies there."""
        return self.master.by_id(bytes.fromhex(self.require_copies().master))

    def _is_reachable(self, copy: Copy) -> bool:
        """Whether what it lacks is really not there: it is labelled, or no copy is (an older installation has one folder)."""
        return copy.is_there() or self.label() is None

    def _out_of_reach(self, copy: Copy) -> CopyOutOfReach:
        what = "is not there" if not copy.folder.exists() else "has no label that can be read: not mounted, or another folder"
        return CopyOutOfReach(f"The copy {copy} of the keystore {what}.")

    def _was_removed(self, copy: Copy) -> bool:
        """Whether a copy is gone because its folder was removed, and not because its volume is not mounted."""
        known = label.filesystems[copy.number - 1 : copy.number] if (label := self.label()) else ()
        return not copy.folder.exists() and known not in ((), (0,)) and known == (copy.filesystem(),)

    # --- making and completing: under the lock ------------------------------------------------------------------------

    def _make(self, name: str) -> bytes:
        """A new secret, in both copies or in none."""
        secret, key = secrets.token_bytes(wrapping.SECRET_BYTES), self.master_in_use()
        content = wrapping.wrap(name, secret, key=key.aead, key_id=key.id)
        drafts, published = [], []
        try:
            for copy in self.copies:
                drafts.append(write_draft(copy.path(name), content))
            for copy, draft in zip(self.copies, drafts, strict=True):
                if not publish(draft, copy.path(name)):
                    break  # no lock works here, and another host was first: its secret is everybody's
                published.append(copy)
        except OSError as error:
            for path in (*drafts, *(copy.path(name) for copy in published)):
                _shred_if_possible(path)
            raise KeyNotMade(f"The secret {name} can't be made in {copy}: {why(error)}.") from error
        for draft in drafts:
            _shred_if_possible(draft)
        self._refuse_marked(name)
        made = agreed(name, seen := self.look(name))
        if made is None or (published == self.copies and made != secret):
            raise KeyNotMade(f"The secret {name} was written and reads otherwise.")
        self.complete(name, seen)
        return made

    def complete(self, name: str, seen: Iterable[Seen]) -> list[str]:
        """Write a secret into the copies that lack it or have it damaged, from one that has it sound. Returns what failed."""
        content = next(one.content for one in seen if one.secret)
        own, failed = self.label(), []
        for one in seen:
            if isinstance(one.problem, MENDABLE) and own and one.copy.is_of(own):
                try:
                    put(one.copy, name, content)
                    log.warning("secret_completed", secret=name, copy=str(one.copy), was=one.problem.code)
                except OSError as error:
                    failed.append(f"{one.copy}: {why(error)}")
            elif one.problem:
                failed.append(f"{one.copy}: {one.problem.code}")
        if failed:
            log.error("secret_not_completed", secret=name, why="; ".join(failed))
        self._refuse_marked(name)
        return failed

    def _complete_if_possible(self, name: str) -> None:
        """For who only reads: the copy that lacks it is mended by the way, or it is logged why not."""
        try:
            with self.locked(patience=locking.READERS_PATIENCE_SECONDS):
                self._refuse_marked(name)
                if agreed(name, seen := self.look(name)):
                    self.complete(name, seen)
        except KeyDestroyed:
            raise
        except Refusal as refusal:
            log.error("secret_not_completed", secret=name, why=refusal.code)

    # --- destroying ---------------------------------------------------------------------------------------------------

    def put_marks(self, name: str) -> list[str]:
        problems = []
        for copy in self.copies:
            copy.unlock_folders(name)
            if copy.is_there() and not copy.is_marked(name):
                try:
                    copy.put_mark(name)
                except OSError as error:
                    problems.append(f"{copy}: {why(error)}")
        return problems

    def wipe(self, name: str) -> list[str]:
        problems = []
        for copy in self.copies:
            if copy.is_there():
                try:
                    copy.wipe(name)
                except OSError as error:
                    problems.append(f"{copy}: {why(error)}")
        return problems

    def _left_of(self, name: str) -> list[str]:
        """The copies that have something of a secret, or could have it: out of reach, and not known to be removed."""
        return [
            str(copy)
            for copy in self.copies
            if not copy.is_wiped(name) or not (self._is_reachable(copy) or self._was_removed(copy))
        ]


def agreed(name: str, seen: list[Seen]) -> bytes | None:
    """The one secret that the copies hold; None where none ever had it. Raises what keeps it from being had."""
    for one in seen:
        if isinstance(one.problem, KeyUnsafe | KeyWrong):
            raise one.problem
    sound = {one.secret for one in seen if one.secret}
    if len(sound) > 1:
        raise KeyCopiesDiffer(f"The copies of the secret {name} differ, and each is sound.")
    if sound:
        return sound.pop()
    worst = min((one.problem for one in seen), key=lambda problem: GRAVITY.index(type(problem)))
    if isinstance(worst, KeyMissing):
        return None
    raise worst


def put(copy: Copy, name: str, content: bytes) -> None:
    """Give a copy the content of a secret's file; what it had there is overwritten. Only under the lock."""
    if not write_once(copy.path(name), content):
        replace(copy.path(name), content)


def _shred_if_possible(path: Path) -> None:
    try:
        shred(path)
    except OSError as error:
        log.error("draft_left", why=why(error))


def why(error: OSError) -> str:
    """What the system said, in words for an operator."""
    return "no space is left" if error.errno in NO_SPACE else error.strerror or type(error).__name__
