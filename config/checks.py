"""Refuses to start on a database server that may lose what it said was committed, or that runs out of locks.

The order of a destruction rests on it: a key is destroyed because the intent was committed, and a certificate is given because
the rows were gone. A server that answers before the disk has it can forget both in a crash and bring the rows back; the
journal would know, and the service would stand still. The demo is only warned: what it holds is made up.

The server that `make run` starts is set right (config/embedded/postgres.py); this asks whatever DATABASE_URL names, by a
connection of its own: Django's must not be open yet when the web server's processes part.
"""

from collections.abc import Iterator
from importlib import import_module

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db import connection

#: a query that can't be pruned locks four relations a leaf
FEWEST_LOCKS = 1024
CONNECT_SECONDS = 5

#: setting → the values at which nothing that was committed can be lost, and what an operator does
DURABLE: dict[str, tuple[frozenset[str], str]] = {
    "fsync": (frozenset({"on"}), "Set fsync = on in postgresql.conf and restart the server."),
    "full_page_writes": (frozenset({"on"}), "Set full_page_writes = on in postgresql.conf and reload the server."),
    "synchronous_commit": (
        frozenset({"on", "local", "remote_write", "remote_apply"}),
        "Set synchronous_commit = on in postgresql.conf, and take it back where ALTER ROLE, ALTER DATABASE or DATABASE_URL set it.",
    ),
}


def the_database_keeps_what_it_says(app_configs=None, **_later) -> list[CheckMessage]:
    """All checks of the database server; registered in apps.py. One that can't be reached is the health page's matter."""
    try:
        found = _settings()
    except psycopg.OperationalError:
        return []
    kind, prefix = (Warning, "W") if settings.DEMO else (Error, "E")
    return [kind(what, hint=mend, id=f"covenant.{prefix}{number}") for what, mend, number in _wrong(found)]


def _settings() -> dict[str, str]:
    """As they are for the role and the database that the service uses."""
    given = connection.get_connection_params() | {"connect_timeout": CONNECT_SECONDS, "autocommit": True}
    with psycopg.connect(**given) as line:
        return {name: line.execute(f"SHOW {name}").fetchone()[0] for name in (*DURABLE, "max_locks_per_transaction")}


def _wrong(found: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    for number, (name, (right, mend)) in enumerate(DURABLE.items(), start=701):
        if found[name] not in right:
            yield f"The database server runs with {name} = {found[name]}: after a crash, what was destroyed may be back.", mend, number
    if int(found["max_locks_per_transaction"]) < FEWEST_LOCKS:
        yield (
            f"The database server gives a transaction {found['max_locks_per_transaction']} locks, too few for the leaves of messages.",
            f"Set max_locks_per_transaction = {FEWEST_LOCKS} in postgresql.conf and restart the server.",
            704,
        )


def holdings_end_in_order(app_configs=None, **_later) -> list[CheckMessage]:
    """covenant.E306: the order in which holdings are erased fits every foreign key that the database has, also those that no model knows."""
    order = import_module("apps.data_requests.order")  # needs the models, which are not there yet when this module is read
    try:
        with psycopg.connect(**connection.get_connection_params() | {"connect_timeout": CONNECT_SECONDS, "autocommit": True}) as line:
            pairs = line.execute(order.POINTING).fetchall()
    except psycopg.OperationalError:
        return []
    return [
        Error(
            f"{late} is erased after {early}, and its table {pointing} points to {pointed_to}.",
            hint="Say the foreign key in the model too (db_constraint=False where a migration writes it by hand), or put both tables into one holding.",
            id="covenant.E306",
        )
        for late, early, pointing, pointed_to in order.against_the_database(order.in_order(), pairs)
    ]
