"""For servers that can't be handed a socket: ports, and an end with the test run, however that ended.

The ports lie below those that the system gives to outgoing connections: one that it had just given us could be anybody's
connection by the time the server asks for it.
"""

import ctypes
import random
import signal
import socket

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
LOWEST, HIGHEST = 10_000, 30_000


def free_ports(count: int) -> list[int]:
    """So many different ports on loopback that nobody has now."""
    found = []
    for port in random.sample(range(LOWEST, HIGHEST), 50 * count):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError("no free ports")


def die_with_us() -> None:
    """Have the kernel kill this child when the process that started it is gone."""
    LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
