"""Which letters there are, what each may fill in, and how a text that staff wrote is filled: names in braces, nothing else.

It must never evaluate anything that stands in a template, and never let a value of one line become two in a subject.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from apps.foundation.refusals import Refusal

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
BRACES = re.compile(r"[{}]")
#: what every letter can say
ALWAYS = frozenset({"reference", "kind", "received_on", "address"})


@dataclass(frozen=True)
class Code:
    """One kind of letter: when it is sent, what else it can say, and whether it is the answer that ends a request."""

    when: str
    fills: frozenset[str] = frozenset()
    is_answer: bool = False
    by_hand: bool = False


CODES: dict[str, Code] = {
    "acknowledgement": Code("a request that did not begin with a link is in work", frozenset({"due_on"})),
    "extension": Code("its day was extended", frozenset({"due_on", "reason"})),
    "denial": Code("it was denied", frozenset({"reason", "basis"}), is_answer=True),
    "erased": Code("all was erased", frozenset({"holdings"}), is_answer=True),
    "erased_in_part": Code("something lawfully stays for a time", frozenset({"holdings", "kept"}), is_answer=True),
    "rest_erased": Code("what had stayed was erased too", frozenset({"holdings"})),
    "client_decides": Code("a client decides on a part of it", frozenset({"organization"})),
    "delivery": Code("what was asked for can be fetched", frozenset({"url", "days"}), is_answer=True),
    "corrected": Code("it was corrected", frozenset({"text"}), is_answer=True, by_hand=True),
    "withdrawn": Code("the consent is withdrawn", frozenset({"text"}), is_answer=True, by_hand=True),
    "answer": Code("it is answered in one's own words", frozenset({"text"}), is_answer=True, by_hand=True),
    "question": Code("something is missing", frozenset({"text"}), by_hand=True),
}
ANSWERS = frozenset(code for code, about in CODES.items() if about.is_answer)
BY_HAND = tuple(code for code, about in CODES.items() if about.by_hand)


class LetterUnknown(Refusal):
    """There is no letter of that kind."""

    code = "letter_unknown"
    mend = "Choose one from the list of letters."


class BlankUnknown(Refusal):
    """The text has something in braces that this letter can't fill in."""

    code = "letter_blank_unknown"
    mend = "Use only the names that the page lists, in braces and spelled like there; braces stand for nothing else."


def may_fill(code: str) -> frozenset[str]:
    """The names that a letter of that kind can fill in."""
    if code not in CODES:
        raise LetterUnknown
    return ALWAYS | CODES[code].fills


def require_fillable(code: str, *texts: str) -> None:
    """Refuse a text that would stay blank somewhere, or holds a brace that names nothing."""
    for text in texts:
        unknown = set(PLACEHOLDER.findall(text)) - may_fill(code)
        if unknown or BRACES.search(PLACEHOLDER.sub("", text)):
            raise BlankUnknown


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its names replaced, once: what a value says is never looked at again."""
    return PLACEHOLDER.sub(lambda found: values[found[1]], text)


def one_line(text: str) -> str:
    return " ".join(text.split())
