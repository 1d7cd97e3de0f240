"""What a person is handed of their messages: all that they wrote and received, where the client releases it; of others nothing that names them."""

import pytest

from apps.accounts.services.subjects import subject_of
from apps.foundation.personal_data import Redaction
from apps.retention.importing.lines import Party
from apps.retention.models import PersonRule
from apps.retention.services import people
from apps.retention.services.people import rules
from tests import cast
from tests.cast import DAY, NOON
from tests.retention.people.erased import BEN, CARA, five_messages

pytestmark = pytest.mark.usefixtures("house")


@pytest.fixture
def clinic():
    return cast.hill_clinic()


@pytest.fixture
def ada(clinic):
    return cast.ada(clinic)


def collected(person, answer="release", at=NOON):
    """Every piece, its rows and what was left out of them."""
    return [(one.title, list(one.rows), list(one.redactions)) for one in people.collect(subject_of(person), at, answer)]


def rows(person, **more):
    ((_title, found, _left_out),) = collected(person, **more)
    return found


def left_out(person):
    ((_title, _rows, redactions),) = collected(person)
    return {redaction.what: redaction.count for redaction in redactions}


def test_what_was_written_and_received_is_handed_over_and_nothing_of_others(clinic, ada):
    five_messages(clinic)
    found = rows(ada)
    assert [(row["From"], row["To"], row["Text"]) for row in found] == [
        ("you", ["participant 1"], "Good morning"),
        ("you", ["participant 1"], "Good morning"),
        ("participant 1", ["you", "participant 2"], "Good morning"),
    ]
    assert [row["Stored until"] for row in found] == ["2026-03-14", "2026-03-16", "2026-03-16"]
    assert "ben" not in str(found).casefold()
    assert "cara" not in str(found).casefold()


def test_what_was_left_out_is_listed_with_its_reason(clinic, ada):
    five_messages(clinic)
    ((_title, _rows, redactions),) = collected(ada)
    assert redactions == [Redaction("messages", "participant", 4, "It is about somebody else.")]


@pytest.mark.parametrize(
    ("body", "told", "what"),
    [
        ("Ask ben@client.example, please", "Ask [e-mail address], please", {"e-mail address in a text": 1}),
        ("Mine is Ada@client.example.", "Mine is Ada@client.example.", {}),
        ("Call +1 (415) 555-0134 today", "Call [phone number] today", {"phone number in a text": 1}),
        ("Room 12, dose 500 mg, on 2026-03-08", "Room 12, dose 500 mg, on 2026-03-08", {}),
        ("BEN says hello, Benjamin too", "[name] says hello, Benjamin too", {"name in a text": 1}),
        ("It is for Ada, not for Ben", "It is for Ada, not for [name]", {"name in a text": 1}),
    ],
)
def test_addresses_phones_and_names_of_others_are_taken_out_of_texts(clinic, ada, body, told, what):
    cast.hand_over(clinic, [cast.message(1, body=body, recipients=(BEN,))])
    assert rows(ada)[0]["Text"] == told
    assert left_out(ada) == {"participant": 1} | what


def test_a_whole_name_goes_before_its_parts(clinic, ada):
    whom = Party(email="mary@client.example", name="Mary Ann Quill")
    cast.hand_over(clinic, [cast.message(1, body="Mary Ann Quill came; then Quill left.", recipients=(whom,))])
    assert rows(ada)[0]["Text"] == "[name] came; then [name] left."


def test_a_file_is_handed_over_to_who_sent_it_and_named_to_who_got_it(clinic, ada):
    plan = ({"kind": "file", "name": "plan.txt", "media_type": "text/plain", "size": 4, "content": "UGxhbg=="},)
    cast.hand_over(clinic, [
        cast.message(1, attachments=plan, recipients=(CARA,)),
        cast.message(2, attachments=plan, sender=BEN, recipients=(Party(email="ada@client.example"),)),
    ])  # fmt: skip
    sent, received = rows(ada)
    assert sent["Attachments"][0]["content"] == "UGxhbg=="
    assert received["Attachments"] == [{"kind": "file", "media_type": "text/plain", "size": 4, "name": "plan.txt"}]
    assert left_out(ada)["content of an attachment"] == 1


@pytest.mark.parametrize(("answer", "said"), [("withhold", "It does not release them"), ("", "It was asked and has not answered yet")])
def test_who_decides_is_said_where_nothing_is_released(clinic, ada, answer, said):
    five_messages(clinic)
    ((title, (told,), _left_out),) = collected(ada, answer)
    assert title == "Messages: who decides on them"
    assert (told["Who decides"], told["Messages"]) == ("Hill Clinic", 3)
    assert told["What it says"].startswith(said)
    assert "Good morning" not in str(told)


def test_a_standing_rule_releases(clinic, ada):
    five_messages(clinic)
    rule = rules.propose(rule=PersonRule(organization=clinic, erasure="ask", access="release", evidence="Letter"), by=cast.bo(), at=NOON)
    assert collected(ada, "")[0][0] == "Messages: who decides on them"
    rules.approve(rule=rule, by=cast.cleo(), at=NOON)
    assert len(collected(ada, "")[0][1]) == 3


def test_what_is_over_is_read_by_nobody(clinic, ada):
    five_messages(clinic)
    assert len(rows(ada, at=NOON + 6 * DAY)) == 2
    assert rows(ada, at=NOON + 8 * DAY) == []


def test_nobody_else_is_handed_them(clinic, ada):
    five_messages(clinic)
    other = cast.ada(cast.client("Mercy General"), email="ada@client.example")
    assert rows(other) == []
