"""Who the database server runs as. PostgreSQL refuses root, so root lends it another face.

First choice is a user namespace in which root's files look like nobody's: no file changes hands, and it works below a
0700 home. Where the kernel or a container refuses namespaces it becomes the user nobody, who then owns the data
folder. Never adds a user, never opens a parent folder.
"""

import os
import pwd
from pathlib import Path

from config.embedded.processes import LIBC
from config.embedded.trouble import Trouble

CLONE_NEWUSER = 0x10000000


class Oneself:
    """An ordinary user runs the database as it is."""

    owner = None

    def take(self):
        pass

    def open_way(self, home):
        pass


class Namespaced:
    """Root, seen as nobody from inside a user namespace; on disk everything stays root's."""

    owner = (0, 0)

    def __init__(self, uid, gid):
        self.uid, self.gid = uid, gid

    def needs(self, home):
        return home

    def open_way(self, home):
        pass

    def take(self):
        if LIBC.unshare(CLONE_NEWUSER) != 0:
            raise OSError("user namespaces are refused")
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{self.uid} 0 1")
        _write("/proc/self/gid_map", f"{self.gid} 0 1")


class Nobody:
    """The user nobody, for root in a container that refuses namespaces."""

    def __init__(self, uid, gid):
        self.uid, self.gid = uid, gid
        self.owner = (uid, gid)

    def needs(self, home):
        return home.parent

    def open_way(self, home):
        """Let nobody walk through our own data folder; what lies in it stays closed, parents are never touched."""
        home.chmod(0o711)

    def take(self):
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)


def choose(binary, home):
    """The first identity that can run this binary and walk to the data below this home."""
    if os.geteuid() != 0:
        return Oneself()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise Trouble("There is no user nobody, and PostgreSQL doesn't run as root.", _MEND) from None
    for identity in (Namespaced(nobody.pw_uid, nobody.pw_gid), Nobody(nobody.pw_uid, nobody.pw_gid)):
        if _works(identity, binary, identity.needs(home)):
            return identity
    raise Trouble(
        "PostgreSQL doesn't run as root, user namespaces are refused here or can't see the checkout, "
        "and the user nobody can't reach it either.",
        _MEND,
    )


def hand_over(folder, identity):
    """Give a data folder to who will use it, in case it was last used under another identity."""
    folder = Path(folder)
    if identity.owner is None or not folder.exists():
        return
    about = folder.lstat()
    if (about.st_uid, about.st_gid) == identity.owner:
        return
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            os.lchown(os.path.join(parent, name), *identity.owner)
    os.lchown(folder, *identity.owner)  # last: an interrupted walk is done again


def _works(identity, binary, folder):
    """Try the identity in a child, for none of this can be undone in a living process."""
    child = os.fork()
    if child == 0:
        try:
            identity.take()
            reached = os.access(binary, os.X_OK) and os.access(folder, os.X_OK)
            os._exit(0 if reached and os.geteuid() != 0 else 1)
        except BaseException:  # noqa: BLE001 - whatever it was, this copy of the process must not live on
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _write(path, text):
    with open(path, "w") as file:
        file.write(text)


_MEND = "Run as an ordinary user who owns the checkout, or set DATABASE_URL to a PostgreSQL server (15 or later)."
