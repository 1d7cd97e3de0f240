"""`readable.html`: the package for people, in one file. No script, nothing from a network; every value is text and stays text.

Tables become cards on a phone by style alone, with their roles said once more, because a changed display takes them away from screen readers.
"""

from collections.abc import Iterator
from html import escape
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

from apps.data_requests.packages import pieces, wording
from apps.data_requests.packages.contents import Contents, Section

#: rows with more columns, or with longer texts, stand one below the other
MOST_COLUMNS = 6
LONGEST_CELL = 160
#: of files that somebody else may have sent only these are linked: a browser shows them and runs nothing of theirs
LINKED = frozenset({".pdf", ".png", ".jpg", ".jpeg", ".gif", ".txt"})
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

STYLE = """
:root{color-scheme:light dark;--ink:#1d2733;--quiet:#55616d;--paper:#fff;--soft:#eef3f5;--hair:#c5ccd3;--accent:#12495c}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--quiet:#aab6c2;--paper:#11181f;--soft:#1b2630;--hair:#3a4754;--accent:#8fd0e6}}
*{box-sizing:border-box}
body{margin:0;overflow-wrap:anywhere;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header,footer{max-width:62rem;margin:0 auto;padding:0 1.25rem}
h1{font-size:1.9rem;line-height:1.2;margin:2rem 0 .5rem;color:var(--accent)}
h2{font-size:1.3rem;margin:2.5rem 0 .4rem;padding-bottom:.25rem;border-bottom:2px solid var(--accent);color:var(--accent)}
h3{font-size:1.05rem;margin:1.5rem 0 .5rem}
a{color:var(--accent)}
a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
p{margin:.5rem 0;max-width:46rem}
.lead,.quiet{color:var(--quiet)}
nav ol{columns:2 20rem;column-gap:3.5rem;padding-left:1.8rem;margin:.5rem 0}
nav li{break-inside:avoid;margin:.15rem 0}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.25rem;margin:1rem 0;background:var(--soft);padding:1rem;border-radius:.4rem}
dt{color:var(--quiet)}
dd{margin:0;overflow-wrap:anywhere;white-space:pre-wrap}
table{border-collapse:collapse;width:100%;font-size:.93rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .6rem;border-bottom:1px solid var(--hair);overflow-wrap:anywhere;white-space:pre-wrap}
th{color:var(--quiet);font-weight:600;white-space:normal;overflow-wrap:normal}
.record{border-left:3px solid var(--hair);margin:.9rem 0;padding:.1rem 0 .1rem .9rem}
.record dl{display:grid;grid-template-columns:minmax(7rem,14rem) 1fr;gap:.15rem 1rem;margin:0}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem}
footer{color:var(--quiet);margin:3rem auto 2rem;border-top:1px solid var(--hair);padding-top:1rem}
@media(max-width:42rem){
dl.facts,.record dl{grid-template-columns:1fr;gap:0}
dl.facts dd,.record dd{margin-bottom:.45rem}
table,tbody,tr,td,caption{display:block;width:100%}
thead{position:absolute;left:-99rem}
tr{border-left:3px solid var(--hair);margin:.9rem 0;padding-left:.6rem}
td{border:0;padding:.1rem .3rem}
td::before{content:attr(data-label);display:block;color:var(--quiet);font-size:.85rem}
}
@media print{body{font-size:10pt}nav,.skip{display:none}tr,.record{break-inside:avoid}}
"""


def write(contents: Contents, *, names: dict[tuple[str, int], str]) -> Iterator[bytes]:
    """The page in pieces. `names` has the path of each file in the zip, by section and place."""
    return (piece.encode("utf-8", "replace") for piece in _page(contents, names))


def _page(contents: Contents, names: dict[tuple[str, int], str]) -> Iterator[str]:
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(contents.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#contents">To the contents</a>\n'
        f'<header>\n<h1>{escape(contents.title)}</h1>\n<p class="lead">{escape(contents.lead)}</p>\n'
    )
    yield _facts(facts(contents))
    yield "</header>\n<main>\n" + "".join(f"<p>{escape(text)}</p>\n" for text in paragraphs(contents))
    yield '<nav aria-labelledby="contents">\n<h2 id="contents">Contents</h2>\n<ol>\n'
    for place, section in enumerate(contents.all_sections):
        yield f'<li><a href="#s{place}">{escape(section.title)}</a> <span class="quiet">({_how_much(section)})</span></li>\n'
    if contents.left_out:
        yield f'<li><a href="#left-out">What is not in here, and why</a> <span class="quiet">({len(contents.left_out)})</span></li>\n'
    yield "</ol>\n</nav>\n"
    for place, section in enumerate(contents.all_sections):
        yield from _section(section, f"s{place}", names)
    if contents.left_out:
        yield '<section aria-labelledby="left-out">\n<h2 id="left-out">What is not in here, and why</h2>\n'
        yield from _table([{"What": one.title, "Why": one.why} for one in contents.left_out])
        yield "</section>\n"
    yield f"</main>\n<footer><p>{escape(contents.package)}, made for {escape(contents.person)} by {escape(contents.operator)}. Questions: "
    yield f"{escape(contents.contact)}</p></footer>\n</body>\n</html>\n"


def facts(contents: Contents) -> list[tuple[str, str]]:
    """What stands on top of the page and of the paper."""
    said = [
        ("Your request", contents.request), ("About", contents.person), ("Made", wording.moment(contents.made_at)),
        ("By", contents.operator), ("Privacy policy", contents.policy), ("Questions to", contents.contact),
    ]  # fmt: skip
    return [(name, text) for name, text in said if text]


def paragraphs(contents: Contents) -> list[str]:
    """What a reader should know before they read."""
    said = []
    if contents.with_rows:
        said.append(
            "Each section is one kind of data: what we hold, how it is collected and how it ends. The file data.json has the same for programs."
            " Where something of another person stood beside yours, it was left out; redactions.json lists each such place and why."
        )
    else:
        said.append("You asked which kinds of data we hold; the rows themselves are not in here. You may ask for a copy of them at any time.")
    said.append(
        "You may have what is wrong corrected, have your data deleted, and take back what you allowed. Keep this file where nobody else reads it:"
        " our own copy is destroyed some days after it was made."
    )
    return said


def _section(section: Section, anchor: str, names: dict[tuple[str, int], str]) -> Iterator[str]:
    yield f'<section aria-labelledby="{anchor}">\n<h2 id="{anchor}">{escape(section.title)}</h2>\n'
    if section.lead:
        yield f'<p class="lead">{escape(section.lead)}</p>\n'
    if section.facts:
        yield _facts([(wording.label(name), text) for name, text in section.facts.items()])
    files, redacted, title, rows = [], [], "", iter(())
    for title, rows, others in tables(section.open()):
        if title:
            yield f"<h3>{escape(title)}</h3>\n"
        yield from _table(rows)
        files += [value["name"] for kind, value in others() if kind == pieces.FILE]
        redacted += [value for kind, value in others() if kind == pieces.REDACTION]
    if files:
        yield "<h3>Files</h3>\n<ul>\n"
        yield from (_file(name, names[section.code, place]) for place, name in enumerate(files))
        yield "</ul>\n"
    if redacted:
        yield "<h3>What of others was left out here</h3>\n"
        yield from _table({"Where": one["where"], "What": one["what"], "How often": one["count"], "Why": one["why"]} for one in redacted)
    yield "</section>\n"


def tables(records: Iterator[tuple[bytes, Any]]) -> Iterator[tuple[str, Iterator[dict], Any]]:
    """Each table as its title, its rows one by one, and, once these have been taken, what came with it."""
    kind, value = next(records, (pieces.END, None))
    while kind == pieces.TABLE:
        others: list[tuple[bytes, Any]] = []
        after: list[tuple[bytes, Any]] = []

        def rows(others=others, after=after) -> Iterator[dict]:
            for kind, value in records:
                if kind == pieces.ROW:
                    yield value
                elif kind in (pieces.FILE, pieces.REDACTION):
                    others.append((kind, value))
                elif kind in (pieces.TABLE, pieces.END):
                    after.append((kind, value))
                    return

        taking = rows()
        yield value["title"], taking, lambda others=others: others
        for _row in taking:  # whoever did not take them all
            pass
        kind, value = after[0] if after else (pieces.END, None)


def _table(rows: Iterator[dict] | list[dict]) -> Iterator[str]:
    """A table where its rows are short and alike, else a list of records."""
    rows = iter(rows)
    first = [row for _place, row in zip(range(50), rows, strict=False)]
    if not first:
        yield '<p class="quiet">Nothing is held here.</p>\n'
        return
    keys = list(first[0])
    if len(keys) <= MOST_COLUMNS and all(list(row) == keys and _is_short(row) for row in first):
        yield '<table role="table">\n<thead role="rowgroup"><tr role="row">'
        yield "".join(f'<th role="columnheader" scope="col">{escape(wording.label(key))}</th>' for key in keys)
        yield '</tr></thead>\n<tbody role="rowgroup">\n'
        for row in chain(first, rows):
            # a later row that is not alike keeps its own names
            cells = (f'<td role="cell" data-label="{escape(wording.label(key))}">{_text(item)}</td>' for key, item in row.items())
            yield f'<tr role="row">{"".join(cells)}</tr>\n'
        yield "</tbody>\n</table>\n"
        return
    for row in chain(first, rows):
        pairs = (f"<dt>{escape(wording.label(key))}</dt><dd>{_text(item)}</dd>" for key, item in row.items())
        yield f'<div class="record"><dl>{"".join(pairs)}</dl></div>\n'


def _is_short(row: dict) -> bool:
    return all(len(wording.value(item)) <= LONGEST_CELL for item in row.values())


def _text(item: Any) -> str:
    return f'<bdi dir="auto">{escape(wording.value(item))}</bdi>'


def _facts(pairs: list[tuple[str, str]]) -> str:
    return '<dl class="facts">' + "".join(f"<dt>{escape(name)}</dt><dd>{_text(text)}</dd>" for name, text in pairs) + "</dl>\n"


def _file(name: str, path: str) -> str:
    shown = f"<bdi>{escape(wording.value(name))}</bdi>"
    if PurePosixPath(path).suffix.lower() in LINKED:
        return f'<li><a href="{escape(path)}">{shown}</a></li>\n'
    return f'<li>{shown} <span class="quiet">(in this package as {escape(path)})</span></li>\n'


def _how_much(section: Section) -> str:
    said = wording.count(section.rows, "entry", "entries")
    return said if not section.files else f"{said}, {wording.count(section.files, 'file', 'files')}"
