"""The shell completes: a real bash asks, with the script that contrace prints for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.managers import host

COMPLETE = """
set -u
eval "$(cat completion.bash)"
COMP_WORDS=("$@") COMP_CWORD=$(( $# - 1 ))
_contrace_completion contrace
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """contrace as a command in PATH, and what `contrace --show-completion` prints in a bash."""
    monkeypatch.chdir(tmp_path)
    Path("bin").mkdir()
    Path("bin/contrace").write_text(f'#!/bin/sh\nexec {sys.executable} -m contrace "$@"\n')
    Path("bin/contrace").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    # Behind another command, so that bash does not give way to contrace: the shell is found by looking at the parent.
    shown = subprocess.run(
        ["bash", "-c", "contrace --show-completion; exit $?"], capture_output=True, text=True, check=True, timeout=60
    )
    Path("completion.bash").write_text(shown.stdout)


def complete(*words: str) -> list[str]:
    """What bash offers for the last of the words."""
    done = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", "contrace", *words], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("",), ["attach", "run", "show", "view", "demo", "doctor", "runtime"]),
        (("at",), ["attach"]),
        (("attach", "--fo"), ["--for", "--format"]),
        (("show", "--fo"), ["--format", "--follow"]),
        (("run", "--no"), ["--no-follow", "--no-filter"]),
        (("attach", "--format", ""), ["timeline", "explained", "strace", "jsonl", "normalised", "none"]),
        (("attach", "--scope", ""), ["birth", "all"]),
        (("run", "--calls", "%b"), ["%birth"]),
        (("run", "--calls", "execve,unsh"), ["execve,unshare"]),
        (("demo", "br"), ["broken"]),
        (("doctor", "--for"), []),
        (("runtime", "st"), ["start", "state"]),
        (("runtime", "run", "bi"), ["bin/"]),
    ],
)
def test_words(words: tuple[str, ...], offered: list[str]) -> None:
    assert complete(*words) == offered


def test_docker_is_a_target_even_where_none_runs() -> None:
    assert complete("attach", "docke")[0] == "docker"


def test_traces_and_the_ways_to_them() -> None:
    Path("b.ctrace").touch()
    Path("b.txt").touch()
    Path("beyond").mkdir()
    Path("beyond/c.ctrace").touch()
    assert complete("show", "b") == ["b.ctrace", "beyond/", "bin/"]
    assert complete("show", "beyond/") == ["beyond/c.ctrace"]


@pytest.fixture
def oddly_named() -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(["contrace-test $(touch evil)\n;", "60"], executable="sleep")
    yield process
    host.end(process)


@pytest.fixture
def plainly_named() -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(["contrace-test-plain", "60"], executable="sleep")
    yield process
    host.end(process)


@pytest.mark.usefixtures("oddly_named", "plainly_named")
def test_processes_by_name_unless_the_name_could_do_harm() -> None:
    assert complete("attach", "contrace-test") == ["contrace-test-plain"]
    assert not Path("evil").exists()


def test_it_installs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    subprocess.run(
        ["bash", "-c", "contrace --install-completion; exit $?"], check=True, capture_output=True, timeout=60
    )
    new_shell = subprocess.run(
        ["bash", "-c", "source ~/.bashrc; complete -p contrace"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "_contrace_completion" in new_shell.stdout
