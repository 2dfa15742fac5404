"""How long `contrace --version` takes."""

import subprocess
import time
from collections.abc import Callable, Sequence

from bench.paired import measure, report
from bench.plan import Plan
from bench.tracers import CONTRACE


def _command(words: Sequence[str]) -> Callable[[], float]:
    def once() -> float:
        begin = time.monotonic()
        subprocess.run([*words], check=True, capture_output=True)
        return time.monotonic() - begin

    return once


def main(plan: Plan) -> None:
    """Measure and print."""
    ways = {
        "python -c pass": _command([CONTRACE[0], "-c", "pass"]),
        "contrace --version": _command([*CONTRACE, "--version"]),
        "contrace --help": _command([*CONTRACE, "--help"]),
        "strace --version": _command(["strace", "--version"]),
    }
    report("start", measure(ways, plan), ("python -c pass",), "--version <= 0.15 s")
