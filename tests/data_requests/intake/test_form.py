"""The public form: whatever is typed and whoever is known, one sealed row and the same redirect; nothing is looked up, refused or lost."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.data_requests import hashing
from apps.data_requests.models import Arrival
from apps.data_requests.public_forms import KINDS
from apps.data_requests.services import arriving, flooding
from apps.data_requests.states import Asker, Kind
from apps.data_requests.tasks import take_arrivals
from tests.data_requests.intake import given
from tests.data_requests.intake.given import TYPED

PAIRS = 1_000
PDF = b"%PDF-1.7\nI authorise Anna Agent to ask for me.\n%%EOF\n"
#: what differs by itself between any two posts of one browser
OF_ITS_TIME = re.compile(rb"(?m)^(Date|X-Request-ID): .*$")


def whole(answer) -> bytes:
    """Everything that the browser gets."""
    lines = [f"{answer.status_code}", *(f"{name}: {value}" for name, value in sorted(answer.headers.items()))]
    return OF_ITS_TIME.sub(b"", "\n".join(lines).encode()) + b"\n\n" + answer.content + repr(answer.cookies).encode()


def newest():
    return arriving.open_asked(Arrival.objects.order_by("-pk").first())


def test_what_is_typed_is_kept_and_the_answer_is_a_redirect_to_a_page_that_never_changes(visitor):
    answer = visitor.post("/requests/", TYPED | {"name": "Ada Lovell", "organization": "Hill Clinic", "state_of_residence": "CA"})
    assert (answer.status_code, answer.headers["Location"], answer.content) == (303, "/requests/received/", b"")
    asked = newest()
    assert (asked.kind, asked.email, asked.name, asked.organization, asked.state_of_residence) == ("deletion", given.ADA, "Ada Lovell", "Hill Clinic", "CA")
    page = visitor.get("/requests/received/")
    assert page.status_code == 200
    assert "days are counted" in page.content.decode()


def test_a_thousand_pairs_of_a_known_and_an_unknown_address_are_answered_by_the_same_bytes(ada, visitor):
    answers = {True: set(), False: set()}
    for number in range(PAIRS):
        known = TYPED | {"text": f"No. {number}"}
        answers[True].add(whole(visitor.post("/requests/", known)))
        answers[False].add(whole(visitor.post("/requests/", known | {"email": given.EVE})))
    assert answers[True] == answers[False]
    assert len(answers[True]) == 1
    assert Arrival.objects.count() == 2 * PAIRS


def queries(visitor, **typed):
    with CaptureQueriesContext(connection) as seen:
        assert visitor.post("/requests/", TYPED | typed).status_code == 303
    return [re.sub(r"'[^']*'|\d+|::\w+", "?", query["sql"]) for query in seen.captured_queries]


def test_nothing_is_looked_up_before_the_answer(ada, visitor):
    queries(visitor)
    known, unknown = queries(visitor), queries(visitor, email=given.EVE)
    assert known == unknown
    tables = {table for sql in known for table in re.findall(r'(?:FROM|INTO|UPDATE|JOIN) "(\w+)"', sql)}
    assert tables == {"data_requests_arrival"}
    assert [sql for sql in known if "SELECT" in sql and "pg_advisory_xact_lock_shared" not in sql] == []


def test_the_same_address_again_costs_the_same_queries_so_that_no_earlier_request_shows(ada, visitor):
    given.taken()
    assert queries(visitor) == queries(visitor, email="never.seen@elsewhere.example")


def test_every_kind_can_be_asked_for(visitor):
    assert {kind for kind, _label in KINDS} == set(Kind)
    for kind, _label in KINDS:
        assert visitor.post("/requests/", TYPED | {"kind": kind}).status_code == 303
        assert newest().kind == kind


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"email": ""}, "Type the e-mail address."),
        ({"email": "no address"}, "That is no e-mail address"),
        ({"kind": ""}, "This field is required."),
        ({"kind": "everything"}, "not one of the available choices"),
        ({"kind": "correction", "text": " "}, "Say in a few words what it is about"),
        ({"asker": "agent"}, "Needed where you ask for somebody else."),
        ({"asker": "attorney", "agent_name": "A", "agent_email": given.EVE}, "Needed with a power of attorney."),
        ({"text": "x" * 10_001}, "at most 10000 characters"),
    ],
)
def test_what_is_not_right_is_said_beside_its_field_and_nothing_typed_is_lost(visitor, typed, said):
    answer = visitor.post("/requests/", TYPED | {"name": "Ada Lovell"} | typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert 'value="Ada Lovell"' in page
    assert Arrival.objects.count() == 0


def test_a_wrong_field_is_told_the_same_whoever_is_known(ada, visitor):
    nobody = "eve@nobody.example"
    assert len(nobody) == len(given.ADA)
    one, other = (whole(visitor.post("/requests/", TYPED | {"kind": "", "email": email})) for email in (given.ADA, nobody))
    assert one == other.replace(nobody.encode(), given.ADA.encode())


def test_an_agents_document_is_kept_sealed_and_what_is_no_document_is_said(visitor):
    agent = TYPED | {"asker": "agent", "agent_name": "Anna Agent", "agent_email": given.EVE}
    file = SimpleUploadedFile("permission.pdf", PDF)
    assert visitor.post("/requests/", agent | {"document": file}).status_code == 303
    assert PDF not in bytes(Arrival.objects.get().words)
    assert (newest().document, newest().agent_email) == (PDF, given.EVE)
    answer = visitor.post("/requests/", agent | {"document": SimpleUploadedFile("x.pdf", b"MZ\x90 a program")})
    assert (answer.status_code, "The file is no PDF" in answer.content.decode()) == (422, True)


def test_a_file_that_is_too_large_is_let_go_while_it_comes(visitor, settings, tmp_path):
    settings.REQUEST_DOCUMENT_BYTES = 1_000
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    agent = TYPED | {"asker": "agent", "agent_name": "Anna Agent", "agent_email": given.EVE}
    before = set(tmp_path.iterdir())
    answer = visitor.post("/requests/", agent | {"document": SimpleUploadedFile("x.pdf", PDF * 10_000)})
    assert answer.status_code == 422
    assert "larger than" in answer.content.decode()
    assert set(tmp_path.iterdir()) == before
    assert Arrival.objects.count() == 0


def test_what_belongs_to_another_asker_is_left_out(visitor):
    visitor.post("/requests/", TYPED | {"agent_name": "Anna Agent", "agent_email": given.EVE, "document": SimpleUploadedFile("p.pdf", PDF)})
    asked = newest()
    assert (asked.asker, asked.agent_name, asked.agent_email, asked.document) == (Asker.SELF, "", "", b"")


def test_what_fills_in_the_trap_is_kept_and_waits_with_its_like(visitor):
    answer = visitor.post("/requests/", TYPED | {"website": "http://pills.example"})
    assert answer.status_code == 303
    person = visitor.post("/requests/", TYPED)
    assert whole(answer) == whole(person)
    trapped, sent = Arrival.objects.order_by("pk")
    assert bytes(trapped.prefix_digest) == hashing.of_prefix(flooding.TRAP) != bytes(sent.prefix_digest)


@pytest.mark.parametrize("words", ["\x00\x00", "a\x00b", "𝔘𝔫𝔦 🦔 \u202e", "%s {{ x }} {% now %}", "'; DROP TABLE person; --", "\r\nBcc: eve@elsewhere.example"])
def test_whatever_is_written_is_kept_as_it_is_written(visitor, words):
    answer = visitor.post("/requests/", TYPED | {"text": words + " x"})
    assert answer.status_code in (303, 422)
    if answer.status_code == 303:
        assert newest().text == (words + " x").replace("\x00", "").strip()
        take_arrivals()
        assert Arrival.objects.get().words is None


def test_no_page_sets_a_cookie_is_kept_or_loads_a_script(visitor):
    for answer in (visitor.get("/requests/"), visitor.get("/requests/received/"), visitor.post("/requests/", TYPED), visitor.post("/requests/", {})):
        assert answer.cookies == {}
        assert answer.headers["Cache-Control"] == "no-store"
        assert "<script" not in answer.content.decode()


def test_the_network_that_counts_is_a_neighbourhood_and_no_address():
    assert flooding.prefix_of("203.0.113.77") == "203.0.113.0/24"
    assert flooding.prefix_of("::ffff:203.0.113.77") == "203.0.113.0/24"
    assert flooding.prefix_of("2001:db8:1234:5678::1") == "2001:db8:1234::/48"
    assert (flooding.prefix_of(""), flooding.prefix_of("unknown")) == ("", "")
