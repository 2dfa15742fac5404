"""The tracers, each attached to running processes for as long as a body takes."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench import scripts
from contrace.syscalls.specs import GROUPS

CALLS = ",".join(GROUPS["%birth"])
CONTRACE = (sys.executable, "-m", "contrace")
ATTACHED = "Ctrl-C ends it"
"""On contrace's standard error as soon as it traces."""
_PATIENCE_S = 20.0

Tracer = Callable[..., AbstractContextManager[None]]
"""Called with pids."""


@contextmanager
def nothing(*pids: int) -> Iterator[None]:
    """No tracer at all."""
    yield


def contrace(backend: str) -> Tracer:
    """`contrace attach` as it is by default, without a view."""

    @contextmanager
    def tracing(*pids: int) -> Iterator[None]:
        with tempfile.TemporaryDirectory() as directory:
            trace, errors = f"{directory}/trace.ctrace", Path(directory) / "stderr"
            command = [*CONTRACE, "attach", *map(str, pids), "--backend", backend, "--format", "none", "-o", trace]
            with _attached(command, errors, lambda: ATTACHED in errors.read_text()):
                yield

    return tracing


def bpftrace(script: Callable[..., str]) -> Tracer:
    """A script of `bench.scripts`, its output in a file."""

    @contextmanager
    def tracing(*pids: int) -> Iterator[None]:
        with tempfile.TemporaryDirectory() as directory:
            output = Path(directory) / "output"
            output.touch()
            command = scripts.command(script(*pids), str(output))
            with _attached(command, Path(directory) / "stderr", lambda: is_ready(output)):
                yield

    return tracing


def is_ready(output: Path) -> bool:
    """Whether a script's probes are attached; ends a process, since that is what they tell it by."""
    subprocess.run(["true"], check=True)
    return scripts.READY in output.read_text()


@contextmanager
def strace(*pids: int) -> Iterator[None]:
    """`strace -f -p` with the same calls."""
    with tempfile.TemporaryDirectory() as directory:
        which = [word for pid in pids for word in ("-p", str(pid))]
        command = ["strace", "-f", *which, f"--trace={CALLS}", "-o", f"{directory}/strace.log"]
        with _attached(command, Path(directory) / "stderr", lambda: all(map(_traced, pids))):
            yield


@contextmanager
def _attached(command: list[str], errors: Path, ready: Callable[[], bool]) -> Iterator[None]:
    with errors.open("wb") as stderr:
        tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not ready():
            if tracer.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} does not trace:\n{errors.read_text()}")
            time.sleep(0.01)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(_PATIENCE_S)


def _traced(pid: int) -> bool:
    """Whether every thread of the process has a tracer."""
    statuses = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all("\nTracerPid:\t0\n" not in status for status in statuses)
