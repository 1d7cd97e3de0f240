"""Canonical bytes: the quick way gives the very bytes of the careful one, or proofs made by one would fail with the other."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.foundation.digests import canonical, canonical_checked

# half surrogate pairs too: they can't be stored, but must not change what is hashed
TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PLAIN)
@example({"\uffff": 1, "\U00010000": 2, "z": 3, "é": 4, "\x7f": 5, "\u2028": 6})
@example({"".join(map(chr, range(0x20))): "".join(map(chr, range(0x80, 0x100)))})
@example(["\ud800", 2**64, -(2**63) - 1, '\\"/'])
def test_both_ways_to_canonical_json_give_the_same_bytes(value):
    assert canonical_checked(value) == canonical(value)
    assert canonical(value) == json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("value", [1.0, [1.5], {"a": {"b": (0.1,)}}, float("nan")])
def test_a_float_has_no_canonical_bytes(value):
    with pytest.raises(TypeError):
        canonical(value)
