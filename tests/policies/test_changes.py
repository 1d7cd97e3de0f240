"""What changed between two versions, in words a reader follows."""

from hypothesis import given
from hypothesis import strategies as st

from apps.foundation.actors import SYSTEM
from apps.policies import changes
from apps.policies.models import PolicyVersion
from apps.policies.reading import html, plain
from apps.policies.services import publication
from tests.policies.conftest import JANUARY, NOON

WORDS = st.text(alphabet="ab \n", max_size=40)


def clause(code, text="Words.", heading=None, promises=()):
    return {"code": code, "heading": heading or code.title(), "text": text, "promises": list(promises)}


def between(before, after):
    old = publication.publish_first(title="Policy", introduction="Hello.", clauses=before, by=SYSTEM, at=JANUARY)
    new = publication.draft_from(previous=old, by=SYSTEM, at=NOON)
    return changes.between(old, publication.set_clauses(version=new, clauses=after, by=SYSTEM, at=NOON))


def pieces(change):
    return [(piece.kind, piece.words) for piece in change.text]


def test_added_removed_changed_and_moved_clauses_are_told_apart(db):
    told = between(
        [clause("a"), clause("b", "We keep it for ten days."), clause("c"), clause("d"), clause("e")],
        [clause("a"), clause("d"), clause("b", "We keep it for two days."), clause("c"), clause("f", "New.")],
    )
    assert [(change.kind, change.code) for change in told.clauses] == [
        ("moved", "d"), ("changed", "b"), ("added", "f"), ("removed", "e"),
    ]  # fmt: skip
    assert pieces(told.changed[0]) == [("same", "We keep it for "), ("del", "ten "), ("ins", "two "), ("same", "days. ")]
    assert pieces(told.added[0]) == [("ins", "New.")]
    assert pieces(told.removed[0]) == [("del", "Words.")]
    assert told.unchanged == 2


def test_a_promise_that_came_or_went_is_a_change(db):
    told = between([clause("a", promises=["P01", "P02"])], [clause("a", promises=["P02", "P03"])])
    assert (told.changed[0].promises_added, told.changed[0].promises_removed) == (("P03",), ("P01",))
    assert not told.changed[0].form_only


def test_emphasis_alone_is_a_change_of_form(db):
    told = between([clause("a", "Read *this*.")], [clause("a", "Read this.")])
    assert told.changed[0].form_only


def test_two_versions_that_say_the_same_have_no_changes(db):
    told = between([clause("a")], [clause("a")])
    assert told.is_empty
    assert told.unchanged == 1


def test_the_demos_versions_differ_in_four_clauses_and_one_new_one(second):
    told = changes.between(PolicyVersion.objects.get(number=1), second)
    assert [change.code for change in told.changed] == ["usage-data", "message-data", "cookies", "deletion"]
    assert [change.code for change in told.added] == ["legal-holds"]
    assert (told.removed, told.moved, told.unchanged) == ((), (), 21)


@given(WORDS, WORDS)
def test_the_pieces_give_both_texts_again(before, after):
    told = changes.words_between(before, after)
    old = "".join(piece.words for piece in told if piece.kind != "ins")
    new = "".join(piece.words for piece in told if piece.kind != "del")
    assert old.split() == before.split()
    assert new.split() == after.split()


def test_markdown_is_shown_without_letting_anything_in():
    shown = html('# Title\n\n<script>alert(1)</script>\n\n![x](https://evil.example/x.png) [a](javascript:alert(1)) **b**')
    assert "<h3>Title</h3>" in shown
    assert "<script" not in shown
    assert "<img" not in shown
    assert 'href="javascript' not in shown
    assert "<strong>b</strong>" in shown


def test_plain_text_keeps_paragraphs_bullets_and_addresses():
    assert plain("One *two*.\n\n- a\n- [b](https://c.example)\n") == "One two.\n• a\n• b (https://c.example)"
