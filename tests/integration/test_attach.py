"""`contrace attach` as it is typed: how targets are named, how it ends, and that the targets do not notice."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import ATTACHED, CONTRACE, Trace, contrace
from tests.managers import host
from tests.terminal import CTRL_C, terminal
from tests.users import user

BUSY = "while [ ! -e go ]; do /bin/true; done; echo done > result"
"""For sh: starts one process after the other until there is a file `go`."""

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes that are ended afterwards."""
    processes: list[subprocess.Popen[bytes]] = []

    def begin(*command: str | Path, **options: object) -> "subprocess.Popen[bytes]":
        options = {"stdin": subprocess.DEVNULL} | options
        process = subprocess.Popen([*command], **options)
        processes.append(process)
        return process

    yield begin
    for process in reversed(processes):
        host.end(process)


@pytest.fixture
def busy(start: Start) -> "subprocess.Popen[bytes]":
    return start("sh", "-c", BUSY)


def named(name: str) -> Path:
    """A program of this name that sleeps."""
    sleep = shutil.which("sleep")
    assert sleep is not None
    return Path(shutil.copy(sleep, name)).absolute()


def attach(*words: str | int, seconds: str = "200ms") -> "subprocess.CompletedProcess[str]":
    return contrace("attach", *map(str, words), "--for", seconds, "-o", "x.ctrace")


def attaching(target: "subprocess.Popen[bytes]", backend: str) -> tuple[str, ...]:
    return (*CONTRACE, "attach", str(target.pid), "--backend", backend)


def attached_pids() -> set[int]:
    return {int(pid) for pid in re.findall(r"\[(\d+)\]", " ".join(Trace(Path("x.ctrace")).meta.command))}


# --- naming targets ----------------------------------------------------------------------------------------


def test_by_pid(busy: "subprocess.Popen[bytes]") -> None:
    done = attach(busy.pid)
    assert done.returncode == 0, done.stderr
    assert f"attached to sh (pid {busy.pid}, 1 thread)" in done.stderr
    assert 'execve("/bin/true", ["/bin/true"]' in done.stdout


def test_by_name(start: Start) -> None:
    """The name is the program's, also where it is longer than the kernel's 15 bytes."""
    process = start(named("contrace-test-sleeper-of-a-name"), "60")
    assert attach("contrace-test-sleeper-of-a-name").returncode == 0
    assert attached_pids() == {process.pid}


def test_by_the_name_of_a_script(start: Start) -> None:
    Path("contrace-test-scr").write_text("#!/bin/sh\nsleep 60 & wait\n")
    Path("contrace-test-scr").chmod(0o755)
    process = start("./contrace-test-scr")
    host.wait_until(lambda: len(children(process.pid)) == 1, "the script has begun")
    try:
        assert attach("contrace-test-scr").returncode == 0
        assert attached_pids() == {process.pid}
    finally:
        for child in children(process.pid):
            os.kill(child, signal.SIGKILL)


def test_by_pid_file(busy: "subprocess.Popen[bytes]") -> None:
    Path("sh.pid").write_text(f"{busy.pid}\n")
    for word in ("sh.pid", "./sh.pid", str(Path("sh.pid").absolute())):
        assert attach(word).returncode == 0
        assert attached_pids() == {busy.pid}


def test_several_at_once(start: Start, busy: "subprocess.Popen[bytes]") -> None:
    other = start("sleep", "60")
    done = attach(busy.pid, other.pid, busy.pid)
    assert done.returncode == 0
    assert attached_pids() == {busy.pid, other.pid}
    assert done.stderr.count("1 thread)") == 2


def test_docker_is_its_daemon_its_containerd_and_the_shims(start: Start) -> None:
    """In a process namespace of their own, so that no real ones are near."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a PID namespace with its own /proc")
    programs = [named(name) for name in ("dockerd", "containerd", "containerd-shim-runc-v2", "containerd-not")]
    script = "; ".join(
        [
            *(f'{program} 60 & pids="$pids $!"' for program in programs),
            f"{' '.join(CONTRACE)} attach docker --for 200ms -o x.ctrace; status=$?",
            "kill $pids; exit $status",
        ]
    )
    inside = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", script)
    done = subprocess.run(inside, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    targets = [re.sub(r"\[\d+\]", "", target) for target in Trace(Path("x.ctrace")).meta.command]
    assert sorted(targets) == ["containerd", "containerd-shim-runc-v2", "dockerd"]


def test_a_normal_user_attaches_to_own_processes() -> None:
    with user() as somebody:
        target = subprocess.Popen([*somebody.prefix, "sh", "-c", BUSY], cwd=somebody.folder)
        try:
            host.wait_until(lambda: len(children(target.pid)) == 1, "the user's shell is busy")
            done = somebody.contrace("attach", str(target.pid), "--for", "300ms", "-o", "none")
        finally:
            host.end(target)
    assert done.returncode == 0, done.stderr
    assert 'execve("/bin/true", ["/bin/true"]' in done.stdout


# --- ending ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT"])
def test_a_signal_ends_it_and_the_target_goes_on(
    start: Start, busy: "subprocess.Popen[bytes]", name: str, backend: str
) -> None:
    attached = start(*attaching(busy, backend), "-o", "x.ctrace", stdout=subprocess.DEVNULL, stderr=errors())
    host.wait_until(lambda: ATTACHED in Path("stderr").read_text(), "contrace traces")
    attached.send_signal(signal.Signals[f"SIG{name}"])
    assert attached.wait(20) == 0
    assert "contrace: stopped: " in Path("stderr").read_text()
    assert Trace(Path("x.ctrace")).ended is not None
    goes_on(busy)


def test_ctrl_c_ends_it_and_the_target_goes_on(tmp_path: Path, busy: "subprocess.Popen[bytes]", backend: str) -> None:
    with terminal(*attaching(busy, backend), "-o", "x.ctrace", cwd=tmp_path) as screen:
        screen.awaits("+++ exited with 0 +++")
        screen.type(CTRL_C)
        assert screen.end() == 0
        assert "; trace: x.ctrace\n" in screen.screen
    goes_on(busy)


def test_after_its_time_it_ends_and_the_target_goes_on(busy: "subprocess.Popen[bytes]") -> None:
    done = attach(busy.pid, seconds="0.5s")
    assert done.returncode == 0
    assert re.search(
        r"^contrace: 0\.5 s are over: .* in [5-9]\d\d ms, nothing lost; trace: x\.ctrace$", done.stderr, re.M
    )
    goes_on(busy)


def test_it_ends_when_nobody_reads_any_more(busy: "subprocess.Popen[bytes]") -> None:
    line = f"{' '.join(CONTRACE)} attach {busy.pid} -o x.ctrace | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "0"
    assert "Traceback" not in done.stderr
    assert Trace(Path("x.ctrace")).ended is not None
    goes_on(busy)


def test_a_command_line_that_is_killed_takes_the_recorder_and_its_temporary_file_with_it(
    start: Start, busy: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    Path("tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(Path("tmp").absolute()))
    attached = start(*attaching(busy, backend), "-o", "none", stdout=subprocess.DEVNULL, stderr=errors())
    host.wait_until(lambda: ATTACHED in Path("stderr").read_text(), "contrace traces")
    assert list(Path("tmp").glob("contrace-*.ctrace"))
    attached.kill()
    host.wait_until(lambda: not list(Path("tmp").iterdir()), "the temporary trace file is removed")
    host.wait_until(lambda: not host.tracer_of(busy.pid), "the recorder has let go")
    goes_on(busy)


def test_it_ends_with_the_last_target(start: Start, backend: str) -> None:
    target = start("sh", "-c", "while [ ! -e go ]; do sleep 0.05; done; exit 3")
    attached = start(*attaching(target, backend), "-o", "x.ctrace", stdout=subprocess.DEVNULL, stderr=errors())
    host.wait_until(lambda: ATTACHED in Path("stderr").read_text(), "contrace traces")
    Path("go").touch()
    assert attached.wait(20) == 0
    assert "contrace: every traced process ended: " in Path("stderr").read_text()
    assert target.wait(20) == 3


def test_nohup_keeps_it_when_the_terminal_goes(start: Start, busy: "subprocess.Popen[bytes]") -> None:
    attached = start(
        *("nohup", *CONTRACE, "attach", str(busy.pid), "--format", "none", "-o", "x.ctrace"),
        stdout=subprocess.DEVNULL,
        stderr=errors(),
    )
    host.wait_until(lambda: ATTACHED in Path("stderr").read_text(), "contrace traces")
    attached.send_signal(signal.SIGHUP)
    later = time.monotonic_ns() + 500_000_000
    host.wait_until(lambda: Path("x.ctrace").exists() and last_ns() > later, "contrace goes on")
    attached.send_signal(signal.SIGTERM)
    assert attached.wait(20) == 0
    goes_on(busy)


def goes_on(busy: "subprocess.Popen[bytes]") -> None:
    """The target was let go: nobody traces it, and it does its work to the end."""
    assert host.tracer_of(busy.pid) == 0
    Path("go").touch()
    assert busy.wait(20) == 0
    assert Path("result").read_text() == "done\n"


# --- what is shown -----------------------------------------------------------------------------------------


def test_filter_words_choose_what_is_shown_but_not_what_is_kept(busy: "subprocess.Popen[bytes]") -> None:
    done = attach(busy.pid, "call:unshare", '"nothing has this text"')
    assert 'execve("' not in done.stdout
    assert Trace(Path("x.ctrace")).execs(b"/bin/true")


def test_the_text_can_go_to_a_file_while_narration_stays(busy: "subprocess.Popen[bytes]") -> None:
    done = contrace("attach", str(busy.pid), "--for", "300ms", "-o", "none", "--log", "text", "--format", "strace")
    assert done.stdout == ""
    assert 'execve("' not in done.stderr
    assert 'execve("/bin/true", ["/bin/true"]' in Path("text").read_text()


def test_the_mode_is_said(busy: "subprocess.Popen[bytes]") -> None:
    assert "scope birth" in attach(busy.pid).stderr
    assert "scope all" in attach(busy.pid, "--scope", "all").stderr


def last_ns() -> int:
    return max((record.time_ns for record in Trace(Path("x.ctrace")).records), default=0)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def errors() -> int:
    return os.open("stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
