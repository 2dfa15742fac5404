"""A capture that is browsed while it goes on: what it loses, and how much slower the browsing makes what is traced.

The same processes under `contrace attach --format none` and under `contrace attach --tui`, whose terminal somebody
reads: a shell that starts one after the other and does a little in between, which by itself makes about 5,000 records
a second; and a storm on all CPUs, where every moment that the app takes is one that the storm lacks. Then keys are
pressed while the shell goes on.
"""

import os
import pty
import struct
import subprocess
import tempfile
import termios
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fcntl import ioctl
from functools import partial
from pathlib import Path

from bench.paired import measure, report
from bench.plan import Plan, compiled
from bench.terminal import Terminal
from bench.tracers import ATTACHED, CONTRACE, attached
from bench.tui import Timeline, Took, down, report_keys, up
from contrace.records import Kind, Loss
from contrace.trace.reader import TraceReader

_PROCESSES = 8000  # of the storm
_STARTED, _IN_BETWEEN = 4000, 2400  # of the shell: processes, and turns of a loop before the next
_SHELL = f"""
echo ready; read go; began=$(date +%s%N); i=0
while [ $i -lt {_STARTED} ]; do
    "$1"; j=0; while [ $j -lt {_IN_BETWEEN} ]; do j=$((j+1)); done; i=$((i+1))
done
echo $(($(date +%s%N) - began))
"""
"""Says that it is ready, begins when told, says how many nanoseconds it took."""
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
        storm, shortest = compiled("storm", base), compiled("shortest", base, "-static", "-nostdlib")
        shell = ["sh", "-c", _SHELL, "sh", str(shortest)]
        for work, command in (
            (f"a shell that starts {_STARTED:,} processes", shell),
            (f"a storm of {_PROCESSES:,} processes", [str(storm), str(_PROCESSES), "0", str(shortest)]),
        ):
            seen = {"--format none": Seen(), "--tui": Seen()}
            ways = {
                "--format none": partial(_plain, plan, command, base, seen["--format none"]),
                "--tui": partial(_browsed, plan, command, base, seen["--tui"]),
            }
            found = measure(ways, plan)
            title = f"{work}, contrace attach --backend {plan.backend} --scope all"
            report(title, found, ("--format none",), "--tui <= 1.03, nothing lost at 5,000 records/s")
            for name, each in seen.items():
                if each.seconds:
                    rate_seen = each.records / each.seconds
                    print(
                        f"  {name:14} {rate_seen:8,.0f} records/s, {each.lost:,} lost of {each.records:,}", flush=True
                    )
        _keys(plan, shell, base)


def _plain(plan: Plan, command: list[str], base: Path, seen: Seen) -> float:
    trace, errors = base / "trace.ctrace", base / "stderr"
    trace.unlink(missing_ok=True)
    with _ready(command) as storm:
        words = [*_attach(plan, storm.pid, trace), "--format", "none"]
        with attached(words, errors, lambda: ATTACHED in errors.read_text()):
            seconds = _begin(storm)
    return _count(trace, seconds, seen)


def _browsed(plan: Plan, command: list[str], base: Path, seen: Seen) -> float:
    trace = base / "trace.ctrace"
    trace.unlink(missing_ok=True)
    with _ready(command) as storm, _terminal([*_attach(plan, storm.pid, trace), "--tui"]):
        seconds = _begin(storm)
    return _count(trace, seconds, seen)


def _keys(plan: Plan, command: list[str], base: Path) -> None:
    """Keys, one as soon as the one before is painted, until the work is done."""
    trace = base / "trace.ctrace"
    took: Took = defaultdict(list)
    for _ in range(plan.rounds):
        trace.unlink(missing_ok=True)
        with _ready(command) as work:
            terminal = Terminal([*_attach(plan, work.pid, trace), "--tui"])
            try:
                terminal.until(lambda terminal=terminal: "RECORDING" in terminal.line(0))  # type: ignore[misc] # the default's type
                done = threading.Thread(target=_begin, args=(work,))
                done.start()
                timeline = Timeline(terminal, took)
                timeline.until_rows(20)
                while done.is_alive():
                    timeline.press("k", up)
                    timeline.press("j", down)
                done.join()
            finally:
                terminal.close()
    report_keys("while about 5,000 records/s come in", took)


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
def _ready(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """The work, ready to begin; it ends when its input is closed."""
    storm = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
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
