"""The certificate as a page to print and file: PDF/A-3 with the signed JSON attached, the same bytes every time.

Only typst's own fonts are used, so that the bytes are the same on every machine. Data goes in as data (`sys_inputs`), where
nothing of it is evaluated. What those fonts can't show, and marks that turn the direction of text, stand on the page as
their code point, [U+1F3E5]; the attached JSON has them as they are. The page is never the proof: the attachment is.
"""

import json
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst
from django.conf import settings

from apps.foundation.signing import fingerprint

TEMPLATE = Path(settings.BASE_DIR) / "templates" / "retention" / "certificate.typ"
STANDARDS = ["a-3a", "ua-1"]
ATTACHMENT = "certificate.json"
ACCOUNT = (
    ("ingested", "Taken in"),
    ("moved_in", "Moved in from other cohorts"),
    ("destroyed", "Destroyed, as certified here"),
    ("deleted_early", "Deleted before their day"),
    ("aside_for_hold", "Kept aside for a legal hold"),
    ("aside_for_archive", "Kept aside for an archive or a review"),
    ("moved_out", "Moved out to other cohorts"),
    ("in_leaf", "Still in place"),
)
SANITIZATION = (
    ("media_property_number", "Records"),
    ("media_type", "Media type"),
    ("media_source", "Source"),
    ("pre_sanitization_confidentiality", "Confidentiality before"),
    ("sanitization_description", "Category"),
    ("method_used", "Method"),
    ("tool_used", "Tool and version"),
    ("verification_method", "Verification"),
    ("post_sanitization_confidentiality", "Confidentiality after"),
    ("post_sanitization_destination", "Destination"),
    ("data_backed_up", "Data backed up"),
    ("performed_by", "Performed by"),
    ("performed_at", "Performed at"),
    ("verified_by", "Verified by"),
    ("verified_at", "Verified at"),
    ("manufacturer", "Manufacturer, model, serial number"),
)


def render(signed: dict[str, Any]) -> bytes:
    """The PDF of a signed certificate."""
    return _compile(signed, format="pdf", pdf_standards=STANDARDS)


def render_pages(signed: dict[str, Any], *, ppi: float = 110) -> list[bytes]:
    """The pages as PNG images, for a screen."""
    pages = _compile(signed, format="png", ppi=ppi)
    return pages if isinstance(pages, list) else [pages]


def _compile(signed: dict[str, Any], **options: Any) -> Any:
    template = TEMPLATE.read_bytes()
    attached = json.dumps(signed, indent=1, sort_keys=True)  # ASCII, so that nothing can be mangled on the way
    page = json.dumps(_showable(_page(signed)), ensure_ascii=False)
    issued_at = datetime.fromisoformat(signed["certificate"]["issued_at"]).replace(microsecond=0)
    return typst.compile(
        template,
        sys_inputs={"page": page, "attachment": attached},
        timestamp=issued_at,
        ignore_system_fonts=True,
        **options,
    )


def _page(signed: dict[str, Any]) -> dict[str, Any]:
    """What stands on the page, as texts ready to be set."""
    certificate, signature = signed["certificate"], signed["signature"]
    organization, cohort, method = certificate["organization"], certificate["cohort"], certificate["method"]
    return {
        "number": certificate["number"],
        "issued_at": _moment(certificate["issued_at"]),
        "installation": certificate["installation"],
        "organization": organization["name"],
        "statement": {
            "messages": _count(certificate["scope"]["messages"]),
            "day": _day(cohort["expired_on"]),
            "at": _moment(method["steps"][1]["at"]),
        },
        "who": [
            ["Organization", organization["name"]],
            ["Reference", organization["reference"]],
            ["Country", organization["country"]],
            ["Covered by HIPAA", "yes" if organization["hipaa_covered"] else "no"],
        ],
        "what": [
            ["Cohort", cohort["reference"]],
            ["This ends", certificate["scope"]["what"]],
            ["End of life", _day(cohort["expired_on"])],
            ["Taken in", _span(cohort["first_ingest_at"], cohort["last_ingest_at"])],
            ["Under policy version", ", ".join(map(str, cohort["policy_versions"])) or "none"],
        ],
        "account": [
            [label, f"{certificate['account'][name]:,}", name in ("ingested", "moved_in"), name == "destroyed"]
            for name, label in ACCOUNT
        ],
        "segments": [
            [str(part["number"]), f"{part['messages']:,}", f"{part['bytes']:,}", part["merkle_root"], _moment(part["sealed_at"])]
            for part in certificate["segments"]
        ],
        "steps": [
            [str(place), step["step"], _moment(step["at"]), _journal(step)]
            for place, step in enumerate(method["steps"], 1)
        ],
        "destruction": method["destruction"],
        "performed_by": f"{method['performed_by']}, {method['tool']['name']} {method['tool']['version']}",
        "keystore": [method["keystore"]["destroys"], method["keystore"]["snapshots"]],
        "verification": {
            "key": "absent from the keystore" if certificate["verification"]["key_absent"] else "still in the keystore",
            "rows": f"{certificate['verification']['leaf_rows']:,}",
            "at": _moment(certificate["verification"]["checked_at"]),
        },
        "backups": certificate["backups"],
        "covers": certificate["covers"],
        "does_not_cover": certificate["does_not_cover"],
        "sanitization": [[label, _field(name, certificate["sanitization"][name])] for name, label in SANITIZATION],
        "signature": {
            "algorithm": signature["algorithm"],
            "key": signature["key"],
            "value": signature["value"],
            "fingerprint": fingerprint(bytes.fromhex(signature["key"])),
        },
    }


def _moment(value: str | None) -> str:
    """A time as it is read: to the second, in UTC."""
    return "" if value is None else f"{_day(value[:10])}, {value[11:19]} UTC"


def _field(name: str, value: str) -> str:
    return _moment(value) if name.endswith("_at") else value


def _day(value: str) -> str:
    moment = datetime.fromisoformat(value)
    return f"{moment.day} {moment:%B} {moment.year}"


def _span(first: str | None, last: str | None) -> str:
    if first is None or last is None:
        return "nothing was taken in"
    return _day(first[:10]) if first[:10] == last[:10] else f"{_day(first[:10])} to {_day(last[:10])}"


def _journal(step: dict[str, Any]) -> list[str] | None:
    return [f"{step['journal_sequence']:,}", step["journal_digest"]] if "journal_sequence" in step else None


def _count(messages: int) -> str:
    return "1 message" if messages == 1 else f"{messages:,} messages"


def _showable(value: Any) -> Any:
    """`value` with every character of its texts that can't be shown, or that turns the text, as a code point."""
    if isinstance(value, dict):
        return {name: _showable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_showable(item) for item in value]
    if isinstance(value, str):
        return "".join(char if _is_shown(char) else f"[U+{ord(char):04X}]" for char in value)
    return value


@lru_cache(maxsize=4096)
def _is_shown(char: str) -> bool:
    return " " <= char <= "~" or (char.isprintable() and _is_in_fonts(char))


def _is_in_fonts(char: str) -> bool:
    """Whether typst's fonts have the character; asked by setting it, there is no other way to ask."""
    try:
        typst.compile(
            b'#set document(title: "-")\n#sys.inputs.char',
            sys_inputs={"char": char},
            format="pdf",
            pdf_standards=["a-3b"],
            ignore_system_fonts=True,
        )
    except typst.TypstError:
        return False
    return True
