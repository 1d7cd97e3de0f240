"""The certificate on paper: the same bytes every time, and nothing somebody named their organization is ever evaluated."""

import json
import re
import subprocess
import sys
import zlib

import pytest

from apps.retention.certificates import document, pdf, verify
from tests.retention.certificates.facts import facts

NAMES = (
    '#panic("x") $x^2$ *b* _i_ `c` \\ <label> @ref // /* "double" \'single\'',
    '#read("/etc/passwd") #sys.inputs #include "x.typ"',
    '"}, {"page": "',
    "שלום עולם בית חולים",
    "بيمارستان القاهرة",
    "🏥 Spital 医院 👨‍👩‍👧 \u202elatipsoH",
    "x" * 120,
    "W" * 60 + " " + "m" * 59,
    "a b " * 30,
    "é̂" * 60,
    "\x00\t\n\ud83c",
    "%PDF-1.7 stream\nendstream",
)


def signed_for(name):
    return document.sign(document.build(facts(organization_name=name)))


def test_it_is_a_pdf_for_archives_and_for_screen_readers_with_the_signed_json_attached(signed):
    content = pdf.render(signed)
    text = b"".join(_streams(content)) + content
    assert content.startswith(b"%PDF-1.7")
    assert re.search(rb"<pdfaid:part>3</pdfaid:part>\s*<pdfaid:conformance>A", text)
    assert b"<pdfuaid:part>1" in text
    assert b"certificate.json" in text
    assert verify.read(content) == signed


def test_it_has_two_pages(signed):
    pages = pdf.render_pages(signed)
    assert len(pages) == 2
    assert all(page.startswith(b"\x89PNG") for page in pages)


def test_it_has_the_same_bytes_every_time_also_in_another_process(signed, key, tmp_path):
    content = pdf.render(signed)
    assert pdf.render(signed) == content
    assert pdf.render(json.loads(json.dumps(signed, sort_keys=True))) == content
    (tmp_path / "signed.json").write_text(json.dumps(signed))
    code = (
        "import json, sys, django; django.setup(); from apps.retention.certificates import pdf;"
        "sys.stdout.buffer.write(pdf.render(json.load(open(sys.argv[1]))))"
    )
    again = subprocess.run([sys.executable, "-c", code, str(tmp_path / "signed.json")], capture_output=True, check=True)
    assert again.stdout == content


@pytest.mark.parametrize("name", NAMES)
def test_no_name_breaks_the_page_or_is_evaluated_and_the_attachment_keeps_it_as_it_is(key, name):
    signed = signed_for(name)
    assert verify.check(verify.read(pdf.render(signed)), key)["organization"]["name"] == name


def test_what_the_fonts_lack_or_what_turns_the_text_stands_there_as_its_code_point():
    assert pdf._showable({"a": ["医 \u202e\n", "Ærø шалом שלום"]}) == {
        "a": ["[U+533B] [U+202E][U+000A]", "Ærø шалом שלום"]
    }


def test_a_cohort_of_many_supplements_and_great_numbers_is_shown_whole(key):
    segments = [(number, 0 if number else 1217, 10**14, "ab" * 32, facts().issued_at) for number in range(60)]
    signed = document.sign(document.build(facts(segments=segments)))
    assert verify.read(pdf.render(signed)) == signed
    assert 3 <= len(pdf.render_pages(signed)) <= 6


def _streams(content):
    for start in re.finditer(rb"stream\r?\n", content):
        try:
            yield zlib.decompressobj().decompress(content[start.end() :])
        except zlib.error:
            continue
