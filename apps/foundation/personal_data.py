"""The contract on personal data: every column says whether it is about a person, and if so why it is held.

Read by the forms (P01: what is optional and what is lost without it), by the check that fails the start when a column is
undeclared, and by the holdings of every app. A column that is in neither declaration is a defect, not a default.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class DataCategory(StrEnum):
    """Kinds of data, in the policy's words."""

    CONTACT = "contact details"
    IDENTITY = "identity"
    DEMOGRAPHIC = "demographic"
    CREDENTIAL = "sign-in credentials"
    MESSAGE = "message data"
    COMMUNICATION = "communications with us"
    TECHNICAL = "technical identifiers"
    NETWORK_ADDRESS = "IP addresses"
    DEVICE = "device identifiers"
    USAGE = "pages and usage"
    WORK_RECORD = "staff work record"


class Purpose(StrEnum):
    """What a column may be used for. Sale and rental are not in the list and can't be named (P11)."""

    SERVICE = "to make the service work"
    IDENTIFICATION = "to know who somebody is when they ask"
    ANSWERING = "to answer and to notify"
    AGE_CHECK = "to keep children out unless represented"
    LEGAL = "to keep the law and to prove that it was kept"
    SECURITY = "to protect the service"


class Role(StrEnum):
    """Whose decision a holding is (DESIGN, "Our role")."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"


@dataclass(frozen=True)
class Personal:
    """Why a personal column is held. `lost_without` is empty for a required one, else the feature that is missing."""

    category: DataCategory
    purpose: Purpose
    lost_without: str = ""

    @property
    def optional(self) -> bool:
        return bool(self.lost_without)


def personal(model_field, category: DataCategory, purpose: Purpose, *, lost_without: str = ""):
    """Declare a model field as personal. Returns the same field, so it wraps the definition in place.

    The sentence beside the field on every form comes from here, so that what is declared and what is said can't differ.
    """
    model_field.personal = Personal(category, purpose, lost_without)
    if not model_field.help_text:
        needed = f"Optional. Without it: {lost_without}" if lost_without else "Required."
        model_field.help_text = f"{needed} Held {purpose.value}."
    return model_field


class Whom(StrEnum):
    """Whose personal data a holding is. Only what is about people is handed over and erased when a person asks."""

    PEOPLE = "people"
    STAFF = "members of staff"
    CONTACTS = "contacts of organizations and providers"
    NOBODY = "nobody by itself"


@dataclass(frozen=True)
class Subject:
    """Whom a holding is asked about: the person's row, reference, and everything by which they are known, former values included.

    Lives in memory only: it must never be logged, stored or put into a task. `identities` are (source, external id); `organization` is the
    reference of the client, empty for who belongs to none.
    """

    pk: int
    reference: str
    organization: str = ""
    names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    identities: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"<subject {self.reference}>"


@dataclass(frozen=True)
class Redaction:
    """Something of another person that was left out of what is handed over: where, what kind of thing, how often, and why."""

    where: str
    what: str
    count: int
    why: str


@dataclass(frozen=True)
class CollectedFile:
    """A file that is handed over with the rows, in pieces."""

    name: str
    pieces: Iterable[bytes]


@dataclass(frozen=True)
class Collected:
    """Rows of one kind, as they are handed over: each with the same keys, in words a person understands; values as JSON knows them."""

    title: str
    rows: Iterable[Mapping[str, Any]]
    files: Iterable[CollectedFile] = ()
    redactions: Iterable[Redaction] = ()  # complete only when the rows have been taken


class KeptGround(StrEnum):
    """Why something lawfully survives an erasure for a time."""

    HOLD = "hold"
    ARCHIVE = "archive"
    CONTRACT = "contract"
    LAW = "law"


@dataclass(frozen=True)
class Kept:
    """Rows that an erasure left, and no more than these: on what ground, by whose reference, how many, and until when (None: until it ends)."""

    ground: KeptGround
    about: str
    rows: int
    until: datetime | None = None


@dataclass(frozen=True)
class Ended:
    """What one call of an erasure did, committed with the caller's transaction.

    `secrets` of the keystore and `files` are destroyed after that commit, by the caller, who has written them down in the same transaction.
    `more` asks to be called again, in another transaction.
    """

    erased: int = 0
    anonymised: int = 0
    kept: tuple[Kept, ...] = ()
    secrets: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    more: bool = False


#: counts what a person has in a holding, without changing anything
Count = Callable[[Subject, datetime], int]
#: hands over what a person has in a holding
Collect = Callable[[Subject, datetime], Iterator[Collected]]
#: erases or anonymises it, a bounded piece per call, inside the caller's transaction; what is gone already counts 0
Erase = Callable[[Subject, datetime], Ended]


@dataclass(frozen=True)
class Holding:
    """One kind of personal data: where it lies, who decides on it, how it is collected and how it ends.

    `tables` are names in the database, history tables included. `third_party` classifies the columns of tables whose
    models are not ours: table → {personal column: Personal}; their other columns stand in `plain`.
    A holding of PEOPLE says how it is counted, collected and erased, or in `survives` what lawfully outlives an erasure in it, and why; where
    both stand, it is erased, and what is left stays by `survives`. `unfound` says why nobody can be found in it by what is known of them.
    The start fails where one says less (covenant.E303).
    """

    code: str
    title: str
    role: Role
    tables: tuple[str, ...]
    collected: str
    ends: str
    third_party: dict[str, dict[str, Personal]] = field(default_factory=dict)
    plain: dict[str, frozenset[str]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    whom: Whom = Whom.PEOPLE
    count: Count | None = None
    collect: Collect | None = None
    erase: Erase | None = None
    survives: str = ""
    unfound: str = ""
