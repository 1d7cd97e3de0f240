"""From template and values to subject, text and address: what somebody wrote stays text, on one line where it must."""

import unicodedata

import pytest
from django.template import TemplateDoesNotExist
from hypothesis import given
from hypothesis import strategies as st

from apps.mail.services import rendering
from apps.mail.services.rendering import AddressUnusable
from tests.cast import NOON

CERTIFICATE = "retention/certificate_issued"


def of_certificate(organization):
    return rendering.render(CERTIFICATE, {"organization": organization, "number": "CRT-1", "messages": 1, "day": NOON.date()})


def test_subject_and_text_are_made_of_the_template_and_its_values(write_template, settings):
    settings.BASE_URL = "https://covenant.example"
    name = write_template("tests/hello", "Subject: For {{ who }}\n\nHello {{ who }},\nlook at {{ base_url }}/x/\n\n")
    assert rendering.render(name, {"who": "Ada"}) == ("For Ada", "Hello Ada,\nlook at https://covenant.example/x/\n")


def test_values_are_plain_text_and_no_template(write_template):
    name = write_template("tests/plain", "Subject: {{ who }}\n{{ who }}")
    told = "Smith & <Sons> {{ base_url }} {% now 'Y' %}"
    assert rendering.render(name, {"who": told}) == (told, f"{told}\n")


@pytest.mark.parametrize("name", ["../settings", "retention/../../x", "/etc/passwd", "a/b/c", "Retention/x", "x.txt", "", "a\n"])
def test_no_name_leads_out_of_the_folder_of_mails(name):
    with pytest.raises(ValueError, match="a mail template is named like"):
        rendering.render(name, {})


def test_a_template_that_does_not_exist_or_does_not_begin_with_its_subject_is_a_defect(write_template):
    with pytest.raises(TemplateDoesNotExist):
        rendering.render("tests/absent", {})
    name = write_template("tests/headless", "Hello,\nSubject: later\n")
    with pytest.raises(ValueError, match="must be its subject"):
        rendering.render(name, {})


def test_a_long_name_ends_with_the_space_for_a_subject():
    subject, text = of_certificate("L" * 5000)
    assert len(subject) == 200
    assert "L" * 5000 in text


@given(st.text())
def test_whatever_a_value_is_the_subject_is_one_printable_line(value):
    subject, text = of_certificate(value)
    assert len(subject.splitlines()) == 1
    assert [sign for sign in subject if unicodedata.category(sign) == "Cc"] == []
    assert {sign for sign in text if unicodedata.category(sign) == "Cc"} <= {"\n", "\t"}
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize(
    "text", ["ada@client.example", "  ada@client.example\n", "ada+mail@sub.client.example", "o'neil@client.example", "ada@bücher.example"]
)
def test_an_address_is_taken_without_the_space_around_it(text):
    assert rendering.address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "ada", "ada@", "@client.example", "ada@client", "ada client.example",
        "ada@client.example, eve@evil.example", "ada@client.example;eve@evil.example", "ada@client.example eve@evil.example",
        "Ada <ada@client.example>", "<ada@client.example>",
        "ada@client.example\nBcc: eve@evil.example", "ada@client.example\r\nBcc: eve@evil.example", "ada\n@client.example",
        "ada@client.example\x00", "a\x00da@client.example", '"a\x01da"@client.example', "ada@client\u2028.example",
        '"a, eve@evil.example"@client.example', '"ada\\"@client.example',
        "a" * 250 + "@client.example", "ada@" + "a" * 60 + ("." + "b" * 60) * 4 + ".example",
    ],
)  # fmt: skip
def test_what_is_not_one_address_is_refused_without_being_repeated(text):
    with pytest.raises(AddressUnusable) as refusal:
        rendering.address(text)
    assert "ada" not in f"{refusal.value} {refusal.value.as_dict()}"
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None or refusal.value.__suppress_context__
