"""Which messages a part brought, packed: one byte or two a message, so that the whole can be checked before it is closed."""

import zlib
from array import array
from collections.abc import Iterable


class NumbersPacker:
    """Takes rising numbers one by one and packs them as differences."""

    def __init__(self) -> None:
        self._differences, self._last = array("q"), 0

    def add(self, number: int) -> None:
        if number <= self._last:
            raise ValueError("numbers rise")
        self._differences.append(number - self._last)
        self._last = number

    def packed(self) -> bytes:
        return zlib.compress(self._differences.tobytes())

    def __len__(self) -> int:
        return len(self._differences)


def unpacked(packs: Iterable[bytes]) -> array:
    """All numbers of several packs, in their order."""
    numbers = array("q")
    for pack in packs:
        differences = array("q")
        differences.frombytes(zlib.decompress(pack) if pack else b"")
        number = 0
        for difference in differences:
            number += difference
            numbers.append(number)
    return numbers
