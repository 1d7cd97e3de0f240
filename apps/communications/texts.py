"""The words of an inquiry as they lie in the database: sealed under the inquiry's own secret, and gone with it.

Addresses are compared by a keyed hash under a secret of its own, `inquiry/senders`, which no inquiry's end destroys. It must never
hold a word or an address in clear, nor write one into a refusal.
"""

import hmac
import json
from dataclasses import asdict, dataclass
from hashlib import sha256

from apps.accounts.details import normalise_email
from apps.communications.models import Inquiry, InquiryMessage
from apps.foundation.digests import canonical
from apps.foundation.keys import derive, keystore, seal, unseal

SENDERS = "inquiry/senders"
VERSION = b"covenant-inquiry-senders/1"
_BETWEEN = b"\x00"


@dataclass(frozen=True)
class Words:
    """What one message says. `message_id` is the mail's own name, which an answer names in its headers."""

    subject: str
    text: str
    attachments: tuple[str, ...] = ()
    message_id: str = ""


def secret_of(reference: str) -> str:
    """The name of the inquiry's secret in the keystore."""
    return f"inquiry/{reference}"


def seal_words(words: Words, *, reference: str, number: int) -> bytes:
    """The words of the message of that number."""
    return seal(canonical(asdict(words)), store=keystore(), secret=secret_of(reference), about=f"{reference}/{number}")


def open_words(message: InquiryMessage) -> Words:
    """What a message says. Raises SealBroken, KeyMissing, KeyDestroyed or KeyDamaged."""
    reference = message.inquiry.reference
    said = json.loads(unseal(message.words, store=keystore(), secret=secret_of(reference), about=f"{reference}/{message.number}"))
    return Words(**{**said, "attachments": tuple(said["attachments"])})


def seal_sender(address: str, *, reference: str) -> bytes:
    """The address to answer to."""
    return seal(address.encode(), store=keystore(), secret=secret_of(reference), about=f"{reference}/sender")


def open_sender(inquiry: Inquiry) -> str:
    """The address to answer to, in clear."""
    return unseal(inquiry.sender, store=keystore(), secret=secret_of(inquiry.reference), about=f"{inquiry.reference}/sender").decode()


def sender_digest(address: str) -> bytes:
    """By what two inquiries are known to come from one address."""
    return keyed("sender", normalise_email(address))


def keyed(*parts: str) -> bytes:
    """A hash that nobody can try out without the keystore."""
    key = derive(keystore(), (SENDERS,), VERSION, create=True)
    return hmac.new(key, _BETWEEN.join(part.encode("utf-8", "surrogatepass") for part in parts), sha256).digest()
