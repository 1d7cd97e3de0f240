"""Who may open a connection to anybody: the gate's client, what gets its socket from there, and the few exceptions, each with its reason.

A module that imports a room of this list can open a socket, or speaks over one. It stands in the table with what it imports and why that
is no way around the gate, and its row goes when the import goes. `pyproject.toml` says the same to whoever writes (ruff's banned-api).
"""

import ast
from pathlib import Path

from tests.architecture.floors import imported
from tests.architecture.sources import CHECKOUT, Source, sources

#: what opens a socket, or speaks over one, or starts somebody else's program that could
ROOMS = frozenset({
    "socket", "ssl", "_socket", "_ssl", "socketserver", "asyncio", "http.client", "urllib.request", "xmlrpc", "ftplib", "smtplib", "poplib",
    "imaplib", "nntplib", "telnetlib", "webbrowser", "requests", "httpx", "httpcore", "urllib3", "aiohttp", "websockets", "websocket", "pycurl",
    "boto3", "botocore", "s3transfer", "paramiko", "asyncssh", "dns", "ldap3", "psycopg", "redis", "kombu", "django.core.mail",
    "allauth.socialaccount",
})  # fmt: skip

#: of psycopg these name errors and forms only
HARMLESS = frozenset({"psycopg.errors", "psycopg.sql", "psycopg.IsolationLevel", "psycopg.copy", "psycopg.conninfo"})

GATE = "the gate's client: a connection only inside an open passage, recorded before it is opened"
FROM_DIAL = "speaks over a socket that the gate's dial opened"
DATABASE = "our own database, over the connection that Django opened or to our own server"
SIGN_ON = "sign-on, a named exception: staff's own sign-in at the organization's identity provider"
PEOPLES_SIGN_ON = "sign-on, a named exception: people's own accounts, at a provider that the settings name and the person chose"
MAIL = "delivery of mail, a named exception: to the one relay of the settings"
MAIL_IN = "delivery of mail, a named exception: from the one mailbox of the settings"
OWN_QUEUE = "our own broker and cache, whose addresses the settings name"
OWN_SERVICES = "our own services on this machine, over loopback or a unix socket"

#: module → what it imports and why that is no way around the gate
NAMED: dict[str, tuple[frozenset[str], str]] = {
    "apps/gate/client/addresses.py": (frozenset({"socket"}), GATE),
    "apps/gate/client/wire.py": (frozenset({"socket", "ssl", "http.client"}), GATE),
    "apps/retention/archives/places/s3.py": (frozenset({"boto3", "botocore"}), FROM_DIAL),
    "apps/retention/archives/places/sftp.py": (frozenset({"socket", "paramiko"}), FROM_DIAL),
    "apps/retention/archives/places/sftp_wire.py": (frozenset({"paramiko"}), FROM_DIAL),
    "apps/backups/copies/databases.py": (frozenset({"psycopg"}), DATABASE),
    "apps/foundation/prepared.py": (frozenset({"psycopg"}), DATABASE),
    "apps/retention/services/aside.py": (frozenset({"psycopg"}), DATABASE),
    "config/checks.py": (frozenset({"psycopg"}), DATABASE),
    "apps/accounts/sign_on/providers.py": (frozenset({"requests", "allauth.socialaccount"}), PEOPLES_SIGN_ON),
    "apps/staff/adapters.py": (frozenset({"smtplib", "allauth.socialaccount"}), SIGN_ON),
    "apps/staff/services/leaving.py": (frozenset({"allauth.socialaccount"}), SIGN_ON),
    "apps/staff/urls.py": (frozenset({"allauth.socialaccount"}), SIGN_ON),
    "apps/mail/services/outbox.py": (frozenset({"smtplib", "socket", "django.core.mail"}), MAIL),
    "apps/communications/receiving/mailbox.py": (frozenset({"ssl", "imaplib"}), MAIL_IN),
    "apps/data_requests/scanning/broker.py": (frozenset({"redis"}), OWN_QUEUE),
    "config/embedded/broker.py": (frozenset({"socket"}), OWN_SERVICES),
    "config/run.py": (frozenset({"socket", "http.client"}), OWN_SERVICES),
}


def rooms_of(source: Source) -> frozenset[str]:
    """Of the rooms above those that a module goes into; `import psycopg` counts, `from psycopg.errors import …` does not."""
    found = set()
    for _node, module in imported(source):
        if any(module == one or module.startswith(f"{one}.") for one in HARMLESS):
            continue
        parts = module.split(".")
        found |= {room for room in (".".join(parts[: number + 1]) for number in range(len(parts))) if room in ROOMS}
    return frozenset(found - _whole_only_for_harmless(source))


def _whole_only_for_harmless(source: Source) -> set[str]:
    """psycopg, where only what is harmless was taken out of it."""
    taken = [
        alias.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.module == "psycopg"
        for alias in node.names
    ]
    names = [alias.name for node in ast.walk(source.tree) if isinstance(node, ast.Import) for alias in node.names]
    is_whole = any(name.split(".")[0] == "psycopg" for name in names)
    return set() if is_whole or any(f"psycopg.{name}" not in HARMLESS for name in taken) else {"psycopg"}


def beside_the_gate(root: Path = CHECKOUT) -> list[str]:
    """Each module that could open a connection and is not named, and each that is named for what it does not import."""
    found, seen = [], set()
    for source in sources(root):
        rooms, named = rooms_of(source), NAMED.get(source.name, (frozenset(), ""))[0]
        seen.add(source.name)
        found += [f"{source.name} imports {room}: what leaves goes through apps/gate/client" for room in sorted(rooms - named)]
        found += [f"{source.name} is named for {room}, which it does not import" for room in sorted(named - rooms)]
    if root == CHECKOUT:
        found += [f"{name} is named and is not there" for name in sorted(NAMED.keys() - seen)]
    return found


def openers(root: Path = CHECKOUT) -> list[str]:
    """Where a socket is made or connected by name."""
    found = []
    for source in sources(root):
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("socket", "create_connection", "connect", "connect_ex", "sendto", "urlopen", "open_connection", "socketpair", "fromfd"):
                found.append(f"{source.name} {name}")
    return sorted(set(found))
