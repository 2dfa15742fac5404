import pytest

from contrace.cli.words import rewrite
from contrace.filters import is_filter_word

VALUED = frozenset({"-o", "--output", "-s", "--string-limit", "--for", "--filter"})


def words(line: str, *, command_follows: bool = False) -> str:
    return " ".join(rewrite(line.split(), VALUED, is_filter_word, command_follows=command_follows))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("containerd", "containerd"),
        ("containerd failed", "containerd --filter=failed"),
        ("containerd -call:prctl -v", "containerd --filter=-call:prctl -v"),
        ("containerd !call:prctl", "containerd --filter=!call:prctl"),
        ("-failed 12", "--filter=-failed 12"),
        ("took:>5ms containerd", "--filter=took:>5ms containerd"),
        # the value of an option is not looked at
        ("-o failed containerd", "-o failed containerd"),
        ("-vs 64 containerd", "-vs 64 containerd"),
        ("--output pid:1 containerd", "--output pid:1 containerd"),
        ("-s128 failed", "-s128 --filter=failed"),
        ("--for=2s failed", "--for=2s --filter=failed"),
        # nor is what stands behind --
        ("containerd -- failed", "containerd -- failed"),
        ("- -o", "- -o"),
    ],
)
def test_filter_words_become_an_option(typed: str, meant: str) -> None:
    assert words(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ls -l", "-- ls -l"),
        ("-v ls -v", "-v -- ls -v"),
        ("-s 64 ls failed", "-s 64 -- ls failed"),
        ("failed -call:prctl ls", "--filter=failed --filter=-call:prctl -- ls"),
        ("failed -- failed", "--filter=failed -- failed"),
        ("-o x -- env -- ls", "-o x -- env -- ls"),
        ("env -- ls", "-- env -- ls"),
        ("-s", "-s"),
    ],
)
def test_the_words_of_a_command_are_left_alone(typed: str, meant: str) -> None:
    assert words(typed, command_follows=True) == meant
