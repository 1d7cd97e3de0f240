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


class Writing:
    """What all rows of one chunk and one cohort share. `parties` are those who wrote or received, as the messages will name them."""

    def __init__(self, source: str, parties: Mapping[Party, dict], sealer: Envelope, policy_version: int):
        self._parties, self._source, self._sealer, self._version = parties, source, sealer, policy_version
        self._names = Remembered(lambda party: orjson.Fragment(canonical_checked(parties[party])))
        self._tags = Remembered(lambda party: sealer.tag(*handle(source, parties[party])))
        self._conversations = Remembered(lambda name: sealer.conversation_tag(source, name))
        #: messages and bytes by conversation class, of the rows written so far
        self.sizes: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def rows(self, lines: Mapping[bytes, Incoming], numbers: Iterable[int]) -> Iterator[tuple[int, Sealed]]:
        """Each line (by its source tag) as it is stored, made while those before it are on their way."""
        seal, body, sizes, tags, conversations = self._sealer.seal_body, self.body, self.sizes, self._tags, self._conversations
        chances = self._sealer.chances(len(lines))
        for (source_tag, line), number, chance in zip(lines.items(), numbers, chances, strict=True):
            whose = {conversations[line.conversation], tags[line.sender], *[tags[party] for party in line.recipients]}
            sealed = seal(body(line), number, self._version, source_tag, sorted(whose), chance)
            size = sizes[line.conversation_class or ""]
            size[0] += 1
            size[1] += len(sealed[3])
            yield number, sealed

    def body(self, line: Incoming) -> bytes:
        """The canonical JSON of the message: as it came, with its source and the persons it matched."""
        if line.attachments:
            return canonical(as_message(line, self._parties.__getitem__) | {"source": self._source})
        names = self._names
        return orjson.dumps(  # in the order of the names
            {
                "attachments": (),
                "body": line.body,
                "class": line.conversation_class,
                "conversation": line.conversation,
                "edited_at": line.edited_at and rfc3339(line.edited_at),
                "id": line.id,
                "recipients": [names[party] for party in line.recipients],
                "sender": names[line.sender],
                "sent_at": rfc3339(line.sent_at),
                "source": self._source,
                "thread": line.thread,
            }
        )


class Remembered(dict):
    """What is made once for each that asks."""

    def __init__(self, make: Callable[[Any], Any]):
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> Any:
        made = self[key] = self._make(key)
        return made
