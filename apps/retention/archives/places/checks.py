"""Refuses to start where a client's archive could be pointed into our own network (P17, P19)."""

from collections.abc import Iterator
from ipaddress import ip_network

from django.conf import settings
from django.core.checks import CheckMessage, Error


def archives_stay_outside(app_configs=None, **_later) -> list[CheckMessage]:
    """All checks of where archives may lie; registered in apps.py."""
    return list(_all())


def _all() -> Iterator[CheckMessage]:
    allowed = settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES
    if not all(map(_is_network, allowed)):
        yield Error(
            "ARCHIVE_ALLOWED_PRIVATE_ADDRESSES holds something that is no address and no network.",
            hint="Write addresses or networks, separated by commas: 127.0.0.1,::1.",
            id="covenant.E502",
        )
    elif allowed and not settings.DEMO:
        yield Error(
            "A client's archive may be pointed at addresses in our own network.",
            hint="Unset ARCHIVE_ALLOWED_PRIVATE_ADDRESSES; it is for tests and the demo.",
            id="covenant.E501",
        )
    if not settings.ARCHIVE_PORTS or not all(0 < port < 65536 for port in settings.ARCHIVE_PORTS):
        yield Error(
            "ARCHIVE_PORTS names no ports that a client's archive could have.",
            hint="Unset ARCHIVE_PORTS, or list ports: 443,8443,22,2222.",
            id="covenant.E503",
        )


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
