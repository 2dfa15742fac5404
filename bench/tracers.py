"""The two tracers, attached to a running process for as long as a body takes, or started with a command."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contrace.syscalls.specs import GROUPS

CALLS = ",".join(GROUPS["%birth"])
CONTRACE = (sys.executable, "-m", "contrace")
_PATIENCE_S = 20.0


@contextmanager
def nothing(pid: int) -> Iterator[None]:
    """No tracer at all."""
    yield


@contextmanager
def contrace(pid: int) -> Iterator[None]:
    """`contrace attach` as it is by default, without a view."""
    with tempfile.TemporaryDirectory() as directory:
        command = [*CONTRACE, "attach", str(pid), "--format", "none", "-o", f"{directory}/trace.ctrace"]
        with _attached(command, pid, Path(directory) / "stderr", "Ctrl-C ends it"):
            yield


@contextmanager
def strace(pid: int) -> Iterator[None]:
    """`strace -f -p` with the same calls."""
    with tempfile.TemporaryDirectory() as directory:
        command = ["strace", "-f", "-p", str(pid), f"--trace={CALLS}", "-o", f"{directory}/strace.log"]
        with _attached(command, pid, Path(directory) / "stderr", "attached"):
            yield


@contextmanager
def _attached(command: list[str], pid: int, errors: Path, ready: str) -> Iterator[None]:
    with errors.open("wb") as stderr:
        tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while ready not in errors.read_text() or not _all_traced(pid):
            if tracer.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} does not trace:\n{errors.read_text()}")
            time.sleep(0.01)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(_PATIENCE_S)


def _all_traced(pid: int) -> bool:
    """Whether every thread of the process has a tracer."""
    statuses = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all("\nTracerPid:\t0\n" not in status for status in statuses)
