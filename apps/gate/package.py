"""What is asked of the gate: who shall get what of whom, for what and on what ground. References and codes only, never data.

What does not read as a reference or a code is refused, and never written down: it could be a name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from apps.gate.states import AboutKind, RecipientKind

REFERENCE = {
    RecipientKind.PROVIDER: re.compile(r"PRV-[0-9A-Z]{7}"),
    RecipientKind.CLIENT: re.compile(r"ORG-[0-9A-Z]{7}"),
    RecipientKind.PERSON: re.compile(r"PER-[0-9A-Z]{7}"),
}
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
CONSENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
FIELD = re.compile(r"[a-z][a-z0-9_.]{0,59}")
COUNTRY = re.compile(r"[A-Z]{2}")
#: a reference, and which part of it, e.g. ARC-7F3K2M9/part 1
OBJECT = re.compile(r"[A-Z]{2,5}-[0-9A-Za-z][0-9A-Za-z-]{0,39}(?:[/ #][0-9A-Za-z][0-9A-Za-z _.:#/-]{0,60})?")
LONGEST_SIZE = 1 << 60
MOST_FIELDS = 200
MOST_PEOPLE = 100_000

UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Recipient:
    """Who gets it, by reference."""

    kind: str
    reference: str

    @classmethod
    def provider(cls, reference: str) -> "Recipient":
        return cls(RecipientKind.PROVIDER, reference)

    @classmethod
    def client(cls, reference: str) -> "Recipient":
        return cls(RecipientKind.CLIENT, reference)

    @classmethod
    def person(cls, reference: str) -> "Recipient":
        return cls(RecipientKind.PERSON, reference)

    @property
    def is_sound(self) -> bool:
        pattern = REFERENCE.get(self.kind)
        return pattern is not None and isinstance(self.reference, str) and bool(pattern.fullmatch(self.reference))

    @property
    def is_third_party(self) -> bool:
        """Neither the client whose data it is nor the person themself: to both goes what is theirs, whatever it is linked with (P08)."""
        return self.kind not in (RecipientKind.CLIENT, RecipientKind.PERSON)


@dataclass(frozen=True)
class About:
    """Whose data it is: one person, a set of people, or an organization with as many of its people as are known to be in it."""

    kind: str
    references: tuple[str, ...]
    count: int | None = None

    @classmethod
    def person(cls, reference: str) -> "About":
        return cls(AboutKind.PERSON, (reference,), 1)

    @classmethod
    def people(cls, references: Iterable[str]) -> "About":
        named = tuple(dict.fromkeys(references))
        return cls(AboutKind.PEOPLE, named, len(named))

    @classmethod
    def organization(cls, reference: str, count: int | None = None) -> "About":
        return cls(AboutKind.ORGANIZATION, (reference,), count)

    @property
    def is_sound(self) -> bool:
        if self.kind not in AboutKind.values or not 0 < len(self.references) <= MOST_PEOPLE:
            return False
        if self.kind == AboutKind.PERSON and len(self.references) != 1:
            return False
        counted = self.count is None or (isinstance(self.count, int) and 0 <= self.count < 1 << 31)
        pattern = REFERENCE[RecipientKind.CLIENT if self.kind == AboutKind.ORGANIZATION else RecipientKind.PERSON]
        return counted and all(isinstance(one, str) and pattern.fullmatch(one) for one in self.references)

    @property
    def people_named(self) -> list[str]:
        return [] if self.kind == AboutKind.ORGANIZATION else list(self.references)

    @property
    def organization_named(self) -> str:
        return self.references[0] if self.kind == AboutKind.ORGANIZATION else ""


@dataclass(frozen=True, kw_only=True)
class Package:
    """What shall leave. `what` is the reference of the object; `digest` is the SHA-256 of the bytes, where they are known already.

    `consent` is what people were asked for, by its code, where the ground is their consent. A stream whose bytes are only known when it
    has gone is bound to recipient and fields alone, with a digest of None.
    """

    recipient: Recipient
    about: About
    categories: frozenset[str]
    fields: frozenset[str]
    purpose: str
    ground: str
    patient_information: bool
    digest: bytes | None
    size: int | None
    what: str
    countries: tuple[str, ...]
    consent: str = ""


def unsound(package: Package) -> list[str]:
    """Which parts of a package can't be read as what they should be, by name."""
    parts = {
        "recipient": package.recipient.is_sound,
        "about": package.about.is_sound,
        "categories": all(_reads(CODE, code) for code in package.categories),
        "fields": len(package.fields) <= MOST_FIELDS and all(_reads(FIELD, name) for name in package.fields),
        "purpose": _reads(CODE, package.purpose),
        "ground": _reads(CODE, package.ground),
        "consent": package.consent == "" or _reads(CONSENT, package.consent),
        "patient_information": isinstance(package.patient_information, bool),
        "digest": package.digest is None or (isinstance(package.digest, bytes) and len(package.digest) == 32),
        "size": package.size is None or (type(package.size) is int and 0 <= package.size <= LONGEST_SIZE),
        "what": _reads(OBJECT, package.what),
        "countries": all(_reads(COUNTRY, code) for code in package.countries),
    }
    return [name for name, is_sound in parts.items() if not is_sound]


def _reads(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def readable(pattern: re.Pattern[str], value: object) -> str:
    """`value` where it reads as what it should be, else only that it does not."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else UNREADABLE
