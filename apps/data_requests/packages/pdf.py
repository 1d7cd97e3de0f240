"""`readable.pdf`: the package on paper, as PDF/A-3 and PDF/UA, in parts that a machine can set and a person can open.

Each part is set in a process of its own (`typesetting`), so that the memory it took is given back. The words are those of the page.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.data_requests.packages import page, pieces, wording
from apps.data_requests.packages.contents import Contents, Section

TEMPLATE = Path(settings.BASE_DIR) / "templates" / "data_requests" / "package.typ"
START = "import sys; sys.path.insert(0, sys.argv[1]); from apps.data_requests.packages.typesetting import main; main()"
#: of one part; typst takes some 120 MB for a thousand messages
MOST_ROWS, MOST_SIGNS = 1_000, 600_000
SECONDS = 300


class NotSet(RuntimeError):
    """A part of the paper could not be set. It says nothing of what is in it."""


def write(contents: Contents) -> Iterator[tuple[str, bytes]]:
    """Each part with its name. They are numbered as they come: how many there are is only known at the end."""
    template = TEMPLATE.read_text(encoding="utf-8")
    for number, sections in enumerate(_parts(contents), 1):
        name = "readable.pdf" if number == 1 else f"readable-{number}.pdf"
        yield name, _set(template, _page(contents, number, sections), contents.made_at.isoformat())


def _page(contents: Contents, number: int, sections: list[dict]) -> dict[str, Any]:
    first = number == 1
    return {
        "title": contents.title if first else f"{contents.title}, part {number}", "lead": contents.lead, "author": contents.operator,
        "package": f"{contents.package}, for {contents.person}", "part": f"Part {number}",
        "facts": [[name, wording.value(text)] for name, text in page.facts(contents)] if first else [],
        "paragraphs": page.paragraphs(contents) if first else [], "sections": sections,
    }  # fmt: skip


def _parts(contents: Contents) -> Iterator[list[dict]]:
    """The sections, cut where a part is full; what goes on in the next one says so."""
    part, rows, signs = [], 0, 0
    for section, title, row in _rows(contents):
        if rows >= MOST_ROWS or signs >= MOST_SIGNS:
            yield part
            part, rows, signs = [], 0, 0
        _add(part, section, title, row)
        rows += 1
        signs += sum(len(name) + len(text) for name, text in row)
    yield part


def _add(part: list[dict], section: Section, title: str, row: list[list[str]]) -> None:
    if not part or part[-1]["code"] != section.code:
        part.append({"code": section.code, "title": section.title, "lead": section.lead, "facts": _facts(section), "tables": []})
    found = part[-1]["tables"]
    if not found or found[-1]["title"] != title:
        found.append({"title": title, "note": "" if row else "Nothing is held here.", "rows": []})
    if row:
        found[-1]["rows"].append(row)


def _facts(section: Section) -> list[list[str]]:
    return [[wording.label(name), text] for name, text in section.facts.items()]


def _rows(contents: Contents) -> Iterator[tuple[Section, str, list[list[str]]]]:
    """Every row with its section and table; an empty one where a table has none."""
    for section in contents.all_sections:
        files, redacted, any_row = [], [], False
        for title, rows, others in page.tables(section.open()):
            row = None
            for row in rows:
                any_row = True
                yield section, title, [[wording.label(key), wording.value(item)] for key, item in row.items()]
            if row is None:
                any_row = True
                yield section, title, []
            files += [[["File", wording.value(value["name"])]] for kind, value in others() if kind == pieces.FILE]
            redacted += [
                [["Where", value["where"]], ["What", value["what"]], ["How often", str(value["count"])], ["Why", value["why"]]]
                for kind, value in others() if kind == pieces.REDACTION
            ]  # fmt: skip
        if not any_row:
            yield section, "", []
        yield from ((section, "Files, in the folder “files” of this package", row) for row in files)
        yield from ((section, "What of others was left out here", row) for row in redacted)
    if contents.left_out:
        last = Section("left-out", "What is not in here, and why", "", lambda: iter(()), len(contents.left_out))
        yield from ((last, "", [["What", one.title], ["Why", one.why]]) for one in contents.left_out)


def _set(template: str, shown: dict[str, Any], at: str) -> bytes:
    asked = json.dumps({"template": template, "page": shown, "at": at}).encode()
    child = [sys.executable, "-I", "-B", "-c", START, str(settings.BASE_DIR)]
    try:
        done = subprocess.run(
            child, input=asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, cwd="/", timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotSet("setting a part of the paper took too long") from None
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF-"):
        raise NotSet(f"a part of the paper could not be set ({done.returncode})")
    return done.stdout
