"""The keys of archives: an age identity opens them, its recipient (the public half) is enough to write them.

An organization's archive secret is 32 bytes in the keystore; the same bytes always give the same identity. Identities are
never logged, stored or passed as an argument of a command.
"""

import secrets

import pyrage

from apps.foundation.refusals import Refusal

SECRET_BYTES = 32
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"  # BIP 173
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class NotARecipient(Refusal):
    """The text is not the public key of an age identity."""

    code = "not_a_recipient"
    mend = "Give the line that begins with age1, as `age-keygen -y` prints it; never the one with AGE-SECRET-KEY."


def age_identity(secret: bytes) -> tuple[str, str]:
    """The identity and the recipient of a secret of 32 bytes, as age writes them (age-encryption.org/v1, X25519)."""
    if len(secret) != SECRET_BYTES:
        raise ValueError("an age identity is made of 32 bytes")
    identity = _bech32("age-secret-key-", secret).upper()
    return identity, str(pyrage.x25519.Identity.from_str(identity).to_public())


def recipient_of(text: str) -> pyrage.x25519.Recipient:
    """The recipient in a text, to encrypt for. Raises NotARecipient."""
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except (pyrage.RecipientError, UnicodeEncodeError):
        raise NotARecipient from None


def challenge(recipient: str) -> tuple[str, str]:
    """A fresh secret, and the age message that only the owner of `recipient` can open to tell it."""
    answer = secrets.token_hex(16)
    sealed = pyrage.encrypt(f"{answer}\n".encode(), [recipient_of(recipient)], armored=True)
    return answer, sealed.decode("ascii")


def _bech32(prefix: str, content: bytes) -> str:
    """Bech32 of BIP 173, as age uses it for its keys."""
    bits = int.from_bytes(content, "big") << (-8 * len(content) % 5)
    groups = -(-8 * len(content) // 5)
    values = [bits >> 5 * place & 31 for place in reversed(range(groups))]
    expanded = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    checksum = 1
    for value in [*expanded, *values, 0, 0, 0, 0, 0, 0]:
        top, checksum = checksum >> 25, (checksum & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(_GENERATOR):
            if top >> place & 1:
                checksum ^= term
    checksum ^= 1
    values += [checksum >> 5 * place & 31 for place in reversed(range(6))]
    return f"{prefix}1" + "".join(_ALPHABET[value] for value in values)
