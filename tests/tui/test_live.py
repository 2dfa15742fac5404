"""A capture while it is browsed: what `q` asks, and `--tui` as somebody at a terminal sees it."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from contrace.capture.select import ebpf_missing
from contrace.tui.feed import Feed
from contrace.tui.live import LiveApp
from tests.bundles import Runtime, make_bundle
from tests.harness import CONTRACE, Trace
from tests.managers.containerd import Containerd
from tests.managers.fixtures import need
from tests.managers.host import is_alive, recorder_of, tracer_of, wait_until
from tests.tui.session import Session
from tests.tui.tmux import screen

RECORDING = "RECORDING"
PROMPT = "bash-"
ROOT = Path(__file__).parent.parent.parent
SHELL = ("bash", "--norc", "--noprofile")


@pytest.fixture(params=["ptrace", "ebpf"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "ebpf" and (reason := ebpf_missing()):
        pytest.skip(reason)
    return str(request.param)


# --- what the app asks ------------------------------------------------------------------------------------


class Pretended:
    """A capture as the app sees it."""

    headline = "attached to containerd"
    title = ""
    terminal = None

    def __init__(self, *ways: str) -> None:
        self.ways = [(way, f"meaning of {way}") for way in ways]
        self.recording, self.over = True, False
        self.done: list[str] = []
        self.texts: list[str] = []
        self.read, self.write = os.pipe()

    def filenos(self):
        return (self.read,)

    def news(self):
        os.read(self.read, 1)
        texts, self.texts = self.texts, []
        return texts

    def stop(self):
        self.done.append("stop")

    def leave(self):
        self.done.append("leave")

    def tell(self, text: str = "", *, recording: bool = True, over: bool = False) -> None:
        self.recording, self.over = recording, over
        self.texts = [text] if text else []
        os.write(self.write, b"!")


def live(trace: Path, capture: Pretended, steps) -> LiveApp:
    app = LiveApp(Feed(trace), (), capture)

    async def run() -> None:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            user = Session(pilot, app)
            await user.until(lambda: user.calls.count_lines() > 0)
            await steps(user)

    try:
        asyncio.run(run())
    finally:
        app.close()
    os.close(capture.read)
    os.close(capture.write)
    return app


@pytest.mark.parametrize(("answer", "done"), [("s", ["stop"]), ("l", ["leave"])])
def test_q_asks_what_to_do_about_the_capture(docker_trace, answer, done) -> None:
    capture = Pretended("s", "l")

    async def steps(user: Session) -> None:
        await user.press("q")
        await user.sees("The capture goes on", "meaning of s", "meaning of l", "stay here")
        await user.press(answer)
        await user.until(lambda: not user.app.is_running or capture.done)

    live(docker_trace, capture, steps)
    assert capture.done == done


@pytest.mark.parametrize("key", ["c", "escape"])
def test_the_user_may_stay(docker_trace, key) -> None:
    capture = Pretended("s", "l")

    async def steps(user: Session) -> None:
        await user.press("q")
        await user.sees("The capture goes on")
        await user.press(key)
        await user.sees_no_more("The capture goes on")
        assert user.app.is_running

    live(docker_trace, capture, steps)
    assert capture.done == []


def test_what_cannot_be_left_is_not_offered(docker_trace) -> None:
    async def steps(user: Session) -> None:
        await user.press("q")
        text = await user.sees("The capture goes on", "meaning of s")
        assert "meaning of l" not in text

    live(docker_trace, Pretended("s"), steps)


def test_a_capture_that_has_ended_is_told_and_not_asked_about(docker_trace) -> None:
    capture = Pretended("s", "l")

    async def steps(user: Session) -> None:
        capture.tell("the command [bold]ended\x1b[2J", recording=False)
        await user.told("the command [bold]ended\\x1b[2J")
        await user.press("q")
        await user.until(lambda: not user.app.is_running or user.app._exit)

    live(docker_trace, capture, steps)
    assert capture.done == []


def test_a_signal_ends_the_app(docker_trace) -> None:
    capture = Pretended("s", "l")

    async def steps(user: Session) -> None:
        capture.tell(over=True)
        await user.until(lambda: not user.app.is_running or user.app._exit)

    live(docker_trace, capture, steps)
    assert capture.done == []


# --- run --tui --------------------------------------------------------------------------------------------


def contrace_in(folder: Path, *words: str | Path, **more):
    settings = {
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(folder / "state"),
        "TMPDIR": str(folder),  # a killed contrace leaves its index there
        **more.pop("environment", {}),
    }
    return screen(*CONTRACE, *words, folder=folder, environment=settings, **more)


def command_line(folder: Path) -> int:
    """The contrace that writes into this folder: pid of the command line's process."""
    trace = str(folder / "t.ctrace").encode()
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                words = Path(f"/proc/{entry.name}/cmdline").read_bytes().split(b"\0")
                parent = Path(f"/proc/{entry.name}/stat").read_text().rsplit(")", 1)[1].split()[1]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if trace in words and b"contrace" in words:
                found.append((int(entry.name), int(parent)))
    pids = {pid for pid, _ in found}
    [first] = [pid for pid, parent in found if parent not in pids]
    return first


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
        user.press("F6")
        user.awaits("━ calls")
        user.press("q")
        user.awaits("The capture goes on")
        user.press("s")
        assert user.ended() == 0


def test_quitting_hangs_up_and_ends_the_command(tmp_path) -> None:
    trace = tmp_path / "t.ctrace"
    script = "trap 'echo got-hup > hup; exit' HUP; echo begun; while :; do sleep 0.1; done"
    with contrace_in(tmp_path, "run", "--tui", "-o", trace, "--", "bash", "-c", script) as user:
        user.awaits(RECORDING, "begun")
        shell = launched(tmp_path)
        user.press("F6")
        user.awaits("━ calls")
        user.press("q")
        user.awaits("stop it")
        user.press("s")
        assert user.ended() == 0
        assert not is_alive(shell)
        assert (tmp_path / "hup").read_text() == "got-hup\n"


def test_a_command_that_ignores_the_hangup_is_killed(tmp_path) -> None:
    script = "trap '' HUP; echo begun; while :; do sleep 0.1; done"
    with contrace_in(tmp_path, "run", "--tui", "-o", tmp_path / "t.ctrace", "--", "bash", "-c", script) as user:
        user.awaits(RECORDING, "begun")
        shell = launched(tmp_path)
        user.press("F6")
        user.awaits("━ calls")
        user.press("q")
        user.awaits("stop it")
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
        user.press("F6")
        user.awaits("━ calls")
        user.press("q")
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


# --- attach --tui -----------------------------------------------------------------------------------------


def test_a_container_starts_while_the_app_is_open(tmp_path, rootfs, backend) -> None:
    need()
    bundle = make_bundle(tmp_path / "bundle", rootfs, "/bin/true")
    gate = tmp_path / "gate"
    script = f'until [ -e {gate} ]; do sleep 0.1; done; "$@"; exec sleep 1000'
    words = Runtime(tmp_path / "containers").command("run", "--id", "demo", bundle)
    manager = subprocess.Popen(["sh", "-c", script, "sh", *map(str, words)], env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        attach = ["attach", "--tui", "--backend", backend, "-o", tmp_path / "t.ctrace", str(manager.pid)]
        with contrace_in(tmp_path, *attach, "call:unshare", size=(200, 50)) as user:
            user.awaits(RECORDING)
            gate.touch()
            text = user.awaits("unshare(CLONE_NEW", "cont:[1:CHILD]")
            assert RECORDING in text
            user.press("q")
            user.awaits("let go of every process")
            user.press("s")
            assert user.ended() == 0
            assert tracer_of(manager.pid) == 0
    finally:
        manager.kill()
        manager.wait()


def test_a_container_of_containerd_starts_while_the_app_is_open(tmp_path, containerd: Containerd, backend) -> None:
    attach = ["attach", "--tui", "--backend", backend, "-o", tmp_path / "t.ctrace", str(containerd.pid)]
    with contrace_in(tmp_path, *attach, "call:unshare,execve", size=(200, 50)) as user:
        user.awaits(RECORDING)
        containerd.run("browsed", "/bin/true")
        user.awaits("unshare(CLONE_NEWNS", "containerd-shim")
        user.press("q")
        user.awaits("What about it?")
        user.press("s")
        assert user.ended() == 0


def test_a_capture_that_is_left_goes_on_until_it_is_killed(tmp_path, backend) -> None:
    trace = tmp_path / "t.ctrace"
    script = "until [ -e go ]; do sleep 0.1; done; /bin/echo later; touch past; exec sleep 1000"
    target = subprocess.Popen(["bash", "-c", script], cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        attach = ["attach", "--tui", "--backend", backend, "--scope", "all", "-o", trace, str(target.pid)]
        with contrace_in(tmp_path, *attach) as user:
            user.awaits(RECORDING)
            recorder = recorder_of(command_line(tmp_path))
            user.press("q")
            user.awaits("leave it recording", f"kill {recorder} ends it")
            user.press("l")
            assert user.ended() == 0
            assert f"kill {recorder}" in user.text
            (tmp_path / "go").touch()
            wait_until((tmp_path / "past").exists, "the target goes on")
            os.kill(recorder, signal.SIGTERM)
            wait_until(lambda: not is_alive(recorder), "the recorder ends")
        assert target.poll() is None
        assert tracer_of(target.pid) == 0
    finally:
        target.kill()
        target.wait()
    assert Trace(trace).execs(b"/bin/echo", b"later")


def test_a_killed_contrace_lets_go_of_what_it_was_attached_to(tmp_path, backend) -> None:
    target = subprocess.Popen(["sleep", "1000"])
    try:
        attach = ["attach", "--tui", "--backend", backend, "-o", tmp_path / "t.ctrace", str(target.pid)]
        with contrace_in(tmp_path, *attach) as user:
            user.awaits(RECORDING)
            recorder = recorder_of(command_line(tmp_path))
            os.kill(command_line(tmp_path), signal.SIGKILL)
            wait_until(lambda: not is_alive(recorder), "the recorder ends")
            assert target.poll() is None
            assert tracer_of(target.pid) == 0
    finally:
        target.kill()
        target.wait()


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGHUP], ids=lambda signo: signo.name)
def test_a_signal_ends_the_app_also_when_the_capture_is_over(tmp_path, signo) -> None:
    """SIGHUP is what comes when the terminal's window is closed."""
    target = subprocess.Popen(["sleep", "1000"])
    attach = ["attach", "--tui", "--backend", "ptrace", "-o", tmp_path / "t.ctrace", str(target.pid)]
    with contrace_in(tmp_path, *attach) as user:
        user.awaits(RECORDING)
        target.kill()
        target.wait()
        user.awaits("every traced process ended")
        os.kill(command_line(tmp_path), signo)
        user.ended()


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
