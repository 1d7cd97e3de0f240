"""What is looked for: everything by which a person is known, in all its spellings, and what has to stand around it to count.

A needle is looked for by the database first, in whole rows; `Terms.in_text` then says of each value of such a row what is really in it.
Both work on the same needles, so that the second can only narrow what the first found.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import phonenumbers
from ahocorasick_rs import BytesAhoCorasick

from apps.data_requests.scanning import keyed
from apps.data_requests.scanning.kinds import What
from apps.data_requests.scanning.spelling import cases, fold, in_bytes, in_texts
from apps.foundation.personal_data import Subject

#: a name with fewer letters is too short to count by itself, an id with fewer signs too
FEWEST_LETTERS = 7
FEWEST_SIGNS = 8
#: a part of a name or an id with fewer is not looked for at all
FEWEST_OF_A_PART = 2
#: a part with fewer stands within so many other words that the database looks for it as a word
SHORT_PART = 4

#: what may stand before a word that was escaped: its sign is a part of the escape
ESCAPED = r"(?:(?<=%[0-9a-f]{2})|(?<=\\[nrtbf])|(?<=\\u[0-9a-f]{4})|(?<=&#x27;))"


@dataclass(frozen=True)
class Needle:
    """One spelling. `confirm` says what must stand around it, where its mere presence says too little."""

    what: What
    text: str
    confirm: re.Pattern[str] | None = None

    def is_in(self, folded: str) -> bool:
        return self.text in folded and (self.confirm is None or self.confirm.search(folded) is not None)


@dataclass(frozen=True)
class Pair:
    """Two texts that must both stand in a value, and how."""

    what: What
    one: str
    other: str
    confirm: re.Pattern[str]

    def is_in(self, folded: str) -> bool:
        return self.one in folded and self.other in folded and self.confirm.search(folded) is not None


@dataclass(frozen=True)
class Part:
    """One part of a name, in small letters, in capitals, composed and decomposed."""

    spellings: tuple[str, ...]
    confirm: re.Pattern[str]
    words: str = ""  # for the database, where the part is so short that it stands within many other words

    def is_in(self, folded: str) -> bool:
        return any(spelling in folded for spelling in self.spellings) and self.confirm.search(folded) is not None


@dataclass(frozen=True)
class Terms:
    """All that is looked for of one person. Lives in memory only."""

    row: int
    needles: tuple[Needle, ...] = ()
    pairs: tuple[Pair, ...] = ()
    names: tuple[Needle, ...] = ()
    parts: tuple[Part, ...] = ()
    weak: tuple[Needle, ...] = ()
    plain: tuple[bytes, ...] = ()  # of needles and names, as they stand in bytes that are no text
    raw: tuple[tuple[What, bytes], ...] = ()  # what stands for itself, whatever is around it
    handles: tuple[tuple[str, str], ...] = ()
    organization: str = ""
    is_telling: bool = True

    def __repr__(self) -> str:
        return "<terms>"

    def in_text(self, folded: str) -> set[What]:
        """What counts by itself in a value."""
        return {one.what for one in (*self.needles, *self.pairs) if one.is_in(folded)}

    def name_in(self, folded: str) -> bool:
        """Whether the name stands together in a value."""
        return any(needle.is_in(folded) for needle in self.names)

    @property
    def names_by_themselves(self) -> list[Needle]:
        """Spellings of the name in which its parts can't be seen: packed, or with letters that are escaped."""
        if not self.is_telling:
            return []
        seen = [set(part.spellings) for part in self.parts]
        return [needle for needle in self.names if sum(any(text in needle.text for text in part) for part in seen) < 2]

    @cached_property
    def in_bytes(self) -> tuple[bytes, ...]:
        """Every spelling to look for in columns of bytes."""
        return tuple(dict.fromkeys([*self.plain, *(needle for _what, needle in self.raw)]))

    @cached_property
    def _patterns(self) -> dict[bytes, What | None]:
        """In small letters: what stands for itself with its kind, and without one what has to be read in its text."""
        texts = [one.text for one in (*self.needles, *self.names)] + [f"{pair.one}{plus}" for pair in self.pairs for plus in ("+", "%2b")]
        patterns: dict[bytes, What | None] = {_pattern(text): None for text in texts}
        return patterns | {needle.lower(): what for what, needle in self.raw}

    @cached_property
    def _automaton(self) -> BytesAhoCorasick:
        return BytesAhoCorasick(list(self._patterns))

    def spelled_in(self, small: bytes) -> set[int]:
        """Which patterns stand in bytes, in small letters, by their numbers."""
        return {number for number, _begin, _end in self._automaton.find_matches_as_indexes(small, overlapping=True)} if self._patterns else set()

    def only(self, numbers: set[int]) -> "Terms":
        """The same search with those spellings alone that were seen; names in parts and short ids stay, because they are no patterns."""
        seen = {pattern for number, pattern in enumerate(self._patterns) if number in numbers}
        return replace(
            self, needles=tuple(one for one in self.needles if _pattern(one.text) in seen),
            names=tuple(one for one in self.names if _pattern(one.text) in seen),
            plain=tuple(one for one in self.plain if one.lower() in seen), raw=tuple(pair for pair in self.raw if pair[1].lower() in seen),
        )  # fmt: skip

    def hits(self, small: bytes) -> set[What | None]:
        """What may stand in bytes, in small letters, by one pass over them; None where their text has to be read to know."""
        kinds = list(self._patterns.values())
        return {kinds[number] for number in self.spelled_in(small)}

    def parts_in(self, folded: str) -> set[int]:
        """Which parts of the name stand in a value, as words."""
        return {number for number, part in enumerate(self.parts) if part.is_in(folded)}

    def weak_in(self, folded: str) -> bool:
        """Whether a short id stands in a value."""
        return any(needle.is_in(folded) for needle in self.weak)


def _pattern(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass").lower()


@dataclass
class _Spelled:
    """What spellings come to while they are made."""

    needles: list[Needle] = field(default_factory=list)
    plain: list[bytes] = field(default_factory=list)
    raw: list[tuple[What, bytes]] = field(default_factory=list)

    def add(self, what: What, text: str, *, before: str, after: str, country: str = "") -> None:
        plain, folded = in_texts(text)
        self.needles += [_needle(what, one, before, after, country) for one in sorted(plain)]
        self.needles += [Needle(what, one) for one in sorted(folded)]
        plain_bytes, raw = in_bytes(text)
        self.plain += sorted(plain_bytes)
        self.raw += [(what, one) for one in sorted(raw)]

    def add_digest(self, what: What, digest: bytes) -> None:
        self.raw.append((what, digest))
        self.needles.append(Needle(what, digest.hex()))


def of_subject(subject: Subject, *, others_bear_the_name: bool = False) -> Terms:
    """Everything to look for of a person."""
    spelled, named = _Spelled(), _Spelled()
    pairs: list[Pair] = []
    weak: list[Needle] = []
    for address in _each(subject.emails):
        for one in _addresses(address):
            spelled.add(What.EMAIL, one, before=r"a-z0-9._%+-", after=r"a-z0-9-")
        pairs += _tagged(address)
    for number in _each(subject.phones):
        for one in _numbers(number):
            spelled.add(What.PHONE, one, before="0-9", after="0-9", country=_country(number))
    if subject.reference:
        spelled.add(What.REFERENCE, subject.reference, before="a-z0-9", after="a-z0-9")
    for _source, external in subject.identities:
        if is_telling_id(external):
            spelled.add(What.IDENTITY, external, before="a-z0-9", after="a-z0-9")
        elif len(external) >= FEWEST_OF_A_PART:
            weak.append(_needle(What.IDENTITY, external, "a-z0-9", "a-z0-9"))
    for what, digest in (*keyed.of_subject(subject), *_plain_digests(subject)):
        spelled.add_digest(what, digest)
    full, parts = _names(subject.names)
    _spell_names(full, named)
    is_telling = bool(parts) and not others_bear_the_name and all(_letters(name) >= FEWEST_LETTERS for name in full)
    return Terms(
        row=subject.pk, needles=tuple(dict.fromkeys(spelled.needles)), pairs=tuple(pairs), names=tuple(dict.fromkeys(named.needles)), parts=parts,
        weak=tuple(weak), plain=tuple(dict.fromkeys(spelled.plain + (named.plain if is_telling else []))),
        raw=tuple(dict.fromkeys(spelled.raw + (named.raw if is_telling else []))), handles=_handles(subject), organization=subject.organization,
        is_telling=is_telling,
    )  # fmt: skip


def is_telling_id(external: str) -> bool:
    """Whether an id is so long that nobody else's number, and no other number, is the same by chance."""
    return len(external) >= FEWEST_SIGNS and len(set(external)) > 3


def _each(texts: Iterable[str]) -> Iterator[str]:
    yield from dict.fromkeys(text.strip() for text in texts if text and text.strip())


def _needle(what: What, text: str, before: str, after: str, country: str = "") -> Needle:
    folded = fold(text)
    ahead = rf"(?<![{before}])" if not country else rf"(?:(?<![{before}])|(?<=(?<![{before}]){country})|(?<=\+{country})|(?<=00{country}))"
    pattern = rf"(?:{ahead}|{ESCAPED}){re.escape(folded)}(?![{after}])"
    return Needle(what, folded, re.compile(pattern))


def _addresses(address: str) -> set[str]:
    """The address, and the one that its tag belongs to."""
    local, at, domain = address.rpartition("@")
    base = local.partition("+")[0]
    return {address} | ({f"{base}@{domain}"} if at and base and base != local else set())


def _tagged(address: str) -> list[Pair]:
    """The same mailbox under any tag: ada+news@… is Ada's."""
    local, at, domain = fold(address).rpartition("@")
    base = local.partition("+")[0]
    if not at or not base:
        return []
    pattern = rf"(?<![a-z0-9._%+-]){re.escape(base)}(?:\+|%2b)[a-z0-9._%+-]{{1,64}}(?:@|%40){re.escape(domain)}(?![a-z0-9-])"
    return [Pair(What.EMAIL, base, domain, re.compile(pattern))]


def _country(number: str) -> str:
    try:
        return str(phonenumbers.parse(number, None).country_code)
    except phonenumbers.NumberParseException:
        return ""


def _numbers(number: str) -> set[str]:
    """A number in the ways in which people write it."""
    digits = re.sub(r"\D", "", number)
    found = {digits} if len(digits) >= FEWEST_SIGNS else {number}
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return found
    national = phonenumbers.national_significant_number(parsed)
    if len(national) >= FEWEST_SIGNS:
        found.add(national)
    for form in (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL):
        groups = re.findall(r"\d+", phonenumbers.format_number(parsed, form))
        if form == phonenumbers.PhoneNumberFormat.INTERNATIONAL:
            groups = groups[1:]
        for between in (" ", "-", ".", "/", "\u00a0"):
            found.add(between.join(groups))
        if len(groups) > 2:
            found |= {f"({groups[0]}){between}{'-'.join(groups[1:])}" for between in ("", " ")}
            found |= {f"({groups[0]}) {' '.join(groups[1:])}"}
    return {one for one in found if len(re.sub(r"\D", "", one)) >= FEWEST_SIGNS} or {number}


def _plain_digests(subject: Subject) -> Iterator[tuple[What, bytes]]:
    """An address hashed without a key can be tried out: it is the address."""
    for text in (*_each(subject.emails), *_each(subject.phones)):
        for spelled in dict.fromkeys((text, text.lower())):
            for algorithm in ("md5", "sha1", "sha256", "sha512"):
                yield What.DIGEST, hashlib.new(algorithm, spelled.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()


def _letters(text: str) -> int:
    return sum(letter.isalpha() for letter in text)


def _names(names: Iterable[str]) -> tuple[list[str], tuple[Part, ...]]:
    """Full names, and the parts of which a row must hold two."""
    full, words = [], []
    for name in _each(names):
        parts = [part for part in re.split(r"[\s,]+", name) if _letters(part) >= FEWEST_OF_A_PART]
        words += [part.lower() for part in parts]
        if len(parts) > 1:
            full.append(" ".join(parts))
    return full, tuple(_part(word) for word in dict.fromkeys(words))


def _spell_names(full: list[str], named: _Spelled) -> None:
    """First and last name in either order, with what people and programs put between them; packed only as people write it."""
    for name in full:
        words = name.split(" ")
        turns = [(words[0], " ", words[-1]), (words[-1], ", ", words[0]), (words[-1], " ", words[0])]
        for one in dict.fromkeys([name, *("".join(turn) for turn in turns)]):
            named.add(What.NAME, one, before=r"^\W\d_", after=r"^\W\d_")
        for first, last in ((words[0], words[-1]), (words[-1], words[0])):
            for between in (",", ".", "_", "-", ""):
                if between or _letters(first + last) >= FEWEST_LETTERS:
                    plain = sorted(in_texts(f"{first}{between}{last}")[0])
                    named.needles += [_needle(What.NAME, one, r"^\W\d_", r"^\W\d_") for one in plain]


def _part(word: str) -> Part:
    spellings = tuple(sorted({fold(case) for case in cases(word)}))
    either = "|".join(map(re.escape, spellings))
    words = rf"(^|[^[:alpha:]])({either})([^[:alpha:]]|$)" if len(word) < SHORT_PART else ""
    return Part(spellings, re.compile(rf"(?:(?<![^\W\d_])|{ESCAPED})(?:{either})(?![^\W\d_])"), words)


def _handles(subject: Subject) -> tuple[tuple[str, str], ...]:
    """By what the store of messages knows a participant: the person, else an address, else an id of its source."""
    found = [("person", subject.reference)] if subject.reference else []
    for address in _each(subject.emails):
        found += [("email", address), ("email", address.lower())]
    found += [("id", f"{source}\x00{external}") for source, external in subject.identities]
    return tuple(dict.fromkeys(found))
