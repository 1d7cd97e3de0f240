"""`manifest.json`: every other file of the package with its size and SHA-256, signed, so that what somebody shows as theirs can be told from a forgery.

The signature (Ed25519, RFC 8032) is over the format's name, a line end, and the manifest as canonical JSON. It names the person by reference only.
"""

import json
from dataclasses import asdict, dataclass

from apps.data_requests.packages import FORMAT
from apps.data_requests.packages.contents import Contents
from apps.foundation import signing
from apps.foundation.digests import canonical

KEY = "certificates"


@dataclass(frozen=True)
class Entry:
    """One file of the zip."""

    name: str
    size: int
    sha256: str


def write(contents: Contents, entries: list[Entry]) -> bytes:
    said = {
        "format": FORMAT, "package": contents.package, "request": contents.request, "person": contents.person,
        "made_at": contents.made_at.isoformat(), "installation": contents.installation, "policy": contents.policy,
        "files": [asdict(entry) for entry in entries],
        "holdings": [{"code": section.code, "rows": section.rows, "files": section.files} for section in contents.sections],
    }  # fmt: skip
    signature = signing.sign(KEY, FORMAT.encode() + b"\n" + canonical(said))
    signed = {"manifest": said, "signature": {"algorithm": "Ed25519", "key": signing.public_key(KEY).hex(), "value": signature.hex()}}
    return json.dumps(signed, indent=2, sort_keys=True).encode() + b"\n"
