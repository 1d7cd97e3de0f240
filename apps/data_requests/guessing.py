"""The kind of request that a mail asks for, from its words; unsure is a complaint or question, for which staff choose.

It decides nothing: whoever asks proves themself, and staff may say another kind.
One kind has to stand out: where words of two kinds stand in it, or somebody writes that nothing is to be deleted, it is unsure. Quoted lines
are somebody else's words and count for nothing. The patterns are simple and bounded, so that no mail keeps a worker busy.
"""

import re

from apps.data_requests.states import Kind

READ = 4_000
QUOTED = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
SPACES = re.compile(r"\s+")
_MINE = r"(?:my|our|the|all|any|his|her|their|me|us)"
_DATA = r"(?:data|info|information|details|record|records|profile|account|accounts|registration)"
_GAP = r"(?:[\w’'-]+ ){0,6}?"

WORDS: dict[str, re.Pattern[str]] = {
    Kind.DELETION: re.compile(
        rf"\b(?:delete|erase|remove|wipe|purge|destroy) {_GAP}{_DATA}\b|\bdeletion request\b|\b(?:deletion|erasure|removal) of {_GAP}{_DATA}\b"
        r"|\bright to (?:erasure|be forgotten|deletion)\b|\bforget me\b"
    ),
    Kind.ACCESS: re.compile(
        rf"\bcop(?:y|ies) of {_GAP}{_DATA}\b|\bsubject access\b|\baccess (?:request|to {_GAP}{_DATA})\b|\bright (?:of access|to know)\b|\bdsar\b"
        rf"|\b(?:what|which) (?!categories|kinds){_GAP}{_DATA} (?:do )?(?:you|u) (?:have|hold|keep|store|collect)"
        rf"|\bdata portability\b|\bexport of {_GAP}{_DATA}\b"
    ),
    Kind.CATEGORIES: re.compile(r"\b(?:categories|kinds) of (?:personal )?(?:data|information)\b"),
    Kind.CORRECTION: re.compile(
        rf"\b(?:correct|rectify|amend|fix) {_GAP}(?:{_DATA}|name|address|birthday|date of birth|phone|e-?mail)\b|\brectification\b"
        rf"|\b{_MINE} {_GAP}(?:name|address|date of birth|{_DATA}) (?:is|are) (?:wrong|incorrect|misspelled|out of date)\b"
    ),
    Kind.CLOSING: re.compile(rf"\b(?:close|cancel|terminate|deactivate) {_GAP}(?:account|accounts|registration|membership)\b"),
    Kind.WITHDRAWAL: re.compile(r"\b(?:withdraw|revoke|take back) (?:[\w’'-]+ ){0,3}?(?:consent|permission)\b|\bwithdrawal of (?:[\w’'-]+ ){0,2}?consent\b"),
    Kind.MARKETING_DISCLOSURES: re.compile(r"\bshine the light\b|\b1798\.83\b"),
    Kind.ACCOUNTING: re.compile(r"\baccounting of (?:the )?disclosures\b|\b164\.528\b"),
    Kind.MINOR: re.compile(
        r"\bmy (?:child|kid|son|daughter|pupil|student)\b.{0,200}\b(?:account|registered|signed up|uses?|using)\b"
        r"|\b(?:is|am|aged) (?:only )?(?:[3-9]|1[0-7]) years old\b"
        r"|\bunder (?:the age of )?(?:13|16|18)\b"
    ),
}
#: kind → kinds whose words may stand beside it, because it does what they ask
INCLUDES: dict[str, frozenset[str]] = {
    Kind.MINOR: frozenset({Kind.DELETION, Kind.CLOSING}), Kind.ACCESS: frozenset({Kind.CATEGORIES}), Kind.CLOSING: frozenset({Kind.DELETION}),
}  # fmt: skip
NOT_TO_BE = re.compile(r"\b(?:do not|don[’']?t|never|not to|please keep|without) (?:[\w’'-]+ ){0,2}?(?:delet|eras|remov|clos|cancel)")


def kind_of(subject: str, text: str) -> str:
    """The one kind that the words name; `Kind.COMPLAINT` where there is none, or more than one."""
    words = SPACES.sub(" ", f"{subject} . {QUOTED.sub('', text[:READ])}").casefold()
    if NOT_TO_BE.search(words):
        return Kind.COMPLAINT
    named = {kind for kind, pattern in WORDS.items() if pattern.search(words)}
    return next((kind for kind in WORDS if kind in named and named <= {kind, *INCLUDES.get(kind, ())}), Kind.COMPLAINT)
