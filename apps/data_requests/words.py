"""What somebody asked, as it lies in the database: sealed under the request's own secret, and gone with it.

| sealed | about | ends |
|---|---|---|
| what was asked, with all that was given with it | the request's reference | when the answer has left |
| a note among staff | the reference and the note's number | with it |

It must never hold a word or an address in clear, nor write one into a refusal, a log or `repr`.
"""

import base64
import json
from dataclasses import asdict, dataclass, fields

from apps.data_requests.models import DataRequest, RequestNote
from apps.foundation.digests import canonical
from apps.foundation.keys import keystore, seal, unseal


@dataclass(frozen=True, repr=False)
class Asked:
    """What came in: the kind that was asked for, and everything that was said about who asks and for whom."""

    kind: str
    text: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    organization: str = ""
    asker: str = "self"
    agent_name: str = ""
    agent_email: str = ""
    document: bytes = b""
    state_of_residence: str = ""
    about_consent: str = ""
    correction: str = ""

    def __repr__(self) -> str:
        return f"<asked {self.kind}>"


def secret_of(reference: str) -> str:
    """The name of the request's secret in the keystore."""
    return f"request/{reference}"


def seal_words(asked: Asked, *, reference: str) -> bytes:
    """All that was asked, for `DataRequest.words`."""
    said = asdict(asked) | {"document": base64.b64encode(asked.document).decode()}
    return seal(canonical(said), store=keystore(), secret=secret_of(reference), about=reference)


def open_words(request: DataRequest) -> Asked | None:
    """What was asked; None where it was emptied. Raises SealBroken, KeyMissing, KeyDestroyed or KeyDamaged."""
    if request.words is None:
        return None
    said = json.loads(unseal(request.words, store=keystore(), secret=secret_of(request.reference), about=request.reference))
    known = {field.name for field in fields(Asked)}
    said = {name: value for name, value in said.items() if name in known}
    return Asked(**said | {"document": base64.b64decode(said.get("document", ""))})


def seal_note(text: str, *, reference: str, number: int) -> bytes:
    """A note of that number among those of the request."""
    return seal(text.encode("utf-8", "replace"), store=keystore(), secret=secret_of(reference), about=f"{reference}/{number}")


def open_note(note: RequestNote) -> str:
    """What a note says; empty where it was emptied."""
    if note.words is None:
        return ""
    reference = note.request.reference
    return unseal(note.words, store=keystore(), secret=secret_of(reference), about=f"{reference}/{note.number}").decode()
