"""What is looked for: everything by which a person is known, in all its spellings, and what has to stand around it to count.

A needle is looked for by the database first, in whole rows; `Terms.in_text` and `Terms.in_bytes` then say of each value of such a row
what is really in it. Both work on the same needles, so that the second can only narrow what the first found.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import phonenumbers

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
    exact: tuple[tuple[What, bytes], ...] = ()
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
    def encoded(self) -> tuple[bytes, ...]:
        """Texts of which one stands in every text that counts, as bytes in small letters."""
        texts = [one.text for one in (*self.needles, *self.names)] + [pair.one for pair in self.pairs]
        return tuple(text.encode("utf-8", "surrogatepass").lower() for text in dict.fromkeys(texts))

    def parts_in(self, folded: str) -> set[int]:
        """Which parts of the name stand in a value, as words."""
        return {number for number, part in enumerate(self.parts) if part.is_in(folded)}

    def weak_in(self, folded: str) -> bool:
        """Whether a short id stands in a value."""
        return any(needle.is_in(folded) for needle in self.weak)

    def in_bytes(self, content: bytes) -> set[What]:
        """What counts by itself in bytes, as they are."""
        return {what for what, needle in self.exact if needle in content}


def of_subject(subject: Subject, *, others_bear_the_name: bool = False) -> Terms:
    """Everything to look for of a person."""
    needles: list[Needle] = []
    exact: list[tuple[What, bytes]] = []
    pairs: list[Pair] = []
    weak: list[Needle] = []
    for address in _each(subject.emails):
        for spelled in _addresses(address):
            _spell(What.EMAIL, spelled, needles, exact, before=r"a-z0-9._%+-", after=r"a-z0-9-")
        pairs += _tagged(address)
    for number in _each(subject.phones):
        for spelled in _numbers(number):
            _spell(What.PHONE, spelled, needles, exact, before="0-9", after="0-9", country=_country(number))
    if subject.reference:
        _spell(What.REFERENCE, subject.reference, needles, exact, before="a-z0-9", after="a-z0-9")
    for _source, external in subject.identities:
        if is_telling_id(external):
            _spell(What.IDENTITY, external, needles, exact, before="a-z0-9", after="a-z0-9")
        elif len(external) >= FEWEST_OF_A_PART:
            weak.append(_needle(What.IDENTITY, external, "a-z0-9", "a-z0-9"))
    for what, digest in (*keyed.of_subject(subject), *_plain_digests(subject)):
        exact.append((what, digest))
        needles.append(Needle(what, digest.hex()))
    full, parts = _names(subject.names)
    names, exact_names = _spelled_names(full)
    is_telling = bool(parts) and not others_bear_the_name and all(_letters(name) >= FEWEST_LETTERS for name in full)
    if is_telling:
        exact += exact_names
    return Terms(
        row=subject.pk, needles=tuple(dict.fromkeys(needles)), pairs=tuple(pairs), names=names, parts=parts, weak=tuple(weak),
        exact=tuple(dict.fromkeys(exact)), handles=_handles(subject), organization=subject.organization, is_telling=is_telling,
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


def _spell(what: What, text: str, needles: list, exact: list, *, before: str, after: str, country: str = "") -> None:
    plain, folded = in_texts(text)
    needles += [_needle(what, one, before, after, country) for one in sorted(plain)]
    needles += [Needle(what, one) for one in sorted(folded)]
    exact += [(what, one) for one in sorted(in_bytes(text))]


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


def _spelled_names(full: list[str]) -> tuple[tuple[Needle, ...], list[tuple[What, bytes]]]:
    needles: list[Needle] = []
    exact: list[tuple[What, bytes]] = []
    for name in full:
        words = name.split(" ")
        for first, last in {(words[0], words[-1]), (words[-1], words[0])}:
            for between in (" ", ", ", ",", ".", "_", "-", ""):
                if between or _letters(first + last) >= FEWEST_LETTERS:
                    _spell(What.NAME, f"{first}{between}{last}", needles, exact, before=r"^\W\d_", after=r"^\W\d_")
        if len(words) > 2:
            _spell(What.NAME, name, needles, exact, before=r"^\W\d_", after=r"^\W\d_")
    return tuple(dict.fromkeys(needles)), exact


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
