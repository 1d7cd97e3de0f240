"""SFTP version 3 over a channel (draft-ietf-secsh-filexfer-02), as little of it as a place needs.

Not paramiko's own client: that one loses the errors of the last writes when a file is closed, knows no fsync, and keeps
whatever a server sends. Here each request waits for its own answer, no more than a window of them is under way, packets
larger than any honest one are refused, and every wait is the deadline's.
"""

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from paramiko import Channel

from apps.gate.client.troubles import PeerDown, PeerFull, PeerMisbehaves, PeerRefuses, PeerTrouble
from apps.gate.client.wire import Deadline
from apps.retention.archives.places.troubles import NotThere

VERSION = 3
LARGEST_PACKET = 256 * 1024  # what OpenSSH sends at most
PIECE = 32 * 1024  # what every server reads and writes in one request
WINDOW = 64  # requests under way
MOST_ENTRIES = 10_000  # of a folder

INIT, VERSION_IS, OPEN, CLOSE, READ, WRITE, LSTAT = 1, 2, 3, 4, 5, 6, 7
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, RENAME, EXTENDED = 11, 12, 13, 14, 15, 18, 200
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED_REPLY = 101, 102, 103, 104, 105, 201
OK, END, NO_SUCH_FILE, PERMISSION_DENIED, UNSUPPORTED, NO_SPACE, QUOTA = 0, 1, 2, 3, 8, 14, 15
TO_READ, TO_WRITE_NEW = 0x01, 0x02 | 0x08 | 0x20  # READ; WRITE, CREAT and EXCL
HAS_SIZE, HAS_OWNER, HAS_MODE = 0x1, 0x2, 0x4
KIND_OF_FILE, REGULAR = 0o170000, 0o100000
FSYNC, SPACE = "fsync@openssh.com", "statvfs@openssh.com"


class Failed(PeerTrouble):
    """The server says that it failed, and not why."""

    code = "place_failed"
    mend = "Ask who runs the place to look into its log."


@dataclass(frozen=True)
class Entry:
    """What lies under a path."""

    size: int
    is_file: bool


class Files:
    """The files behind one channel on which the subsystem sftp was asked for."""

    def __init__(self, channel: Channel, deadline: Deadline):
        self._channel, self._deadline = channel, deadline
        self._number = 0
        self._early: dict[int, tuple[int, bytes]] = {}  # answers that came before somebody waited for them
        self._under_way: set[int] = set()
        self._send(INIT, struct.pack(">I", VERSION))
        kind, content = self._receive()
        if kind != VERSION_IS:
            raise PeerMisbehaves("The place does not speak SFTP.")
        self.extensions = frozenset(_texts(content[4:])[::2])

    def look(self, path: str) -> Entry | None:
        """What lies there, links not followed; None where nothing does."""
        try:
            content = self._ask(LSTAT, _text(path), expect=ATTRS)
        except NotThere:
            return None
        return _entry(content)

    def create(self, path: str) -> bytes:
        """A handle on a new file, 0600; a trouble where something lies there already."""
        return self._handle(OPEN, _text(path) + struct.pack(">III", TO_WRITE_NEW, HAS_MODE, 0o600))

    def open(self, path: str) -> bytes:
        return self._handle(OPEN, _text(path) + struct.pack(">II", TO_READ, 0))

    def write(self, handle: bytes, blocks: Iterable[bytes]) -> None:
        """Write from the beginning. Returns when the server confirmed every piece."""
        offset, waiting = 0, deque()
        for block in blocks:
            for start in range(0, len(block), PIECE):
                piece = block[start : start + PIECE]
                if len(waiting) == WINDOW:
                    self._confirmed(waiting.popleft())
                waiting.append(self._start(WRITE, _text(handle) + struct.pack(">Q", offset) + _text(piece)))
                offset += len(piece)
        while waiting:
            self._confirmed(waiting.popleft())

    def read(self, handle: bytes, size: int) -> Iterator[bytes]:
        """The first `size` bytes, or fewer where the file ends before."""
        offset, waiting = 0, deque()
        while waiting or offset < size:
            while offset < size and len(waiting) < WINDOW:
                length = min(PIECE, size - offset)
                waiting.append((offset, length, self._start_reading(handle, offset, length)))
                offset += length
            at, length, number = waiting.popleft()
            data = self._data(number)
            while data and len(data) < length:  # a server may give less than was asked for
                yield data
                at, length = at + len(data), length - len(data)
                data = self._data(self._start_reading(handle, at, length))
            if not data:
                return  # what is still under way says the same
            if len(data) > length:
                raise PeerMisbehaves("The place gives more than was asked for.")
            yield data

    def sync(self, handle: bytes) -> None:
        """Have the server bring the file to its disk, where it knows how."""
        if FSYNC in self.extensions:
            self._ask(EXTENDED, _text(FSYNC) + _text(handle), expect=STATUS)

    def close(self, handle: bytes) -> None:
        self._ask(CLOSE, _text(handle), expect=STATUS)

    def rename(self, path: str, new: str) -> None:
        """Give a file another name. In version 3 a name that is taken is refused."""
        self._ask(RENAME, _text(path) + _text(new), expect=STATUS)

    def remove(self, path: str) -> None:
        self._ask(REMOVE, _text(path), expect=STATUS)

    def make_folder(self, path: str) -> None:
        self._ask(MKDIR, _text(path) + struct.pack(">II", HAS_MODE, 0o700), expect=STATUS)

    def remove_folder(self, path: str) -> None:
        self._ask(RMDIR, _text(path), expect=STATUS)

    def names(self, folder: str) -> list[str]:
        """The names in a folder, not more than anybody may have put there."""
        handle, names = self._handle(OPENDIR, _text(folder)), []
        try:
            while content := self._names(handle):
                (count,) = struct.unpack_from(">I", content)
                position = 4
                for _entry_number in range(count):
                    name, position = _take(content, position)
                    _long, position = _take(content, position)
                    position = _behind_attributes(content, position)
                    names.append(name.decode("utf-8", "replace"))
                if not count or len(names) > MOST_ENTRIES:
                    raise PeerMisbehaves("The place lists more than a folder of ours can hold.")
        finally:
            self.close(handle)
        return names

    def room(self, folder: str) -> int | None:
        """How many bytes are free there, where the server tells."""
        if SPACE not in self.extensions:
            return None
        content = self._ask(EXTENDED, _text(SPACE) + _text(folder), expect=EXTENDED_REPLY)
        if len(content) < 40:
            raise PeerMisbehaves("The place's answer can't be read.")
        _block, fragment, _blocks, _free, available = struct.unpack_from(">QQQQQ", content)
        return fragment * available

    # one request, one answer

    def _names(self, handle: bytes) -> bytes:
        kind, content = self._answer(self._start(READDIR, _text(handle)))
        if kind == STATUS:
            if _status(content) == END:
                return b""
            _require_ok(content)
        if kind != NAME:
            raise PeerMisbehaves("The place's answer is another than was asked for.")
        return content

    def _data(self, number: int) -> bytes:
        """The bytes read; empty at the file's end."""
        kind, content = self._answer(number)
        if kind == STATUS:
            if _status(content) == END:
                return b""
            _require_ok(content)
        if kind != DATA:
            raise PeerMisbehaves("The place's answer is another than was asked for.")
        data = _take(content, 0)[0]
        if not data:
            raise PeerMisbehaves("The place answers a read with nothing.")
        return data

    def _start_reading(self, handle: bytes, offset: int, length: int) -> int:
        return self._start(READ, _text(handle) + struct.pack(">QI", offset, length))

    def _confirmed(self, number: int) -> None:
        kind, content = self._answer(number)
        if kind != STATUS:
            raise PeerMisbehaves("The place's answer is another than was asked for.")
        _require_ok(content)

    def _handle(self, kind: int, content: bytes) -> bytes:
        return _take(self._ask(kind, content, expect=HANDLE), 0)[0]

    def _ask(self, kind: int, content: bytes, *, expect: int) -> bytes:
        answered, answer = self._answer(self._start(kind, content))
        if answered == STATUS:
            _require_ok(answer)
        if answered != expect:
            raise PeerMisbehaves("The place's answer is another than was asked for.")
        return answer

    def _start(self, kind: int, content: bytes) -> int:
        self._number = (self._number + 1) & 0xFFFFFFFF
        self._send(kind, struct.pack(">I", self._number) + content)
        self._under_way.add(self._number)
        return self._number

    def _answer(self, number: int) -> tuple[int, bytes]:
        while number not in self._early:
            kind, content = self._receive()
            if len(content) < 4:
                raise PeerMisbehaves("The place's answer can't be read.")
            (answered,) = struct.unpack_from(">I", content)
            if answered not in self._under_way:
                raise PeerMisbehaves("The place answers what nobody asked.")
            self._under_way.discard(answered)
            self._early[answered] = (kind, content[4:])
        return self._early.pop(number)

    def _send(self, kind: int, content: bytes) -> None:
        packet = memoryview(struct.pack(">IB", len(content) + 1, kind) + content)
        while packet:
            self._channel.settimeout(self._deadline.wait())
            sent = self._channel.send(packet)
            if not sent:
                raise PeerDown("The place closed the connection.")
            packet = packet[sent:]

    def _receive(self) -> tuple[int, bytes]:
        (length,) = struct.unpack(">I", self._exactly(4))
        if not 1 <= length <= LARGEST_PACKET:
            raise PeerMisbehaves("The place says more than it may.")
        packet = self._exactly(length)
        return packet[0], packet[1:]

    def _exactly(self, length: int) -> bytes:
        received = bytearray()
        while len(received) < length:
            self._channel.settimeout(self._deadline.wait())
            piece = self._channel.recv(length - len(received))
            if not piece:
                raise PeerDown("The place closed the connection.")
            received += piece
        return bytes(received)


def _text(value: str | bytes) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(content)) + content


def _take(content: bytes, position: int) -> tuple[bytes, int]:
    """The text at a position, and the position behind it."""
    if len(content) < position + 4:
        raise PeerMisbehaves("The place's answer can't be read.")
    (length,) = struct.unpack_from(">I", content, position)
    end = position + 4 + length
    if len(content) < end:
        raise PeerMisbehaves("The place's answer can't be read.")
    return content[position + 4 : end], end


def _texts(content: bytes) -> list[str]:
    texts, position = [], 0
    while position < len(content):
        text, position = _take(content, position)
        texts.append(text.decode("utf-8", "replace"))
    return texts


def _number(content: bytes, position: int) -> tuple[int, int]:
    if len(content) < position + 4:
        raise PeerMisbehaves("The place's answer can't be read.")
    return struct.unpack_from(">I", content, position)[0], position + 4


def _entry(content: bytes) -> Entry:
    flags, position = _number(content, 0)
    if not flags & HAS_SIZE or not flags & HAS_MODE or len(content) < 12:
        raise PeerMisbehaves("The place does not say how large a file is, or of which kind.")
    (size,) = struct.unpack_from(">Q", content, position)
    mode, _position = _number(content, 12 + (8 if flags & HAS_OWNER else 0))
    return Entry(size=size, is_file=mode & KIND_OF_FILE == REGULAR)


def _behind_attributes(content: bytes, position: int) -> int:
    flags, position = _number(content, position)
    position += (8 if flags & HAS_SIZE else 0) + (8 if flags & HAS_OWNER else 0) + (4 if flags & HAS_MODE else 0)
    position += 8 if flags & 0x8 else 0  # times
    if flags & 0x80000000:
        count, position = _number(content, position)
        for _number_of_text in range(min(count, MOST_ENTRIES) * 2):
            _extended, position = _take(content, position)
    return position


def _status(content: bytes) -> int:
    return _number(content, 0)[0]


def _require_ok(content: bytes) -> None:
    status = _status(content)
    if status == OK:
        return
    if status == NO_SUCH_FILE:
        raise NotThere()
    if status == PERMISSION_DENIED:
        raise PeerRefuses()
    if status in (NO_SPACE, QUOTA):
        raise PeerFull()
    raise Failed()
