"""Sets up the virtualenv from the lock file, with every package checked by its hash; does nothing where that is done
already.

Run by whichever Python 3 the machine has, before anything is installed: standard library only, syntax that an old
Python can still read up to the message that says it is too old. Must never install what the lock doesn't name, or
outside `.venv`.
"""

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig

OLDEST = (3, 11)
CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(CHECKOUT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
UV = os.path.join(VENV, "bin", "uv")
LOCKS = {"run": "requirements.lock", "test": "requirements-test.lock", "uv": "requirements-uv.lock"}


def main(kind):
    os.chdir(CHECKOUT)
    need_a_recent_python()
    stamp = os.path.join(VENV, "installed-" + kind)
    wanted = fingerprint(kind)
    if read(stamp) == wanted and os.access(PYTHON, os.X_OK):
        return
    need_glibc()
    lock = os.open(CHECKOUT, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second finds the work done
    if read(stamp) != wanted or not works(PYTHON):
        set_up(kind)
        with open(stamp, "w") as file:
            file.write(wanted)


def set_up(kind):
    if not works(PYTHON):
        say("making .venv with Python " + platform.python_version())
        make_venv()
    if not works(UV):
        call([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *locked("uv")])
    say("installing " + LOCKS[kind])
    if works(UV) and call([UV, "pip", "install", "--quiet", "--python", PYTHON, *locked(kind)]) == 0:
        return
    say("uv could not do it, trying pip, which knows this machine's settings for registries")
    if call([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *locked(kind)]) != 0:
        give_up("The packages could not be installed; the reason stands above.", "Mend it, then start again: make run")


def make_venv():
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = "{}.{}".format(*sys.version_info)
        give_up(
            "This Python can't make a virtualenv: Debian and Ubuntu keep that in a package of its own.",
            f"apt-get install python3-venv (or python{version}-venv), then start again",
        )
    if call([sys.executable, "-m", "venv", "--clear", VENV]) != 0:
        give_up("python3 -m venv failed; the reason stands above.", "Mend it, then start again: make run")


def need_a_recent_python():
    """Go on with a newer Python of the machine where `python3` is too old."""
    if sys.version_info >= OLDEST:
        return
    for minor in (13, 12, 11, 14):
        found = shutil.which("python3." + str(minor))
        if found:
            os.execv(found, [found, "-I", *sys.argv])
    give_up(
        "Python {}.{} is too old; Covenant needs {}.{} or later.".format(*sys.version_info[:2], *OLDEST),
        "Install a newer one and name it: make run PYTHON=python3.12",
    )


def need_glibc():
    told = [sysconfig.get_config_var("HOST_GNU_TYPE"), sysconfig.get_config_var("MULTIARCH"), platform.libc_ver()[0]]
    if not any("musl" in (name or "") for name in told):
        return
    give_up(
        "This Linux is built on musl (Alpine?), for which the database and the broker are not published as wheels.",
        "Use a system built on glibc, such as Debian; as an image python:3.12-slim instead of python:3.12-alpine",
    )


def fingerprint(kind):
    """What was installed for which interpreter: a change of either sets up again."""
    digest = hashlib.sha256(sys.version.encode())
    for name in sorted({LOCKS[kind], LOCKS["uv"]}):
        content = read(name)
        if content is None:
            give_up(name + " is missing.", "Restore it from git, or make it anew: make lock")
        digest.update(content.encode())
    return digest.hexdigest()


def locked(kind):
    return ["--require-hashes", "-r", LOCKS[kind]]


def works(program):
    try:
        return subprocess.call([program, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def call(command):
    # A link between two file systems falls back to a copy; uv would warn of that on every package.
    return subprocess.call(command, env={"UV_LINK_MODE": "copy", **os.environ})


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def say(text):
    print("set-up   | " + text, flush=True)


def give_up(what, mend):
    sys.exit("\nCovenant can't be set up: " + what + "\n  Mend: " + mend)


if __name__ == "__main__":
    main(sys.argv[1])
