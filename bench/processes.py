"""A shell that starts 1,000 processes, under `contrace run` and under `strace -f --seccomp-bpf`."""

import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial

from bench.paired import measure, report
from bench.plan import Plan
from bench.tracers import CALLS, CONTRACE

_SCRIPT = "i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i+1)); done"


def _timed(command: list[str]) -> float:
    begin = time.monotonic()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - begin


def main(plan: Plan) -> None:
    """Measure and print. The whole command is timed, Python's start included."""
    shell = ["/bin/sh", "-c", _SCRIPT]
    with tempfile.TemporaryDirectory() as directory:
        log, trace = f"{directory}/strace.log", f"{directory}/trace.ctrace"
        ways: dict[str, Callable[[], float]] = {
            "untraced": partial(_timed, shell),
            "strace": partial(_timed, ["strace", "-f", "--seccomp-bpf", f"--trace={CALLS}", "-o", log, *shell]),
            "contrace": partial(_timed, [*CONTRACE, "run", "--format", "none", "-o", trace, "--", *shell]),
        }
        found = measure(ways, plan)
    report("a shell that starts 1,000 processes", found, ("strace",), "contrace <= 1.1")
