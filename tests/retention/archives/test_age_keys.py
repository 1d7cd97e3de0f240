"""The same secret always gives the same identity, in the notation of age."""

import shutil
import subprocess

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.retention.archives import age_keys
from tests.retention.archives.written import IDENTITY, RECIPIENT


@given(st.binary(min_size=32, max_size=32))
def test_an_identity_is_one_that_age_knows_and_writes_the_same(secret):
    identity, recipient = age_keys.age_identity(secret)
    known = pyrage.x25519.Identity.from_str(identity)
    assert (str(known), str(known.to_public())) == (identity, recipient)
    assert pyrage.decrypt(pyrage.encrypt(b"words", [age_keys.recipient_of(recipient)]), [known]) == b"words"


def test_the_identity_of_a_secret_is_a_fixed_point():
    assert age_keys.age_identity(bytes(range(32))) == (
        "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SWRYDWG",
        "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh",
    )


@pytest.mark.parametrize("secret", [b"", b"x" * 31, b"x" * 33])
def test_only_32_bytes_are_a_secret(secret):
    with pytest.raises(ValueError, match="32 bytes"):
        age_keys.age_identity(secret)


@pytest.mark.parametrize("text", ["", "age1", IDENTITY, RECIPIENT[:-1] + "x", "ssh-ed25519 AAAA", "\ud800"])
def test_what_is_no_public_key_is_refused_and_not_repeated(text):
    with pytest.raises(age_keys.NotARecipient) as refused:
        age_keys.recipient_of(text)
    assert str(refused.value) == "The text is not the public key of an age identity."


def test_a_public_key_is_taken_with_the_blanks_around_it():
    assert str(age_keys.recipient_of(f" {RECIPIENT}\n")) == RECIPIENT


def test_a_challenge_is_answered_by_the_owner_of_the_key_alone():
    answer, sealed = age_keys.challenge(RECIPIENT)
    opened = pyrage.decrypt(sealed.encode(), [pyrage.x25519.Identity.from_str(IDENTITY)])
    assert opened.decode().strip() == answer
    assert answer not in sealed
    assert age_keys.challenge(RECIPIENT)[0] != answer


@pytest.mark.skipif(not shutil.which("age-keygen"), reason="No age on this machine. Mend: apt-get install age")
def test_the_command_line_tool_finds_the_same_recipient():
    found = subprocess.run(["age-keygen", "-y"], input=IDENTITY, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == RECIPIENT
