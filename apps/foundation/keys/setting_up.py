"""Makes the keystore of a new installation, and brings that of an older one into two wrapped copies. Twice is once.

Must never make a master key or an empty copy where there was one: that is a loss to be looked at, not to be covered up.
"""

import contextlib
import os
import secrets

from apps.foundation.files import make_folder, write_once
from apps.foundation.keys.copies import LOCK, ROTATION, Copy, Label
from apps.foundation.keys.file_store import FileKeystore, why
from apps.foundation.keys.master import MasterKey
from apps.foundation.keys.refusals import CopyOutOfReach, KeystoreLost, KeystoreMisplaced
from apps.foundation.keys.rotation import rewrap


def set_up(store: FileKeystore, *, new: bool) -> list[str]:
    """Make what an installation lacks; `new` says that the database has nothing yet that a lost keystore could open.

    Returns what was made, in words; nothing where all was there. Raises KeystoreLost, KeystoreMisplaced, CopyOutOfReach, or
    what is wrong with the master key.
    """
    require_places(store)
    label = store.label()
    secrets_in = {copy: _secrets_in(copy) for copy in store.copies}
    lacking = [copy for copy in store.copies if copy.label() is None]
    if not lacking:
        store.require_copies()
        store.master_in_use()
        return []
    if label is None and not new and not any(secrets_in.values()):
        raise KeystoreLost
    if label is not None and not new and not all(secrets_in[copy] for copy in lacking):
        store.require_copies()
    key, made = _master_key(store, label)
    label_copies(store, key, lacking)
    names = sorted(set().union(*secrets_in.values()))
    for name in names:
        rewrap(store, name, key)
    if names:
        made.append(f"{len(names)} secrets of an older installation wrapped and copied")
    return [*made, f"keystore in {' and '.join(map(str, store.copies))}"]


def _master_key(store: FileKeystore, label: Label | None) -> tuple[MasterKey, list[str]]:
    if label is not None:
        return store.master.by_id(bytes.fromhex(label.master)), []
    if store.master.files():
        return store.master.newest(), []
    key = store.master.make_next()
    return key, [f"master key {key.path}: keep a copy of it apart from the keystore"]


def label_copies(store: FileKeystore, key: MasterKey, lacking: list[Copy]) -> None:
    """Make the folders that lack a label into copies of this keystore, and tell every copy where the others lie."""
    own = store.label()
    try:
        for copy in store.copies:
            make_folder(copy.folder)
        for lock in (LOCK, ROTATION):
            write_once(store.copies[0].folder / lock, b"")  # now, while there is room
        filesystems = tuple(copy.filesystem() for copy in store.copies)
        for copy in sorted(store.copies, key=lambda copy: copy not in lacking):
            name = own.store if own else secrets.token_hex(16)
            own = Label(name, copy.number, key.id.hex(), filesystems)
            copy.put_label(own)
            for folder in (copy.folder, *(copy.folder / kind for kind in copy.kinds())):
                with contextlib.suppress(PermissionError):
                    os.chmod(folder, 0o700)
    except OSError as error:
        raise CopyOutOfReach(f"The keystore's folders can't be made in {' and '.join(map(str, store.copies))}: {why(error)}.") from error


def _secrets_in(copy: Copy) -> set[str]:
    return set().union(*(copy.names(kind)[0] for kind in copy.kinds()))


def require_places(store: FileKeystore) -> None:
    """Two folders and the master key, in three places. Raises KeystoreMisplaced."""
    folders = [copy.folder.absolute() for copy in store.copies]
    if len(folders) != 2:
        raise KeystoreMisplaced(f"KEYSTORE_DIRECTORIES names {len(folders)} folders; it takes two.")
    if _is_in(folders[0], folders[1]) or _is_in(folders[1], folders[0]):
        raise KeystoreMisplaced("The two folders of the keystore are one, or one lies in the other.")
    if any(_is_in(store.master.first.absolute(), folder) for folder in folders):
        raise KeystoreMisplaced("The master key lies in a folder of the keystore: who has that folder could open it.")


def _is_in(inner, outer) -> bool:
    return inner.resolve().is_relative_to(outer.resolve())
