"""`attach --tui` as somebody at a terminal sees it: containers start beside it, and its targets outlive it."""

import os
import signal
import subprocess

import pytest

from tests.bundles import Runtime, make_bundle
from tests.harness import Trace
from tests.managers.containerd import Containerd
from tests.managers.fixtures import need
from tests.managers.host import is_alive, recorder_of, tracer_of, wait_until
from tests.tui.live import RECORDING, ROOT, command_line, contrace_in


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
