"""Bytes of strangers become a letter or a refusal with a code, in little time, and nothing else ever."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.communications.receiving import reading
from apps.communications.receiving.reading import Letter, LetterRefused, read
from tests.communications.inquiries.given import mail

REAL = sorted((Path(live_settings.BASE_DIR) / "tests" / "data" / "mail").glob("*.eml"))
HEAD = b"From: ada@client.example\r\nSubject: x\r\n"

ALTERNATIVE = HEAD + (
    b"Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n"
    b"--in\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n--in--\r\n"
    b"--out\r\nContent-Type: application/pdf; name=scan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n"
    b"--out\r\nContent-Type: text/plain; name=\"no\x00te.txt\"\r\nContent-Disposition: attachment\r\n\r\nNot my words\r\n--out--\r\n"
)


def nested(depth: int) -> bytes:
    return HEAD + b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (number, number) for number in range(depth))


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name[:5])
def test_real_mails_are_read(path):
    letter = read(path.read_bytes())
    assert "@" in letter.sender
    assert letter.text.strip()
    assert letter.message_id.startswith("<")


def test_there_are_real_mails_to_read():
    assert len(REAL) >= 8


def test_plain_text_goes_before_html_and_attachments_are_named_and_dropped():
    letter = read(ALTERNATIVE)
    assert letter.text == "Grüße"
    assert letter.attachments[0] == "scan.pdf"
    assert len(letter.attachments) == 2


def test_of_html_only_the_words_are_taken():
    page = "<head><title>T</title></head><style>p{}</style><script>alert(1)</script><p>One &amp; two</p><div>Three<br>Four</div><img src=http://x.example/p.gif>"
    assert read(HEAD + f"Content-Type: text/html\r\n\r\n{page}".encode()).text.split() == ["One", "&", "two", "Three", "Four"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (HEAD + b"\r\n" + b"x" * 5_300_000, "too_large"),
        (HEAD + b"X: y\r\n" * 1_200 + b"\r\nhi", "too_many_headers"),
        (HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\nhi", "too_many_headers"),
        (HEAD + b"\r\n" + b"x" * 100_001, "line_too_long"),
        (HEAD + b"\r\n" + b"\n" * 200_001, "too_many_lines"),
        (nested(31), "too_many_parts"),
        (nested(12), "too_deep"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 200, "too_many_parts"),
        (b"Subject: x\r\n\r\nhi", "no_sender"),
        (b"From: a@b.example, c@d.example\r\n\r\nhi", "no_sender"),
        (b"From: nobody\r\n\r\nhi", "no_sender"),
        (b"", "no_sender"),
        (HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 1_500 + b"hi", "too_many_headers"),
    ],
)
def test_what_would_keep_a_parser_busy_is_refused_by_its_code(data, code):
    with pytest.raises(LetterRefused) as refused:
        read(data)
    assert refused.value.code in (code, "mail_unreadable") if code == "too_many_headers" else refused.value.code == code
    assert "client.example" not in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"\r\n" + b"x\n" * 199_000,
        nested(9) + b"x\n" * 190_000,
        HEAD + b"Content-Type: text/html\r\n\r\n" + (b"<" * 90_000 + b"\n") * 50,
        HEAD + b"Content-Type: text/html\r\n\r\n" + (b"<script " * 10_000 + b"\n") * 50,
        HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + (b"=41" * 30_000 + b"\n") * 50,
        HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + (b"=A=" * 30_000 + b"\n") * 50,
        HEAD + b"Content-Type: text/plain; " + b"".join(b"name*%d*=a;" % number for number in range(4_000)) + b"\r\n\r\nhi",
        b"From: " + b"((" * 30_000 + b"\r\n\r\nhi",
        b"From: " + b'"a' * 30_000 + b"\r\n\r\nhi",
        HEAD + b"In-Reply-To: " + b"<a" * 30_000 + b"\r\n\r\nhi",
    ],
    ids=range(10),
)
def test_hostile_mails_cost_little_time(data):
    began = time.process_time()
    with suppress(LetterRefused):
        read(data)
    assert time.process_time() - began < 3


def test_headers_can_not_be_broken_out_of():
    letter = read(b"From: ada@client.example\r\nSubject: =?utf-8?q?a=0D=0ABcc:_eve@x.example?=\r\nMessage-ID: <a b>\r\n\r\nhi")
    assert "\n" not in letter.subject
    assert letter.message_id == ""


@pytest.mark.parametrize(
    ("headers", "is_automatic", "is_unanswerable"),
    [
        ({}, False, False),
        ({"Auto_Submitted": "no"}, False, False),
        ({"Auto_Submitted": "Auto-Replied (vacation)"}, True, True),
        ({"Auto_Submitted": "auto-generated"}, False, True),
        ({"Precedence": "junk"}, False, True),
        ({"List_Id": "<a.example>"}, False, True),
        ({"Return_Path": "<>"}, True, True),
        ({"sender": "Mail Delivery System <MAILER-DAEMON@x.example>"}, True, True),
    ],
)
def test_machines_are_known(headers, is_automatic, is_unanswerable):
    letter = read(mail(**headers))
    assert (letter.is_automatic, letter.is_unanswerable) == (is_automatic, is_unanswerable)


def test_a_long_text_is_cut_and_says_so():
    letter = read(HEAD + b"\r\n" + b"word \n" * 30_000)
    assert len(letter.text) < reading.LONGEST_TEXT + 100
    assert letter.text.endswith("characters]")


def whole(letter: Letter) -> bool:
    """What may be sealed and shown: text that encodes, on its line where it is a line, within its length."""
    letter.text.encode()
    lines = [letter.subject, letter.sender, letter.message_id, *letter.attachments, *letter.references]
    return "\x00" not in letter.text and not any("\n" in line or "\r" in line for line in lines) and len(letter.subject) <= reading.LONGEST_SUBJECT


PIECES = st.sampled_from([
    b"From: ", b"a@b.example", b"\r\n", b"\n", b"\r", b"Content-Type: multipart/mixed; boundary=b", b"--b", b"--b--", b"Subject: ",
    b"=?utf-8?b?", b"?=", b"=?x?q?=ff?=", b"Content-Transfer-Encoding: base64", b"Content-Type: text/html; charset=", b"utf-7",
    b"unicode_escape", b"idna", b"Content-Type: message/rfc822", b"Content-Disposition: attachment; filename*=", b"utf-8''%ff", b"\xff\xfe",
    b"\x00", b"<", b">", b"(", b'"', b";", b":", b"Message-ID: <a@b>", b"Return-Path: <>", b"\xed\xa0\x80",
])  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES | st.binary(max_size=8), max_size=60).map(b"".join))
@example(b"From: a@b.example\nContent-Type: text/plain; charset=idna\n\n\xff")
@example(b"From: a@b.example\nContent-Type: text/plain; charset=\"\x00\"\n\nx")
@example(b"From: a@b.example\nContent-Transfer-Encoding: uuencode\n\nbegin 666 x\n\xff")
def test_whatever_the_bytes_are_they_become_a_letter_or_a_refusal(data):
    try:
        letter = read(data)
    except LetterRefused:
        return
    assert whole(letter)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_real_mail_with_bytes_changed_becomes_a_letter_or_a_refusal(data):
    raw = bytearray(data.draw(st.sampled_from(REAL)).read_bytes())
    for _change in range(data.draw(st.integers(1, 30))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        letter = read(bytes(raw))
    except LetterRefused:
        return
    assert whole(letter)
