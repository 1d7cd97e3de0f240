"""Refuses to start where the keystore's three places are not three, or can be read by others; warns where one is not whole.

What is only missing or full does not stop the start: what can be read is read, and what is due must still be destroyed.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from apps.foundation.keys import FileKeystore, keystore
from apps.foundation.keys.refusals import MasterKeyUnsafe
from apps.foundation.keys.setting_up import require_places
from apps.foundation.refusals import Refusal


def keystore_is_safe(app_configs=None, **_later) -> list[CheckMessage]:
    """All checks of the keystore; registered in apps.py. A keystore that is not set up yet is left to `manage.py prepare`."""
    store = keystore()
    try:
        require_places(store)
    except Refusal as refusal:
        return [Error(refusal.what, hint=refusal.mend, id="covenant.E001")]
    if store.label() is None:
        return []
    return [*_private(store), *_whole(store), *_apart(store)]


def _private(store: FileKeystore) -> Iterator[CheckMessage]:
    for folder in (copy.folder for copy in store.copies):
        if folder.exists() and stat.S_IMODE(folder.stat().st_mode) & 0o077:
            yield Error(f"{folder} is open to others.", hint=f"chmod 700 {folder}", id="covenant.E002")
    for refusal in store.master.problems():
        if isinstance(refusal, MasterKeyUnsafe):
            yield Error(refusal.what, hint=refusal.mend, id="covenant.E003")


def _whole(store: FileKeystore) -> Iterator[CheckMessage]:
    try:
        store.master_in_use()
    except MasterKeyUnsafe:
        return
    except Refusal as refusal:
        yield Warning(refusal.what, hint=refusal.mend, id="covenant.W001")


def _apart(store: FileKeystore) -> Iterator[CheckMessage]:
    """On one disk two copies are one; the demo has no other."""
    folders = [copy.folder for copy in store.copies]
    if not settings.DEMO and len({_device(folder) for folder in folders}) < len(folders):
        yield Warning(
            "Both copies of the keystore lie on one file system, and go with it.",
            hint="Name folders on two volumes in KEYSTORE_DIRECTORIES.",
            id="covenant.W002",
        )


def _device(folder: Path) -> object:
    try:
        return folder.stat().st_dev
    except OSError:
        return folder
