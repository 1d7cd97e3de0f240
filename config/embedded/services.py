"""The database and the broker together: whichever of them no URL names is started here, both at once, and stopped
again.

A server named by a URL is somebody else's and is neither started nor stopped.
"""

import time
from urllib.parse import urlsplit, urlunsplit

from config.embedded.broker import Broker
from config.embedded.postgres import Postgres

URL_NAMES = ("DATABASE_URL", "REDIS_URL", "CACHE_URL")


class Services:
    """What has to run below Django, and the URLs it is reached by."""

    def __init__(self, home, given, *, throwaway=False, report=lambda name, state: None):
        self.home = home
        self.given = {name: given[name] for name in URL_NAMES if given.get(name)}
        self.report = report
        self.postgres = None if "DATABASE_URL" in self.given else Postgres(home, throwaway=throwaway)
        self.broker = None if "REDIS_URL" in self.given else Broker(home, throwaway=throwaway)

    @property
    def all_given(self):
        return not self.servers

    @property
    def servers(self):
        """In the order of starting: the quick one comes up while the slow one makes its cluster."""
        return [server for server in (self.broker, self.postgres) if server is not None]

    def start(self, check=lambda: None):
        began = time.monotonic()
        for server in self.servers:
            self.report(server.name, "starting")
            server.begin()
            check()
        for server in self.servers:
            server.wait(check)
            self.report(server.name, f"ready ({time.monotonic() - began:.1f} s)")
        return self.urls()

    def urls(self):
        urls = dict(self.given)
        if self.postgres:
            urls["DATABASE_URL"] = self.postgres.url
        if self.broker:
            urls["REDIS_URL"] = self.broker.url()
            urls.setdefault("CACHE_URL", self.broker.cache_url())
        else:
            urls.setdefault("CACHE_URL", cache_beside(urls["REDIS_URL"]))
        return urls

    def stop(self):
        for server in self.servers:
            if server.process is not None:
                self.report(server.name, "stopping")
                server.stop()
        self.home.remove_sockets()


def cache_beside(redis_url):
    """The next database of the same Redis, for clearing a cache must not empty the queue."""
    parts = urlsplit(redis_url)
    number = parts.path.strip("/")
    return urlunsplit(parts._replace(path=f"/{int(number) + 1 if number.isdecimal() else 1}"))
