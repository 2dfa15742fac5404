"""What is copied: a command line must be one command with these very words, in the shells that people paste into."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrace.tui.clipboard import quoted

HOSTILE = (b"a b", b"$(reboot)", b"`id`", b"'", b'"', b"\\", b"\x1b]0;x\x07", b"\n", b"\xff\xfe", b"1\x011", b"", b"*")


@pytest.mark.parametrize("word", HOSTILE)
def test_nothing_in_it_acts_on_a_terminal(word):
    text = quoted(word)
    assert text.isascii()
    assert text.isprintable()


@pytest.mark.parametrize("shell", ["bash", "zsh", "ksh"])
def test_a_shell_sees_these_very_words(shell):
    if shutil.which(shell) is None:
        if shell == "bash":
            pytest.fail("bash is not there")
        return
    command = "printf '%s\\0' " + " ".join(map(quoted, HOSTILE))
    said = subprocess.run([shell, "-c", command], capture_output=True, check=True, timeout=20).stdout
    assert said == b"".join(word + b"\0" for word in HOSTILE)


@given(st.binary(min_size=0, max_size=30).filter(lambda word: b"\0" not in word))
def test_any_bytes_are_quoted_harmlessly(word):
    text = quoted(word)
    assert text.isascii()
    assert text.isprintable()
