"""How long `contrace attach` takes until it traces, and what it costs while containerd and dockerd do nothing."""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench import scripts, tracers
from bench.docker_run import docker
from bench.paired import Seconds, measure, report
from bench.plan import Plan
from bench.tracers import ATTACHED, CONTRACE, await_no_tracepoints, is_ready

_SETTLED_S, _IDLE_S = 3.0, 10.0
_HERTZ = os.sysconf("SC_CLK_TCK")
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def main(plan: Plan) -> None:
    """Measure and print. Files are cold where the kernel drops its page cache before; it does for root."""
    with docker() as daemon, tempfile.TemporaryDirectory() as directory:
        base, targets = Path(directory), [daemon.containerd.pid, daemon.pid]
        _until_attached(plan, targets, base / "warm")()
        ways = {
            "cold cache and files": _until_attached(plan, targets, None, drop=True),
            "cold cache": _until_attached(plan, targets, None),
            "warm cache": _until_attached(plan, targets, base / "warm"),
            "bpftrace": _until_bpftrace_attached(targets, base / "output"),
        }
        report(
            f"contrace attach --backend {plan.backend} CONTAINERD DOCKERD, until it is attached",
            measure(ways, plan),
            ("bpftrace",),
            "cold cache <= 0.8 s, warm cache <= 0.5 s",
        )
        ends = {
            "contrace, the command": _until_ended(lambda: _contrace(plan, targets, base / "warm")),
            "contrace, all of it": _until_ended(lambda: tracers.contrace(plan.backend)(*targets)),
            "bpftrace": _until_ended(lambda: tracers.bpftrace(scripts.events)(*targets)),
        }
        report("from Ctrl-C to the end of the same", measure(ends, plan), ("bpftrace",), "none")
        _idle(plan, targets, base / "warm")


# --- until it is attached, and gone -----------------------------------------------------------------------


def _until_attached(plan: Plan, targets: list[int], cache: Path | None, *, drop: bool = False) -> Callable[[], Seconds]:
    def once() -> Seconds:
        with tempfile.TemporaryDirectory() as directory:
            if drop:
                await_no_tracepoints()  # or what is waited for would be read meanwhile
                os.sync()  # only clean pages are dropped
                _DROP_CACHES.write_text("3")
            with _contrace(plan, targets, cache or Path(directory) / "cache") as (_, seconds):
                return seconds

    return once


def _until_bpftrace_attached(targets: list[int], output: Path) -> Callable[[], Seconds]:
    def once() -> Seconds:
        output.write_text("")
        await_no_tracepoints()
        begin = time.monotonic()
        tracer = subprocess.Popen(
            scripts.command(scripts.events(*targets), str(output)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not is_ready(output):
                if tracer.poll() is not None:
                    raise RuntimeError(f"bpftrace ended with {tracer.returncode}")
                time.sleep(0.002)
            return time.monotonic() - begin
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()

    return once


def _until_ended(tracing: Callable[[], AbstractContextManager[object]]) -> Callable[[], Seconds]:
    def once() -> Seconds:
        with tracing():
            begin = time.monotonic()
        return time.monotonic() - begin

    return once


@contextmanager
def _contrace(plan: Plan, targets: list[int], cache: Path) -> Iterator[tuple[int, Seconds]]:
    """Its pid, and the time from its start to the line that says that it is attached."""
    with tempfile.TemporaryDirectory() as directory:
        command = [*CONTRACE, "attach", *map(str, targets), "--backend", plan.backend]
        cache.mkdir(exist_ok=True)
        await_no_tracepoints()  # the kernel frees tracepoints and makes new ones one after the other
        begin = time.monotonic()
        tracer = subprocess.Popen(
            [*command, "--format", "none", "-o", f"{directory}/trace.ctrace"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"XDG_CACHE_HOME": str(cache)},
        )
        assert tracer.stderr is not None
        try:
            said = ""
            while ATTACHED not in said:
                line = tracer.stderr.readline()
                if not line:
                    raise RuntimeError(f"contrace ended with {tracer.wait()}: {said}")
                said += line
            yield tracer.pid, time.monotonic() - begin
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate()


# --- while nothing happens --------------------------------------------------------------------------------


def _idle(plan: Plan, targets: list[int], cache: Path) -> None:
    with _contrace(plan, targets, cache) as (pid, _):
        time.sleep(_SETTLED_S)
        family = _family(pid)
        resident = {member: _mebibytes(member, "status", "VmRSS") for member in family}
        shared_once = sum(_mebibytes(member, "smaps_rollup", "Pss") for member in family)
        before = {member: _cpu_seconds(member) for member in family}
        time.sleep(_IDLE_S)
        used = {member: _cpu_seconds(member) - before[member] for member in family}
    print(f"\nattached and idle, {len(family)} processes  (targets: memory <= 150 MiB, CPU <= 1 % of a core)")
    for member, what in zip(family, ("command line", *["recorder"] * (len(family) - 1)), strict=True):
        print(f"  {what:24} {resident[member]:8.1f} MiB {used[member] / _IDLE_S:8.2%}")
    print(f"  {'together':24} {sum(resident.values()):8.1f} MiB {sum(used.values()) / _IDLE_S:8.2%}")
    print(f"  {'shared pages once':24} {shared_once:8.1f} MiB", flush=True)


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    children = [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]
    return [pid, *(member for child in children for member in _family(child))]


def _mebibytes(pid: int, file: str, field: str) -> float:
    """VmRSS of proc_pid_status(5), or Pss of proc_pid_smaps(5), in which a shared page counts in parts."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", Path(f"/proc/{pid}/{file}").read_text(), re.M)
    assert found is not None
    return int(found[1]) / 1024


def _cpu_seconds(pid: int) -> Seconds:
    """utime and stime, fields 14 and 15 of proc_pid_stat(5); the name before them may hold spaces."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _HERTZ
