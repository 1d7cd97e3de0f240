"""Another process that writes the journal, and dies where the test says. The hooks are put in here, never in the product.

    python -m tests.audit.writer write ENTRY…            writes these entries
    python -m tests.audit.writer sweep                   writes all that is owed
    python -m tests.audit.writer die-before-mark ENTRY   killed after the line is on disk, before the row is filled
    python -m tests.audit.writer die-before-line ENTRY   killed before the line
    python -m tests.audit.writer die-in-line ENTRY       killed with half a line on disk
    python -m tests.audit.writer full-disk ENTRY         the file may not grow further than half a line
"""

import os
import resource
import signal
import sys

import django
from django.db import connections

django.setup()
connections.databases["default"]["NAME"] = os.environ["TEST_DATABASE"]

from apps.audit import journal_file  # noqa: E402 - Django first
from apps.audit.services import journal  # noqa: E402


def die(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGKILL)


def half_a_line(handle, content, offset):
    WRITE(handle, content[: len(content) // 2], offset)
    os.fsync(handle)
    die()


WRITE = os.pwrite
what, *entries = sys.argv[1:]
if what == "die-before-mark":
    journal._mark = die
elif what == "die-before-line":
    journal_file.Writer.append = die
elif what == "die-in-line":
    os.pwrite = half_a_line
elif what == "full-disk":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = journal_file.path().stat().st_size + 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
if what == "sweep":
    print(journal.write_owed())
for entry in entries:
    try:
        print(journal.write(entry).sequence)
    except journal.JournalUnwritable as refusal:
        print(refusal.code)
