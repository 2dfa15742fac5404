"""A disk that fills up while a trace is written: a small file system in a mount namespace of its own."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.harness import CONTRACE, Trace
from tests.managers import host

SMALL = 'mount -t tmpfs -o size=400k contrace-test full; cd full; "$@"; status=$?; cp x.ctrace* ..; exit $status'


@pytest.fixture(autouse=True)
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if os.geteuid() != 0:
        pytest.skip("needs root: a file system of its own")
    Path("full").mkdir()


def on_it(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", SMALL, "sh", *CONTRACE, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_command_goes_on_to_its_end() -> None:
    script = "i=0; while [ $i -lt 400 ]; do /bin/true; i=$((i+1)); done; echo done"
    done = on_it("run", "-o", "x.ctrace", "--format", "none", "--", "sh", "-c", script)
    assert done.stdout == "done\n"
    assert done.returncode == 6
    said = done.stderr.splitlines()
    assert len(said) == 3
    assert "LOST" in said[1]
    assert said[2].startswith("contrace: cannot write x.ctrace: ")
    assert 10 < len(Trace(Path("x.ctrace")).named("execve")) < 401


def test_an_attach_lets_go(backend: str) -> None:
    target = subprocess.Popen(["sh", "-c", "while [ ! -e go ]; do /bin/true; done"])
    try:
        done = on_it("attach", "--backend", backend, "-o", "x.ctrace", "--format", "none", str(target.pid))
        assert host.tracer_of(target.pid) == 0
        assert host.state_of(target.pid) is not None
    finally:
        Path("go").touch()
        assert target.wait(20) == 0
    assert done.returncode == 6
    said = done.stderr.splitlines()
    assert len(said) == 3
    assert said[1].startswith("contrace: the trace file cannot be written: ")
    assert said[2].startswith("contrace: cannot write x.ctrace: ")
    assert 10 < len(Trace(Path("x.ctrace")).named("execve")) < 401
