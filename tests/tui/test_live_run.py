"""`run --tui` as somebody at a terminal sees it: a command in its pane, its calls beside it, and how either ends."""

import os
import signal
import subprocess
from pathlib import Path

from tests.harness import CONTRACE, Trace
from tests.managers.host import is_alive, recorder_of, wait_until
from tests.tui.live import RECORDING, command_line, contrace_in, leave_the_pane_and_quit

PROMPT = "bash-"
SHELL = ("bash", "--norc", "--noprofile")


def launched(folder: Path) -> int:
    """The command of `run`: what the recorder has started."""
    [child] = (
        Path(f"/proc/{recorder_of(command_line(folder))}/task/{recorder_of(command_line(folder))}/children")
        .read_text()
        .split()
    )
    return int(child)


def test_a_shell_is_used_while_its_calls_appear(tmp_path, backend) -> None:
    trace = tmp_path / "t.ctrace"
    with contrace_in(tmp_path, "run", "--tui", "--backend", backend, "-o", trace, "--", *SHELL) as user:
        user.awaits(RECORDING, PROMPT)
        user.type("/bin/echo a$((20 + 3))b\n")
        user.awaits("a23b", 'execve("/bin/echo"', "echo[")
        user.type("sleep 1000\n")
        user.awaits('execve("/usr/bin/sleep"' if Path("/usr/bin/sleep").exists() else "execve(")
        user.press("C-c")
        user.awaits("^C")
        user.type("echo status $?; sleep 1000\n")
        user.awaits("status 130")
        user.press("C-z")
        user.awaits("Stopped")
        user.type("kill %1; disown -a; echo q\n")  # bash does not exit while it knows of a stopped job
        user.type("exit 7\n")
        user.awaits("has ended", "with status 7")
        user.press("q")
        assert user.ended() == 7
    [echo] = Trace(trace).execs(b"/bin/echo")
    assert echo.argv[1] == b"a23b"


def test_the_command_sees_the_size_of_the_pane_also_after_a_change(tmp_path) -> None:
    with contrace_in(tmp_path, "run", "--tui", "-o", tmp_path / "t.ctrace", "--", *SHELL) as user:
        user.awaits(RECORDING, PROMPT)
        user.type("trap 'echo now $(stty size)' WINCH; echo at $(stty size)\n")
        user.awaits("at 17 138")
        user.resize(100, 40)
        user.awaits("now 15 98")
        leave_the_pane_and_quit(user)
        user.press("s")
        assert user.ended() == 0


def test_quitting_hangs_up_and_ends_the_command(tmp_path) -> None:
    trace = tmp_path / "t.ctrace"
    script = "trap 'echo got-hup > hup; exit' HUP; echo begun; while :; do sleep 0.1; done"
    with contrace_in(tmp_path, "run", "--tui", "-o", trace, "--", "bash", "-c", script) as user:
        user.awaits(RECORDING, "begun")
        shell = launched(tmp_path)
        leave_the_pane_and_quit(user)
        user.press("s")
        assert user.ended() == 0
        assert not is_alive(shell)
        assert (tmp_path / "hup").read_text() == "got-hup\n"


def test_a_command_that_ignores_the_hangup_is_killed(tmp_path) -> None:
    script = "trap '' HUP; echo begun; while :; do sleep 0.1; done"
    with contrace_in(tmp_path, "run", "--tui", "-o", tmp_path / "t.ctrace", "--", "bash", "-c", script) as user:
        user.awaits(RECORDING, "begun")
        shell = launched(tmp_path)
        leave_the_pane_and_quit(user)
        user.press("s")
        assert user.ended() == 0
        assert not is_alive(shell)


def test_a_command_that_is_left_goes_on_and_is_recorded_until_it_is_killed(tmp_path, backend) -> None:
    trace = tmp_path / "t.ctrace"
    # It prints more than a terminal holds: it would wait for a reader for ever.
    then = "seq 100000; /bin/echo later; touch past; exec sleep 1000"
    script = f"echo begun; until [ -e go ]; do sleep 0.1; done; {then}"
    with contrace_in(tmp_path, "run", "--tui", "--backend", backend, "-o", trace, "--", "bash", "-c", script) as user:
        user.awaits(RECORDING, "begun")
        shell, recorder = launched(tmp_path), recorder_of(command_line(tmp_path))
        leave_the_pane_and_quit(user)
        user.awaits("leave it", f"kill {recorder} ends it")
        user.press("l")
        assert user.ended() == 0
        assert f"kill {recorder}" in user.text
        (tmp_path / "go").touch()
        wait_until((tmp_path / "past").exists, "the command goes on")
        assert is_alive(shell)
        os.kill(recorder, signal.SIGTERM)
        wait_until(lambda: not is_alive(recorder), "the recorder ends")
        wait_until(lambda: not is_alive(shell), "so does the command")
    assert Trace(trace).execs(b"/bin/echo", b"later")


def test_a_killed_contrace_takes_its_command_with_it_as_a_closed_window_would(tmp_path, backend) -> None:
    trace = tmp_path / "t.ctrace"
    with contrace_in(tmp_path, "run", "--tui", "--backend", backend, "-o", trace, "--", *SHELL) as user:
        user.awaits(RECORDING, PROMPT)
        shell, recorder = launched(tmp_path), recorder_of(command_line(tmp_path))
        os.kill(command_line(tmp_path), signal.SIGKILL)
        wait_until(lambda: not is_alive(shell), "the shell ends")
        wait_until(lambda: not is_alive(recorder), "the recorder ends")
    assert Trace(trace).execs(b"bash")


def test_hostile_output_of_the_command_stays_in_its_pane(tmp_path) -> None:
    sequences = r"\033]2;pwned\007\033]52;c;cHduZWQ=\007\033[?1049l\033[?1000h\033c"
    out = rf"printf '{sequences}[bold]plain[/bold] \342\200\256rtl\033[31mred\n'"
    with contrace_in(tmp_path, "run", "--tui", "-o", tmp_path / "t.ctrace", "--", *SHELL) as user:
        user.awaits(RECORDING, PROMPT)
        title = user("display-message", "-p", "#{pane_title}")
        user.type(f"{out}\n")
        text = user.awaits("[bold]plain[/bold]", RECORDING)
        assert "\u202e" not in text
        assert user("display-message", "-p", "#{pane_title}") == title
        assert subprocess.run([*user._tmux, "show-buffer"], capture_output=True, check=False).stdout == b""
        user.type("exit\n")
        user.awaits("has ended")
        user.press("q")
        assert user.ended() == 0


def test_without_a_terminal_it_says_so(tmp_path) -> None:
    done = subprocess.run(
        [*CONTRACE, "run", "--tui", "-o", "none", "--", "true"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "--tui needs a terminal" in done.stderr
