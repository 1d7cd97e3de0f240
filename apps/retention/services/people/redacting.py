"""What of other people is left out of messages that are handed to a person: names, addresses, phones and ids, each counted with its reason.

Others stay apart from one another ("participant 2"), so that a conversation can be followed. Words stay, but for addresses and phone
numbers in them that are not the person's, and the names of those who took part. It must never leave out an address or a number that is
known to be the person's own.
"""

import re
from collections import Counter
from collections.abc import Iterator

from apps.accounts.details import normalise_email
from apps.foundation.personal_data import Redaction, Subject
from apps.retention.services.people.whose import Whose

_EMAIL = re.compile(r"[^\s@<>,;:()\[\]\"']{1,64}@[^\s@<>,;:()\[\]\"']{1,190}[^\s@<>,;:()\[\]\"'.!?]")
#: seven to fifteen digits (E.164) with the signs that people put between them, which is no day
_DAY = r"(?:\d{4}-\d\d?-\d\d?|\d\d?[./]\d\d?[./]\d{2,4})"
_PHONE = re.compile(rf"(?<![\w+.])(?!{_DAY}(?!\d))\+?\(?\d(?:[ ().\-]{{0,2}}\d){{6,14}}(?!\w)")
#: a name shorter than this would be found in other words
SHORTEST_NAME = 3
OTHERS = "It is about somebody else."
WHERE = "messages"


class Redacting:
    """What was left out so far; `Collected.redactions` reads it when the rows have been taken."""

    def __init__(self, subject: Subject, whose: Whose):
        self._whose = whose
        self._emails = {normalise_email(address) for address in subject.emails}
        self._phones = {_digits(number) for number in subject.phones}
        self._names = {name.casefold() for name in subject.names}
        self._found: Counter[tuple[str, str]] = Counter()

    def __iter__(self) -> Iterator[Redaction]:
        for (what, why), count in sorted(self._found.items()):
            yield Redaction(WHERE, what, count, why)

    def left_out(self, what: str, why: str = OTHERS, count: int = 1) -> None:
        if count:
            self._found[what, why] += count

    def parties(self, message: dict) -> list[str]:
        """Who wrote and who received, in their order: "you", or a number that stands for the same person all through the message."""
        source, numbers, told = message["source"], {}, []
        for party in (message["sender"], *message["recipients"]):
            if self._whose.is_them(source, party):
                told.append("you")
            elif party.get("owned_by_organization"):
                told.append("the organization")
            else:
                key = (party.get("person"), party.get("email"), party.get("id"))
                if key not in numbers:
                    numbers[key] = f"participant {len(numbers) + 1}"
                    self.left_out("participant")
                told.append(numbers[key])
        return told

    def text(self, text: str, message: dict) -> str:
        """The words without addresses and phones of others, and without the names of those others who took part."""
        text = _EMAIL.sub(self._email, text)
        text = _PHONE.sub(self._phone, text)
        for name in self._names_of_others(message):
            text, times = re.subn(rf"(?<!\w){re.escape(name)}(?!\w)", "[name]", text, flags=re.IGNORECASE)
            self.left_out("name in a text", count=times)
        return text

    def _email(self, found: re.Match) -> str:
        if normalise_email(found[0]) in self._emails:
            return found[0]
        self.left_out("e-mail address in a text")
        return "[e-mail address]"

    def _phone(self, found: re.Match) -> str:
        digits = _digits(found[0])
        if any(digits == own or (len(digits) >= 7 and own.endswith(digits.lstrip("0"))) for own in self._phones):
            return found[0]
        self.left_out("phone number in a text")
        return "[phone number]"

    def _names_of_others(self, message: dict) -> list[str]:
        """Whole names first, so that no part is left of one."""
        names = set()
        for party in (message["sender"], *message["recipients"]):
            whole = " ".join((party.get("name") or "").split())
            if not whole or self._whose.is_them(message["source"], party):
                continue
            names |= {part for part in (whole, *whole.split()) if len(part) >= SHORTEST_NAME and part.casefold() not in self._names}
        return sorted(names, key=lambda name: (-len(name), name))


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)
