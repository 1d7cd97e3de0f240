"""Refuses to start where the journal or its keys can't do their work, or can be read by others."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error

from apps.audit import journal_file
from apps.foundation import signing
from apps.foundation.signing import SigningKeyUnusable

KEYS = ("journal", "ledger")


def home_is_safe(app_configs=None, **_later) -> list[CheckMessage]:
    """All checks of the folder that the journal and its keys lie in; registered in apps.py."""
    home = Path(settings.COVENANT_HOME)
    return [*_writable(home), *_keys(home), *_private(home)]


def _writable(home: Path) -> Iterator[CheckMessage]:
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield Error(
            f"COVENANT_HOME ({home}) can't be written.",
            hint="Name a folder that the service owns as COVENANT_HOME, or give this one to the account it runs under.",
            id="covenant.E201",
        )


def _keys(home: Path) -> Iterator[CheckMessage]:
    journal_is_there = journal_file.path().exists()
    for use in KEYS:
        file = home / "signing" / f"{use}.pem"
        if not file.exists():
            if journal_is_there:
                yield Error(
                    f"The signing key for the {use} is missing, although this installation has a journal.",
                    hint=f"Put {file} back from where you keep it, mode 0600. A new key would not fit what was signed.",
                    id="covenant.E202",
                )
            continue
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            yield Error(
                f"The signing key for the {use} can be read by others.",
                hint=f"chmod 600 {file}",
                id="covenant.E203",
            )
        try:
            signing.public_key(use)
        except SigningKeyUnusable as refusal:
            yield Error(refusal.what, hint=refusal.mend, id="covenant.E204")


def _private(home: Path) -> Iterator[CheckMessage]:
    for place in (home / "journal", home / "signing", journal_file.path()):
        if place.exists() and stat.S_IMODE(place.stat().st_mode) & 0o077:
            mode = "700" if place.is_dir() else "600"
            yield Error(f"{place} is open to others.", hint=f"chmod {mode} {place}", id="covenant.E205")
