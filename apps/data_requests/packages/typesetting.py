"""The process that sets one part of the paper: JSON comes in, a PDF goes out, nothing is kept. typst keeps what it set in memory until its process ends.

Started by `pdf` with an empty environment. What typst's own fonts can't show stands as its code point, [U+1F3E5]; the page and the JSON in the package
have it as it is. Data goes in as data (`sys_inputs`), where nothing of it is evaluated. It knows neither Django nor the database.
"""

import json
import re
import sys
from datetime import datetime
from typing import Any

import typst

STANDARDS = ["a-3a", "ua-1"]
#: how often it looks anew for what the fonts don't have; the first look finds nearly all
MOST_LOOKS = 4
NOT_SHOWN = re.compile(r"the text `\"(.*?)\"` could not be displayed", re.DOTALL)
ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]+)\}|\\(.)", re.DOTALL)
#: a word longer than this may break anywhere; shorter ones stay whole, so that they can be searched
LONGEST_WORD = 90
PROBE = b'#set document(title: "-")\n#for sign in json(bytes(sys.inputs.signs)) [#sign#h(4pt) ]'


def main() -> None:
    asked = json.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(set_in_type(asked["template"].encode(), asked["page"], datetime.fromisoformat(asked["at"])))


def set_in_type(template: bytes, page: dict[str, Any], at: datetime) -> bytes:
    """The PDF of one part."""
    missing = not_in_fonts({sign for text in texts(page) for sign in text if not " " <= sign <= "~"})
    for _look in range(MOST_LOOKS):
        try:
            return typst.compile(
                template, sys_inputs={"page": json.dumps(showable(page, missing), ensure_ascii=False)}, format="pdf", pdf_standards=STANDARDS,
                timestamp=at.replace(microsecond=0), ignore_system_fonts=True,
            )  # fmt: skip
        except typst.TypstError as error:  # a sign that is there alone, and not beside another
            found = said_missing(error) - missing
            if not found:
                raise
            missing |= found
    raise ValueError("the fonts lack ever more signs")


def not_in_fonts(signs: set[str]) -> set[str]:
    """Which of these signs can't be shown; asked by setting them, there is no other way to ask."""
    missing = {sign for sign in signs if sign != "\n" and not sign.isprintable()}
    for _look in range(MOST_LOOKS):
        asked = sorted(signs - missing - {"\n"})
        if not asked:
            break
        try:
            typst.compile(
                PROBE, sys_inputs={"signs": json.dumps(asked)}, format="pdf", pdf_standards=["a-3b"], ignore_system_fonts=True,
            )  # fmt: skip
            break
        except typst.TypstError as error:
            found = said_missing(error) - missing
            if not found:
                raise
            missing |= found
    return missing


def said_missing(error: typst.TypstError) -> set[str]:
    """Every sign that an error names."""
    named = NOT_SHOWN.findall(getattr(error, "diagnostic", "") or str(error))
    return {sign for text in named for sign in ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)}


def texts(value: Any):
    """Each text in a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def showable(value: Any, missing: set[str]) -> Any:
    """`value` with every sign that can't be shown as its code point, and words that no line can hold made to break."""
    if isinstance(value, dict):
        return {name: showable(item, missing) for name, item in value.items()}
    if isinstance(value, list):
        return [showable(item, missing) for item in value]
    if not isinstance(value, str):
        return value
    if not missing.isdisjoint(value):
        value = "".join(f"[U+{ord(sign):04X}]" if sign in missing else sign for sign in value)
    if len(value) > LONGEST_WORD and any(len(word) > LONGEST_WORD for word in value.split()):
        value = re.sub(rf"(\S{{{LONGEST_WORD}}})(?=\S)", "\\1\u200b", value)
    return value


if __name__ == "__main__":
    main()
