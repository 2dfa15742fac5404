"""`contrace view` in a terminal, and without one."""

import subprocess
import sys

import pytest

from contrace.errors import ExitCode
from tests.harness import contrace
from tests.terminal import terminal

VIEW = (sys.executable, "-m", "contrace", "view")


def refused(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [*VIEW, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr


def test_without_a_terminal_it_says_what_prints_a_trace(unshare_trace):
    status, said = refused(str(unshare_trace))
    assert status == ExitCode.USAGE
    assert "contrace show FILE" in said


def test_a_wrong_filter_is_said_before_anything_is_opened():
    status, said = refused("call:unshre")
    assert status == ExitCode.USAGE
    assert "did you mean unshare?" in said


def test_what_is_no_trace_is_said_on_the_usual_screen(tmp_path):
    (tmp_path / "random.ctrace").write_bytes(b"no trace at all")
    with terminal(*VIEW, "random.ctrace", cwd=tmp_path) as seen:
        assert seen.end() == ExitCode.TRACE_FILE
        assert "random.ctrace" in seen.screen
        assert "\x1b[?1049h" not in seen.screen  # the alternate screen


def test_q_ends_it_and_gives_the_terminal_back(unshare_trace):
    with terminal(*VIEW, unshare_trace.name, "failed", cwd=unshare_trace.parent) as seen:
        seen.awaits("filter: failed")
        seen.type(b"q")
        assert seen.end() == ExitCode.OK
        assert seen.screen.count("\x1b[?1049l") == 1


def test_without_a_trace_it_lists_those_that_there_are(unshare_trace):
    with terminal(*VIEW, cwd=unshare_trace.parent) as seen:
        seen.awaits("unshare.ctrace")
        seen.type(b"q")
        assert seen.end() == ExitCode.OK


@pytest.mark.parametrize("option", [("--format", "jsonl"), ("-v",), ("-s", "100"), ("--log", "x")], ids=" ".join)
@pytest.mark.parametrize("verb", [("attach", "1"), ("run", "true")], ids=lambda words: words[0])
def test_how_text_is_shown_is_no_matter_of_the_tui(verb: tuple[str, str], option: tuple[str, ...]) -> None:
    done = contrace(verb[0], "--tui", *option, verb[1])
    assert done.returncode == 2
    assert done.stderr == "contrace: --tui shows the trace in its own way: leave out --format, --log, -s and -v\n"
