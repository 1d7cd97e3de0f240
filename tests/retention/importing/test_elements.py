"""A JSON list taken apart as it streams: the same elements as a parser finds, whatever the size of the pieces it comes in."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.retention.importing import elements as module
from apps.retention.importing.elements import elements
from apps.retention.importing.lines import UnfitLine

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NASTY = st.text(alphabet='ab"\\[]{},: €', max_size=12)
ENTRY = st.recursive(
    st.none() | st.integers(-5, 5) | NASTY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
    max_leaves=8,
)


def found(content, *, longest=1_000, chunk=64 * 1024):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        return [
            element.code if isinstance(element, UnfitLine) else element
            for element in elements(io.BytesIO(content), longest=longest)
        ]


@PATIENT
@given(st.lists(ENTRY, max_size=4), st.integers(1, 9), st.sampled_from([None, 1]), st.booleans())
def test_the_elements_are_those_a_parser_finds(entries, chunk, indent, ascii_only):
    content = json.dumps(entries, indent=indent, ensure_ascii=ascii_only).encode()
    assert [json.loads(element) for element in found(content, chunk=chunk)] == entries


@PATIENT
@given(st.text(alphabet='[]{},"\\a \n', max_size=40).map(str.encode), st.integers(1, 9))
def test_no_bytes_bring_it_down_and_pieces_make_no_difference(content, chunk):
    assert found(content, longest=10, chunk=chunk) == found(content, longest=10)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[]", []),
        (b"\xef\xbb\xbf \n[ ]\n", []),
        (b"", ["cut_off"]),
        (b"[", ["cut_off"]),
        (b'[{"a": 1}, {"b"', [b'{"a": 1}', "cut_off"]),
        (b'[{"a": "\\', ["cut_off"]),
        (b'{"a": 1}', ["not_json"]),
        (b"[1] and more", [b"1", "not_json"]),
        (b"[1, oops, {2}, 3]", [b"1", b"oops", b"{2}", b"3"]),
        (b"[1,]", [b"1", b""]),
    ],
)
def test_what_is_no_list_says_so_once_and_a_broken_element_costs_only_itself(content, expected):
    assert found(content) == expected


def test_an_element_that_is_too_long_is_passed_over_and_the_next_is_found():
    content = b'[{"a": "' + b"x" * 200_000 + b'"}, {"b": 2}]'
    assert found(content, longest=100) == ["line_too_long", b'{"b": 2}']
