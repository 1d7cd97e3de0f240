"""The keys of the broker and of the cache, with their values: tasks carry ids only, and here it is looked at.

Only of a server that speaks like Redis: from another kind of broker nothing can be read without taking it off the queue.
"""

from collections.abc import Iterator
from typing import Any

import redis
from django.conf import settings

from apps.data_requests.scanning import contents
from apps.data_requests.scanning.kinds import Seen
from apps.data_requests.scanning.terms import Terms

AT_ONCE = 500
REDIS = ("redis", "unix")


def look(terms: Terms, seen: Seen) -> None:
    """Look through every key of the queue and of the cache."""
    for name, url in (("broker", settings.CELERY_BROKER_URL), ("cache", settings.CACHE_URL)):
        if url.startswith(REDIS):
            with redis.Redis.from_url(_plain(url)) as server:
                for key in server.scan_iter(count=AT_ONCE):
                    seen.note((name, what) for what in contents.look(terms, _sized(seen, [key, *_values(server, key)])))


def _plain(url: str) -> str:
    """The client's way to write a socket: the queue's library has one of its own."""
    return url.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")


def _sized(seen: Seen, values: list[bytes]) -> Iterator[bytes]:
    for value in values:
        seen.bytes += len(value)
        yield value + b"\x1f"


def _values(server: redis.Redis, key: bytes) -> list[bytes]:
    """Everything under a key, whatever its kind."""
    kind = server.type(key)
    if kind == b"string":
        return _flat(server.get(key))
    if kind == b"list":
        return _flat(server.lrange(key, 0, -1))
    if kind == b"hash":
        return _flat(server.hgetall(key))
    if kind == b"set":
        return _flat(server.smembers(key))
    if kind == b"zset":
        return _flat(server.zrange(key, 0, -1))
    if kind == b"stream":
        return _flat(server.xrange(key))
    return []


def _flat(value: Any) -> list[bytes]:
    if isinstance(value, bytes):
        return [value]
    if isinstance(value, dict):
        return [one for pair in value.items() for item in pair for one in _flat(item)]
    if isinstance(value, list | tuple | set):
        return [one for item in value for one in _flat(item)]
    return []
