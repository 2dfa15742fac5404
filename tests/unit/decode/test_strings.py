"""Quoting. Expected texts are strace's for the same bytes."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrace.decode.strings import can_show, cut, hexadecimal_bytes, quote


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", '""'),
        (b"plain", '"plain"'),
        (b"\a\b\t\n\v\f\r", r'"\7\10\t\n\v\f\r"'),
        (b"\033[31m", r'"\33[31m"'),
        (b"\177", r'"\177"'),
        (b"\200\377", r'"\200\377"'),
        (b'"q"', r'"\"q\""'),
        (b"back\\slash'", r'"back\\slash' + "'" + '"'),
        (b"\x01", r'"\1"'),
        (b"\x011", r'"\0011"'),
        (b"\x01a", r'"\1a"'),
        (b"\x1f7", r'"\0377"'),
        (b"\x018", r'"\18"'),
        (b"\x81\x019", r'"\201\19"'),
        (b"\xe2\x80\xae", r'"\342\200\256"'),
    ],
)
def test_bytes_are_quoted_as_strace_quotes_them(data, expected):
    assert quote(data) == expected


@given(st.binary())
def test_what_is_quoted_can_be_read_back(data):
    quoted = quote(data)
    assert quoted.isascii()
    assert quoted.isprintable()
    assert ast.literal_eval("b" + quoted) == data


def test_a_long_string_is_cut():
    assert cut(b"abc", 3) == '"abc"'
    assert cut(b"abcd", 3) == '"abc"...'
    assert cut(b"abc", 3, more=True) == '"abc"...'
    assert cut(b"a", 0) == '""...'


def test_a_string_without_an_end_is_shown_only_if_it_goes_on_behind_the_limit():
    assert can_show(b"abc", 3, broken=False)
    assert not can_show(b"abc", 3, broken=True)
    assert can_show(b"abcd", 3, broken=True)


def test_bytes_in_hexadecimal():
    assert hexadecimal_bytes(b"\x00a\xff") == r'"\x00\x61\xff"'
