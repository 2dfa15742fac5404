"""A capture that is browsed while it goes on: what it loses, and how much slower the browsing makes what is traced.

The same storm of short-lived processes under `contrace attach --format none` and under `contrace attach --tui`, whose
terminal somebody reads: at a rate that makes 5,000 records a second, and as fast as the machine can, where every moment
of a CPU that the app takes is one that the storm lacks.
"""

import os
import pty
import struct
import subprocess
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fcntl import ioctl
from functools import partial
from pathlib import Path

from bench.paired import measure, report
from bench.plan import Plan, compiled
from bench.tracers import ATTACHED, CONTRACE, attached
from contrace.records import Kind, Loss
from contrace.trace.reader import TraceReader

_PROCESSES = 8000
_RATE = 850  # processes a second, of 6 records each
_UNLIMITED = 0
_SIZE = (50, 200)  # lines, columns of the terminal
_PATIENCE_S = 60.0


@dataclass
class Seen:
    """What the traces of one way held."""

    records: int = 0
    lost: int = 0
    seconds: float = 0.0


def main(plan: Plan) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory)
        command = [compiled("storm", base), compiled("shortest", base, "-static", "-nostdlib")]
        for rate, asked in ((_RATE, f"{_RATE:,} processes a second"), (_UNLIMITED, "as fast as it can")):
            seen = {"--format none": Seen(), "--tui": Seen()}
            ways = {
                "--format none": partial(_plain, plan, command, rate, base, seen["--format none"]),
                "--tui": partial(_browsed, plan, command, rate, base, seen["--tui"]),
            }
            found = measure(ways, plan)
            title = f"{_PROCESSES:,} processes, {asked}, contrace attach --backend {plan.backend} --scope all"
            report(title, found, ("--format none",), "--tui <= 1.03, nothing lost at 5,000 records/s")
            for name, each in seen.items():
                if each.seconds:
                    rate_seen = each.records / each.seconds
                    print(
                        f"  {name:14} {rate_seen:8,.0f} records/s, {each.lost:,} lost of {each.records:,}", flush=True
                    )


def _plain(plan: Plan, command: list[Path], rate: int, base: Path, seen: Seen) -> float:
    trace, errors = base / "trace.ctrace", base / "stderr"
    trace.unlink(missing_ok=True)
    with _storm(command, rate) as storm:
        words = [*_attach(plan, storm.pid, trace), "--format", "none"]
        with attached(words, errors, lambda: ATTACHED in errors.read_text()):
            seconds = _begin(storm)
    return _count(trace, seconds, seen)


def _browsed(plan: Plan, command: list[Path], rate: int, base: Path, seen: Seen) -> float:
    trace = base / "trace.ctrace"
    trace.unlink(missing_ok=True)
    with _storm(command, rate) as storm, _terminal([*_attach(plan, storm.pid, trace), "--tui"]):
        seconds = _begin(storm)
    return _count(trace, seconds, seen)


def _attach(plan: Plan, pid: int, trace: Path) -> list[str]:
    return [*CONTRACE, "attach", str(pid), "--backend", plan.backend, "--scope", "all", "-o", str(trace)]


@contextmanager
def _terminal(words: list[str]) -> Iterator[None]:
    """The app on a terminal that is read as fast as it is written, from when it shows the capture."""
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color"}
    app = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
    os.close(slave)
    shown = threading.Event()
    reader = threading.Thread(target=_read, args=(master, shown))
    reader.start()
    try:
        if not shown.wait(_PATIENCE_S):
            raise TimeoutError("the app does not show that it records")
        yield
    finally:
        app.terminate()
        app.wait(_PATIENCE_S)
        reader.join()
        os.close(master)


def _read(master: int, shown: threading.Event) -> None:
    recent = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # EIO: the app has ended
            return
        recent = (recent + part)[-65536:]
        if b"RECORDING" in recent:
            shown.set()


@contextmanager
def _storm(command: list[Path], rate: int) -> Iterator["subprocess.Popen[str]"]:
    """A storm that is ready to begin, and that ends when its input is closed."""
    program, shortest = command
    words = [program, str(_PROCESSES), str(rate), shortest]
    storm = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert storm.stdout is not None
        storm.stdout.readline()
        yield storm
    finally:
        storm.communicate(timeout=_PATIENCE_S)


def _begin(storm: "subprocess.Popen[str]") -> float:
    """Let it begin; returns how many seconds it took."""
    assert storm.stdin is not None
    assert storm.stdout is not None
    time.sleep(1)  # the app has drawn its first screen, and the machine is quiet
    storm.stdin.write("\n")
    storm.stdin.flush()
    return int(storm.stdout.readline()) / 1e9


def _count(trace: Path, seconds: float, seen: Seen) -> float:
    with closing(TraceReader(trace)) as reader:
        seen.lost += sum(record.count for _, record in reader.records(kinds=(Kind.LOSS,)) if isinstance(record, Loss))
        seen.records += sum(1 for _ in reader.records())
    seen.seconds += seconds
    return seconds
