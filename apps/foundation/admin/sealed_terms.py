"""What somebody typed into a search box, sealed before it stands in an address.

A search for a person is a name or an e-mail, and addresses end up in histories, proxies and logs. So where a list searches
personal columns its form is sent by POST, and the list's address carries the term encrypted, for a working day.
"""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

MARK = "~"
VALID_SECONDS = 12 * 3600


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> bytes:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"covenant search term 1")
    return urlsafe_b64encode(derived.derive(secret.encode()))


def seal(term: str) -> str:
    """`term` as it may stand in an address."""
    return MARK + _cipher().encrypt(term.encode()).decode().rstrip("=")


def is_sealed(term: str) -> bool:
    return term.startswith(MARK)


def unseal(sealed: str) -> str | None:
    """The term again; None if it is too old or not ours."""
    content = sealed.removeprefix(MARK)
    try:
        return _cipher().decrypt(content + "=" * (-len(content) % 4), ttl=VALID_SECONDS).decode()
    except (InvalidToken, ValueError):
        return None
