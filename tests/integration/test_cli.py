"""The command as a whole: how fast it starts, what it imports, and that nothing about it is an accident."""

import subprocess
import sys

import pytest

from contrace import __version__
from tests.harness import contrace


def test_the_version_is_told_without_importing_much() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "contrace", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"contrace {__version__}\n"
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "contrace.__main__" not in imported  # it is what runs
    assert not imported & {"typer", "rich", "rich.console", "msgspec", "sqlite3", "ptrace", "contrace.cli.main"}


@pytest.mark.parametrize("words", [("--help",), ("attach", "--help"), ("run", "-h"), ("show", "-h"), ("doctor", "-h")])
def test_help_does_not_load_what_only_captures_need(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "contrace", *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage: contrace")
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert not imported & {"rich.console", "sqlite3", "contrace.capture.ptrace", "textual"}


def test_ctrl_c_while_it_is_loading_ends_it_without_a_word() -> None:
    interrupted = """
import sys
class CtrlC:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, CtrlC())
from contrace.__main__ import main
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", interrupted, "doctor"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_without_a_command_it_shows_the_help() -> None:
    done = contrace()
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Commands:" in done.stderr


def test_output_that_cannot_be_written_is_said() -> None:
    for words in (("doctor",), ("--help",)):
        with open("/dev/full", "w") as full:
            done = contrace(*words, stdout=full, stderr=subprocess.PIPE, capture_output=False)
        assert done.returncode == 1
        assert done.stderr == "contrace: cannot write to the output: No space left on device\n"


@pytest.mark.parametrize("words", ["doctor", "--help", "run --help"])
def test_a_reader_that_has_seen_enough_is_no_error(words: str) -> None:
    line = f"{sys.executable} -m contrace {words} | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
