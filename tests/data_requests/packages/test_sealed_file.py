"""A sealed file opens whole and in its own place, or not at all."""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.data_requests.packages import sealed_file
from apps.data_requests.packages.sealed_file import HEADER_BYTES, PIECE, TAG_BYTES
from apps.foundation.keys import KeyDestroyed, SealBroken, forget, keystore, setting_up

SECRET, ABOUT = "package/PKG-1", "PKG-1/accounts.people"


@pytest.fixture
def store(home):
    setting_up.set_up(keystore(), new=True)
    return keystore()


def sealed(store, *given: bytes) -> bytes:
    sink = io.BytesIO()
    writer = sealed_file.Writer(sink, store=store, secret=SECRET, about=ABOUT)
    for piece in given:
        writer.write(piece)
    writer.close()
    return sink.getvalue()


def opened(store, content: bytes, *, secret: str = SECRET, about: str = ABOUT) -> bytes:
    return b"".join(sealed_file.read(io.BytesIO(content), store=store, secret=secret, about=about))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 17])
def test_every_length_comes_back(store, size):
    content = bytes(number % 251 for number in range(size))

    assert opened(store, sealed(store, content)) == content


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(st.binary(max_size=3 * PIECE // 2), max_size=5))
def test_it_does_not_matter_in_which_pieces_it_was_written(store, written):
    assert opened(store, sealed(store, *written)) == b"".join(written)


def test_the_same_content_is_sealed_under_another_key_each_time(store):
    first, second = sealed(store, b"the same"), sealed(store, b"the same")

    assert first[HEADER_BYTES:] != second[HEADER_BYTES:]
    assert b"the same" not in first


def test_it_says_what_came_in_and_what_went_out(store):
    sink = io.BytesIO()
    writer = sealed_file.Writer(sink, store=store, secret=SECRET, about=ABOUT)
    writer.write(b"ab")
    writer.write(b"c")
    writer.close()

    assert (writer.size, writer.digest.hex()[:8], len(writer.sealed_digest)) == (3, "ba7816bf", 32)


@pytest.mark.parametrize(
    "cut",
    [
        lambda content: content[:-1],
        lambda content: content[: HEADER_BYTES + PIECE + TAG_BYTES],  # its last piece is gone
        lambda content: content[:HEADER_BYTES] + content[HEADER_BYTES + PIECE + TAG_BYTES :],  # its first
        lambda content: content + b"\x00",
        lambda content: b"CVP2" + content[4:],
        lambda content: content[: HEADER_BYTES - 1],
        lambda content: b"",
    ],
)
def test_what_was_cut_or_put_together_anew_does_not_open(store, cut):
    content = sealed(store, b"x" * (2 * PIECE + 5))

    with pytest.raises(SealBroken):
        opened(store, cut(content))


def test_no_byte_can_be_changed(store):
    content = sealed(store, b"x" * 40)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            opened(store, bytes(changed))


def test_another_name_does_not_open_it(store):
    content = sealed(store, b"x")
    store.ensure("package/PKG-2")

    with pytest.raises(SealBroken):
        opened(store, content, about="PKG-2/accounts.people")
    with pytest.raises(SealBroken):
        opened(store, content, secret="package/PKG-2")


def test_without_its_secret_it_never_opens_again(store):
    content = sealed(store, b"x")
    store.destroy(SECRET)
    forget(store.identity, SECRET)

    with pytest.raises(KeyDestroyed):
        opened(store, content)
