"""The one lock between a hold and whatever destroys or erases.

Under READ COMMITTED a destruction that looked for holds a moment ago does not see the one that is committed right now: data
under hold would be lost (measured). So whoever destroys takes this lock shared from its last look until the deed is done, and
whoever places a hold takes it alone before writing. A hold then comes either before the look or after the deed.

It must never be asked for by a session that already waits for something a destruction needs: staff rows are locked before it,
cohorts after it.
"""

from django.db import connection

NAME = "covenant_holds"


class NotInTransaction(RuntimeError):
    """A defect of the caller: the lock lasts as long as its transaction, so without one it would last no time."""


def wait_for_destructions() -> None:
    """Wait until nothing is being destroyed, and let nothing begin until this transaction ends. For placing."""
    _lock("pg_advisory_xact_lock")


def keep_new_holds_out() -> None:
    """Let no hold be placed until this transaction ends. For who destroys or erases, before the last look at the holds."""
    _lock("pg_advisory_xact_lock_shared")


def _lock(function: str) -> None:
    if not connection.in_atomic_block:
        raise NotInTransaction("the lock between holds and destruction needs the transaction of the act it guards")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtext(%s))", [NAME])
