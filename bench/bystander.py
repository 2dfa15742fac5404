"""What a process pays that is not traced, while another one is: a tracepoint slows every system call of the machine."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import scripts, tracers
from bench.paired import Seconds, measure, report
from bench.plan import Plan, compiled

_WORK = {
    "getpid": (2_000_000, "bystander: 2,000,000 x getpid"),
    "read": (2_000_000, "bystander: 2,000,000 x read of 64 bytes of /dev/zero"),
    "files": (200_000, "bystander: 200,000 x open, read of 4 KiB and close of a file"),
}
_TARGET = "contrace <= 1.03, or <= 1.15 where the tracepoints alone cost that"


def main(plan: Plan) -> None:
    """Measure and print. bpftrace is attached to the same tracepoints of system calls, with nothing to do."""
    with tempfile.TemporaryDirectory() as directory, _sleeping() as elsewhere:
        base = Path(directory)
        program, file = compiled("bystander", base), base / "4 KiB"
        file.write_bytes(bytes(4096))

        def under(tracer: tracers.Tracer, work: str, count: int) -> Callable[[], Seconds]:
            def once() -> Seconds:
                tracers.await_no_tracepoints()
                with tracer(elsewhere):
                    done = subprocess.run([program, work, str(count), file], check=True, capture_output=True, text=True)
                return float(done.stdout) * count / 1e9

            return once

        for work, (count, title) in _WORK.items():
            ways = {
                "untraced": under(tracers.nothing, work, count),
                f"contrace {plan.backend}": under(tracers.contrace(plan.backend), work, count),
                "bpftrace": under(tracers.bpftrace(scripts.tracepoints), work, count),
            }
            report(title, measure(ways, plan), ("untraced", "bpftrace"), _TARGET)


@contextmanager
def _sleeping() -> Iterator[int]:
    """A process that does nothing; its pid."""
    process = subprocess.Popen(["sleep", "infinity"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
