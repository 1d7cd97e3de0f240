"""Python's search for cyclic garbage, put off while rows are made by the ten thousand.

They make no cycles, but every few hundred of them the search walks all that live, again and again: nearly half of the time.
It must never be put off for longer than one chunk of work.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_off() -> Iterator[None]:
    """No search within the block; what is due is looked for right behind it."""
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searches:
            gc.enable()
