"""`contrace show`: a trace read later, or while it grows, says what was said live."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import CONTRACE, Trace, contrace
from tests.managers import host
from tests.terminal import CTRL_C, terminal

SCRIPT = "/bin/true one; /nonexistent/two; /bin/sh -c '/bin/true four & wait'; kill -USR1 $$ || exit 3"
"""Processes, a failure, an interrupted line, a signal that ends it."""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def live() -> str:
    """What `contrace run` has shown as the timeline, while it wrote x.ctrace."""
    done = contrace("run", "-o", "x.ctrace", "--log", "live", "--", "sh", "-c", SCRIPT)
    assert done.returncode == -signal.SIGUSR1, done.stderr
    return Path("live").read_text()


def show(*words: str) -> str:
    done = contrace("show", *words)
    assert done.returncode == 0, done.stderr
    [summary] = done.stderr.splitlines()
    assert re.match(r"contrace: \d+ calls? .*, nothing lost; (it .*; )?trace: x\.ctrace$", summary)
    return done.stdout


def test_it_is_what_was_shown_live(live: str) -> None:
    assert show("x.ctrace") == live
    assert '"/nonexistent/two"' in live
    assert "+++ killed by SIGUSR1" in live.splitlines()[-1]


@pytest.mark.parametrize("format", ["strace", "jsonl"])
def test_so_it_is_in_every_format(format: str) -> None:
    contrace("run", "-o", "x.ctrace", "--format", format, "--log", "live", "--", "sh", "-c", SCRIPT)
    assert show("x.ctrace", "--format", format) == Path("live").read_text() != ""


def test_no_format_is_for_asking_whether_the_file_is_whole(live: str) -> None:
    assert show("x.ctrace", "--format", "none") == ""


def test_filter_words_and_plain_text(live: str) -> None:
    assert [line for line in live.splitlines() if "ENOENT" in line]
    for words in (["failed"], ["errno:ENOENT"], ["failed", "nonexistent"], ["ENOENT", "--filter", "execve"]):
        lines = show("x.ctrace", *words).splitlines()
        assert lines, words
        assert all("/nonexistent/two" in line and "= -1 ENOENT" in line for line in lines)
    assert show("x.ctrace", "call:execve", "!nonexistent", '"four"').count("execve(") == 2
    assert show("x.ctrace", "no such text") == ""


def test_strings_are_as_long_as_asked_for() -> None:
    contrace("run", "-o", "x.ctrace", "--format", "none", "--", "true", "a" * 50)
    assert f'"{"a" * 32}"...' in show("x.ctrace")
    assert f'"{"a" * 4}"...' in show("x.ctrace", "-s", "4")
    assert f'"{"a" * 50}"]' in show("x.ctrace", "-s", "64")
    assert '"PATH=' in show("x.ctrace", "-v", "-s", "4096")


def test_a_reader_that_has_seen_enough(live: str) -> None:
    line = f"{' '.join(CONTRACE)} show x.ctrace | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == [live.splitlines()[0], "0"]
    # The summary comes if everything was written before the reader went.
    assert re.fullmatch(r"(contrace: \d+ calls .* trace: x\.ctrace\n)?", done.stderr)


# --- while it grows ----------------------------------------------------------------------------------------


@pytest.fixture
def recorded() -> "Iterator[subprocess.Popen[bytes]]":
    """A command that is being recorded into x.ctrace: it starts a process for each file that it finds."""
    script = "for name in one two; do while [ ! -e $name ]; do sleep 0.05; done; /bin/true $name; done"
    command = [*CONTRACE, "run", "-o", "x.ctrace", "--log", "live", "--", "sh", "-c", script]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    host.wait_until(lambda: Path("x.ctrace").exists(), "the recording has begun")
    yield process
    for name in ("one", "two"):
        Path(name).touch()
    process.wait(20)


def test_following_goes_on_until_the_recorder_ends(recorded: "subprocess.Popen[bytes]") -> None:
    with Path("shown").open("wb") as shown:
        follower = subprocess.Popen([*CONTRACE, "show", "--follow", "x.ctrace"], stdout=shown)
    for name in ("one", "two"):
        assert f'"{name}"]' not in Path("shown").read_text()
        Path(name).touch()
        host.wait_until(lambda text=f'"{name}"]': text in Path("shown").read_text(), f"{name} is shown")
    assert recorded.wait(20) == 0
    assert follower.wait(20) == 0
    assert Path("shown").read_text() == Path("live").read_text() == show("x.ctrace")


def test_without_following_it_shows_what_there_is(recorded: "subprocess.Popen[bytes]") -> None:
    host.wait_until(lambda: len(Trace(Path("x.ctrace")).records) > 3, "something is recorded")
    assert 'execve("' in show("x.ctrace")
    assert recorded.poll() is None


def test_ctrl_c_ends_following_and_not_the_recording(tmp_path: Path, recorded: "subprocess.Popen[bytes]") -> None:
    with terminal(*CONTRACE, "show", "--follow", "x.ctrace", cwd=tmp_path) as screen:
        screen.awaits("execve(")
        screen.type(CTRL_C)
        assert screen.end() == 0
        assert "Traceback" not in screen.screen
        assert screen.screen.replace("^C", "").endswith("\n")
    assert recorded.poll() is None


def test_following_a_complete_trace_ends(live: str) -> None:
    assert show("x.ctrace", "--follow") == live


def test_what_a_killed_recorder_left_is_shown(recorded: "subprocess.Popen[bytes]") -> None:
    host.wait_until(lambda: len(Trace(Path("x.ctrace")).records) > 3, "something is recorded")
    recorder = Trace(Path("x.ctrace")).meta.recorder_pid
    subprocess.run(["kill", "-KILL", str(recorder)], check=True)
    assert recorded.wait(20) == 1
    assert 'execve("' in show("x.ctrace")
    assert show("x.ctrace", "--follow") == show("x.ctrace")


# --- on a terminal -----------------------------------------------------------------------------------------


def test_long_lines_go_on_below_where_the_terminal_ends(tmp_path: Path, live: str) -> None:
    with terminal(*CONTRACE, "show", "x.ctrace", cwd=tmp_path, columns=90) as screen:
        assert screen.end() == 0
        lines = re.sub(r"\x1b\[[0-9;]*m", "", screen.screen).splitlines()
    assert len(lines) > len(live.splitlines())
    assert max(map(len, lines)) <= 90
