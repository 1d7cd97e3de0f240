"""References people read aloud: a prefix and six characters of Crockford's base 32, e.g. ORG-7F3K2M.

They say nothing about whom they name, so they may stand in logs, URLs and the ledger.
"""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_reference(prefix: str, length: int = 7) -> str:
    """A fresh random reference; the column's unique constraint is what guarantees that no two are the same."""
    return f"{prefix}-" + "".join(secrets.choice(ALPHABET) for _ in range(length))
