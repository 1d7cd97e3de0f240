"""`python -m config.run`: the whole back office on this machine, from an empty folder to a login page, until Ctrl-C.

Starts the database and the broker that no URL names, prepares the database, then keeps web, worker and beat together.
`--services-only -- COMMAND…` runs one command on the same servers instead. Must never start a second time on the same
data, say Ready before the login page answers, or leave a process behind.
"""

import argparse
import contextlib
import errno
import http.client
import os
import signal
import socket
import sys
import time
from urllib.parse import urljoin, urlsplit

from config.embedded import processes
from config.embedded.home import CHECKOUT, Home
from config.embedded.services import URL_NAMES, Services
from config.embedded.supervisor import Child, Stopped, Supervisor, say
from config.embedded.trouble import Trouble

PYTHON = sys.executable
# Celery warns of root because of pickled tasks; here tasks are JSON, and root is how containers run.
CELERY = [PYTHON, "-W", "ignore:You're running the worker with superuser", "-m", "celery", "--quiet", "-A", "config"]
LONGEST_SILENCE = 20  # seconds after which a living worker counts as up, should its log level hide what it says
STOP_ORDER = (("prepare", "migrate"), ("web", "beat"), ("worker",))  # nobody new comes in, then the work in hand ends


def main(arguments=None):
    options = parse(arguments)
    os.umask(0o077)
    if options.die_with_parent:
        die_with_parent()
    home = Home.of_this_checkout()
    try:
        if options.services_only:
            return run_command(home, options.command)
        return run_everything(home, port_wanted())
    except Trouble as trouble:
        sys.stdout.flush()
        print(f"\nCovenant can't run: {trouble}", file=sys.stderr, flush=True)
        return 1


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m config.run", description="Run Covenant on this machine.")
    parser.add_argument("--services-only", action="store_true", help="only database and broker, for one command")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the calling program is killed")
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="after --services-only -- ")
    options = parser.parse_args(arguments)
    if options.services_only != bool(options.command):
        parser.error("--services-only needs a command after --, and only --services-only takes one")
    return options


def die_with_parent():
    """Make is killed in places that kill only what they started; the supervisor then stops as for SIGTERM."""
    if sys.platform == "linux":
        processes.LIBC.prctl(processes.PR_SET_PDEATHSIG, int(signal.SIGTERM))


# -- everything -----------------------------------------------------------------------------------------------------


def run_everything(home, port):
    address = f"http://127.0.0.1:{port}/admin/"
    take(home, address=address)
    try:
        check_port_free(port)
        home.withdraw()  # whatever a killed start left
        services = Services(home, os.environ, report=lambda name, state: say(f"{name:<9} {state}"))
        supervisor = Supervisor({"COVENANT_HOME": str(home.root), "PORT": str(port)}, CHECKOUT, say)
        with supervisor.listening():
            return supervise(home, port, services, supervisor, address)
    finally:
        home.release()


def supervise(home, port, services, supervisor, address):
    try:
        urls = services.start(supervisor.check)
        supervisor.servers = services.servers
        supervisor.environment |= urls
        home.publish(urls)
        prepare(supervisor)
        standstill = start_programs(home, port, supervisor)
        say(f"Ready: {address}")
        if standstill:
            say(f"It stands still ({standstill}): every page says what was found and what mends it.")
        tell_login(home)
        supervisor.watch()
    except Stopped:
        return 0
    finally:
        supervisor.asked = min(supervisor.asked, 1)
        supervisor.stop(STOP_ORDER)
        home.withdraw()
        services.stop()
        say("covenant  stopped")


def prepare(supervisor):
    """Migrate and make ready in one Django process, for each start of one costs a second."""
    status, said = supervisor.step(Child("prepare", [PYTHON, "manage.py", "prepare"]))
    if status != 0 and "Unknown command: 'prepare'" in said:
        status, said = supervisor.step(Child("migrate", [PYTHON, "manage.py", "migrate", "--noinput"]))
    if status != 0:
        raise Trouble(
            "The database could not be prepared.", "Read the lines of prepare above, mend it, and start again."
        )


def start_programs(home, port, supervisor):
    began = time.monotonic()
    web = Child("web", [PYTHON, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"])
    options = [f"--loglevel={os.environ.get('LOG_LEVEL') or 'INFO'}"]
    worker = Child(
        "worker",
        [
            *CELERY,
            "worker",
            *options,
            "--concurrency=2",
            "--prefetch-multiplier=1",
            "--without-gossip",
            "--without-mingle",
        ],
        sign=b" ready.",
        patience=60,
        # An orphan has no database to end its work in, and a polite end would wait for a broker that is gone.
        orphan_signal=signal.SIGKILL,
    )
    schedule = [f"--schedule={home.run / 'beat-schedule'}", "--pidfile="]
    beat = Child("beat", [*CELERY, "beat", *options, *schedule], sign=b"beat: Starting")
    for child in (web, worker, beat):
        supervisor.start(child)
    page = LoginPage(port)
    waiting = {"web": page.answers, "worker": lambda: speaks(worker), "beat": lambda: speaks(beat)}

    def speaks(child):
        return child.ready or time.monotonic() > began + LONGEST_SILENCE

    def all_up():
        for name in [name for name, up in waiting.items() if up()]:
            del waiting[name]
            say(f"{name:<9} ready ({time.monotonic() - began:.1f} s)")
        return not waiting

    try:
        supervisor.wait_until(all_up, "The start did not end", patience=120)
    except Trouble as trouble:
        if page.last:
            raise Trouble(f"{trouble.what} The login page answered: {page.last}.", trouble.mend) from None
        raise
    return page.standstill


class LoginPage:
    """Asks as a browser would: the first page, on to the form it redirects to; only a page with status 200 counts.

    Except where the service stands still on purpose, after a restore for example: then the page that says so does.
    """

    def __init__(self, port):
        self.port = port
        self.last = ""
        self.standstill = ""
        self.next_try = 0
        host = (os.environ.get("ALLOWED_HOSTS") or "").split(",")[0].strip().lstrip(".*")
        self.headers = {"Accept": "text/html", "Host": host or f"127.0.0.1:{port}"}

    def answers(self):
        if time.monotonic() < self.next_try:
            return False
        self.next_try = time.monotonic() + 0.15
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self._follow("/admin/")
        return False

    def _follow(self, path):
        for _ in range(5):
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                line.request("GET", path, headers=self.headers)
                answer = line.getresponse()
                answer.read()
            finally:
                line.close()
            self.last = f"{answer.status} {answer.reason} at {path}"
            self.standstill = answer.getheader("Covenant-Standstill", "")
            if answer.status not in (301, 302, 303, 307, 308):
                break
            target = urlsplit(urljoin(path, answer.getheader("Location", "")))
            if target.scheme == "https":
                return True  # TLS is the proxy's, which isn't ours to ask
            path = target._replace(scheme="", netloc="").geturl()
        if self.standstill and self.standstill != "database_down":
            return True
        if answer.status >= 500:
            self.next_try = time.monotonic() + 1  # it will hardly mend itself, and each one is logged
        return answer.status == 200


def tell_login(home):
    with contextlib.suppress(OSError):
        for line in home.login_file.read_text().splitlines():
            say(line)


# -- one command ----------------------------------------------------------------------------------------------------


def run_command(home, command):
    """On the servers of a living `make run` or of another command, else on servers of its own."""
    if all(os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL")):
        return call(command, {})
    until = time.monotonic() + 60
    while not home.take(address=""):
        with home.guest():
            urls = home.published()
            if urls:
                return call(command, urls)
        if time.monotonic() > until:
            raise already_running(home)
        time.sleep(0.2)  # the other one is just starting or stopping
    try:
        return host_command(home, command)
    finally:
        home.release()


def host_command(home, command):
    home.withdraw()
    services = Services(home, os.environ)
    stop_asked = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        urls = services.start()
        home.publish(urls)
        status = call(command, urls)
        while home.has_guests():
            time.sleep(0.2)
        return status
    finally:
        signal.signal(signal.SIGTERM, stop_asked)
        home.withdraw()
        services.stop()


def call(command, urls):
    """Run in the foreground: the terminal and its Ctrl-C are the command's, whose exit status becomes ours."""
    environment = {**urls, **{name: value for name, value in os.environ.items() if value or name not in URL_NAMES}}
    before = signal.signal(signal.SIGINT, lambda *_: None)  # a handler, not SIG_IGN, which the command would inherit
    try:
        child = processes.spawn(command, stdin=None, env=environment, own_session=False)
    except OSError as error:
        raise Trouble(f"{command[0]} can't be run: {error.strerror}.", "Name a program after --.") from error
    try:
        status = child.wait()
    finally:
        if child.poll() is None:
            processes.end_gently(child)
        signal.signal(signal.SIGINT, before)
    return status if status >= 0 else 128 - status


# -- what stands in the way -----------------------------------------------------------------------------------------


def take(home, **about):
    if not home.take(**about):
        raise already_running(home)


def already_running(home):
    holder = home.holder()
    address = f" at {holder['address']}" if holder.get("address") else ""
    return Trouble(
        f"it already runs from this checkout{address} (process {holder.get('pid', 'unknown')}).",
        f"Use that one, or stop it first: kill {holder.get('pid', 'PID')}",
    )


def port_wanted():
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Trouble(f"PORT is {text!r}, which is no port.", "PORT=8001 make run")
    return int(text)


def check_port_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise Trouble(f"port {port} is for root only.", "PORT=8001 make run") from error
            raise Trouble(
                f"port {port} is used by another program, perhaps by Covenant in another checkout.",
                f"Choose another port: PORT={port + 1 if port < 65535 else 8001} make run",
            ) from error


if __name__ == "__main__":
    sys.exit(main())
