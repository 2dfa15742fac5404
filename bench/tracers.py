"""The tracers, each attached to running processes for as long as a body takes."""

import os
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
_PATIENCE_S = 60.0
_TRACEPOINTS = frozenset(("anon_inode:[perf_event]", "anon_inode:bpf_link", "anon_inode:bpf-raw-tracepoint"))
"""What /proc/PID/fd calls a perf tracepoint, and a raw one."""

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
            with attached(command, errors, lambda: ATTACHED in errors.read_text()):
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
            with attached(command, Path(directory) / "stderr", lambda: is_ready(output)):
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
        with attached(command, Path(directory) / "stderr", lambda: all(map(_traced, pids))):
            yield


@contextmanager
def attached(command: list[str], errors: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """Start a tracer, run the body once it is ready, end it as by Ctrl-C; nothing of it is left afterwards."""
    with errors.open("wb") as stderr:
        tracer = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, process_group=0
        )
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not ready():
            if tracer.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} does not trace:\n{errors.read_text()}")
            time.sleep(0.01)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        if tracer.wait(_PATIENCE_S) not in (os.EX_OK, -signal.SIGINT):
            raise RuntimeError(f"{command} ended with {tracer.returncode}:\n{errors.read_text()}")
        # contrace leaves it to a process in the background to free its tracepoints, which slow whatever comes next.
        _await(lambda: not _exists(tracer.pid), f"the end of everything that {command} started")


def await_no_tracepoints() -> None:
    """Return when no process of the machine has a tracepoint; raises RuntimeError when that takes too long."""
    _await(lambda: not any(map(_has_tracepoint, Path("/proc").glob("[0-9]*/fd"))), "others to use no tracepoints")


def _has_tracepoint(descriptors: Path) -> bool:
    """Whether a process has a perf event or a BPF link."""
    try:
        return any(os.readlink(entry.path) in _TRACEPOINTS for entry in os.scandir(descriptors))
    except OSError:  # it has ended meanwhile, or is nobody's to look into, such as pid 1 in some machines
        return False


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _await(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {_PATIENCE_S:g} s in vain for {what}")
        time.sleep(0.05)


def _traced(pid: int) -> bool:
    """Whether every thread of the process has a tracer."""
    statuses = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all("\nTracerPid:\t0\n" not in status for status in statuses)
