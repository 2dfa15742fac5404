"""`contrace run` as it is typed: the command's end is contrace's end, its keys and files are its own."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import CONTRACE, Trace, contrace
from tests.managers import host
from tests.terminal import CTRL_BACKSLASH, CTRL_C, Terminal, terminal

TRAPS = "trap 'echo got $1 >> signals' $1; echo ready >> signals; while [ ! -e go ]; do sleep 0.05; done; exit 5"
"""A command for sh that writes down each signal and goes on until there is a file `go`."""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def started(tmp_path: Path) -> Iterator["Started"]:
    running = Started(tmp_path)
    yield running
    running.clean_up()


class Started:
    """A `contrace run` in the background."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def run(self, *args: str) -> "subprocess.Popen[str]":
        self._process = subprocess.Popen(
            [*CONTRACE, "run", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self._process

    def clean_up(self) -> None:
        (self._folder / "go").touch()
        if self._process is not None:
            self._process.communicate(timeout=20)


def has(path: str, text: str) -> bool:
    return Path(path).exists() and text in Path(path).read_text()


def wait_for(path: str, text: str) -> None:
    host.wait_until(lambda: has(path, text), f"{text!r} in {path}")


# --- the command's own -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--no-filter",), ("--no-follow",), ("--calls", "all")])
@pytest.mark.parametrize(("script", "status"), [("true", 0), ("exit 3", 3), ("exit 255", 255)])
def test_the_exit_status_is_the_commands(options: tuple[str, ...], script: str, status: int) -> None:
    done = contrace("run", *options, "-o", "none", "--", "sh", "-c", script)
    assert done.returncode == status, done.stderr


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT])
def test_contrace_ends_by_the_signal_that_ended_the_command(tmp_path: Path, signo: signal.Signals) -> None:
    done = contrace("run", "-o", "none", "--", "sh", "-c", f"kill -{int(signo)} $$")
    assert done.returncode == -signo, done.stderr
    assert f"+++ killed by {signo.name}" in done.stderr
    assert list(tmp_path.glob("core*")) == []


def test_standard_input_and_output_are_the_commands() -> None:
    done = contrace("run", "-o", "none", "--", "cat", stdin=None, input="some data\n")
    assert done.stdout == "some data\n"
    assert 'execve("/usr/bin/cat", ["cat"]' in done.stderr or 'execve("/bin/cat", ["cat"]' in done.stderr


def test_the_command_finds_its_signals_as_contrace_found_them() -> None:
    """Neither what Python ignores nor what the recorder ignores; what nohup(1) ignores, however, is ignored."""
    show = ("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status")
    plain = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    assert contrace("run", "-o", "none", "--", *show).stdout == plain
    under_nohup = subprocess.run(
        ["nohup", *CONTRACE, "run", "-o", "none", "--", *show],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert (
        under_nohup
        == subprocess.run(["nohup", *show], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
    )
    assert under_nohup != plain


def test_what_begins_the_command_and_what_is_a_filter() -> None:
    done = contrace("run", "-o", "none", "failed", "call:execve", "sh", "-c", "echo -v; echo failed")
    assert done.stdout == "-v\nfailed\n"
    assert "exited with" not in done.stderr

    done = contrace("run", "-o", "none", "--", "echo", "--", "failed", "-o", "x")
    assert done.stdout == "-- failed -o x\n"
    assert "exited with 0" in done.stderr


def test_no_filter_means_none() -> None:
    show = ("grep", "-E", "^(Seccomp|NoNewPrivs):", "/proc/self/status")
    plain = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    assert contrace("run", "-o", "none", "--no-filter", "--", *show).stdout == plain
    filtered = contrace("run", "-o", "none", "--", *show).stdout
    assert "Seccomp:\t2" in filtered
    if os.geteuid() == 0:
        assert "NoNewPrivs:\t0" in filtered


# --- where things go ---------------------------------------------------------------------------------------


def test_the_trace_goes_to_a_dated_file_in_the_working_directory(tmp_path: Path) -> None:
    for _ in range(2):
        assert contrace("run", "--", "true").returncode == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2
    for name in names:
        assert re.fullmatch(r"contrace-\d{8}-\d{6}(-\d+)?\.ctrace", name)
        assert Trace(Path(name)).named("execve")


def test_the_trace_goes_where_it_is_told_and_replaces_an_older_one(tmp_path: Path) -> None:
    for word in ("first", "second"):
        done = contrace("run", "-o", "x.ctrace", "--", "true", word)
        assert "; trace: x.ctrace" in done.stderr
    [call] = Trace(Path("x.ctrace")).named("execve")
    assert call.argv == [b"true", b"second"]
    assert [path.name for path in tmp_path.iterdir()] == ["x.ctrace"]


def test_no_trace_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = contrace("run", "-o", "none", "--", "true")
    assert 'execve("' in done.stderr
    assert "; trace:" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_text_goes_where_it_is_told() -> None:
    done = contrace("run", "-o", "none", "--log", "text", "--format", "strace", "--", "true")
    assert 'execve("' not in done.stderr
    lines = Path("text").read_text().splitlines()
    assert re.fullmatch(r'\d+ +execve\("[^"]+/true", \["true"\], 0x[0-9a-f]+ /\* \d+ vars \*/\) = 0', lines[0])
    assert lines[-1].endswith("+++ exited with 0 +++")


def test_no_text_where_none_is_wanted() -> None:
    done = contrace("run", "-o", "none", "--format", "none", "--", "true")
    narration = done.stderr.splitlines()
    assert len(narration) == 2
    assert all(line.startswith("contrace: ") for line in narration)
    assert "1 call (0 failed) of 1 process" in narration[-1]


def test_no_follow_shows_the_command_alone() -> None:
    done = contrace("run", "-o", "x.ctrace", "--no-follow", "--", "sh", "-c", "/bin/true; exit 0")
    assert done.returncode == 0
    assert len(Trace(Path("x.ctrace")).named("execve")) == 1


def test_a_reader_that_goes_away_does_not_disturb_the_command() -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9; do /bin/true; done; echo done > result; exit 4"
    line = f"{' '.join(CONTRACE)} run -o none -- sh -c '{script}' 2>&1 | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=60)
    assert has("result", "done")
    assert done.stdout.splitlines()[-1] == "4"
    assert done.stderr == ""


def test_the_time_limit_lets_the_command_go_on() -> None:
    script = "exec > result 2>&1; while [ ! -e go ]; do sleep 0.05; done; echo done"
    done = contrace("run", "--for", "300ms", "-o", "x.ctrace", "--", "sh", "-c", script)
    assert done.returncode == 0
    assert "0.3 s are over, the command goes on" in done.stderr
    assert Trace(Path("x.ctrace")).ended is not None
    Path("go").touch()
    wait_for("result", "done")


# --- signals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT", "QUIT"])
def test_a_signal_to_contrace_goes_to_the_command(started: Started, name: str) -> None:
    process = started.run("--format", "none", "--", "sh", "-c", TRAPS, "sh", name)
    wait_for("signals", "ready")
    process.send_signal(signal.Signals[f"SIG{name}"])
    wait_for("signals", f"got {name}")
    Path("go").touch()
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 5
    assert Path("signals").read_text() == f"ready\ngot {name}\n"
    assert "the command ended: " in stderr


def test_the_second_signal_kills_the_command(started: Started) -> None:
    process = started.run("-o", "x.ctrace", "--format", "none", "--", "sh", "-c", TRAPS, "sh", "TERM")
    wait_for("signals", "ready")
    process.terminate()
    wait_for("signals", "got")
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL
    assert Trace(Path("x.ctrace")).ended is not None


@pytest.mark.parametrize(("keys", "name"), [(CTRL_C, "INT"), (CTRL_BACKSLASH, "QUIT")])
def test_ctrl_c_goes_to_the_command_once_and_contrace_stays(tmp_path: Path, keys: bytes, name: str) -> None:
    with at_a_terminal(tmp_path, TRAPS, name) as screen:
        wait_for("signals", "ready")
        screen.type(keys)
        screen.awaits("contrace stays until the command and what it started have ended")
        Path("go").touch()
        assert screen.end() == 5
        assert Path("signals").read_text() == f"ready\ngot {name}\n"


def test_ctrl_c_ends_a_command_that_does_nothing_about_it(tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, "echo ready > signals; sleep 60") as screen:
        wait_for("signals", "ready")
        screen.type(CTRL_C)
        assert screen.end() == -signal.SIGINT
        assert "contrace stays" not in screen.screen


def test_the_second_ctrl_c_kills_the_command(tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, TRAPS, "INT") as screen:
        wait_for("signals", "ready")
        screen.type(CTRL_C)
        wait_for("signals", "got")
        screen.type(CTRL_C)
        assert screen.end() == -signal.SIGKILL


def test_the_second_ctrl_c_kills_what_an_ended_command_has_left_running(tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, "sh -c 'echo $$ > left; exec sleep 60' & exit 4") as screen:
        wait_for("left", "\n")
        left = int(Path("left").read_text())
        screen.type(CTRL_C)  # a shell lets its background jobs ignore it
        screen.awaits("once more kills them")
        screen.type(CTRL_C)
        assert screen.end() == 4
        assert host.state_of(left) is None


def test_the_terminal_is_the_commands(tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, "test -t 1 && read word && exit $word") as screen:
        screen.awaits("running sh")
        screen.type(b"6\n")
        assert screen.end() == 6


def at_a_terminal(folder: Path, script: str, *args: str) -> "Iterator[Terminal]":
    return terminal(
        *CONTRACE, "run", "--format", "none", "-o", "none", "--", "sh", "-c", script, "sh", *args, cwd=folder
    )


# --- how it looks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_for_terminals_that_want_them(tmp_path: Path, environment: dict[str, str], colours: bool) -> None:
    command = (*CONTRACE, "run", "-o", "none", "--", "sh", "-c", "exec /nonexistent/program")
    with terminal(*command, cwd=tmp_path, environment=environment) as screen:
        assert screen.end() == 127
        assert bool(re.search(r"\x1b\[[0-9;]*3\d[0-9;]*m", screen.screen)) == colours


def test_text_in_a_pipe_is_plain_and_uncut() -> None:
    done = contrace("run", "-o", "none", "--", "sh", "-c", f"/bin/echo {'a' * 30} {'b' * 30} {'c' * 30}")
    assert "\x1b" not in done.stderr
    assert f'["/bin/echo", "{"a" * 30}", "{"b" * 30}", "{"c" * 30}"]' in done.stderr
