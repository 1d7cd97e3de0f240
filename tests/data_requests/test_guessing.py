"""The kind that a mail asks for is guessed where one stands out; everything else is left to staff."""

import time

import pytest

from apps.data_requests import guessing
from apps.data_requests.states import Kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Please delete my data.", Kind.DELETION),
        ("I want you to erase all of the personal information you have", Kind.DELETION),
        ("Deletion request", Kind.DELETION),
        ("I use my right to be forgotten", Kind.DELETION),
        ("remove me and all my old records", Kind.DELETION),
        ("Send me a copy of my personal data", Kind.ACCESS),
        ("Subject access request", Kind.ACCESS),
        ("What personal information do you have about me?", Kind.ACCESS),
        ("Which categories of personal information do you collect?", Kind.CATEGORIES),
        ("Please correct my date of birth", Kind.CORRECTION),
        ("my name is wrong", Kind.CORRECTION),
        ("Please close my account", Kind.CLOSING),
        ("I want to cancel my registration", Kind.CLOSING),
        ("I withdraw my consent to the newsletter", Kind.WITHDRAWAL),
        ("A request under Civil Code 1798.83", Kind.MARKETING_DISCLOSURES),
        ("Shine the Light", Kind.MARKETING_DISCLOSURES),
        ("I ask for an accounting of disclosures", Kind.ACCOUNTING),
        ("My daughter has an account with you", Kind.MINOR),
        ("She is 12 years old", Kind.MINOR),
    ],
)
def test_one_kind_that_stands_out_is_taken(words, kind):
    assert guessing.kind_of("", words) == guessing.kind_of(words, "") == kind


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Hello, how are you?",
        "Please do not delete my data, I only want to know what you do.",
        "don't close my account",
        "Close my account, and send me a copy of my data first.",
        "I deleted your mail by mistake.",
        "The meeting is moved to Thursday; close the door.",
    ],
)
def test_anything_else_is_left_to_staff(words):
    assert guessing.kind_of("", words) == Kind.COMPLAINT


def test_a_child_whose_data_is_to_go_is_a_report_of_a_minor():
    assert guessing.kind_of("My son", "My son uses your app. He is 11 years old. Please delete his account.") == Kind.MINOR


def test_what_one_kind_does_anyway_may_be_asked_beside_it():
    assert guessing.kind_of("", "A copy of my data please, and the categories of personal information.") == Kind.ACCESS
    assert guessing.kind_of("", "Close my account and delete all my data.") == Kind.CLOSING


def test_quoted_words_are_somebody_elses():
    assert guessing.kind_of("Re: your mail", "Thank you!\n> Please delete my data.\n") == Kind.COMPLAINT


@pytest.mark.parametrize(
    "words", ["delete " * 1_000, "delete a b c d e " * 300, "my son " * 1_000, "-'" * 3_000, "what " * 1_000, "remove " + "x" * 4_000], ids=range(6)
)
def test_hostile_words_cost_little_time(words):
    began = time.process_time()
    for _many in range(20):
        guessing.kind_of(words, words)
    assert time.process_time() - began < 2
