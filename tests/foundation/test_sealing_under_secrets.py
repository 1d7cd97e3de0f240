"""What is sealed under a secret opens for its own row only, and for nobody once the secret is destroyed."""

import pytest

from apps.foundation.keys import KeyDestroyed, SealBroken, forget, seal, unseal
from tests.foundation import keystores

SECRET = "linked/LNK-TEST001"


@pytest.fixture
def store(tmp_path):
    return keystores.new(tmp_path)


def test_what_was_sealed_opens_again(store):
    sealed = seal(b"a token", store=store, secret=SECRET, about="LNK-TEST001")
    assert b"a token" not in sealed
    assert unseal(sealed, store=store, secret=SECRET, about="LNK-TEST001") == b"a token"


def test_the_same_bytes_are_never_sealed_alike(store):
    first, second = (seal(b"a token", store=store, secret=SECRET, about="x") for _ in range(2))
    assert first != second


@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s[:20] + bytes([s[20] ^ 1]) + s[21:], lambda s: b"", lambda s: s[:12]])
def test_what_was_changed_does_not_open_and_the_refusal_repeats_nothing(store, change):
    sealed = seal(b"a token", store=store, secret=SECRET, about="LNK-TEST001")
    with pytest.raises(SealBroken) as refused:
        unseal(change(sealed), store=store, secret=SECRET, about="LNK-TEST001")
    assert "token" not in str(refused.value)


def test_what_belongs_to_another_row_does_not_open(store):
    sealed = seal(b"a token", store=store, secret=SECRET, about="LNK-TEST001")
    with pytest.raises(SealBroken):
        unseal(sealed, store=store, secret=SECRET, about="LNK-TEST002")


def test_with_its_secret_it_is_gone(store):
    sealed = seal(b"a token", store=store, secret=SECRET, about="LNK-TEST001")
    store.destroy(SECRET)
    forget(store.identity, SECRET)
    with pytest.raises(KeyDestroyed):
        unseal(sealed, store=store, secret=SECRET, about="LNK-TEST001")
