"""What a person reads: a page without a script, paper whose text can be searched, JSON that is whole; whatever stands in the rows."""

import io
import json
import re
import zipfile

import pypdf
import pytest

from apps.data_requests.packages import document, page, pdf, pieces, wording
from apps.data_requests.services.packages import rendering
from apps.foundation import signing
from apps.foundation.personal_data import Collected
from tests.data_requests.packages import hostile, opened
from tests.data_requests.packages.opened import Tags

CRUEL = (hostile.SCRIPT, hostile.ALPHABETS, hostile.TURNED, hostile.TYPST, hostile.LONG)


@pytest.fixture(scope="module")
def contents():
    return hostile.contents()


@pytest.fixture(scope="module")
def shown(contents):
    return b"".join(page.write(contents, names=rendering.file_names(contents))).decode()


@pytest.fixture(scope="module")
def paper(contents):
    return [part for _name, part in pdf.write(contents)]


def text_of(parts) -> str:
    return "\n".join(sheet.extract_text() for part in parts for sheet in pypdf.PdfReader(io.BytesIO(part)).pages)


def test_json_gives_back_every_value_as_it_was(contents):
    said = json.loads(b"".join(document.write(contents)))

    rows = said["sections"][0]["tables"][0]["rows"]
    assert rows == [
        {"Name": hostile.SCRIPT, "Note": hostile.TURNED}, {"Name": hostile.ALPHABETS, "Note": hostile.LONE},
        {"Name": hostile.TYPST, "Note": None}, {"Name": [], "Note": "\x00\x1b[31m"},
    ]  # fmt: skip
    assert [table["title"] for table in said["sections"][0]["tables"]] == [f"Short {hostile.SCRIPT}", "Wide", "Empty"]
    assert said["sections"][0]["tables"][2]["rows"] == []
    assert said["sections"][0]["files"][0] == "../../etc/passwd"
    assert said["not_handed_over"] == [{"holding": "a.b", "title": hostile.SCRIPT, "why": hostile.ATTRIBUTE}]


def test_redactions_say_where_what_how_often_and_why(contents):
    assert json.loads(document.redactions(contents))["redacted"] == [
        {"holding": "accounts.people", "where": "here", "what": f"a name {hostile.SCRIPT}", "count": 3, "why": "It is another person's."}
    ]


def test_the_page_runs_nothing_and_asks_nobody(shown):
    tags = Tags(shown)

    assert {name for name, _attributes in tags.tags} & {"script", "img", "iframe", "object", "embed", "form", "base", "link", "svg"} == set()
    assert [attributes for _name, attributes in tags.tags if any(name.startswith("on") for name in attributes)] == []
    policy = next(one["content"] for one in tags.named("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert {re.split(r"[#/]", one["href"])[0] for one in tags.named("a")} == {"", "files"}
    for reaches in ("url(", "http:", "@import"):
        assert reaches not in shown


def test_the_page_shows_every_value_as_text(shown):
    text = Tags(shown).text
    for value in CRUEL:
        assert value in text
    assert "half \ufffd of a pair" in text


def test_the_page_can_be_read_aloud(shown):
    tags = Tags(shown)

    assert tags.named("html") == [{"lang": "en"}]
    assert len(tags.named("h1")) == len(tags.named("main")) == 1
    assert tags.named("title")
    ids = [one["id"] for _name, one in tags.tags if "id" in one]
    assert len(ids) == len(set(ids))
    assert {one["href"][1:] for one in tags.named("a") if one["href"].startswith("#")} <= set(ids)
    assert {one["aria-labelledby"] for one in tags.named("section")} <= set(ids)
    assert all(one.get("scope") == "col" for one in tags.named("th"))
    assert {one["role"] for one in tags.named("td")} == {"cell"}


def test_active_files_are_named_and_not_linked(shown):
    linked = [one["href"] for one in Tags(shown).named("a") if one["href"].startswith("files/")]

    assert linked
    assert not [path for path in linked if path.endswith((".html", ".svg"))]


def test_the_text_of_the_paper_can_be_searched(paper):
    text = text_of(paper)

    for value in (hostile.SCRIPT, "Ελληνικά", "Кириллица", "left ", "What is not in here, and why", "Covenant & Co.", "PER-7F3K2M9", "value 8"):
        assert value in text
    assert "[U+6F22]" in text  # 漢 is in none of the fonts
    assert "[U+1F3E5]" in text


def test_the_paper_is_tagged_titled_and_says_its_language(paper):
    reader = pypdf.PdfReader(io.BytesIO(paper[0]))
    root = reader.trailer["/Root"]

    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"].startswith("en")
    assert reader.metadata.title == "Your data"
    assert b"pdfuaid" in root["/Metadata"].get_data()
    assert "/Outlines" in root


def test_a_paper_too_long_for_one_file_goes_on_in_the_next(monkeypatch):
    monkeypatch.setattr(pdf, "MOST_ROWS", 100)
    rows = [{"Number": f"row-{number}."} for number in range(250)]

    parts = list(pdf.write(hostile.contents(hostile.section("a.b", Collected(title="Many", rows=rows)), left_out=())))

    assert [name for name, _part in parts] == ["readable.pdf", "readable-2.pdf", "readable-3.pdf"]
    text = text_of([part for _name, part in parts])
    assert [number for number in range(250) if f"row-{number}." not in text] == []


def test_a_part_that_can_not_be_set_says_nothing_of_what_is_in_it(monkeypatch):
    monkeypatch.setattr(pdf, "START", "raise SystemExit(3)")

    with pytest.raises(pdf.NotSet) as raised:
        list(pdf.write(hostile.contents()))
    assert str(raised.value) == "a part of the paper could not be set (3)"


def test_files_stand_under_names_that_are_safe_everywhere(contents, home):
    signing.create_missing()
    sink = io.BytesIO()
    rendering.write(contents, sink)

    package = opened.read(sink.getvalue())
    paths = [name for name in package.files if name.startswith("files/")]
    assert len(paths) == len({path.lower() for path in paths}) == 10
    assert all(re.fullmatch(r"files/accounts\.people/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}", path) for path in paths)
    assert [package.files[path] for path in paths] == [f"bytes of {number}".encode() for number in range(10)]
    assert not [path for path in paths if re.search(r"/(con|prn|aux|nul)\b", path, re.IGNORECASE)]
    with zipfile.ZipFile(sink) as whole:
        assert {info.date_time for info in whole.infolist()} == {(2026, 3, 8, 12, 0, 0)}


def test_days_and_moments_are_written_out():
    assert wording.value("2026-03-08") == "8 March 2026"
    assert wording.value("2026-03-08T12:00:00+00:00") == "8 March 2026, 12:00:00 UTC"
    assert wording.value("2026-03-08T12:00:00.123456Z") == "8 March 2026, 12:00:00 UTC"
    assert wording.value("2026-03-08T12:00:00-05:00") == "8 March 2026, 12:00:00 UTC-05:00"
    assert wording.value("2026-13-41") == "2026-13-41"
    assert (wording.value(True), wording.value(None), wording.value(0), wording.value([1, None])) == ("yes", "–", "0", "1, –")


def test_a_piece_without_an_end_is_no_piece():
    written = []
    pieces.write(hostile.everything(), written.append)
    whole = b"".join(written)

    assert [kind for kind, _value in pieces.read([whole])][-1] == pieces.END
    for cut in (1, 20, len(written[-1]) + 3):
        with pytest.raises(pieces.PieceCut):
            list(pieces.read([whole[:-cut]]))


def test_a_piece_is_read_alike_however_it_comes_in():
    written = []
    pieces.write(hostile.everything(), written.append)
    whole = b"".join(written)

    for size in (1, 7, 4096):
        assert list(pieces.read(whole[start : start + size] for start in range(0, len(whole), size))) == list(pieces.read([whole]))
