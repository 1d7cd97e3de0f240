"""A scratch database: made beside the live one or given by its address, filled from a dump, removed without a trace.

Dumps flow from one program into the other and never lie on a disk. A database that was given must be empty, or bear our
mark from a drill that was killed; the live one is refused by its own identity, whatever it is called in the address.
"""

import gzip
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg
import zstandard
from psycopg import sql
from psycopg.conninfo import make_conninfo

from apps.foundation.refusals import Refusal

MARK = "covenant_drill"
SCRATCH = re.compile(r"covenant_drill_[a-z0-9]{7}\Z")
CUSTOM, GZIP, ZSTANDARD = b"PGDMP", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
PIECE = 1 << 20
TOLD_BYTES = 400


class DumpFailed(Refusal):
    """PostgreSQL's own programs could not dump or restore."""

    code = "dump_failed"
    mend = "Read what they said; a dump made with `pg_dump --no-owner` by this server's version restores everywhere."


class DatabaseNotReached(Refusal):
    """A database that the drill needs does not answer."""

    code = "database_not_reached"
    mend = "Check its address, and that this role may connect to it."


class NoScratch(Refusal):
    """No scratch database can be made here."""

    code = "no_scratch_database"
    mend = "Give the role of DATABASE_URL the right (ALTER ROLE … CREATEDB), or name an empty database: --database-url URL"


class ScratchNotEmpty(Refusal):
    """The given database is not empty, so nothing is restored into it."""

    code = "scratch_not_empty"
    mend = "Name a database without any table in it. Nothing was changed."


class ScratchIsLive(Refusal):
    """The given database is the live one."""

    code = "scratch_is_live"
    mend = "Name another database. Nothing was changed."


@dataclass(frozen=True)
class Programs:
    """Where `pg_dump`, `pg_restore` and `psql` lie, of a version that fits the server."""

    folder: Path

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)


@dataclass(frozen=True)
class Server:
    """How a database is reached, as libpq names the parts; the password goes by the environment."""

    parts: Mapping[str, Any]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Server":
        """From Django's settings of a database."""
        known = {
            "host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"], "password": settings["PASSWORD"],
            "dbname": settings["NAME"],
        }  # fmt: skip
        options = {name: value for name, value in settings.get("OPTIONS", {}).items() if name.startswith("ssl")}
        return cls({name: value for name, value in (known | options).items() if value not in ("", None)})

    def on(self, dbname: str) -> "Server":
        return Server({**self.parts, "dbname": dbname})

    @property
    def conninfo(self) -> str:
        """Without the password, for a program's arguments."""
        return make_conninfo(**{name: value for name, value in self.parts.items() if name != "password"})

    @property
    def environment(self) -> dict[str, str]:
        password = {"PGPASSWORD": str(self.parts["password"])} if self.parts.get("password") else {}
        return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"} | password

    def connect(self) -> psycopg.Connection:
        try:
            return psycopg.connect(make_conninfo(**self.parts), autocommit=True, connect_timeout=20)
        except psycopg.OperationalError as error:
            raise DatabaseNotReached from error


def identity(server: Server) -> tuple[int, int]:
    """Which database this is, by cluster and number; its name says nothing."""
    with server.connect() as connection:
        found = connection.execute(
            "SELECT (pg_control_system()).system_identifier, (SELECT oid::bigint FROM pg_database WHERE datname = current_database())"
        ).fetchone()
    return found[0], found[1]


# Making and removing


def make(live: Server, name: str, *, superuser: Server | None = None) -> Server:
    """An empty database beside the live one, ours alone. `superuser` makes it where our own role may not."""
    if not SCRATCH.match(name):
        raise ValueError("not a name of a scratch database")
    owner = sql.Identifier(live.parts["user"]) if live.parts.get("user") else sql.SQL("CURRENT_USER")
    statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name), owner)
    for server in (live, superuser):
        if server is None:
            continue
        with server.connect() as connection:
            try:
                connection.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                continue
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
            return live.on(name)
    raise NoScratch


def drop(live: Server, name: str, *, superuser: Server | None = None) -> None:
    """Remove a scratch database, whoever is connected to it; it may be gone already."""
    if not SCRATCH.match(name):
        raise ValueError("not a name of a scratch database")
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with live.connect() as connection:
        try:
            connection.execute(statement)
            return
        except psycopg.errors.InsufficientPrivilege:
            if superuser is None:
                raise
    with superuser.connect() as connection:
        connection.execute(statement)


def take(given: Server, live: Server) -> Server:
    """A database that was given: ours for the drill, with a mark by which the next one knows what a killed one left."""
    if identity(given) == identity(live):
        raise ScratchIsLive
    with given.connect() as connection:
        if _is_marked(connection):
            _empty(connection)
        tables = connection.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
            " AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
        ).fetchone()[0]
        if tables:
            raise ScratchNotEmpty
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(MARK)))
    return given


def give_back(given: Server) -> None:
    """As it was given: empty, without our mark."""
    with given.connect() as connection:
        _empty(connection)
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(MARK)))


def is_ours(given: Server) -> bool:
    """Whether a given database bears our mark, so that what lies in it may be removed."""
    with given.connect() as connection:
        return _is_marked(connection)


def _is_marked(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [MARK]).fetchone() is not None


def _empty(connection: psycopg.Connection) -> None:
    connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
    connection.execute("CREATE SCHEMA public")


# Filling


def copy(live: Server, scratch: Server, programs: Programs) -> None:
    """A fresh dump of the live database, straight into the scratch one."""
    with _started(
        [programs["pg_dump"], "--no-password", "--no-owner", "--no-privileges", "--no-comments", f"--dbname={live.conninfo}"],
        live, stdout=subprocess.PIPE,
    ) as dump:  # fmt: skip
        _restore_plain(scratch, programs, dump.process.stdout, meanwhile=dump.check)


def restore(file: Path, scratch: Server, programs: Programs) -> None:
    """A dump that was made earlier: plain SQL, as it is or packed by gzip or zstandard, or pg_dump's custom format."""
    with open(file, "rb", buffering=0) as stream:  # unbuffered: another program reads on from where we stop
        first = stream.read(len(CUSTOM))
        stream.seek(0)
        if first == CUSTOM:
            arguments = ["--no-password", "--no-owner", "--no-privileges", "--no-comments", "--exit-on-error"]
            with _started([programs["pg_restore"], *arguments, f"--dbname={scratch.conninfo}"], scratch, stdin=stream) as program:
                program.check()
        elif first.startswith(GZIP):
            _restore_plain(scratch, programs, gzip.GzipFile(fileobj=stream))
        elif first.startswith(ZSTANDARD):
            _restore_plain(scratch, programs, zstandard.ZstdDecompressor().stream_reader(stream))
        else:
            _restore_plain(scratch, programs, stream)


def _restore_plain(scratch: Server, programs: Programs, source: IO[bytes], meanwhile: Callable[[], None] = lambda: None) -> None:
    arguments = ["--no-password", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", f"--dbname={scratch.conninfo}"]
    with _started([programs["psql"], *arguments], scratch, stdin=subprocess.PIPE) as program:
        try:
            shutil.copyfileobj(source, program.process.stdin, PIECE)
            program.process.stdin.close()
        except BrokenPipeError:
            program.check()
            raise
        except (gzip.BadGzipFile, zstandard.ZstdError, EOFError) as error:
            raise DumpFailed("The dump is damaged: it can't be unpacked.") from error
        meanwhile()
        program.check()


@dataclass
class _Program:
    """One of PostgreSQL's programs, with what it said in a file of no name."""

    process: subprocess.Popen
    said: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def check(self) -> None:
        """Wait for its end; refuse where that was a failure. Only its own words about itself are told, no data."""
        if self.process.wait() == 0:
            return
        self.said.seek(0)
        words = [line for line in self.said.read(PIECE).decode(errors="replace").splitlines() if ": error:" in line or "ERROR:" in line]
        name = Path(str(self.process.args[0])).name
        raise DumpFailed(f"{name} failed. {' '.join(words)[:TOLD_BYTES]}".strip())


class _started:
    """Start a program for a `with`; it is gone at its end, however that comes."""

    def __init__(self, command: list[str], server: Server, **streams: Any):
        self.command, self.server, self.streams = command, server, streams

    def __enter__(self) -> _Program:
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL} | self.streams
        try:
            process = subprocess.Popen(self.command, stderr=said, env=self.server.environment, **streams)
        except OSError as error:
            said.close()
            raise DumpFailed(f"{Path(self.command[0]).name} can't be run ({type(error).__name__}).") from error
        self.program = _Program(process, said)
        return self.program

    def __exit__(self, *_error: object) -> None:
        process = self.program.process
        for stream in (process.stdin, process.stdout):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        if process.poll() is None:
            process.kill()
        process.wait()
        self.program.said.close()
