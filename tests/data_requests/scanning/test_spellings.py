"""In which spellings a person is found, and what looks alike and is somebody else's or nobody's."""

import base64
import html
import json
import quopri
from urllib.parse import quote, quote_plus

import pytest

from apps.accounts.details import normalise_email
from apps.communications.texts import sender_digest
from apps.contacts import hashing as matching
from apps.data_requests import hashing
from apps.data_requests.scanning import contents, terms
from apps.data_requests.scanning.kinds import What
from apps.data_requests.scanning.spelling import fold
from tests.data_requests.scanning.conftest import IDA

EMAIL, PHONE, NAME = IDA.emails[0], IDA.phones[0], IDA.names[0]


@pytest.fixture
def whom(house):
    return terms.of_subject(IDA)


def in_text(whom, text: str) -> set[What]:
    folded = fold(text)
    return whom.in_text(folded) | ({What.NAME} if whom.name_in(folded) else set())


SPELLINGS = {
    "as it is": lambda text: f"to {text}, today",
    "in small letters": str.lower,
    "in capital letters": str.upper,
    "in a URL": lambda text: f"https://x.example/?q={quote(text, safe='')}&b=1",
    "in a form": lambda text: f"q={quote_plus(text)}",
    "in JSON": lambda text: json.dumps({"k": f"\n{text}\n"}),
    "in HTML": lambda text: f"<b>{html.escape(text)}</b>",
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64, one further": lambda text: base64.b64encode(b"x" + text.encode() + b"yz").decode(),
    "in base64, two further": lambda text: base64.b64encode(b"xy" + text.encode() + b"z").decode(),
    "in base64 for URLs": lambda text: base64.urlsafe_b64encode(b"~~" + text.encode()).decode(),
    "in base64, in small letters before": lambda text: base64.b64encode(text.lower().encode()).decode(),
    "in hexadecimal digits": lambda text: text.encode().hex(),
    "in hexadecimal digits, capital": lambda text: text.encode().hex().upper(),
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize(("text", "what"), [(EMAIL, What.EMAIL), (NAME, What.NAME), (IDA.identities[0][1], What.IDENTITY), (IDA.reference, What.REFERENCE)])
def test_a_person_is_found_in_every_spelling_in_texts(whom, text, what, spelled):
    assert what in in_text(whom, spelled(text))


@pytest.mark.parametrize(
    "content",
    [
        lambda text: b"\x00\xff" + text.encode() + b"\x00", lambda text: text.encode("utf-16"), lambda text: text.encode("utf-16-be"),
        lambda text: base64.b64encode(b"\x00" + text.encode()), lambda text: text.lower().encode(), lambda text: text.encode().hex().upper().encode(),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("text", "what"), [(EMAIL, What.EMAIL), (NAME, What.NAME), (PHONE.removeprefix("+"), What.PHONE)])
def test_a_person_is_found_in_every_spelling_in_bytes(whom, text, what, content):
    assert what in contents.of_bytes(whom, content(text))


@pytest.mark.parametrize(
    "written",
    ["+12025550143", "12025550143", "2025550143", "(202) 555-0143", "202-555-0143", "202.555.0143", "+1 202 555 0143", "+1-202-555-0143", "(202)555-0143",
     "0012025550143", "tel:+1-202-555-0143", "202/555/0143"],
)  # fmt: skip
def test_a_phone_is_found_however_people_write_it(whom, written):
    assert in_text(whom, f"call {written} now") == {What.PHONE}


@pytest.mark.parametrize(
    "written", ["zelia.quark+news@client.example", "ZELIA.QUARK+a.b@CLIENT.EXAMPLE", "zelia.quark%2Bnews%40client.example", "<zelia.quark@client.example>."]
)
def test_a_mailbox_is_found_under_any_tag(whom, written):
    assert in_text(whom, written) == {What.EMAIL}


@pytest.mark.parametrize("written", ["Quark-Hobbs, Zélia", "zélia.quark-hobbs", "ZE\u0301LIA QUARK-HOBBS", "zélia_quark-hobbs", "Z\\u00e9lia Quark-Hobbs"])
def test_a_name_is_found_in_either_order_composed_or_not(whom, written):
    assert in_text(whom, written) == {What.NAME}


@pytest.mark.parametrize(
    "written",
    ["azelia.quark@client.example", "x.zelia.quark@client.example", "zelia.quark@client.examples", "912025550143", "20255501434", "PER-7K3M9QXA",
     "XPER-7K3M9QX", "zq-4471-aab", "Zélias Quark-Hobbson", "3317", "zelia", "Quark", "zelia.quark+news@client.example.evil1"[:27]],
)  # fmt: skip
def test_what_only_looks_alike_is_not_found(whom, written):
    assert in_text(whom, f"see {written} here") == set()


def test_hashes_are_those_that_the_parts_of_this_software_make(house):
    """Written a second time here, and the same."""
    key = matching.RotatingKey(1, create=True)
    inner = matching.inner(matching.EMAIL, normalise_email(EMAIL))
    expected = {hashing.of_email(EMAIL), hashing.of_phone(PHONE), sender_digest(EMAIL), inner}
    whom = terms.of_subject(IDA)

    assert expected <= {needle for what, needle in whom.raw if what == What.HASH}
    assert len(key.close(inner)) == 32


def test_nothing_says_whom_it_looks_for(whom):
    assert repr(whom) == "<terms>"
