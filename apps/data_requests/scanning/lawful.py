"""What may be found after an erasure, place by place: as a reference or a keyed hash, and never as what names somebody.

A finding is excused where its column stands here with its kind, or where a remainder of the request says that rows of its holding stay,
and no more rows than these were found. Everything else keeps the request from being completed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from apps.data_requests.inventory import HOLDINGS
from apps.data_requests.scanning.kinds import Found, Seen, What

REFERENCE, HASH = frozenset({What.REFERENCE.value}), frozenset({What.HASH.value})
EITHER = REFERENCE | HASH

RECORD = "the record of a request is kept 24 months, by reference and keyed hash (11 CCR 7101)"
ERASED = "who is erased is known by reference and keyed hashes for 24 months, so that a restored backup is cleaned again"
DISCLOSURES = "the ledger of disclosures is kept 6 years, by reference (45 CFR 164.528)"
LEDGER = "the ledger names by a reference, which names nobody any more"
HOLD = "a hold names by reference whom it is about"
OTHERS = "an entry in another person's address book, as a keyed hash: it is theirs"
LATER = "by a keyed hash, messages that still come are stored under a pseudonym"
LOG = "a reference in a log names nobody"
TOLD = "whoever is to erase what they got is told by reference; the text of that mail is emptied 30 days after it left"

#: place → which kinds may stand there, and why
LAWFUL: dict[str, tuple[frozenset[str], str]] = {
    "audit_event.actor": (REFERENCE, LEDGER),
    "audit_event.object": (REFERENCE, LEDGER),
    "audit_event.facts": (EITHER, LEDGER),
    "audit_journalentry.about": (REFERENCE, LEDGER),
    "audit_journalentry.body": (EITHER, LEDGER),
    "assurance_finding.object": (REFERENCE, LEDGER),
    "contacts_contactkey.value": (HASH, OTHERS),
    "data_requests_arrival.from_digest": (HASH, RECORD),
    "data_requests_clientquestion.evidence": (REFERENCE, RECORD),
    "data_requests_datarequest.address_digest": (HASH, RECORD),
    "data_requests_datarequest.person_reference": (REFERENCE, RECORD),
    "data_requests_erasedperson.digests": (HASH, ERASED),
    "data_requests_erasedperson.person_reference": (REFERENCE, ERASED),
    "data_requests_erasurenotice.evidence": (REFERENCE, RECORD),
    "data_requests_erasurenotice.person_reference": (REFERENCE, RECORD),
    "data_requests_evidence.document": (EITHER, RECORD),
    "data_requests_receipt.address_digest": (HASH, RECORD),
    "data_requests_requestlink.contact_digest": (HASH, RECORD),
    "gate_disclosure.recipient": (REFERENCE, DISCLOSURES),
    "gate_disclosuresubject.person_reference": (REFERENCE, DISCLOSURES),
    "gate_gaterefusal.about_reference": (REFERENCE, DISCLOSURES),
    "gate_gaterefusal.recipient": (REFERENCE, DISCLOSURES),
    "gate_permit.recipient": (REFERENCE, DISCLOSURES),
    "gate_withdrawalnotice.person_reference": (REFERENCE, DISCLOSURES),
    "holds_hold.person_reference": (REFERENCE, HOLD),
    "mail_outgoingmail.body": (REFERENCE, TOLD),
    "mail_outgoingmail.subject": (REFERENCE, TOLD),
    "retention_erasedparticipant.digest": (HASH, LATER),
}
#: files of which each line or name says a reference or a keyed hash and nothing else
LAWFUL_FILES: tuple[tuple[str, frozenset[str], str], ...] = (
    ("file journal", EITHER, LEDGER),
    ("file log/", REFERENCE, LOG),
)
SAMPLES = "planner's samples of "
#: where nobody set a relay, mail is delivered into a folder instead, which stands for mailboxes that are not ours
INTO_A_FOLDER = "django.core.mail.backends.filebased.EmailBackend"
DELIVERED = "mail that was delivered, into a folder instead of a mailbox"


@dataclass(frozen=True)
class Excused:
    """A finding that is lawful, and why."""

    found: Found
    because: str


@dataclass(frozen=True)
class Rest:
    """What a remainder of the request says: how many rows of a holding stay, on what ground, by whose reference."""

    holding: str
    ground: str
    about: str
    rows: int


def sort(seen: Seen, rests: Iterable[Rest]) -> tuple[list[Found], list[Excused]]:
    """What keeps the request open, and what is excused."""
    stays = _staying(seen, rests)
    left, excused = [], []
    for found in seen.found:
        because = _because(found) or stays.get(_table(found), "")
        if because:
            excused.append(Excused(found, because))
        else:
            left.append(found)
    return left, excused


def _table(found: Found) -> str:
    return found.place.removeprefix(SAMPLES).partition(".")[0]


def _because(found: Found) -> str:
    kinds, because = LAWFUL.get(found.place.removeprefix(SAMPLES), (frozenset(), ""))
    if found.what in kinds:
        return because
    if settings.EMAIL_BACKEND == INTO_A_FOLDER and found.place.startswith(f"file {Path(settings.EMAIL_FILE_PATH).name}/"):
        return DELIVERED
    return next((why for begins, kinds, why in LAWFUL_FILES if found.place.startswith(begins) and found.what in kinds), "")


def _staying(seen: Seen, rests: Iterable[Rest]) -> dict[str, str]:
    """By table: why its rows may be there. Where more rows were found than remainders keep, none of them is excused.

    Holdings that share a table are counted together: whose a row of it is can't be told by the table.
    """
    kept: Counter[str] = Counter()
    grounds: dict[str, set[str]] = defaultdict(set)
    for rest in rests:
        kept[rest.holding] += rest.rows
        grounds[rest.holding].add(f"{rest.ground} {rest.about}")
    found = {}
    for codes, tables in _together():
        stays = [code for code in codes if code in kept]
        if stays and sum(seen.rows[table] for table in tables) <= sum(kept[code] for code in stays):
            found |= dict.fromkeys(tables, f"stays: {', '.join(sorted(set().union(*(grounds[code] for code in stays))))}")
    if "accounts.people" in kept:
        found.setdefault(ROW_LOG, "names by reference a row that stays")
    return found


def _together() -> list[tuple[set[str], set[str]]]:
    """Holdings by code, with their tables; those that share one as if they were one."""
    groups: list[tuple[set[str], set[str]]] = []
    for holding in HOLDINGS:
        codes, tables = {holding.code}, set(holding.tables)
        for group in [group for group in groups if group[1] & tables]:
            groups.remove(group)
            codes, tables = codes | group[0], tables | group[1]
        groups.append((codes, tables))
    return groups


#: the admin's log names the person's row by its reference as long as that row stays
ROW_LOG = "django_admin_log"
