"""Lines become rows: the canonical JSON of each message put together from pieces that repeat, its tags, its encryption.

What a message is stands in `lines.as_message`, and its bytes in `digests.canonical`; here the same bytes are written in half of
the time (a test compares). A message with attachments goes the careful way. It must never write a field otherwise.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from apps.foundation.digests import canonical, canonical_checked
from apps.retention.envelope import Envelope, Sealed, handle
from apps.retention.importing.lines import Incoming, Party, as_message, rfc3339

_json = orjson.dumps


class Writing:
    """What all rows of one chunk and one cohort share. `parties` are those who wrote or received, as the messages will name them."""

    def __init__(self, source: str, parties: Mapping[Party, dict], sealer: Envelope, policy_version: int):
        self._parties, self._source, self._sealer, self._version = parties, source, sealer, policy_version
        self._names = Remembered(lambda party: canonical_checked(parties[party]))
        self._tags = Remembered(lambda party: sealer.tag(*handle(source, parties[party])))
        self._conversations = Remembered(lambda name: (_json(name), sealer.conversation_tag(source, name)))
        self._written_source = b'","source":' + _json(source) + b',"thread":'
        #: messages and bytes by conversation class, of the rows written so far
        self.sizes: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def rows(self, lines: Mapping[bytes, Incoming], numbers: Iterable[int]) -> Iterator[tuple[int, Sealed]]:
        """Each line (by its source tag) as it is stored, made while those before it are on their way."""
        seal, version, sizes, tags = self._sealer.seal_body, self._version, self.sizes, self._tags
        for (source_tag, line), number in zip(lines.items(), numbers, strict=True):
            whose = {self._conversations[line.conversation][1], tags[line.sender], *[tags[party] for party in line.recipients]}
            sealed = seal(self.body(line), number=number, policy_version=version, source_tag=source_tag, tags=sorted(whose))
            size = sizes[line.conversation_class or ""]
            size[0] += 1
            size[1] += len(sealed.ciphertext)
            yield number, sealed

    def body(self, line: Incoming) -> bytes:
        """The canonical JSON of the message: as it came, with its source and the persons it matched."""
        if line.attachments:
            return canonical(as_message(line, self._parties.__getitem__) | {"source": self._source})
        names = self._names
        return b"".join(
            (
                b'{"attachments":[],"body":', _json(line.body),
                b',"class":', _json(line.conversation_class),
                b',"conversation":', self._conversations[line.conversation][0],
                b',"edited_at":', _json(line.edited_at and rfc3339(line.edited_at)),
                b',"id":', _json(line.id),
                b',"recipients":[', b",".join([names[party] for party in line.recipients]),
                b'],"sender":', names[line.sender],
                b',"sent_at":"', rfc3339(line.sent_at).encode(), self._written_source, _json(line.thread), b"}",
            )
        )  # fmt: skip


class Remembered(dict):
    """What is made once for each that asks."""

    def __init__(self, make: Callable[[Any], Any]):
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> Any:
        made = self[key] = self._make(key)
        return made
